package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// heartbeat is how often a silent stream says that it lives: proxies cut what
// is silent for long.
const heartbeat = 15 * time.Second

// writeLimit is how long one write to a stream may take before its reader
// counts as gone.
const writeLimit = 10 * time.Second

// stream writes server-sent events (WHATWG HTML 9.2).
type stream struct {
	w   http.ResponseWriter
	ctl *http.ResponseController
}

// openStream starts an answer of events.
func openStream(w http.ResponseWriter) (*stream, error) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	s := &stream{w: w, ctl: http.NewResponseController(w)}
	return s, s.comment("open")
}

// comment writes a line that readers ignore.
func (s *stream) comment(text string) error {
	if err := s.write(": " + text + "\n\n"); err != nil {
		return err
	}
	return s.flush()
}

// event writes one event; id "" leaves the reader's last id. It is sent with
// the next flush.
func (s *stream) event(id, name string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	head := ""
	if id != "" {
		head += "id: " + id + "\n"
	}
	if name != "" {
		head += "event: " + name + "\n"
	}
	return s.write(head + "data: " + string(text) + "\n\n") // JSON holds no line end
}

func (s *stream) write(text string) error {
	_ = s.ctl.SetWriteDeadline(time.Now().Add(writeLimit)) // a recorder in tests has none
	_, err := s.w.Write([]byte(text))
	return err
}

func (s *stream) flush() error { return s.ctl.Flush() }
