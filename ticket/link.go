package ticket

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pickup/call"
	"pickup/internal/id"
)

// Priorities of a ticket.
const (
	PriorityLow    = 0
	PriorityNormal = 1
	PriorityHigh   = 2
	PriorityUrgent = 3
)

// Linked is what LinkCall decided.
type Linked struct {
	Contact Contact
	Ticket  Ticket // zero when the call leaves none
	Created bool   // the ticket is new
}

// LinkCall finds or makes the contact of a call that ended, and the ticket it
// leaves: always for an answered call and one that failed by our fault while it
// waited or talked, for one that ended in a promise to call back, a missed-call
// ticket for who abandoned after MissedAfter, else none (then only the contact,
// and a line on the ticket he has open). It appends the call's events, with wait
// and recording, to the timeline.
//
// The contact is that of the calling party's identity; else the one that
// r.ContactID names (then only ID is filled: the row exists already); else a new
// one. LinkCall is called once for each call, inside a transaction that sees no
// other LinkCall: two first calls of one person must not both add him.
func LinkCall(ctx context.Context, tx Tx, p Policy, r call.Record, events []call.TimelineEvent) (Linked, error) {
	p = p.withDefaults()
	contact, known, err := contactOf(ctx, tx, p, r)
	if err != nil {
		return Linked{}, fmt.Errorf("contact of call %s: %w", r.ID, err)
	}
	linked := Linked{Contact: contact}
	category := categoryOf(r)
	var open Ticket
	var found bool
	if known {
		open, found, err = tx.OpenTicket(ctx, contact.ID, category, endOf(r).Add(-p.LinkWithin))
		if err != nil {
			return Linked{}, fmt.Errorf("open ticket of call %s: %w", r.ID, err)
		}
	}
	kind := leaves(p, r)
	if kind == "" {
		if found { // a short abandon is a line in the story, and no work
			err = tx.AddEvents(ctx, open.ID, summary(r))
		}
		if err != nil {
			return Linked{}, fmt.Errorf("timeline of ticket %s: %w", open.ID, err)
		}
		return linked, nil
	}

	var changes []call.TimelineEvent
	if found {
		linked.Ticket, changes = resume(open, kind, r)
	} else {
		linked.Ticket, changes = newTicket(p, contact, category, kind, r)
		linked.Created = true
	}
	if linked.Ticket, err = tx.SaveTicket(ctx, linked.Ticket); err != nil {
		return Linked{}, fmt.Errorf("ticket of call %s: %w", r.ID, err)
	}
	story := append(storyOf(r, events), summary(r))
	if err = tx.AddEvents(ctx, linked.Ticket.ID, append(story, changes...)...); err != nil {
		return Linked{}, fmt.Errorf("timeline of ticket %s: %w", linked.Ticket.ID, err)
	}
	return linked, nil
}

// leaves returns the type of the ticket that a call leaves, or "".
func leaves(p Policy, r call.Record) string {
	talked := !r.BridgedAt.IsZero()
	switch r.EndReason {
	case call.EndAnswered, call.EndAbandonedOnHold, call.EndCallbackDone:
		return TypeCall
	case call.EndFailedSystem:
		if talked {
			return TypeCall
		}
		if !r.EnqueuedAt.IsZero() {
			return TypeMissed
		}
	case call.EndCallbackRequested, call.EndCallbackFailed, call.EndCallbackExpired:
		return TypeMissed // the promise, or its end, must be seen by somebody
	case call.EndAbandoned, call.EndShortAbandoned, call.EndAbandonedRinging:
		if r.Wait(endOf(r)) >= p.MissedAfter {
			return TypeMissed
		}
	}
	if talked { // whatever the reason says: there was a talk
		return TypeCall
	}
	return ""
}

// contactOf finds or adds the contact of the player. known is false for one
// that was added just now, who therefore has no ticket.
func contactOf(ctx context.Context, tx Tx, p Policy, r call.Record) (c Contact, known bool, err error) {
	player := r.From
	if r.Direction == call.Outbound {
		player = r.To
	}
	identity, identified := IdentityOf(player, p.Country)
	if identified {
		if c, ok, err := tx.ContactOf(ctx, identity); err != nil || ok {
			return c, ok, err
		}
	}
	if r.ContactID != "" {
		return Contact{ID: r.ContactID, Language: r.Language}, true, nil
	}
	c = Contact{ID: id.New(), CreatedAt: endOf(r)}
	c.Language = language(r, Contact{}, p)
	if !identified {
		c.Name = anonymousName(c.Language)
		return c, false, tx.AddContact(ctx, c)
	}
	c.Name = player.Display
	if c.Name == "" {
		c.Name = player.User
	}
	return c, false, tx.AddContact(ctx, c, identity)
}

