package queue

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pickup/call"
	"pickup/internal/hours"
)

// WayKind is what becomes of a caller whom a rule of overflow takes out of a
// queue.
type WayKind string

// The ways out of a queue.
const (
	WayNone      WayKind = ""          // no rule: he hears why, and is hung up, or stays where that is possible
	WayQueue     WayKind = "queue"     // another queue: the same call, with its key
	WayCallback  WayKind = "callback"  // a callback is offered; where none can reach him, voicemail
	WayVoicemail WayKind = "voicemail" // he leaves a message
	WayMessage   WayKind = "message"   // a sentence, then the end of the call
)

// Way leads out of a queue.
type Way struct {
	Kind   WayKind `json:"kind,omitempty"`
	Queue  string  `json:"queue,omitempty"`  // WayQueue: its name; WayVoicemail: whose message it is, "": the queue's that he left
	Prompt string  `json:"prompt,omitempty"` // WayMessage: id of the last sentence; "": that of the reason
}

// Set reports whether there is a rule.
func (w Way) Set() bool { return w.Kind != WayNone }

// Overflow are the rules by which callers leave a queue for something else. They
// are for who is on the line: promises to call back and written work stay.
type Overflow struct {
	Time     Way `json:"time,omitzero"`     // waited MaxWait
	Full     Way `json:"full,omitzero"`     // MaxLength wait already
	Estimate Way `json:"estimate,omitzero"` // the estimate at the door is above EstimateAbove; not set: Time
	NoAgent  Way `json:"no_agent,omitzero"` // nobody is there to serve; only with LeaveWhenEmpty
	Closed   Way `json:"closed,omitzero"`   // calls out of hours; and who waits when the queue is disabled or deleted
	Closing  Way `json:"closing,omitzero"`  // who waits when the hours end; not set: he is served
	// EstimateAbove is the estimated wait above which nobody is taken in; 0: no such rule.
	EstimateAbove time.Duration `json:"estimate_above,omitempty"`
	// LeaveWhenEmpty takes out who waits when no agent of the queue is on duty for
	// EmptyAfter, and no sign-in is expected within the maximum wait.
	LeaveWhenEmpty bool          `json:"leave_when_empty,omitempty"`
	EmptyAfter     time.Duration `json:"empty_after,omitempty"` // 0: 60s
	// StaffedID names the hours in which agents are expected to be signed in; "":
	// a sign-in is never expected. Staffed are those hours, given to Configure and
	// not stored.
	StaffedID string       `json:"staffed_id,omitempty"`
	Staffed   *hours.Hours `json:"-"`
}

const (
	defaultEmptyAfter = time.Minute
	// expectWithin is how far a sign-in is looked for where a queue has no maximum wait.
	expectWithin = 30 * time.Minute
	// MaxHops is how often one call is led on by rules of overflow (telephony 1.9, R26).
	MaxHops = 5
)

// Errors of Join by which an overflow rule takes a caller at the door.
var (
	// ErrLong: the estimated wait is above Overflow.EstimateAbove.
	ErrLong = errors.New("queue: the estimated wait is above the limit of the queue")
	// ErrNoAgent: nobody is signed in to serve the queue, or expected.
	ErrNoAgent = errors.New("queue: nobody is there to serve the queue")
)

// WayAt is where a caller goes whom Join has refused with err.
func (o *Overflow) WayAt(err error) Way {
	switch {
	case errors.Is(err, ErrFull):
		return o.Full
	case errors.Is(err, ErrClosed):
		return o.Closed
	case errors.Is(err, ErrNoAgent):
		return o.NoAgent
	case errors.Is(err, ErrLong) && o.Estimate.Set():
		return o.Estimate
	case errors.Is(err, ErrLong):
		return o.Time
	}
	return Way{}
}

// ways are the rules that lead somewhere, by their names in the settings.
func (o *Overflow) ways() []struct {
	Name string
	Way  Way
} {
	return []struct {
		Name string
		Way  Way
	}{
		{"time", o.Time}, {"full", o.Full}, {"estimate", o.Estimate}, {"no_agent", o.NoAgent}, {"closed", o.Closed}, {"closing", o.Closing},
	}
}

// OverflowError says which rule of a queue cannot work.
type OverflowError struct {
	Queue string
	Field string // "time.queue", "empty_after", ...
	Value string
	Limit string
}

