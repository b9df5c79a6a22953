package storetest

import (
	"context"
	"testing"
	"time"

	"pickup/call"
	"pickup/queue"
	"pickup/staffing"
)

// PastStore is a store that can tell of past days; a database is one.
type PastStore interface {
	Full
	Past(ctx context.Context, from, to time.Time) (queue.Past, error)
	Counts(ctx context.Context, name string, from, to time.Time) ([]staffing.Count, error)
}

// RunPast checks what a database tells of a past day.
func RunPast(t *testing.T, open func(*testing.T) PastStore) {
	s := open(t)
	i, left, mail := item("i1"), item("i2"), item("i3")
	a := agent(t, s, 1).ID
	i.Needs[0].Relax = []queue.Step{{After: time.Minute, Level: 1}}
	left.EnqueuedAt = at(20 * time.Minute)
	mail.Channel, mail.Class, mail.EnqueuedAt = call.ChannelEmail, queue.ClassDeferred, at(time.Minute)
	state := func(d time.Duration, to queue.AgentState) queue.Decision {
		return queue.Decision{Kind: queue.DecisionAgentState, At: at(d), Agent: a, State: to, StateReason: "r"}
	}
	decide(
		t, s,
		state(-25*time.Hour, queue.AgentNotReady), state(-time.Hour, queue.AgentReady),
		enqueued(i), offered(i, "o1", a), ofOffer(queue.DecisionAccept, 16*time.Second, i, "o1", a),
		ofOffer(queue.DecisionBridged, 17*time.Second, i, "o1", a), ended(60*time.Second, i, call.EndAnswered),
		ofOffer(queue.DecisionRelease, 61*time.Second, i, "o1", a),
		enqueued(mail), offered(mail, "o2", a), ofOffer(queue.DecisionAccept, 70*time.Second, mail, "o2", a),
		ofOffer(queue.DecisionBridged, 70*time.Second, mail, "o2", a), ofOffer(queue.DecisionPark, 80*time.Second, mail, "o2", a),
		ofOffer(queue.DecisionResume, 100*time.Second, mail, "o2", a), ofOffer(queue.DecisionPark, 110*time.Second, mail, "o2", a),
		ended(120*time.Second, mail, call.EndAnswered), ofOffer(queue.DecisionRelease, 120*time.Second, mail, "o2", a),
		enqueued(left), ended(20*time.Minute+30*time.Second, left, call.EndAbandoned),
		state(21*time.Minute, queue.AgentOffline),
	)
	p, err := s.Past(t.Context(), at(0), at(time.Hour))
	must(t, err)
	want := queue.PastItem{
		ID: "i1", Queue: "support", Channel: call.ChannelCall, Priority: 1, Needs: i.Needs, Language: "fr", EnqueuedAt: start,
		OfferedAt: at(time.Second), BridgedAt: at(17 * time.Second), EndedAt: at(60 * time.Second), Reason: call.EndAnswered, Agent: a,
	}
	written, gone := want, want
	written.ID, written.Channel, written.EnqueuedAt, written.BridgedAt = "i3", call.ChannelEmail, at(time.Minute), at(70*time.Second)
	written.EndedAt, written.Aside = at(120*time.Second), 30*time.Second
	written.Needs = item("x").Needs
	gone.ID, gone.EnqueuedAt, gone.EndedAt, gone.Reason = "i2", left.EnqueuedAt, at(20*time.Minute+30*time.Second), call.EndAbandoned
	gone.OfferedAt, gone.BridgedAt, gone.Agent = time.Time{}, time.Time{}, ""
	gone.Needs = written.Needs
	same(t, "entries", p.Items, []queue.PastItem{want, written, gone})
	same(t, "states", p.States, []queue.PastState{
		{Agent: a, At: at(-time.Hour), State: queue.AgentReady, Reason: "r"},
		{Agent: a, At: at(21 * time.Minute), State: queue.AgentOffline, Reason: "r"},
	})
	counts, err := s.Counts(t.Context(), "support", at(-time.Hour), at(time.Hour))
	must(t, err)
	first := start.Truncate(staffing.Quarter)
	same(t, "counts", counts, []staffing.Count{
		{Start: first, Calls: 1, Handled: 1, Waited: 17 * time.Second, Work: 43 * time.Second},
		{Start: first.Add(staffing.Quarter), Calls: 1, Abandoned: 1, Waited: 30 * time.Second},
	})
	none, err := s.Counts(t.Context(), "payments", at(-time.Hour), at(time.Hour))
	must(t, err)
	if len(none) != 0 {
		t.Errorf("got %v of another queue", none)
	}
}
