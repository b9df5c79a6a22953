package ticket

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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
// one. The ticket is that of r.TicketID, where the call was begun from one (of a
// closed one the ticket that follows it, or a new one); else an open one of the contact in
// the category of the queue, younger than LinkWithin; else a new one.
//
// A call between agents has neither.
//
// LinkCall is called once for each call, inside a transaction that sees no other
// LinkCall: two first calls of one person must not both add him.
func LinkCall(ctx context.Context, tx DeskTx, p Policy, r call.Record, events []call.TimelineEvent) (Linked, error) {
	if r.Direction == call.Internal {
		return Linked{}, nil
	}
	p = p.withDefaults()
	contact, known, err := contactOf(ctx, tx, p, r)
	if err != nil {
		return Linked{}, fmt.Errorf("contact of call %s: %w", r.ID, err)
	}
	linked := Linked{Contact: contact}
	open, follows, err := matterOf(ctx, tx, p, r, contact, known)
	if err != nil {
		return Linked{}, fmt.Errorf("open ticket of call %s: %w", r.ID, err)
	}
	found := open.ID != ""
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
		if linked.Ticket, changes, err = resume(open, kind, r); err != nil {
			return Linked{}, fmt.Errorf("ticket of call %s: %w", r.ID, err)
		}
	} else {
		linked.Ticket, changes = newTicket(p, contact, kind, r)
		linked.Created = true
	}
	if linked.Ticket, err = tx.SaveTicket(ctx, linked.Ticket); err != nil {
		return Linked{}, fmt.Errorf("ticket of call %s: %w", r.ID, err)
	}
	if follows != "" {
		if err := tx.LinkTickets(ctx, Link{From: linked.Ticket.ID, To: follows, Kind: LinkFollowUp, At: endOf(r)}); err != nil {
			return Linked{}, fmt.Errorf("link ticket %s: %w", linked.Ticket.ID, err)
		}
	}
	story := append(storyOf(r, events), summary(r))
	if err = tx.AddEvents(ctx, linked.Ticket.ID, append(story, changes...)...); err != nil {
		return Linked{}, fmt.Errorf("timeline of ticket %s: %w", linked.Ticket.ID, err)
	}
	return linked, nil
}

// Suggest returns the ticket that a call which goes on will join, as far as that
// is known now, and the contact who calls: what an agent is shown while his phone
// rings. Both are zero when nobody like him called before. It changes nothing.
func Suggest(ctx context.Context, tx DeskTx, p Policy, r call.Record) (Linked, error) {
	p = p.withDefaults()
	r.EndedAt = time.Time{}
	c, ok, err := callerOf(ctx, tx, p, r)
	if err != nil || !ok {
		return Linked{}, err
	}
	t, _, err := matterOf(ctx, tx, p, r, c, true)
	return Linked{Contact: c, Ticket: t}, err
}

