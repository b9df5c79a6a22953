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
	"io"
	"log/slog"
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

// Config of a Recorder.
type Config struct {
	Dir     string        // <data>/recordings
	Flush   time.Duration // header and data are at most this far behind the audio; 0: 1s
	Reserve int64         // bytes of free space below which no recording starts; 0: 256 MiB
}

// Recorder owns the writers.
type Recorder struct{}

// New makes a Recorder; it creates Dir, or says which setting is wrong.
func New(cfg Config, store Store, log *slog.Logger) (*Recorder, error) { panic("unbuilt") }

// Run drives the writers until ctx ends, then closes what is open.
func (r *Recorder) Run(ctx context.Context) error { panic("unbuilt") }

// Repair mends every recording that a crash left open from its own bytes:
// sizes, hash, duration, row (stored, or incomplete with its reason). It is
// called before Run and before calls are accepted. It returns the mended rows.
func (r *Recorder) Repair(ctx context.Context) ([]Row, error) { panic("unbuilt") }

// StartInfo of a recording.
type StartInfo struct {
	CallID  call.ID
	AgentID account.ID
	Queue   string
	At      time.Time
}

// Start opens a recording. The row is stored and the file created by a writer;
// an error there makes the recording incomplete, it does not come back here.
// Start returns at once.
func (r *Recorder) Start(info StartInfo) *Recording { panic("unbuilt") }

// Recording is one talk being written. It satisfies media.Tap.
type Recording struct{}

// ID of the recording.
func (r *Recording) ID() ID { panic("unbuilt") }

// Packet is media.Tap's method: it copies the payload to a ring and returns.
func (r *Recording) Packet(side int, law uint8, sequence uint16, timestamp uint32, at time.Duration, payload []byte) {
	panic("unbuilt")
}

// Pause replaces both channels by silence from now on while on is true; the
// range stands in the sidecar.
func (r *Recording) Pause(on bool) { panic("unbuilt") }

// Stop closes the recording: last bytes written, synced, hashed, sidecar and
// row stored. It waits for that, some milliseconds, and returns the final row.
func (r *Recording) Stop(ctx context.Context) Row { panic("unbuilt") }

// Open gives the audio of a stored (or open) recording for reading and seeking.
func (r *Recorder) Open(ctx context.Context, id ID) (io.ReadSeekCloser, Row, error) { panic("unbuilt") }
