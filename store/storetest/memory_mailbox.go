package storetest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"pickup/store"
	"pickup/ticket"
)

// inbox is what Memory keeps of mailboxes.
type inbox struct {
	boxes     map[string]ticket.Mailbox
	positions map[string]ticket.MailPosition
	raw       []ticket.RawMail // as they came
	filed     map[string]bool  // by id
}

func newInbox() inbox {
	return inbox{boxes: map[string]ticket.Mailbox{}, positions: map[string]ticket.MailPosition{}, filed: map[string]bool{}}
}

func cloneMailbox(b ticket.Mailbox) ticket.Mailbox {
	b.Aliases, b.Signatures = slices.Clone(b.Aliases), maps.Clone(b.Signatures)
	if len(b.Aliases) == 0 {
		b.Aliases = nil
	}
	if len(b.Signatures) == 0 {
		b.Signatures = nil
	}
	return b
}

// UpsertMailbox implements Full.
func (m *Memory) UpsertMailbox(ctx context.Context, b ticket.Mailbox) error {
	return m.act(ctx, func() error {
		for _, other := range m.inbox.boxes {
			if other.Address == b.Address && other.ID != b.ID {
				return store.ErrConflict
			}
		}
		b = cloneMailbox(b)
		b.Version = m.inbox.boxes[b.ID].Version + 1
		m.inbox.boxes[b.ID] = b
		return nil
	})
}

// Mailboxes implements Full.
func (m *Memory) Mailboxes(ctx context.Context) (all []ticket.Mailbox, err error) {
	err = m.act(ctx, func() error {
		for _, b := range sorted(m.inbox.boxes, func(a, b ticket.Mailbox) int { return cmp.Compare(a.Address, b.Address) }) {
			all = append(all, cloneMailbox(b))
		}
		return nil
	})
	return all, err
}

// DeleteMailbox implements Full.
func (m *Memory) DeleteMailbox(ctx context.Context, id string) error {
	return m.act(ctx, func() error {
		if _, ok := m.inbox.boxes[id]; !ok {
			return store.ErrNotFound
		}
		delete(m.inbox.boxes, id)
		return nil
	})
}

// MailPosition implements ticket.Inbox.
func (m *Memory) MailPosition(ctx context.Context, mailboxID string) (p ticket.MailPosition, err error) {
	err = m.act(ctx, func() error { p = m.inbox.positions[mailboxID]; return nil })
	return p, err
}

// KeepRaw implements ticket.Inbox.
func (m *Memory) KeepRaw(ctx context.Context, r ticket.RawMail, p ticket.MailPosition) error {
	return m.act(ctx, func() error {
		m.inbox.positions[r.MailboxID] = p
		known := slices.ContainsFunc(m.inbox.raw, func(o ticket.RawMail) bool {
			return o.MailboxID == r.MailboxID && o.UIDValidity == r.UIDValidity && o.UID == r.UID
		})
		if !known {
			r.ArrivedAt = r.ArrivedAt.Truncate(time.Millisecond)
			m.inbox.raw = append(m.inbox.raw, r)
		}
		return nil
	})
}

// UnfiledMail implements ticket.Inbox.
func (m *Memory) UnfiledMail(ctx context.Context, limit int) (all []ticket.RawMail, err error) {
	err = m.act(ctx, func() error {
		for _, r := range m.inbox.raw {
			if !m.inbox.filed[r.ID] {
				all = append(all, r)
			}
		}
		slices.SortStableFunc(all, func(a, b ticket.RawMail) int {
			return cmp.Or(cmp.Compare(a.Attempts, b.Attempts), a.ArrivedAt.Compare(b.ArrivedAt), cmp.Compare(a.ID, b.ID))
		})
		if limit <= 0 {
			limit = store.DefaultLimit
		}
		all = all[:min(limit, len(all))]
		return nil
	})
	return all, err
}

// RawFiled implements ticket.Inbox.
func (m *Memory) RawFiled(ctx context.Context, id, reason string) error {
	return m.act(ctx, func() error {
		i := slices.IndexFunc(m.inbox.raw, func(r ticket.RawMail) bool { return r.ID == id })
		switch {
		case i < 0:
			return store.ErrNotFound
		case reason == "":
			m.inbox.filed[id] = true
		default:
			m.inbox.raw[i].Attempts++
			m.inbox.raw[i].LastError = reason
		}
		return nil
	})
}

// undeliverable says of addresses why mail to them comes back.
func (d *desk) undeliverable(addresses []string) (why map[string]string) {
	for _, all := range d.identities {
		for _, i := range all {
			if i.Kind != "email" || i.Undeliverable == "" || !slices.Contains(addresses, i.Value) {
				continue
			}
			if why == nil {
				why = map[string]string{}
			}
			why[i.Value] = i.Undeliverable
		}
	}
	return why
}