// Error implements error.
func (e *OverflowError) Error() string {
	return fmt.Sprintf("queue %s: overflow.%s: %s: %s", e.Queue, e.Field, e.Value, e.Limit)
}

// CheckOverflow returns the first rule that cannot work, as an *OverflowError:
// an unknown kind, a queue that does not exist, or rules that lead in a circle.
func CheckOverflow(queues []QueueConfig) error {
	known := map[string]*QueueConfig{}
	for i := range queues {
		known[strings.ToLower(queues[i].Name)] = &queues[i]
	}
	for i := range queues {
		q := &queues[i]
		if err := q.checkWays(known); err != nil {
			return err
		}
		if path := circle(known, strings.ToLower(q.Name), nil); path != nil {
			return &OverflowError{q.Name, "queue", strings.Join(path, " > "), "must not lead back to a queue that the call has left"}
		}
	}
	return nil
}

func (q *QueueConfig) checkWays(known map[string]*QueueConfig) error {
	o := &q.Overflow
	fault := func(field, value, limit string) error { return &OverflowError{q.Name, field, value, limit} }
	for _, w := range o.ways() {
		switch w.Way.Kind {
		case WayNone, WayCallback, WayVoicemail, WayMessage:
		case WayQueue:
			if known[strings.ToLower(w.Way.Queue)] == nil {
				return fault(w.Name+".queue", fmt.Sprintf("%q", w.Way.Queue), "must be the name of a queue")
			}
		default:
			return fault(w.Name+".kind", fmt.Sprintf("%q", w.Way.Kind), "must be queue, callback, voicemail or message")
		}
		if w.Way.Kind == WayVoicemail && w.Way.Queue != "" && known[strings.ToLower(w.Way.Queue)] == nil {
			return fault(w.Name+".queue", fmt.Sprintf("%q", w.Way.Queue), "must be the name of a queue")
		}
	}
	switch {
	case o.EstimateAbove != 0 && (o.EstimateAbove < time.Second || o.EstimateAbove > maxEstimate):
		return fault("estimate_above", o.EstimateAbove.String(), "must be 0s, or from 1s to 4h")
	case o.EmptyAfter != 0 && (o.EmptyAfter < time.Second || o.EmptyAfter > time.Hour):
		return fault("empty_after", o.EmptyAfter.String(), "must be 0s, or from 1s to 1h")
	}
	return nil
}

// circle returns the queues of a circle through the last of path, or nil.
func circle(known map[string]*QueueConfig, name string, path []string) []string {
	if i := slices.Index(path, name); i >= 0 {
		return append(slices.Clone(path[i:]), name)
	}
	q := known[name]
	if q == nil {
		return nil
	}
	path = append(slices.Clone(path), name)
	for _, w := range q.Overflow.ways() {
		if w.Way.Kind == WayQueue {
			if found := circle(known, strings.ToLower(w.Way.Queue), path); found != nil {
				return found
			}
		}
	}
	return nil
}

// diversion is what overflow keeps of an item.
type diversion struct {
	diverted   bool  // its owner was told that a rule wants it elsewhere
	afterHours bool  // the hours of its queue ended while it was offered
	closeAt    int64 // when they end; 0: not watched
}

// vacancy is what overflow keeps of a queue.
type vacancy struct {
	emptyAt  int64 // when it has been without an agent on duty for too long; 0: not watched
	deserted bool  // it has been
}

// divert tells the owner of an item that a rule wants it elsewhere. It waits on
// until he takes it out: who becomes free meanwhile serves it. Without a way the
// item ends.
func (c *Core) divert(e *entry, reason call.EndReason, w Way) {
	if !w.Set() {
		c.finish(e, reason, true)
		return
	}
	e.diverted = true
	c.notify(e, Notice{Kind: NoticeOverflow, Reason: reason, Way: w})
}

