package callflow

import (
	"context"
	"strconv"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// prioritised: somebody moved the call to the place of another priority, in the
// queue and for good: the key is kept over transfers.
type prioritised struct {
	priority int
	by       account.ID
	reason   string
}

func (prioritised) isInput() {}

// Reprioritise moves a call that waits, or is offered, to the place of another
// priority, 0 to 3, and returns the one it had; reason is for the timeline. It may be
// called from any goroutine. Errors: ErrEnded, queue.ErrGone when it does not wait any
// more, queue.ErrPriority.
func (m *Manager) Reprioritise(ctx context.Context, id call.ID, priority int, by account.ID, reason string) (before int, err error) {
	s := m.session(id)
	if s == nil {
		return 0, ErrEnded
	}
	v := s.View()
	if !v.Record.State.InQueue() || v.Record.ItemID == "" {
		return v.Priority, queue.ErrGone
	}
	if err := m.queue.SetPriority(ctx, queue.ItemID(v.Record.ItemID), priority); err != nil {
		return v.Priority, err
	}
	if !s.send(prioritised{priority, by, reason}) {
		return v.Priority, ErrEnded
	}
	return v.Priority, nil
}

func (m *machine) onPrioritised(p prioritised) {
	if m.finished || p.priority == m.priority {
		return
	}
	from := m.priority
	m.key -= int64(p.priority-from) * time.Minute.Milliseconds()
	m.priority = p.priority
	m.note("priority_changed", "by", string(p.by), "from", strconv.Itoa(from), "to", strconv.Itoa(p.priority), "reason", p.reason)
}
