package queue_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/queue"
)

// standing brings the only agent, a, into one state. The item "i" waits or is his.
var standings = []struct {
	state queue.AgentState
	bring func(r *rig)
}{
	{queue.AgentOffline, func(r *rig) { r.reach("a", 0) }},
	{queue.AgentNotReady, func(r *rig) { r.set("a", queue.AgentNotReady, "lunch") }},
	{queue.AgentReady, func(*rig) {}},
	{queue.AgentUnreachable, func(r *rig) { r.silent("a", 0, 1) }},
	{queue.AgentReserved, func(r *rig) { r.join("i") }},
	{queue.AgentConnecting, func(r *rig) { r.join("i"); r.answered(r.last("i").ID) }},
	{queue.AgentTalking, func(r *rig) { r.join("i"); r.talk("i") }},
	{queue.AgentHolding, func(r *rig) {
		r.join("i")
		r.do(queue.Event{Kind: queue.EventHeld, Offer: r.talk("i").ID, On: true})
	}},
	{queue.AgentConsulting, func(r *rig) { r.inTalk(queue.AgentConsulting) }},
	{queue.AgentConference, func(r *rig) { r.inTalk(queue.AgentConference) }},
	{queue.AgentDialing, func(r *rig) { r.inTalk(queue.AgentDialing) }},
	{queue.AgentWrapUp, func(r *rig) { r.join("i"); r.hangup(r.talk("i").ID) }},
}

// happenings are what can happen to him. A dash: it cannot in that state.
var happenings = []struct {
	name string
	do   func(r *rig) error
}{
	{"chooses ready", func(r *rig) error { return r.set("a", queue.AgentReady, "") }},
	{"chooses not_ready", func(r *rig) error { return r.set("a", queue.AgentNotReady, "break") }},
	{"chooses offline", func(r *rig) error { return r.set("a", queue.AgentOffline, "") }},
	{"phones gone", func(r *rig) error { r.reach("a", 0); return nil }},
	{"phones silent", func(r *rig) error { r.silent("a", 0, 1); return nil }},
	{"phones back", func(r *rig) error { r.silent("a", 1, 0); return nil }},
	{"a call comes", func(r *rig) error { r.join("j"); return nil }},
	{"caller leaves", func(r *rig) error { r.leave("i"); return nil }},
	{"answers", func(r *rig) error { return r.his(queue.Event{Kind: queue.EventAnswered}) }},
	{"rejects", func(r *rig) error { return r.his(queue.Event{Kind: queue.EventMissed, Outcome: call.OutcomeRejected}) }},
	{"misses", func(r *rig) error { return r.his(queue.Event{Kind: queue.EventMissed, Outcome: call.OutcomeMissed}) }},
	{"no device answers", func(r *rig) error {
		return r.his(queue.Event{Kind: queue.EventMissed, Outcome: call.OutcomeUnreachable})
	}},
	{"is bridged", func(r *rig) error { return r.his(queue.Event{Kind: queue.EventBridged}) }},
	{"holds", func(r *rig) error { return r.his(queue.Event{Kind: queue.EventHeld, On: true}) }},
	{"retrieves", func(r *rig) error { return r.his(queue.Event{Kind: queue.EventHeld}) }},
	{"his line dies", func(r *rig) error {
		return r.his(queue.Event{Kind: queue.EventAgentLost, Outcome: call.OutcomeUnreachable})
	}},
	{"no media", func(r *rig) error { return r.his(queue.Event{Kind: queue.EventAgentLost, Outcome: call.OutcomeMedia}) }},
	{"hangs up", func(r *rig) error { return r.his(queue.Event{Kind: queue.EventRelease, Reason: call.EndAnswered}) }},
	{"is consulted", func(r *rig) error {
		return r.do(queue.Event{Kind: queue.EventEngage, Agent: "a", State: queue.AgentConsulting}).Err
	}},
	{"that talk ends", func(r *rig) error { r.do(queue.Event{Kind: queue.EventDisengage, Agent: "a"}); return nil }},
	{"ends wrap-up", func(r *rig) error { return r.do(queue.Event{Kind: queue.EventEndWrapUp, Agent: "a"}).Err }},
	{"a minute passes", func(r *rig) error { r.sleep(time.Minute); return nil }},
}

func (r *rig) silent(_ string, devices, silent int) {
	r.do(queue.Event{Kind: queue.EventReachable, Agent: "a", Devices: devices, Silent: silent, StateReason: "no_response"})
}

func (r *rig) inTalk(as queue.AgentState) {
	r.do(queue.Event{Kind: queue.EventEngage, Agent: "a", State: as})
}

// his gives an event to the last offer of "i", and ends its legs where it ends it.
func (r *rig) his(ev queue.Event) error {
	if r.asked("i") == "" {
		return errNone
	}
	ev.Offer = r.last("i").ID
	r.do(ev)
	switch ev.Kind {
	case queue.EventMissed, queue.EventAgentLost, queue.EventRelease:
		r.offer(queue.EventFinal, ev.Offer)
	}
	return nil
}

var errNone = fmt.Errorf("he has no offer")