// newTicket returns the ticket that a call opens.
func newTicket(p Policy, c Contact, category, kind string, r call.Record) (Ticket, []call.TimelineEvent) {
	at := endOf(r)
	lang := language(r, c, p)
	t := Ticket{
		ID: id.New(), ContactID: c.ID, Subject: subject(kind, lang, category), Type: kind, Category: category,
		State: StateNew, Priority: priorityOf(category), Queue: r.Queue, Language: lang,
		Channel: call.ChannelCall, CreatedAt: at, UpdatedAt: at,
	}
	if kind == TypeCall {
		t.State, t.AssigneeID = StateOpen, string(r.AgentID)
	}
	created := call.TimelineEvent{At: at, Kind: "ticket_created", Detail: map[string]string{
		"call_id": string(r.ID), "type": kind, "state": string(t.State), "priority": strconv.Itoa(t.Priority),
	}}
	return t, []call.TimelineEvent{created}
}

// resume returns an open ticket as the call leaves it, with an event for each
// change. A talk makes a missed call's ticket a call's; a contact who came back
// while we waited for him, or on hold, makes us owe an action again.
func resume(t Ticket, kind string, r call.Record) (Ticket, []call.TimelineEvent) {
	at := endOf(r)
	var changes []call.TimelineEvent
	change := func(what, from, to, reason string) {
		changes = append(changes, call.TimelineEvent{At: at, Kind: what, Detail: map[string]string{
			"call_id": string(r.ID), "from": from, "to": to, "reason": reason,
		}})
	}
	if kind == TypeCall && t.Type == TypeMissed {
		change("type_changed", t.Type, TypeCall, "answered")
		if t.Subject == subject(TypeMissed, t.Language, t.Category) { // nobody rewrote it
			t.Subject = subject(TypeCall, t.Language, t.Category)
		}
		t.Type = TypeCall
	}
	if t.State == StatePending || t.State == StateOnHold || t.State == StateNew && kind == TypeCall {
		change("state_changed", string(t.State), string(StateOpen), "call")
		t.State = StateOpen
	}
	if least := priorityOf(t.Category); t.Priority < least && least > PriorityNormal {
		change("priority_changed", strconv.Itoa(t.Priority), strconv.Itoa(least), "category")
		t.Priority = least
	}
	if t.AssigneeID == "" && kind == TypeCall {
		t.AssigneeID = string(r.AgentID)
	}
	if at.After(t.UpdatedAt) {
		t.UpdatedAt = at
	}
	return t, changes
}

// storyOf returns the call's events, each with the call's id: one ticket holds
// the stories of many calls.
func storyOf(r call.Record, events []call.TimelineEvent) []call.TimelineEvent {
	story := make([]call.TimelineEvent, 0, len(events)+4)
	for _, e := range events {
		detail := make(map[string]string, len(e.Detail)+1)
		for k, v := range e.Detail {
			detail[k] = v
		}
		detail["call_id"] = string(r.ID)
		e.Detail = detail
		story = append(story, e)
	}
	return story
}

// summary is the line of the call itself.
func summary(r call.Record) call.TimelineEvent {
	detail := map[string]string{
		"call_id":    string(r.ID),
		"direction":  string(r.Direction),
		"queue":      r.Queue,
		"end_reason": string(r.EndReason),
		"wait_ms":    strconv.FormatInt(r.Wait(endOf(r)).Milliseconds(), 10),
		"talk_ms":    strconv.FormatInt(r.Talk.Milliseconds(), 10),
		"hold_ms":    strconv.FormatInt(r.Hold.Milliseconds(), 10),
	}
	for key, value := range map[string]string{
		"agent": string(r.AgentID), "recording_id": r.RecordingID, "callback_id": r.CallbackID,
	} {
		if value != "" {
			detail[key] = value
		}
	}
	return call.TimelineEvent{At: endOf(r), Kind: "call", Actor: string(r.AgentID), Detail: detail}
}

// endOf is when the call ended, or the last that is known of it.
func endOf(r call.Record) time.Time {
	last := r.EndedAt
	if !last.IsZero() {
		return last
	}
	for _, at := range [...]time.Time{r.ArrivedAt, r.MediaAt, r.EnqueuedAt, r.BridgedAt, r.ReleasedAt} {
		if at.After(last) {
			last = at
		}
	}
	return last
}

// categoryOf names the matter by the queue, in lower case.
func categoryOf(r call.Record) string {
	if r.Queue == "" {
		return "general"
	}
	return strings.ToLower(r.Queue)
}

// priorityOf is the least priority of a category: security is urgent.
func priorityOf(category string) int {
	if category == "security" {
		return PriorityUrgent
	}
	return PriorityNormal
}
