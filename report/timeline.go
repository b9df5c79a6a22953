package report

import (
	"strconv"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
)

// Who ended a call first.
const (
	ByPlayer = "player"
	ByAgent  = "agent"
	BySystem = "system"
)

// CallFacts is what the story of one call says of it.
type CallFacts struct {
	CallID      call.ID
	Queue       string
	Agent       account.ID // who had the player first; "": nobody
	Direction   call.Direction
	EndedAt     time.Time
	Bridged     bool
	Reason      call.EndReason
	EndedBy     string // ByPlayer, ByAgent or BySystem
	Abnormal    bool   // dead media, a failed leg or a fault of ours ended it, or took its agent away
	Holds       int
	Hold        time.Duration
	LongestHold time.Duration
	Blind       int // transfers that were answered, or went to a queue
	Attended    int
	External    int // of both kinds: to a number
	Consults    int // answered
	Conferences int

	// The first estimate that the player was told; zero: none.
	PromisedAt              time.Time
	PromiseLow, PromiseHigh time.Duration
	ActualWait              time.Duration // from then to the bridge; meaningful when Bridged
}

func (f *CallFacts) promised() bool { return f.Bridged && !f.PromisedAt.IsZero() }

// Miss is how far the estimate was from the truth: the middle of its range
// against the wait that followed. ok is false where there was none, or no bridge.
func (f *CallFacts) Miss() (d time.Duration, ok bool) {
	if !f.promised() {
		return 0, false
	}
	return ((f.PromiseLow+f.PromiseHigh)/2 - f.ActualWait).Abs(), true
}

// FactsOf reads the facts of a call from its story: the record gives what the
// story does not repeat (queue, direction, first agent), the events the rest.
func FactsOf(r *call.Record, events []call.TimelineEvent) CallFacts {
	f := CallFacts{
		CallID: r.ID, Queue: r.Queue, Agent: r.AgentID, Direction: r.Direction, EndedAt: r.EndedAt, Reason: r.EndReason,
		EndedBy: BySystem,
	}
	s := story{f: &f}
	for i := range events {
		s.add(&events[i])
	}
	s.unhold(r.EndedAt)
	f.Abnormal = f.Abnormal || f.Reason == call.EndFailedSystem
	return f
}

// story folds events in their order.
type story struct {
	f         *CallFacts
	heldSince time.Time
	consulted bool // who is consulted has answered
	firstBy   bool // the first agent is known from the events
}

func (s *story) add(e *call.TimelineEvent) {
	f := s.f
	switch e.Kind {
	case "estimate_told":
		if f.PromisedAt.IsZero() && !f.Bridged {
			f.PromisedAt, f.PromiseLow, f.PromiseHigh = e.At, millis(e.Detail["low_ms"]), millis(e.Detail["high_ms"])
		}
	case "bridged":
		s.bridged(e)
	case "held":
		if s.heldSince.IsZero() {
			s.heldSince = e.At
			f.Holds++
		}
	case "retrieved":
		s.unhold(e.At)
	case "consult_answered":
		f.Consults++
		s.consulted = true
	case "conference":
		f.Conferences++
		s.consulted = false
	case "consult_left", "consult_cancelled", "consult_failed":
		s.consulted = false
	case "transferred":
		s.unhold(e.At)
		if s.consulted && e.Detail["why"] != "taken over" {
			f.Attended++
			s.external(e.Detail["to"])
		}
		s.consulted = false
	case "transfer_answered":
		f.Blind++
		s.external(e.Detail["to"])
	case "requeued":
		s.unhold(e.At)
		if e.Detail["by"] != "" {
			f.Blind++
		}
	case "transfer_ringing", "parked", "player_left", "agent_dump":
		s.unhold(e.At)
	case "agent_lost":
		s.unhold(e.At)
		f.Abnormal = true
	case "agent_line_dead", "player_vanished", "line_given_up":
		f.Abnormal = true
	case "ended":
		s.unhold(e.At)
		if by := e.Detail["by"]; by != "" {
			f.EndedBy = by
		}
		if f.Reason == "" {
			f.Reason = call.EndReason(e.Detail["reason"])
		}
		if f.EndedAt.IsZero() {
			f.EndedAt = e.At
		}
	}
}

func (s *story) bridged(e *call.TimelineEvent) {
	f := s.f
	if !s.firstBy && e.Detail["agent"] != "" {
		f.Agent, s.firstBy = account.ID(e.Detail["agent"]), true
	}
	if !f.Bridged {
		f.Bridged = true
		if !f.PromisedAt.IsZero() {
			f.ActualWait = e.At.Sub(f.PromisedAt)
		}
	}
}

// unhold counts a hold that ends.
func (s *story) unhold(at time.Time) {
	if s.heldSince.IsZero() {
		return
	}
	d := max(0, at.Sub(s.heldSince))
	s.heldSince = time.Time{}
	s.f.Hold += d
	s.f.LongestHold = max(s.f.LongestHold, d)
}

// external counts a transfer to a number: those are written in E.164.
func (s *story) external(to string) {
	if strings.HasPrefix(to, "+") {
		s.f.External++
	}
}

func millis(s string) time.Duration {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Millisecond
}
