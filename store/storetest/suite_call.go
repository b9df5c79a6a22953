package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callflow"
	"pickup/recording"
	"pickup/store"
	"pickup/ticket"
)

// record is a call of alice to support that waits.
func record(id call.ID) call.Record {
	return call.Record{
		ID: id, Direction: call.Inbound, SIPCallID: "sip-" + string(id),
		From: call.Party{
			Kind: call.PartyAnonymousSIP, URI: "sip:alice@198.51.100.7", User: "alice", Display: "Alice \"É\"",
			Source: "udp:198.51.100.7:5060", ReachBack: "alice@udp:198.51.100.7:5060",
		},
		To:       call.Party{Kind: call.PartyAnonymousSIP, URI: "sip:support@192.0.2.1", User: "support"},
		Language: "fr", Queue: "support", State: call.StateWaiting, ItemID: "item-" + string(id), ResumeSHA256: "ff",
		ArrivedAt: start, MediaAt: at(20 * time.Millisecond), EnqueuedAt: at(20 * time.Millisecond),
	}
}

// answered is the record of a call that was talked.
func answered(id call.ID, agent account.ID) call.Record {
	r := record(id)
	r.AgentID, r.Why, r.EndReason, r.State = agent, "longest idle", call.EndAnswered, call.StateEnded
	r.OfferedAt, r.RangAt, r.PickedAt = at(time.Second), at(1100*time.Millisecond), at(4*time.Second)
	r.BridgedAt, r.ReleasedAt, r.EndedAt = at(4020*time.Millisecond), at(64*time.Second), at(65*time.Second)
	r.Talk, r.Hold = 55*time.Second, 5*time.Second
	r.Legs = []call.LegRecord{
		{
			ID: call.LegID("p-" + string(id)), Kind: "player", Device: "sip:alice@198.51.100.7", Transport: "udp",
			SIPCallID: "sip-" + string(id), StartedAt: start, AnsweredAt: at(20 * time.Millisecond), EndedAt: at(65 * time.Second),
			Cause: call.Cause{Status: 200, Text: "BYE"}, Codec: "PCMA",
			Quality: call.Quality{
				PacketsIn: 3200, PacketsOut: 3199, PacketsLost: 3, Jitter: 1234 * time.Microsecond,
				MOS: 4.31, MOSLowest: 2.05, MOSLast: 4.36, MOSMean: 4.29,
			},
		},
		{ID: call.LegID("a-" + string(id)), Kind: "agent", AgentID: agent, Device: "browser", Transport: "webrtc"},
	}
	return r
}

// ending closes a record without a recording.
func ending(r call.Record) callflow.Ending { return callflow.Ending{Record: r} }

func event(d time.Duration, kind string) call.TimelineEvent {
	return call.TimelineEvent{At: at(d), Kind: kind, Actor: "user-1", Detail: map[string]string{"outcome": kind}}
}

