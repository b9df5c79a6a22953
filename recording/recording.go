// Package recording writes what was said: a stereo WAV for each talk (player
// left, agent right), safe against a crash at any line, hashed while it is
// written, kept in a library with an access log.
//
// A Recording satisfies media.Tap without importing media. Its failure never
// ends a call: it is counted and stands in the recording's row. DESIGN.md says
// how.
package recording

import (
	"context"
	"errors"
	"time"

	"pickup/account"
	"pickup/call"
)

// Errors of the package.
var (
	ErrNotFound = errors.New("recording: no such recording")
	ErrNoSpace  = errors.New("recording: free space is below the reserve")
)

// ID names a recording and its file: our own UUIDv7, never text from outside.
type ID string

// State of a recording.
type State string

// The states.
const (
	StateOpen       State = "open"       // being written
	StateStored     State = "stored"     // complete: hash known
	StateIncomplete State = "incomplete" // something is missing: Row.Incomplete says what
	StateDeleted    State = "deleted"    // audio erased, row kept
)

// Row is what is stored of a recording.
type Row struct {
	ID         ID
	CallID     call.ID
	AgentID    account.ID
	Queue      string
	State      State
	Incomplete string // reason, "" when complete
	Path       string // relative to the recordings directory: YYYY/MM/DD/<id>.wav
	SHA256     string // of the whole file, lower-case hex; "" while open
	Bytes      int64
	Duration   time.Duration
	StartedAt  time.Time
	EndedAt    time.Time
	Dropped    uint64 // packets that came too late to be written
	Kind       Kind   // "": KindTalk
}

// Kind says what is recorded.
type Kind string

// The kinds.
const (
	KindTalk      Kind = "talk"      // player and agent
	KindVoicemail Kind = "voicemail" // a message that a player left, in the left channel
	KindDraft     Kind = "draft"     // one that he recorded anew, or in which nothing was said
)

// OrTalk is k, or KindTalk where it is empty.
func (k Kind) OrTalk() Kind {
	if k == "" {
		return KindTalk
	}
	return k
}

// Access is one row of the access log.
type Access struct {
	At           time.Time
	UserID       account.ID
	Action       string // "list", "play", "range", "download", "denied"
	ObjectID     string
	IP           string
	FromMS, ToMS int64 // played range; -1 when not known
}

// Store keeps rows and the access log (hash-chained by the store).
type Store interface {
	SaveRecording(ctx context.Context, r Row) error    // insert or update by id
	Recording(ctx context.Context, id ID) (Row, error) // ErrNotFound
	OpenRecordings(ctx context.Context) ([]Row, error) // state open: to be repaired at start
	LogAccess(ctx context.Context, a Access) error
}
