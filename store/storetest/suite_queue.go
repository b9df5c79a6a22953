package storetest

import (
	"context"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/report"
	"pickup/store"
)

// cancelled is a context and its end.
func cancelled(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

// item is a call that waits in support since start.
func item(id queue.ItemID) queue.Item {
	return queue.Item{
		ID: id, Channel: call.ChannelCall, Queue: "support", CallID: call.ID("call-" + string(id)), Language: "fr", Priority: 1,
		Class: queue.ClassLive, Key: start.UnixMilli() + 30_000, EnqueuedAt: start,
		Needs: []queue.Need{{Skill: "french", Level: 3}}, CountsAsOffered: true,
	}
}

// decide commits decisions of which each must be taken.
func decide(t *testing.T, s Full, decisions ...queue.Decision) {
	t.Helper()
	for i, err := range s.CommitDecisions(t.Context(), decisions) {
		if err != nil {
			t.Fatalf("decision %d: %v", i, err)
		}
	}
}

func enqueued(i queue.Item) queue.Decision {
	return queue.Decision{Kind: queue.DecisionEnqueue, At: i.EnqueuedAt, Item: i, QueueID: "q1"}
}

func offered(i queue.Item, o queue.OfferID, a account.ID) queue.Decision {
	return queue.Decision{
		Kind: queue.DecisionOffer, At: at(time.Second), Item: i, QueueID: "q1", Offer: o, Agent: a, Why: "longest idle",
		Deadline: at(20 * time.Second),
	}
}

func ofOffer(kind queue.DecisionKind, d time.Duration, i queue.Item, o queue.OfferID, a account.ID) queue.Decision {
	outcome := call.OutcomeNone
	if kind == queue.DecisionRelease {
		outcome = call.OutcomeMissed
	}
	return queue.Decision{Kind: kind, At: at(d), Item: i, QueueID: "q1", Offer: o, Agent: a, Outcome: outcome}
}

func ended(d time.Duration, i queue.Item, reason call.EndReason) queue.Decision {
	return queue.Decision{Kind: queue.DecisionEnd, At: at(d), Item: i, QueueID: "q1", Reason: reason}
}

func entries(t *testing.T, s Full) []report.Entry {
	t.Helper()
	all, err := s.EndedEntries(t.Context(), "support", at(-time.Hour), at(time.Hour))
	must(t, err)
	return all
}

func itemLife(t *testing.T, s Full) {
	i := item("i1")
	a := agent(t, s, 1).ID
	decide(
		t, s,
		enqueued(i),
		offered(i, "o1", a),
		ofOffer(queue.DecisionReleasing, 13*time.Second, i, "o1", a),
		queue.Decision{Kind: queue.DecisionRequeue, At: at(13 * time.Second), Item: i, QueueID: "q1"},
		ofOffer(queue.DecisionRelease, 14*time.Second, i, "o1", a),
		offered(i, "o2", a),
		ofOffer(queue.DecisionAccept, 16*time.Second, i, "o2", a),
		ofOffer(queue.DecisionBridged, 17*time.Second, i, "o2", a),
	)
	want := report.Entry{
		ID: "i1", CallID: "call-i1", Agent: a, Queue: "support", Channel: call.ChannelCall, EnteredAt: start, BridgedAt: at(17 * time.Second),
		Wait: 17 * time.Second,
	}
	same(t, "the entry in talk", entries(t, s), []report.Entry{want})
	decide(t, s, ended(60*time.Second, i, call.EndAnswered), ofOffer(queue.DecisionRelease, 61*time.Second, i, "o2", a))
	want.Reason, want.EndedAt = call.EndAnswered, at(60*time.Second)
	same(t, "the entry at its end", entries(t, s), []report.Entry{want})

	other := item("i2")
	other.Queue, other.EnqueuedAt = "payments", at(time.Minute)
	cb := item("i3")
	cb.Channel, cb.CallbackID = call.ChannelCallback, "cb1"
	decide(t, s, enqueued(other), enqueued(cb), ended(70*time.Second, other, call.EndAbandoned))
	same(t, "entries of one queue", entries(t, s), []report.Entry{want})
	all, err := s.EndedEntries(t.Context(), "", start, at(time.Hour))
	must(t, err)
	abandoned := report.Entry{
		ID: "i2", CallID: "call-i2", Queue: "payments", Channel: call.ChannelCall, EnteredAt: at(time.Minute), EndedAt: at(70 * time.Second),
		Wait: 10 * time.Second, Reason: call.EndAbandoned,
	}
	same(t, "entries of all queues", all, []report.Entry{want, abandoned})
	all, err = s.EndedEntries(t.Context(), "", at(1*time.Millisecond), at(time.Minute))
	must(t, err)
	if len(all) != 0 {
		t.Fatalf("got %v outside the window", all)
	}
}

func secondWinner(t *testing.T, s Full) {
	i := item("i1")
	one, two := agent(t, s, 1).ID, agent(t, s, 2).ID
	decide(t, s, enqueued(i), offered(i, "o1", one), ofOffer(queue.DecisionReleasing, 13*time.Second, i, "o1", one),
		queue.Decision{Kind: queue.DecisionRequeue, At: at(13 * time.Second), Item: i}, offered(i, "o2", two),
		ofOffer(queue.DecisionAccept, 14*time.Second, i, "o2", two))
	errs := s.CommitDecisions(t.Context(), []queue.Decision{ofOffer(queue.DecisionAccept, 15*time.Second, i, "o1", one)})
	isError(t, errs[0], store.ErrConflict)
	// The winner's leg fails: the item waits again, and a withdrawn offer whose
	// legs are not final may still win.
	front := i
	front.Class = queue.ClassRepair
	decide(t, s, ofOffer(queue.DecisionReleasing, 16*time.Second, i, "o2", two),
		queue.Decision{Kind: queue.DecisionRequeue, At: at(16 * time.Second), Item: front},
		ofOffer(queue.DecisionAccept, 17*time.Second, i, "o1", one))
	decide(t, s, ended(20*time.Second, i, call.EndAnswered))
	errs = s.CommitDecisions(t.Context(), []queue.Decision{ofOffer(queue.DecisionAccept, 21*time.Second, i, "o2", two)})
	isError(t, errs[0], store.ErrConflict)
}

func oneReservation(t *testing.T, s Full) {
	i, j := item("i1"), item("i2")
	j.Channel = call.ChannelCallback
	a := agent(t, s, 1).ID
	decide(t, s, enqueued(i), enqueued(j), offered(i, "o1", a))
	errs := s.CommitDecisions(t.Context(), []queue.Decision{offered(j, "o2", a)})
	isError(t, errs[0], store.ErrConflict)
	decide(t, s, ofOffer(queue.DecisionReleasing, 2*time.Second, i, "o1", a))
	errs = s.CommitDecisions(t.Context(), []queue.Decision{offered(j, "o2", a)})
	isError(t, errs[0], store.ErrConflict)
	decide(t, s, ofOffer(queue.DecisionRelease, 3*time.Second, i, "o1", a), offered(j, "o2", a))
}

func textReservations(t *testing.T, s Full) {
	text := func(id queue.ItemID, ch call.Channel) queue.Item {
		i := item(id)
		i.Channel, i.CallID, i.TicketID, i.InteractionID = ch, "", "t-"+string(id), "x-"+string(id)
		i.Needs = []queue.Need{{Skill: "french", Level: 3, Relax: []queue.Step{{After: time.Minute, Level: 2}}}}
		return i
	}
	a := agent(t, s, 1).ID
	voice, one, two := item("voice"), text("m1", call.ChannelEmail), text("c1", call.ChannelChat)
	second := offered(two, "o2", a)
	second.Slot = 1
	decide(t, s, enqueued(voice), enqueued(one), enqueued(two), offered(voice, "o0", a), offered(one, "o1", a), second)
	third := offered(two, "o3", a)
	third.Slot = 1
	isError(t, s.CommitDecisions(t.Context(), []queue.Decision{third})[0], store.ErrConflict)

	moved := one
	moved.Queue, moved.Priority, moved.Key, moved.Class = "payments", 3, 7, queue.ClassLive
	decide(
		t, s,
		ofOffer(queue.DecisionAccept, time.Second, one, "o1", a),
		ofOffer(queue.DecisionBridged, 2*time.Second, one, "o1", a),
		ofOffer(queue.DecisionPark, 3*time.Second, one, "o1", a),
		ofOffer(queue.DecisionResume, 4*time.Second, one, "o1", a),
		ofOffer(queue.DecisionRelease, 5*time.Second, one, "o1", a),
		queue.Decision{Kind: queue.DecisionUpdate, At: at(5 * time.Second), Item: moved, QueueID: "q2"},
		queue.Decision{Kind: queue.DecisionRequeue, At: at(5 * time.Second), Item: moved, QueueID: "q2"},
	)
	errs := s.CommitDecisions(t.Context(), []queue.Decision{ofOffer(queue.DecisionPark, 6*time.Second, one, "o1", a)})
	isError(t, errs[0], store.ErrNotFound) // it is not his any more
	got, err := s.TextEntries(t.Context(), "", at(-time.Hour), at(time.Hour))
	must(t, err)
	if len(got) != 2 || got[0].Channel != call.ChannelChat || got[0].Answered() || got[1].Queue != "payments" {
		t.Errorf("got %+v, want the chat and the moved mail", got)
	}
	if calls := entries(t, s); len(calls) != 1 || calls[0].Channel != call.ChannelCall {
		t.Errorf("calls: got %+v, want one call", calls)
	}
	decide(t, s, ended(7*time.Second, one, call.EndAnswered))
	update := queue.Decision{Kind: queue.DecisionUpdate, At: at(8 * time.Second), Item: moved, QueueID: "q2"}
	isError(t, s.CommitDecisions(t.Context(), []queue.Decision{update})[0], store.ErrNotFound)
}

func refusedDecision(t *testing.T, s Full) {
	i := item("i1")
	errs := s.CommitDecisions(t.Context(), []queue.Decision{
		ofOffer(queue.DecisionBridged, time.Second, item("nobody"), "o9", "user-1"),
		enqueued(i),
		{Kind: "nonsense", At: start, Item: i},
		ended(4*time.Second, i, call.EndShortAbandoned),
	})
	for n, wantError := range []bool{true, false, true, false} {
		if (errs[n] != nil) != wantError {
			t.Errorf("decision %d: got %v", n, errs[n])
		}
	}
	isError(t, errs[0], store.ErrNotFound)
	got := entries(t, s)
	if len(got) != 1 || got[0].Reason != call.EndShortAbandoned || got[0].Wait != 4*time.Second {
		t.Fatalf("got %+v", got)
	}
}

func earlyHangUp(t *testing.T, s Full) {
	a := agent(t, s, 1).ID
	for id, hangUp := range map[queue.ItemID]time.Duration{"early": 11 * time.Second, "late": 15 * time.Second} {
		i := item(id)
		o := queue.OfferID("o-" + string(id))
		decide(t, s, enqueued(i), offered(i, o, a), ofOffer(queue.DecisionAccept, 9*time.Second, i, o, a),
			ofOffer(queue.DecisionBridged, 10*time.Second, i, o, a),
			ofOffer(queue.DecisionReleasing, hangUp, i, o, a),
			queue.Decision{Kind: queue.DecisionRequeue, At: at(hangUp), Item: i}, ofOffer(queue.DecisionRelease, hangUp, i, o, a),
			offered(i, o+"2", a), ofOffer(queue.DecisionAccept, 18*time.Second, i, o+"2", a),
			ofOffer(queue.DecisionBridged, 20*time.Second, i, o+"2", a), ended(30*time.Second, i, call.EndAnswered),
			ofOffer(queue.DecisionRelease, 30*time.Second, i, o+"2", a))
	}
	got := entries(t, s)
	if len(got) != 2 || got[0].Wait != 20*time.Second || got[1].Wait != 10*time.Second {
		t.Fatalf("got waits %+v, want 20 s for the early hang-up and 10 s for the late one", got)
	}
}

func overflowAtDoor(t *testing.T, s Full) {
	i := item("i1")
	decide(t, s, enqueued(i), ended(0, i, call.EndOverflowFull))
	got := entries(t, s)
	if len(got) != 1 || got[0].Reason != call.EndOverflowFull || got[0].Wait != 0 {
		t.Fatalf("got %+v", got)
	}
}

func crashedQueue(t *testing.T, s Full) {
	ctx := t.Context()
	a := agent(t, s, 1).ID
	lost, live := item("lost"), item("live")
	cb := item("callback")
	cb.Channel, cb.CallbackID, cb.CallID = call.ChannelCallback, "cb1", ""
	r := record("call-live")
	r.ItemID = "live"
	must(t, s.SaveCall(ctx, r))
	decide(t, s, enqueued(lost), enqueued(live), enqueued(cb), offered(live, "o1", a))
	must(t, s.RecoverQueue(ctx, at(time.Minute)))
	decide(t, s, offered(cb, "o2", a), enqueued(cb))
	got := entries(t, s)
	if len(got) != 2 || got[0].Reason != "" || got[1].Reason != call.EndFailedSystem || got[1].Wait != time.Minute {
		t.Fatalf("got %+v, want the live call's entry open and the lost one's ended", got)
	}
	r.EndReason, r.EndedAt = call.EndFailedSystem, at(2*time.Minute)
	_, err := s.EndCall(ctx, ending(r))
	must(t, err)
	got = entries(t, s)
	if got[0].Reason != call.EndFailedSystem || got[0].Wait != 2*time.Minute {
		t.Fatalf("got %+v: the end of the call did not end its entry", got[0])
	}
}

func agentStates(t *testing.T, s Full) {
	ctx := t.Context()
	one, two := agent(t, s, 1).ID, agent(t, s, 2).ID
	must(t, s.SetUserState(ctx, one, queue.AgentReady, "chosen", start))
	decide(t, s,
		queue.Decision{Kind: queue.DecisionAgentState, At: at(time.Second), Agent: two, State: queue.AgentReady, StateReason: "chosen"},
		queue.Decision{Kind: queue.DecisionAgentState, At: at(time.Minute), Agent: one, State: queue.AgentNotReady, StateReason: "lunch"})
	got, err := s.AgentStates(ctx)
	must(t, err)
	same(t, "states", got, map[account.ID]queue.AgentView{
		one: {ID: one, State: queue.AgentNotReady, Reason: "lunch", Since: at(time.Minute)},
		two: {ID: two, State: queue.AgentReady, Reason: "chosen", Since: at(time.Second)},
	})
}
