package web

import "time"

// Parsers of text from outside, for their fuzz targets.
var (
	ParseWindow = parseWindow
	PlayRange   = playRange
)

// UntilRefusal is how long a refused sign-in waits for its answer.
var UntilRefusal = untilRefusal

// Throttle is the throttle of sign-ins.
type Throttle = throttle

// NewThrottle returns an empty one.
func NewThrottle() *Throttle { return newThrottle() }

// Wait says how long the next try must wait.
func (t *throttle) Wait(source, login string, now time.Time) time.Duration {
	return t.wait(source, login, now)
}

// Failed counts a refused try.
func (t *throttle) Failed(source, login string, now time.Time) { t.failed(source, login, now) }

// Succeeded forgets the failures of the pair.
func (t *throttle) Succeeded(source, login string) { t.succeeded(source, login) }

// Patterns are those of net/http that the server serves.
func (s *Server) Patterns() []string { return s.patterns }