// Every end reason and every state of a call can be stored.
func everyReason(t *testing.T, s Full) {
	for i, reason := range call.Reasons {
		r := answered(call.ID(fmt.Sprint("reason-", i)), agent(t, s, 1).ID)
		r.EndReason = reason
		if _, err := s.EndCall(t.Context(), ending(r)); err != nil {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

func recordRoundTrip(t *testing.T, s Full) {
	ctx := t.Context()
	r := answered("c1", agent(t, s, 1).ID)
	first := record("c1")
	must(t, s.SaveCall(ctx, first, event(0, "joined")))
	r.Legs[0].EndedAt = time.Time{}
	must(t, s.SaveCall(ctx, r, event(time.Second, "offered"), call.TimelineEvent{At: at(4 * time.Second), Kind: "bridged"}))
	r.Legs[0].EndedAt = at(65 * time.Second)
	must(t, s.SaveCall(ctx, r))
	got, events, err := s.Call(ctx, "c1")
	must(t, err)
	same(t, "record", got, r)
	want := []call.TimelineEvent{event(0, "joined"), event(time.Second, "offered"), {At: at(4 * time.Second), Kind: "bridged"}}
	same(t, "timeline", events, want)
	got, events, err = s.CallBySIPCallID(ctx, "sip-c1")
	must(t, err)
	same(t, "record by SIP Call-ID", got, r)
	same(t, "its timeline", events, want)
}

func liveCalls(t *testing.T, s Full) {
	ctx := t.Context()
	late := record("c0")
	late.ArrivedAt = at(time.Second)
	must(t, s.SaveCall(ctx, late))
	first := answered("c1", agent(t, s, 1).ID) // its session ended, its EndCall did not come
	must(t, s.SaveCall(ctx, first))
	live, err := s.LiveCalls(ctx)
	must(t, err)
	same(t, "live calls", live, []call.Record{first, late})
	_, err = s.EndCall(ctx, ending(first))
	must(t, err)
	live, err = s.LiveCalls(ctx)
	must(t, err)
	same(t, "live calls after an end", live, []call.Record{late})
}

func endCall(t *testing.T, s Full) {
	ctx := t.Context()
	r := answered("c1", agent(t, s, 1).ID)
	must(t, s.SaveCall(ctx, record("c1"), event(0, "joined"), event(time.Second, "offered")))
	row := recording.Row{
		ID: "rec1", CallID: "c1", AgentID: r.AgentID, Queue: "support", State: recording.StateStored, Kind: recording.KindTalk, Path: "2026/03/05/rec1.wav",
		SHA256: "abc", Bytes: 1_920_044, Duration: 60 * time.Second, StartedAt: at(4 * time.Second), EndedAt: at(64 * time.Second),
	}
	linked, err := s.EndCall(ctx, callflow.Ending{
		Record: r, Events: []call.TimelineEvent{event(time.Second, "offered"), event(4*time.Second, "bridged")}, Recording: &row,
	})
	must(t, err)
	if !linked.Created || linked.Ticket.Number != 1 || linked.Ticket.Type != ticket.TypeCall || linked.Contact.ID == "" {
		t.Fatalf("got %+v", linked)
	}
	got, events, err := s.Call(ctx, "c1")
	must(t, err)
	want := r
	want.ContactID, want.TicketID, want.RecordingID = linked.Contact.ID, linked.Ticket.ID, "rec1"
	same(t, "final record", got, want)
	same(t, "timeline", events, []call.TimelineEvent{event(0, "joined"), event(time.Second, "offered"), event(4*time.Second, "bridged")})
	gotRow, err := s.Recording(ctx, "rec1")
	must(t, err)
	same(t, "recording", gotRow, row)

	d, err := s.Ticket(ctx, linked.Ticket.ID)
	must(t, err)
	same(t, "ticket", d.Ticket, linked.Ticket)
	same(t, "calls of the ticket", d.Calls, []call.ID{"c1"})
	same(t, "recordings of the ticket", d.Recordings, []string{"rec1"})
	var kinds []string
	for _, e := range d.Events {
		kinds = append(kinds, e.Kind)
	}
	same(t, "story of the ticket", kinds, []string{"joined", "offered", "bridged", "call", "ticket_created"})
	c, err := s.Contact(ctx, linked.Contact.ID)
	must(t, err)
	same(t, "contact", c.Contact, d.Contact)
	same(t, "identities", c.Identities, []ticket.Identity{{Kind: "sip", Value: "alice@198.51.100.7", Raw: c.Identities[0].Raw}})
	if len(c.Interactions) != 1 || c.Interactions[0].ID != "c1" || c.Interactions[0].TicketID != linked.Ticket.ID ||
		!c.Interactions[0].AnsweredAt.Equal(r.BridgedAt) || c.Interactions[0].HandledBy != r.AgentID {
		t.Fatalf("got interactions %+v", c.Interactions)
	}
	found, _, err := s.Contacts(ctx, store.ContactFilter{Identity: c.Identities[0]})
	must(t, err)
	same(t, "contact by identity", found, []ticket.Contact{c.Contact})
}

func returningPlayer(t *testing.T, s Full) {
	ctx := t.Context()
	agentID := agent(t, s, 1).ID
	var ids []call.ID
	var firstTicket, contact string
	for n := range 20 {
		r := answered(call.ID(fmt.Sprintf("c%02d", n)), agentID)
		r.ArrivedAt = at(time.Duration(n) * time.Second)
		linked, err := s.EndCall(ctx, ending(r))
		must(t, err)
		if n == 0 {
			firstTicket, contact = linked.Ticket.ID, linked.Contact.ID
		}
		if linked.Ticket.ID != firstTicket || linked.Contact.ID != contact || linked.Created != (n == 0) {
			t.Fatalf("call %d: got %+v", n, linked)
		}
		ids = append(ids, r.ID)
	}
	d, err := s.Ticket(ctx, firstTicket)
	must(t, err)
	same(t, "calls of the ticket", d.Calls, ids)
	all, next, err := s.Tickets(ctx, store.TicketFilter{ContactID: contact, AssigneeID: string(agentID), Queue: "support"})
	must(t, err)
	if len(all) != 1 || next != "" {
		t.Fatalf("got %d tickets, next %q", len(all), next)
	}
}

func endTwice(t *testing.T, s Full) {
	ctx := t.Context()
	r := answered("c1", agent(t, s, 1).ID)
	first, err := s.EndCall(ctx, ending(r))
	must(t, err)
	again, err := s.EndCall(ctx, ending(r))
	must(t, err)
	first.Created = false
	same(t, "the second answer", again, first)
	late := record("c1")
	must(t, s.SaveCall(ctx, late, event(90*time.Second, "late")))
	got, events, err := s.Call(ctx, "c1")
	must(t, err)
	if got.State != call.StateEnded || got.TicketID != first.Ticket.ID || len(events) != 1 {
		t.Fatalf("got %+v %+v: a late record changed a closed call", got, events)
	}
}

func anonymous(t *testing.T, s Full) {
	ctx := t.Context()
	seen := map[string]bool{}
	for _, id := range []call.ID{"c1", "c2"} {
		r := answered(id, agent(t, s, 1).ID)
		r.From.User, r.From.URI = "anonymous", "sip:anonymous@anonymous.invalid"
		linked, err := s.EndCall(ctx, ending(r))
		must(t, err)
		seen[linked.Contact.ID] = true
		d, err := s.Contact(ctx, linked.Contact.ID)
		must(t, err)
		if len(d.Identities) != 0 {
			t.Fatalf("got identities %+v", d.Identities)
		}
	}
	if len(seen) != 2 {
		t.Fatalf("got %d contacts, want 2", len(seen))
	}
}

func shortAbandon(t *testing.T, s Full) {
	r := record("c1")
	r.EndReason, r.EndedAt = call.EndShortAbandoned, at(3*time.Second)
	linked, err := s.EndCall(t.Context(), ending(r))
	must(t, err)
	if linked.Ticket.ID != "" || linked.Contact.ID == "" {
		t.Fatalf("got %+v", linked)
	}
	all, _, err := s.Tickets(t.Context(), store.TicketFilter{})
	must(t, err)
	if len(all) != 0 {
		t.Fatalf("got %d tickets", len(all))
	}
}

func endsAtOnce(t *testing.T, s Full) {
	agentID := agent(t, s, 1).ID
	const n = 16
	linked := make([]ticket.Linked, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			linked[i], errs[i] = s.EndCall(t.Context(), ending(answered(call.ID(fmt.Sprintf("c%02d", i)), agentID)))
		})
	}
	wg.Wait()
	for i := range n {
		must(t, errs[i])
		if linked[i].Contact.ID != linked[0].Contact.ID || linked[i].Ticket.ID != linked[0].Ticket.ID {
			t.Fatalf("call %d has contact %s and ticket %s, call 0 %s and %s", i, linked[i].Contact.ID, linked[i].Ticket.ID,
				linked[0].Contact.ID, linked[0].Ticket.ID)
		}
	}
	all, _, err := s.Contacts(t.Context(), store.ContactFilter{})
	must(t, err)
	if len(all) != 1 {
		t.Fatalf("got %d contacts", len(all))
	}
}

func callPages(t *testing.T, s Full) {
	ctx := t.Context()
	one, two := agent(t, s, 1).ID, agent(t, s, 2).ID
	for n := range 7 {
		r := answered(call.ID(fmt.Sprintf("c%d", n)), one)
		r.ArrivedAt = at(time.Duration(n/2) * time.Second) // pairs of one instant
		if n == 3 {
			r.AgentID, r.Queue, r.EndReason = two, "payments", call.EndAbandonedOnHold
		}
		if n == 6 {
			must(t, s.SaveCall(ctx, record("c6")))
			continue
		}
		_, err := s.EndCall(ctx, ending(r))
		must(t, err)
	}
	var ids []string
	var page store.Page
	page.Limit = 3
	for {
		got, next, err := s.Calls(ctx, store.CallFilter{State: "ended", Page: page})
		must(t, err)
		for _, r := range got {
			ids = append(ids, string(r.ID))
			if len(r.Legs) != 2 {
				t.Fatalf("call %s has %d legs", r.ID, len(r.Legs))
			}
		}
		if next == "" {
			break
		}
		page.After = next
	}
	same(t, "ended calls, newest first", ids, []string{"c5", "c4", "c3", "c2", "c1", "c0"})
	for name, c := range map[string]struct {
		filter store.CallFilter
		want   []string
	}{
		"live":      {store.CallFilter{State: "live"}, []string{"c6"}},
		"agent":     {store.CallFilter{AgentID: two}, []string{"c3"}},
		"queue":     {store.CallFilter{Queue: "payments"}, []string{"c3"}},
		"reasons":   {store.CallFilter{EndReasons: []call.EndReason{call.EndAbandonedOnHold, call.EndClosed}}, []string{"c3"}},
		"window":    {store.CallFilter{From: at(time.Second), To: at(2 * time.Second)}, []string{"c3", "c2"}},
		"no ticket": {store.CallFilter{TicketID: "nothing"}, nil},
		"no person": {store.CallFilter{ContactID: "nobody"}, nil},
		"inbound":   {store.CallFilter{Direction: call.Inbound, Queue: "payments"}, []string{"c3"}},
		"outbound":  {store.CallFilter{Direction: call.Outbound}, nil},
		"caller":    {store.CallFilter{Caller: "ALICE", Queue: "payments"}, []string{"c3"}},
		"wildcards": {store.CallFilter{Caller: "%"}, nil},
		"stranger":  {store.CallFilter{Caller: "a_ice"}, nil},
	} {
		got, next, err := s.Calls(ctx, c.filter)
		must(t, err)
		var ids []string
		for _, r := range got {
			ids = append(ids, string(r.ID))
		}
		if !slices.Equal(ids, c.want) || next != "" {
			t.Errorf("%s: got %v next %q, want %v", name, ids, next, c.want)
		}
	}
}