// matterOf returns the ticket that a call continues, zero when it begins one;
// follows is the closed ticket that the new one comes after.
func matterOf(ctx context.Context, tx DeskTx, p Policy, r call.Record, c Contact, known bool) (t Ticket, follows string, err error) {
	if r.TicketID != "" {
		t, err := current(ctx, tx, r.TicketID)
		switch {
		case errors.Is(err, ErrNotFound): // as if it were not named
		case err != nil:
			return Ticket{}, "", err
		case t.State == StateClosed:
			next, ok, err := FollowUp(ctx, tx, t.ID, c.ID, "")
			if err != nil || ok {
				return next, "", err
			}
			return Ticket{}, t.ID, nil
		default:
			return t, "", nil
		}
	}
	if !known {
		return Ticket{}, "", nil
	}
	t, _, err = tx.OpenTicket(ctx, c.ID, p.CategoryOf(r.Queue), endOf(r).Add(-p.LinkWithin))
	return t, "", err
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
	case call.EndVoicemail:
		if !talked {
			return TypeVoicemail
		}
	case call.EndCallbackRequested, call.EndCallbackFailed, call.EndCallbackExpired, call.EndOverflowTime: // he was told that we made a note
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

// playerOf is the party of a call that is not ours.
func playerOf(r call.Record) call.Party {
	if r.Direction == call.Outbound {
		return r.To
	}
	return r.From
}

// callerOf finds the contact of the player, or the one that the record names.
func callerOf(ctx context.Context, tx DeskTx, p Policy, r call.Record) (Contact, bool, error) {
	if identity, identified := IdentityOf(playerOf(r), p.Country); identified {
		if c, ok, err := tx.ContactOf(ctx, identity); err != nil || ok {
			return c, ok, err
		}
	}
	if r.ContactID == "" {
		return Contact{}, false, nil
	}
	c, ok, err := tx.Contact(ctx, r.ContactID)
	if !ok {
		c = Contact{ID: r.ContactID, Language: r.Language}
	}
	return c, true, err
}

// contactOf finds or adds the contact of the player. known is false for one
// that was added just now, who therefore has no ticket.
func contactOf(ctx context.Context, tx DeskTx, p Policy, r call.Record) (c Contact, known bool, err error) {
	if c, ok, err := callerOf(ctx, tx, p, r); err != nil || ok {
		return c, ok, err
	}
	player := playerOf(r)
	identity, identified := IdentityOf(player, p.Country)
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
func newTicket(p Policy, c Contact, kind string, r call.Record) (Ticket, []call.TimelineEvent) {
	at := endOf(r)
	lang := language(r, c, p)
	category, _ := CategoryOf(p.CategoryOf(r.Queue))
	t := Ticket{
		ID: id.New(), ContactID: c.ID, Subject: subject(kind, lang, r.Queue), Type: kind, Category: category.Name,
		State: StateNew, Priority: max(PriorityNormal, category.MinPriority), Queue: r.Queue, Language: lang,
		Channel: call.ChannelCall, CreatedAt: at, UpdatedAt: at,
	}
	if kind == TypeCall {
		t.State, t.AssigneeID = StateOpen, string(r.AgentID)
	}
	told := story{at: at}
	told.created(t, "call_id", string(r.ID))
	return t, told.lines
}

// resume returns an open ticket as the call leaves it, with an event for each
// change. A talk makes a missed call's ticket a call's; a contact who came back
// while we waited for him, or on hold, makes us owe an action again.
func resume(t Ticket, kind string, r call.Record) (Ticket, []call.TimelineEvent, error) {
	at := endOf(r)
	told := story{at: at}
	if kind == TypeCall && (t.Type == TypeMissed || t.Type == TypeVoicemail) {
		told.changed("type", t.Type, TypeCall, "answered")
		if t.Subject == subject(t.Type, t.Language, t.Queue) { // nobody rewrote it
			t.Subject = subject(TypeCall, t.Language, t.Queue)
		}
		t.Type = TypeCall
	}
	if t.State == StatePending || t.State == StateOnHold || t.State == StateSolved || t.State == StateNew && kind == TypeCall {
		if err := told.move(&t, StateOpen, "call"); err != nil {
			return t, nil, err
		}
	}
	told.raise(&t, "category")
	if t.AssigneeID == "" && kind == TypeCall {
		t.AssigneeID = string(r.AgentID)
	}
	if at.After(t.UpdatedAt) {
		t.UpdatedAt = at
	}
	for _, line := range told.lines {
		line.Detail["call_id"] = string(r.ID)
	}
	return t, told.lines, nil
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

// InteractionOf returns the interaction that a call is, with the call's id. The
// bridge is its first reply.
func InteractionOf(r call.Record) Interaction {
	i := Interaction{
		ID: string(r.ID), Channel: call.ChannelCall, Direction: r.Direction, ContactID: r.ContactID, TicketID: r.TicketID,
		Queue: r.Queue, From: r.From.URI, To: r.To.URI, Language: r.Language, StartedAt: r.ArrivedAt, QueuedAt: r.EnqueuedAt,
		AnsweredAt: r.BridgedAt, EndedAt: r.EndedAt, EndReason: r.EndReason, HandledBy: r.AgentID,
	}
	if r.Direction == call.Outbound && r.CallbackID != "" {
		i.Channel = call.ChannelCallback
	}
	if !r.BridgedAt.IsZero() && !r.EnqueuedAt.IsZero() && r.Direction == call.Inbound {
		i.FirstReply = max(0, r.Wait(r.BridgedAt)).Truncate(time.Millisecond)
		i.Replies, i.ReplySum, i.ReplyMax = 1, i.FirstReply, i.FirstReply
	}
	return i
}
