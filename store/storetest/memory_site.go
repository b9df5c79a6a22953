package storetest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"pickup/queue"
	"pickup/store"
)

// Meta implements Full.
func (m *Memory) Meta(ctx context.Context, key string) (value string, ok bool, err error) {
	err = m.act(ctx, func() error {
		value, ok = m.site.meta[key]
		return nil
	})
	return value, ok, err
}

// SetMeta implements Full.
func (m *Memory) SetMeta(ctx context.Context, key, value string) error {
	return m.act(ctx, func() error {
		m.site.meta[key] = value
		return nil
	})
}

// UpsertQueue implements Full.
func (m *Memory) UpsertQueue(ctx context.Context, q queue.QueueConfig) error {
	return m.act(ctx, func() error {
		q.Name = strings.ToLower(q.Name)
		for _, other := range m.site.queues {
			if other.Name == q.Name && other.ID != q.ID {
				return store.ErrConflict
			}
		}
		if q.Members == nil {
			q.Members = m.site.queues[q.ID].Members
		}
		m.site.queues[q.ID] = cloneQueue(q)
		return nil
	})
}

func cloneQueue(q queue.QueueConfig) queue.QueueConfig {
	if q.Title == nil {
		q.Title = map[string]string{}
	}
	q.Title, q.Hours = maps.Clone(q.Title), nil
	q.Members = slices.SortedFunc(slices.Values(q.Members), func(a, b queue.Member) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.Agent, b.Agent))
	})
	return q
}

// SetMembers implements Full.
func (m *Memory) SetMembers(ctx context.Context, queueID string, members []queue.Member) error {
	return m.act(ctx, func() error {
		q, ok := m.site.queues[queueID]
		if !ok {
			return store.ErrNotFound
		}
		q.Members = members
		m.site.queues[queueID] = cloneQueue(q)
		return nil
	})
}

// Queues implements Full.
func (m *Memory) Queues(ctx context.Context) (all []queue.QueueConfig, err error) {
	err = m.act(ctx, func() error {
		for _, q := range sorted(m.site.queues, func(a, b queue.QueueConfig) int { return cmp.Compare(a.Name, b.Name) }) {
			all = append(all, cloneQueue(q))
		}
		return nil
	})
	return all, err
}

// DeleteQueue implements Full.
func (m *Memory) DeleteQueue(ctx context.Context, id string) error {
	return m.act(ctx, func() error {
		if _, ok := m.site.queues[id]; !ok {
			return store.ErrNotFound
		}
		delete(m.site.queues, id)
		return nil
	})
}

// LogAudit implements Full.
func (m *Memory) LogAudit(ctx context.Context, a store.Audit) error {
	return m.act(ctx, func() error {
		a.At, a.Detail = stamp(a.At), cloneDetail(a.Detail)
		m.audits = append(m.audits, a)
		return nil
	})
}

// Audits implements Full.
func (m *Memory) Audits(ctx context.Context, objectID string) (all []store.Audit, err error) {
	err = m.act(ctx, func() error {
		for _, a := range m.audits {
			if is(objectID, a.ObjectID) {
				all = append(all, a)
			}
		}
		return nil
	})
	return all, err
}

// cloneDetail copies the detail of an event; an empty one is nil.
func cloneDetail(d map[string]string) map[string]string {
	if len(d) == 0 {
		return nil
	}
	return maps.Clone(d)
}
