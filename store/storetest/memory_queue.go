package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/report"
	"pickup/store"
	"pickup/ticket/chat"
)

// itemRow is an entry of the queue as it is stored.
type itemRow struct {
	item    queue.Item
	winner  queue.OfferID
	holder  account.ID // who accepted it; kept by RecoverQueue, until it joins again
	parked  bool
	bridged time.Time
	ended   time.Time
	reason  call.EndReason
}

// reservationRow is an offer as it is stored.
type reservationRow struct {
	item  queue.ItemID
	agent account.ID
	voice bool
	slot  int
	state string // "offered", "accepted", "releasing", "released"
}

// CommitDecisions implements queue.Store.
func (m *Memory) CommitDecisions(ctx context.Context, decisions []queue.Decision) []error {
	errs := make([]error, len(decisions))
	for i, d := range decisions {
		errs[i] = m.act(ctx, func() error {
			if err := m.apply(d); err != nil {
				return fmt.Errorf("commit decision %s: %w", d.Kind, err)
			}
			m.routing.journal = append(m.routing.journal, d)
			return nil
		})
	}
	return errs
}

// Journal returns the decisions that were committed, in order.
func (m *Memory) Journal() []queue.Decision {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.routing.journal)
}

func (m *Memory) apply(d queue.Decision) error {
	item, reservation := m.routing.items[d.Item.ID], m.routing.reservations[d.Offer]
	switch d.Kind {
	case queue.DecisionEnqueue:
		m.enqueue(d)
		return nil
	case queue.DecisionOffer:
		return m.offer(d, item)
	case queue.DecisionAccept:
		if item == nil || item.winner != "" || item.reason != "" {
			return store.ErrConflict
		}
		if reservation == nil {
			return store.ErrNotFound
		}
		item.winner, item.holder, item.parked, reservation.state = d.Offer, d.Agent, false, "accepted"
		return nil
	case queue.DecisionReleasing:
		if reservation == nil || reservation.state == "released" {
			return store.ErrNotFound
		}
		reservation.state = "releasing"
		return nil
	case queue.DecisionRelease:
		if reservation == nil {
			return store.ErrNotFound
		}
		reservation.state = "released"
		return nil
	case queue.DecisionAgentState:
		m.people.states[d.Agent] = queue.AgentView{ID: d.Agent, State: d.State, Reason: d.StateReason, Since: stamp(d.At)}
		return nil
	default:
		return m.applyItem(d, item)
	}
}

// applyItem applies what concerns an item alone.
func (m *Memory) applyItem(d queue.Decision, item *itemRow) error {
	if item == nil {
		return store.ErrNotFound
	}
	switch d.Kind {
	case queue.DecisionRequeue:
		if item.reason != "" {
			return store.ErrNotFound
		}
		if item.bridged.After(d.At.Add(-2 * time.Second)) {
			item.bridged = time.Time{}
		}
		item.holder, item.parked = "", false
		item.winner, item.item.Class, item.item.Key, item.item.NotBefore = "", d.Item.Class, d.Item.Key, d.Item.NotBefore
	case queue.DecisionUpdate:
		if item.reason != "" {
			return store.ErrNotFound
		}
		item.item.Queue, item.item.Class, item.item.Key = d.Item.Queue, d.Item.Class, d.Item.Key
		item.item.Priority, item.item.EnqueuedAt, item.item.Consult = d.Item.Priority, stamp(d.Item.EnqueuedAt), d.Item.Consult
	case queue.DecisionPark, queue.DecisionResume:
		if item.reason != "" || item.winner != d.Offer {
			return store.ErrNotFound
		}
		item.parked = d.Kind == queue.DecisionPark
	case queue.DecisionBridged:
		if item.bridged.IsZero() {
			item.bridged = stamp(d.At)
		}
	case queue.DecisionEnd:
		item.ended, item.reason = stamp(d.At), d.Reason
	default:
		return fmt.Errorf("store: unknown decision %q", d.Kind)
	}
	return nil
}