// Telephony 1.4: from each state, whatever happens, the state that follows. The
// legs of an offer that ended are final at once; what is chosen during a call is
// shown behind a plus, because it is applied later. "!" is a request refused.
func TestEveryTransitionOfAnAgent(t *testing.T) {
	var got strings.Builder
	for _, s := range standings {
		fmt.Fprintf(&got, "%s:\n", s.state)
		for _, h := range happenings {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.WrapUp = 20 * time.Second }, "a")
			s.bring(r)
			if v, _ := r.c.AgentView("a"); v.State != s.state {
				t.Fatalf("brought to %s, want %s", v.State, s.state)
			}
			standing := string(s.state)
			if v, _ := r.c.AgentView("a"); v.Reason != "" {
				standing += "(" + v.Reason + ")"
			}
			err := h.do(r)
			if err == errNone {
				continue
			}
			v, _ := r.c.AgentView("a")
			line := string(v.State)
			if v.Reason != "" {
				line += "(" + v.Reason + ")"
			}
			if v.NextState != "" {
				line += "+" + string(v.NextState)
			}
			if err != nil {
				line += " !"
			}
			if line != standing || err != nil {
				fmt.Fprintf(&got, "  %s: %s\n", h.name, line)
			}
		}
	}
	if want := strings.TrimPrefix(transitionsOfAnAgent, "\n"); got.String() != want {
		a, b := strings.Split(got.String(), "\n"), strings.Split(want, "\n")
		for i := range max(len(a), len(b)) {
			if i >= len(a) || i >= len(b) || a[i] != b[i] {
				t.Fatalf("line %d: got %q, want %q; all:\n%s", i+1, slices.Concat(a, []string{""})[min(i, len(a))], slices.Concat(b, []string{""})[min(i, len(b))], got.String())
			}
		}
	}
}

// What is not named changes nothing.
const transitionsOfAnAgent = `
offline:
  chooses ready: offline !
  chooses not_ready: not_ready(break)
  phones silent: unreachable(no_response)
  phones back: ready
  is consulted: offline !
  ends wrap-up: offline !
not_ready:
  chooses ready: ready
  chooses not_ready: not_ready(break)
  chooses offline: offline
  phones gone: offline
  is consulted: consulting
  ends wrap-up: not_ready(lunch) !
ready:
  chooses not_ready: not_ready(break)
  chooses offline: offline
  phones gone: offline
  phones silent: unreachable(no_response)
  a call comes: reserved
  is consulted: consulting
  ends wrap-up: ready !
unreachable:
  chooses ready: unreachable(no_response) !
  chooses not_ready: not_ready(break)
  chooses offline: offline
  phones gone: offline
  phones back: ready
  is consulted: unreachable(no_response) !
  ends wrap-up: unreachable(no_response) !
reserved:
  answers: connecting
  rejects: ready
  misses: not_ready(no_answer)
  no device answers: unreachable(no_response)
  his line dies: unreachable(no_response)
  no media: unreachable(media)
  is consulted: reserved !
  ends wrap-up: reserved !
connecting:
  chooses ready: connecting+ready
  chooses not_ready: connecting+not_ready
  chooses offline: connecting+offline
  phones gone: connecting+offline
  caller leaves: reserved
  is bridged: talking
  his line dies: unreachable(no_response)
  no media: unreachable(media)
  hangs up: ready
  is consulted: connecting !
  ends wrap-up: connecting !
talking:
  chooses ready: talking+ready
  chooses not_ready: talking+not_ready
  chooses offline: talking+offline
  phones gone: talking+offline
  caller leaves: wrap_up
  holds: holding
  his line dies: unreachable(no_response)
  no media: unreachable(media)
  hangs up: wrap_up
  is consulted: talking !
  ends wrap-up: talking !
holding:
  chooses ready: holding+ready
  chooses not_ready: holding+not_ready
  chooses offline: holding+offline
  phones gone: holding+offline
  caller leaves: wrap_up
  retrieves: talking
  his line dies: unreachable(no_response)
  no media: unreachable(media)
  hangs up: wrap_up
  is consulted: holding !
  ends wrap-up: holding !
consulting:
  chooses ready: consulting+ready
  chooses not_ready: consulting+not_ready
  chooses offline: consulting+offline
  phones gone: consulting+offline
  is consulted: consulting !
  that talk ends: ready
  ends wrap-up: consulting !
conference:
  chooses ready: conference+ready
  chooses not_ready: conference+not_ready
  chooses offline: conference+offline
  phones gone: conference+offline
  is consulted: conference !
  that talk ends: ready
  ends wrap-up: conference !
dialing:
  chooses ready: dialing+ready
  chooses not_ready: dialing+not_ready
  chooses offline: dialing+offline
  phones gone: dialing+offline
  is consulted: dialing !
  that talk ends: ready
  ends wrap-up: dialing !
wrap_up:
  chooses ready: ready
  chooses not_ready: wrap_up+not_ready
  chooses offline: wrap_up+offline
  phones gone: wrap_up+offline
  is consulted: consulting
  ends wrap-up: ready
  a minute passes: ready
`