// refusedAtDoor says why a caller cannot join q now; "": he can.
func (c *Core) refusedAtDoor(e *entry) (call.EndReason, error) {
	q := e.q
	switch o := &q.Overflow; {
	case e.Channel.Live() && e.Channel != call.ChannelCallback && !q.Hours.Allows(c.now):
		return call.EndClosed, ErrClosed
	case !e.onLine(): // what is written is never turned away, nor is a promise
		return "", nil
	case q.MaxLength > 0 && q.waiting() >= q.MaxLength:
		return call.EndOverflowFull, ErrFull
	case q.deserted && !c.signInExpected(q):
		return call.EndOverflowNoAgent, ErrNoAgent
	case o.EstimateAbove > 0 && c.estimateAtDoor(q) > o.EstimateAbove:
		return call.EndOverflowTime, ErrLong
	}
	return "", nil
}

// estimateAtDoor is what who joins now would wait; 0: not enough is known.
func (c *Core) estimateAtDoor(q *line) time.Duration {
	n := q.waiting()
	if n == 0 {
		return 0
	}
	l := ladder{rates: c.measured(q), cal: &q.calibration}
	return l.remaining(n, 0)
}

// armClosing sets the timer of the end of the hours for who waits.
func (c *Core) armClosing(e *entry) {
	e.closeAt = 0
	if q := e.q; q.Overflow.Closing.Set() && q.Hours != nil && e.onLine() && e.Class == ClassLive && !e.diverted {
		if open, end := q.Hours.Open(c.now); open && !end.IsZero() {
			e.closeAt = c.rel(end)
			c.arm(timer{at: e.closeAt, kind: timerClosing, item: e})
		}
	}
}

// closing: the hours of a queue end while an item waits in it. One that is
// offered gets its chance.
func (c *Core) closing(e *entry) {
	e.closeAt = 0
	switch e.state {
	case itemWaiting, itemParked:
		c.divert(e, call.EndClosed, e.q.Overflow.Closing)
	case itemOffered:
		e.afterHours = true
	}
}

// watchEmpty starts or stops the clock of a queue without an agent on duty.
func (c *Core) watchEmpty(q *line) {
	if q.duty > 0 || !q.Overflow.LeaveWhenEmpty {
		q.emptyAt, q.deserted = 0, false
		return
	}
	if q.emptyAt == 0 && !q.deserted {
		q.emptyAt = c.ns + int64(q.emptyAfter())
		c.arm(timer{at: q.emptyAt, kind: timerEmpty, line: q})
	}
}

func (q *line) emptyAfter() time.Duration {
	if q.Overflow.EmptyAfter > 0 {
		return q.Overflow.EmptyAfter
	}
	return defaultEmptyAfter
}

// signInExpected reports whether somebody should come who serves q, within the
// longest wait of the queue.
func (c *Core) signInExpected(q *line) bool {
	if q.Overflow.Staffed == nil {
		return false
	}
	within := q.MaxWait
	if within <= 0 {
		within = expectWithin
	}
	open, next := q.Overflow.Staffed.Open(c.now)
	return open || !next.IsZero() && next.Sub(c.now) <= within
}

// desert takes out who waits in a queue that nobody serves; while somebody is
// expected it looks again later.
func (c *Core) desert(q *line) {
	q.emptyAt, q.deserted = 0, true
	if c.signInExpected(q) {
		q.emptyAt = c.ns + int64(q.emptyAfter())
		c.arm(timer{at: q.emptyAt, kind: timerEmpty, line: q})
		return
	}
	for _, e := range c.onLineOf(q) {
		if (e.state == itemWaiting || e.state == itemParked) && !e.diverted {
			c.divert(e, call.EndOverflowNoAgent, q.Overflow.NoAgent)
		}
	}
}

// onLineOf returns the callers of a queue, in a stable order.
func (c *Core) onLineOf(q *line) []*entry {
	var all []*entry
	for _, e := range c.items {
		if e.q == q && e.onLine() {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, olderFirst)
	return all
}

func olderFirst(a, b *entry) int {
	if olderEntry(a, b) {
		return -1
	}
	return 1
}

// drain lets a queue that was disabled or deleted run empty (telephony 1.9, R14):
// who waits on the line goes where its rule leads, else he is served as long as
// its agents are there. What is promised or written ends here; its owner puts it
// elsewhere.
func (c *Core) drain(e *entry) {
	switch {
	case !e.onLine():
		c.finish(e, call.EndClosed, true)
	case e.q.Overflow.Closed.Set() && !e.diverted:
		c.divert(e, call.EndClosed, e.q.Overflow.Closed)
	}
}