func (m *Memory) enqueue(d queue.Decision) {
	row := m.routing.items[d.Item.ID]
	if row == nil {
		row = &itemRow{item: d.Item}
		row.item.EnqueuedAt = stamp(d.Item.EnqueuedAt)
		m.routing.items[d.Item.ID] = row
	}
	row.item.Class, row.item.Key, row.item.NotBefore, row.item.CallID = d.Item.Class, d.Item.Key, d.Item.NotBefore, d.Item.CallID
	row.item.Priority, row.item.TicketID = d.Item.Priority, d.Item.TicketID
	row.winner, row.holder, row.parked, row.ended, row.reason = "", "", false, time.Time{}, ""
}

func (m *Memory) offer(d queue.Decision, item *itemRow) error {
	voice := d.Item.Channel == "" || d.Item.Channel == call.ChannelCall || d.Item.Channel == call.ChannelCallback
	for id, r := range m.routing.reservations {
		ofItem := r.item == d.Item.ID && (r.state == "offered" || r.state == "accepted")
		ofAgent := r.agent == d.Agent && r.voice == voice && r.slot == d.Slot && r.state != "released"
		if id == d.Offer || ofItem || ofAgent {
			return store.ErrConflict
		}
	}
	if item == nil {
		return store.ErrNotFound
	}
	m.routing.reservations[d.Offer] = &reservationRow{item: d.Item.ID, agent: d.Agent, voice: voice, slot: d.Slot, state: "offered"}
	return nil
}

// RecoverQueue implements Full.
func (m *Memory) RecoverQueue(ctx context.Context, at time.Time) error {
	return m.act(ctx, func() error {
		for _, r := range m.routing.reservations {
			r.state = "released"
		}
		for _, row := range m.routing.items {
			c := m.calls[row.item.CallID]
			if row.reason == "" && row.item.Channel == call.ChannelCall && (row.item.Consult || c == nil || c.closed) {
				row.ended, row.reason = stamp(at), call.EndFailedSystem
			}
			if row.reason == "" && m.chats.rows[row.item.InteractionID].State == chat.StateEnded {
				row.ended, row.reason = stamp(at), call.EndFailedSystem
			}
		}
		return nil
	})
}

// EndedEntries implements Full.
func (m *Memory) EndedEntries(ctx context.Context, name string, from, to time.Time) ([]report.Entry, error) {
	return m.entries(ctx, func(ch call.Channel) bool { return ch == call.ChannelCall }, name, from, to)
}

// TextEntries implements Full.
func (m *Memory) TextEntries(ctx context.Context, name string, from, to time.Time) ([]report.Entry, error) {
	return m.entries(ctx, func(ch call.Channel) bool { return ch != call.ChannelCall && ch != call.ChannelCallback }, name, from, to)
}

func (m *Memory) entries(ctx context.Context, wanted func(call.Channel) bool, name string, from, to time.Time) (all []report.Entry, err error) {
	err = m.act(ctx, func() error {
		for _, row := range sorted(m.routing.items, func(a, b *itemRow) int {
			return cmp.Or(a.item.EnqueuedAt.Compare(b.item.EnqueuedAt), cmp.Compare(a.item.ID, b.item.ID))
		}) {
			if i := row.item; wanted(i.Channel) && !i.Consult && is(name, i.Queue) && within(i.EnqueuedAt, from, to) {
				all = append(all, row.shown(time.Now()))
			}
		}
		return nil
	})
	return all, err
}

// shown is an entry as the figures need it; a wait that runs ends now.
func (row *itemRow) shown(now time.Time) report.Entry {
	e := report.Entry{
		ID: string(row.item.ID), Queue: row.item.Queue, Channel: row.item.Channel, CallID: row.item.CallID, CallbackID: row.item.CallbackID,
		TicketID: row.item.TicketID, Agent: row.holder, EnteredAt: row.item.EnqueuedAt, BridgedAt: row.bridged, EndedAt: row.ended,
		Reason: row.reason, Again: !row.item.CountsAsOffered || row.item.Consult,
	}
	e.Wait = report.Waited(e.EnteredAt, e.BridgedAt, e.EndedAt, now)
	return e
}
