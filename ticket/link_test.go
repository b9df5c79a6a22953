package ticket_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/call"
	"pickup/ticket"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// ended is a call of user to queue that waited and ended at noon.
func ended(user, queue string, reason call.EndReason, wait time.Duration) call.Record {
	r := call.Record{
		ID: call.ID("call-" + user), Direction: call.Inbound, Queue: queue, Language: "fr", EndReason: reason,
		From:       call.Party{Kind: call.PartyAnonymousSIP, URI: "sip:" + user + "@198.51.100.7", User: user},
		ArrivedAt:  noon.Add(-wait - time.Minute),
		EnqueuedAt: noon.Add(-wait - time.Minute), EndedAt: noon,
	}
	if reason.CountsAnswered() {
		r.AgentID, r.RecordingID, r.Talk = "agent-1", "rec-1", time.Minute
		r.BridgedAt = noon.Add(-time.Minute)
	} else {
		r.EnqueuedAt = noon.Add(-wait)
	}
	return r
}

func link(t *testing.T, x *tx, r call.Record) ticket.Linked {
	t.Helper()
	l, err := ticket.LinkCall(t.Context(), x, ticket.Policy{}, r, []call.TimelineEvent{{At: r.EnqueuedAt, Kind: "joined"}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWhatACallLeaves(t *testing.T) {
	talked := ended("alice", "support", call.EndFailedSystem, 5*time.Second)
	talked.BridgedAt = noon.Add(-time.Second)
	english := ended("alice", "payments", call.EndAnswered, 0)
	english.Language = "en"
	missedEnglish := ended("alice", "payments", call.EndAbandoned, time.Minute)
	missedEnglish.Language = "en"
	for name, c := range map[string]struct {
		record   call.Record
		kind     string
		subject  string
		priority int
	}{
		"an answered call leaves a ticket":                     {ended("alice", "support", call.EndAnswered, 0), "call", "Appel – support", 1},
		"a call that ended on hold was answered":               {ended("alice", "support", call.EndAbandonedOnHold, 0), "call", "Appel – support", 1},
		"the ticket is in the caller's language":               {english, "call", "Call – payments", 2},
		"who waited 20 s and left is missed":                   {ended("alice", "support", call.EndAbandoned, 20*time.Second), "missed_call", "Appel manqué – support", 1},
		"in his language too":                                  {missedEnglish, "missed_call", "Missed call – payments", 2},
		"who left while a phone rang is missed":                {ended("alice", "support", call.EndAbandonedRinging, time.Minute), "missed_call", "Appel manqué – support", 1},
		"who left after 19.9 s leaves none":                    {ended("alice", "support", call.EndAbandoned, 19900*time.Millisecond), "", "", 0},
		"a short abandon leaves none":                          {ended("alice", "support", call.EndShortAbandoned, 2*time.Second), "", "", 0},
		"a closed queue leaves none":                           {ended("alice", "support", call.EndClosed, 0), "", "", 0},
		"who waited when we failed is missed":                  {ended("alice", "support", call.EndFailedSystem, time.Second), "missed_call", "Appel manqué – support", 1},
		"who talked when we failed had a call":                 {talked, "call", "Appel – support", 1},
		"a promise to call back leaves a ticket":               {ended("alice", "support", call.EndCallbackRequested, time.Second), "missed_call", "Appel manqué – support", 1},
		"a promise that failed leaves a ticket":                {ended("alice", "support", call.EndCallbackFailed, time.Second), "missed_call", "Appel manqué – support", 1},
		"a matter of security is urgent":                       {ended("alice", "security", call.EndAnswered, 0), "call", "Appel – security", 3},
		"a missed call to security is urgent":                  {ended("alice", "Security", call.EndAbandoned, time.Minute), "missed_call", "Appel manqué – security", 3},
		"a call that failed before it waited is nobody's work": {call.Record{ID: "c", EndReason: call.EndFailedSystem, ArrivedAt: noon, EndedAt: noon}, "", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTx()
			l := link(t, x, c.record)
			if l.Ticket.Type != c.kind || l.Ticket.Subject != c.subject || l.Ticket.Priority != c.priority {
				t.Errorf("got %q %q priority %d, want %q %q priority %d",
					l.Ticket.Type, l.Ticket.Subject, l.Ticket.Priority, c.kind, c.subject, c.priority)
			}
			if l.Created != (c.kind != "") || len(x.contacts) != 1 || l.Contact.ID == "" {
				t.Errorf("created %v with %d contacts", l.Created, len(x.contacts))
			}
		})
	}
}

func TestTimelineHoldsWaitTalkAndRecording(t *testing.T) {
	x := newTx()
	l := link(t, x, ended("alice", "support", call.EndAnswered, 12345*time.Millisecond))
	events := x.events[l.Ticket.ID]
	if len(events) != 3 || events[0].Kind != "joined" || events[0].Detail["call_id"] != "call-alice" {
		t.Fatalf("got %+v, want the call's event, its summary and the creation", events)
	}
	for key, want := range map[string]string{
		"call_id": "call-alice", "wait_ms": "12345", "talk_ms": "60000", "agent": "agent-1",
		"recording_id": "rec-1", "end_reason": "answered", "queue": "support", "direction": "in",
	} {
		if got := events[1].Detail[key]; events[1].Kind != "call" || got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	if l.Ticket.AssigneeID != "agent-1" || l.Ticket.State != ticket.StateOpen || l.Ticket.Number != 1 {
		t.Errorf("got %+v, want it open, numbered and with its agent", l.Ticket)
	}
}

func TestTwentyCallsOfOneUserAreOneMatter(t *testing.T) {
	x := newTx()
	for i := range 20 {
		r := ended("alice", "support", call.EndAnswered, 0)
		r.ID = call.ID(fmt.Sprint("call-", i))
		r.From.URI = fmt.Sprintf("sip:alice@198.51.100.7:%d", 5060+i)
		if l := link(t, x, r); l.Created != (i == 0) {
			t.Fatalf("call %d: created %v", i, l.Created)
		}
	}
	calls := 0
	for _, e := range x.events[x.order[0]] {
		if e.Kind == "call" {
			calls++
		}
	}
	if len(x.contacts) != 1 || len(x.tickets) != 1 || calls != 20 {
		t.Errorf("got %d contacts, %d tickets, %d calls", len(x.contacts), len(x.tickets), calls)
	}
}

func TestAnswerClosesTheMissedCallOver(t *testing.T) {
	x := newTx()
	missed := link(t, x, ended("alice", "support", call.EndAbandoned, time.Minute))
	answered := link(t, x, ended("alice", "support", call.EndAnswered, 0))
	got := answered.Ticket
	if answered.Created || got.ID != missed.Ticket.ID || got.Type != "call" || got.Subject != "Appel – support" || got.State != ticket.StateOpen {
		t.Errorf("got %+v, want the missed call's ticket as an open call", got)
	}
	if again := link(t, x, ended("alice", "support", call.EndAbandoned, time.Minute)); again.Ticket.Type != "call" {
		t.Errorf("a missed call after it made it %s", again.Ticket.Type)
	}
	other := link(t, x, ended("alice", "payments", call.EndAnswered, 0))
	if !other.Created {
		t.Errorf("another category was put on the same ticket")
	}
}

func TestACallWakesAWaitingTicket(t *testing.T) {
	for name, state := range map[string]ticket.State{
		"we waited for him": ticket.StatePending, "it was on hold": ticket.StateOnHold,
	} {
		t.Run(name, func(t *testing.T) {
			x := newTx()
			first := link(t, x, ended("alice", "security", call.EndAnswered, 0)).Ticket
			first.State, first.Priority, first.Subject, first.AssigneeID = state, 1, "Compte volé", "agent-7"
			x.tickets[first.ID] = first
			got := link(t, x, ended("alice", "security", call.EndAnswered, 0)).Ticket
			if got.State != ticket.StateOpen || got.Priority != 3 || got.Subject != "Compte volé" || got.AssigneeID != "agent-7" {
				t.Errorf("got %+v", got)
			}
		})
	}
	x := newTx()
	first := link(t, x, ended("alice", "support", call.EndAnswered, 0)).Ticket
	first.State = ticket.StateSolved
	x.tickets[first.ID] = first
	if !link(t, x, ended("alice", "support", call.EndAnswered, 0)).Created {
		t.Errorf("a solved ticket was continued")
	}
}

func TestAnOldTicketIsNotContinued(t *testing.T) {
	x := newTx()
	link(t, x, ended("alice", "support", call.EndAnswered, 0))
	later := ended("alice", "support", call.EndAnswered, 0)
	later.EndedAt = noon.Add(73 * time.Hour)
	if !link(t, x, later).Created {
		t.Errorf("a ticket of 73 hours was continued")
	}
}

func TestAShortAbandonIsALineOnTheOpenTicket(t *testing.T) {
	x := newTx()
	open := link(t, x, ended("alice", "support", call.EndAnswered, 0)).Ticket
	before := len(x.events[open.ID])
	if l := link(t, x, ended("alice", "support", call.EndShortAbandoned, time.Second)); l.Ticket.ID != "" {
		t.Errorf("it was linked to %+v", l.Ticket)
	}
	if got := len(x.events[open.ID]); got != before+1 {
		t.Errorf("%d lines were added, want 1", got-before)
	}
}

func TestOutboundCallBelongsToWhoWasCalled(t *testing.T) {
	x := newTx()
	first := link(t, x, ended("alice", "support", call.EndCallbackRequested, time.Minute))
	back := ended("", "support", call.EndAnswered, 0)
	back.Direction = call.Outbound
	back.From, back.To = call.Party{URI: "sip:support@host", User: "support"}, call.Party{URI: "sip:alice@198.51.100.7", User: "alice"}
	if l := link(t, x, back); l.Contact.ID != first.Contact.ID || l.Ticket.ID != first.Ticket.ID {
		t.Errorf("the callback made another contact or ticket")
	}
	browser := ended("", "support", call.EndAnswered, 0)
	browser.ContactID, browser.From = first.Contact.ID, call.Party{Kind: call.PartyBrowser, URI: "browser:1"}
	if l := link(t, x, browser); l.Contact.ID != first.Contact.ID || l.Created {
		t.Errorf("an anonymous call with a known contact made another")
	}
}

func TestAFailingStoreIsSaid(t *testing.T) {
	for step := 1; step <= 5; step++ {
		x := newTx()
		x.failAt = step
		l, err := ticket.LinkCall(t.Context(), x, ticket.Policy{}, ended("alice", "support", call.EndAnswered, 0), nil)
		if x.acts < step {
			break
		}
		if !errors.Is(err, errDisk) || l.Ticket.ID != "" {
			t.Errorf("step %d: got %+v, %v, want nothing and the error", step, l, err)
		}
	}
}

// Whatever the order: as many contacts as people, and never two open tickets
// of one contact and category within 72 hours.
func TestContactsAndTicketsAreNeverDoubled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newTx()
		people := map[string]bool{}
		anonymous := 0
		at := noon
		for i := range rapid.IntRange(1, 40).Draw(t, "calls") {
			user := rapid.SampledFrom([]string{"alice", "bob", "0612345678", "+33612345678", "anonymous"}).Draw(t, "user")
			reason := rapid.SampledFrom(call.Reasons[:]).Draw(t, "reason")
			queue := rapid.SampledFrom([]string{"support", "Support", "security"}).Draw(t, "queue")
			r := ended(user, queue, reason, time.Duration(rapid.IntRange(0, 60).Draw(t, "wait"))*time.Second)
			r.ID = call.ID(fmt.Sprint(i))
			at = at.Add(time.Duration(rapid.IntRange(0, 1800).Draw(t, "pause")) * time.Minute)
			r.EndedAt = at
			switch user {
			case "anonymous":
				anonymous++
			case "0612345678", "+33612345678":
				people["phone"] = true
			default:
				people[user] = true
			}
			if _, err := ticket.LinkCall(t.Context(), x, ticket.Policy{}, r, nil); err != nil {
				t.Fatal(err)
			}
		}
		if len(x.contacts) != len(people)+anonymous {
			t.Fatalf("%d contacts for %d people and %d anonymous calls", len(x.contacts), len(people), anonymous)
		}
		for i, one := range x.order {
			for _, two := range x.order[i+1:] {
				a, b := x.tickets[one], x.tickets[two]
				if a.ContactID == b.ContactID && a.Category == b.Category && b.CreatedAt.Sub(a.CreatedAt) < 72*time.Hour {
					t.Fatalf("two tickets of one matter: %+v and %+v", a, b)
				}
			}
		}
	})
}
