package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// sidecar is the JSON file beside the audio: what the recording is, for who has
// the files and not the database. Times are RFC 3339 in UTC.
type sidecar struct {
	ID         ID            `json:"id"`
	CallID     string        `json:"call_id"`
	AgentID    string        `json:"agent_id"`
	Queue      string        `json:"queue"`
	State      State         `json:"state"`
	Incomplete string        `json:"incomplete,omitempty"`
	StartedAt  time.Time     `json:"started_at"`
	EndedAt    *time.Time    `json:"ended_at,omitempty"`
	DurationMS int64         `json:"duration_ms"`
	Bytes      int64         `json:"bytes"`
	SHA256     string        `json:"sha256,omitempty"`      // of the whole file
	DataSHA256 string        `json:"data_sha256,omitempty"` // of the audio after the header, taken while it was written
	Pauses     []sidecarSpan `json:"pauses"`
	Dropped    uint64        `json:"dropped"`
	Channels   []channel     `json:"channels"`
	Repaired   bool          `json:"repaired,omitempty"` // mended after a crash
}

// sidecarSpan is a range of the recording.
type sidecarSpan struct {
	FromMS int64 `json:"from_ms"`
	ToMS   int64 `json:"to_ms"`
}

// channel is what was measured of one side.
type channel struct {
	Name    string `json:"name"` // "player" (left) or "agent" (right)
	GapMS   int64  `json:"gap_ms"`
	DriftMS int64  `json:"drift_ms"` // sum of the corrections; positive: the phone's clock is slow
	Jumps   int    `json:"jumps"`    // times its stream began anew
}

// sidecarOf describes a recording by its row.
func sidecarOf(row Row) sidecar {
	s := sidecar{
		ID: row.ID, CallID: string(row.CallID), AgentID: string(row.AgentID), Queue: row.Queue,
		State: row.State, Incomplete: row.Incomplete, StartedAt: row.StartedAt.UTC(),
		DurationMS: row.Duration.Milliseconds(), Bytes: row.Bytes, SHA256: row.SHA256,
		Pauses: []sidecarSpan{}, Dropped: row.Dropped, Channels: []channel{},
	}
	if !row.EndedAt.IsZero() {
		at := row.EndedAt.UTC()
		s.EndedAt = &at
	}
	return s
}

// measure adds what the timeline knows. Nobody else works on r meanwhile.
func (s *sidecar) measure(r *Recording, end int64) {
	for _, p := range r.paused(end) {
		s.Pauses = append(s.Pauses, sidecarSpan{duration(p.from).Milliseconds(), duration(p.to).Milliseconds()})
	}
	for i, name := range [...]string{"player", "agent"} {
		side := r.line.sides[i]
		s.Channels = append(s.Channels, channel{
			Name: name, GapMS: duration(side.gap + max(0, end-side.end)).Milliseconds(),
			DriftMS: duration(side.slips).Milliseconds(), Jumps: side.jumps,
		})
	}
}

// sidecarPath returns the name beside a recording.
func sidecarPath(path string) string { return strings.TrimSuffix(path, ".wav") + ".json" }

// save writes the sidecar, in the place of the one before, in one write: making
// a file aside and renaming it costs the file system twice as much, and a torn
// one is no loss, because Repair then believes the audio. Nobody else writes it.
func (s sidecar) save(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("sidecar: %w", err)
	}
	file, err := os.OpenFile(sidecarPath(path), os.O_WRONLY|os.O_CREATE, 0o640) //nolint:gosec // readable by the group, as the audio
	if err != nil {
		return fmt.Errorf("sidecar: %w", err)
	}
	_, err = file.WriteAt(append(text, '\n'), 0)
	if err == nil {
		err = file.Truncate(int64(len(text)) + 1) // the one before may have been longer
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("sidecar: %w", err)
	}
	return nil
}

// loadSidecar reads the sidecar of a recording; ok is false where it is missing
// or broken.
func loadSidecar(path string) (s sidecar, ok bool) {
	text, err := os.ReadFile(sidecarPath(path))
	return s, err == nil && json.Unmarshal(text, &s) == nil
}
