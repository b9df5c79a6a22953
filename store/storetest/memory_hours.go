package storetest

import (
	"cmp"
	"context"
	"slices"

	"pickup/store"
)

// UpsertHours implements Full.
func (m *Memory) UpsertHours(ctx context.Context, h store.Hours) error {
	return m.act(ctx, func() error {
		h = cloneHours(h)
		for _, spans := range h.Days {
			for i := 1; i < len(spans); i++ {
				if spans[i-1][0] == spans[i][0] {
					return store.ErrConflict
				}
			}
		}
		if len(slices.Compact(slices.Clone(h.Closed))) < len(h.Closed) {
			return store.ErrConflict
		}
		for _, other := range m.site.hours {
			if other.Name == h.Name && other.ID != h.ID {
				return store.ErrConflict
			}
		}
		for id, other := range m.site.hours {
			if h.Callbacks && other.Callbacks {
				other.Callbacks = false
				m.site.hours[id] = other
			}
		}
		m.site.hours[h.ID] = h
		return nil
	})
}

func cloneHours(h store.Hours) store.Hours {
	for i, spans := range h.Days {
		h.Days[i] = slices.SortedFunc(slices.Values(spans), func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
	}
	h.Closed = slices.Sorted(slices.Values(h.Closed))
	return h
}

// Hours implements Full.
func (m *Memory) Hours(ctx context.Context) (all []store.Hours, err error) {
	err = m.act(ctx, func() error {
		for _, h := range sorted(m.site.hours, func(a, b store.Hours) int { return cmp.Compare(a.Name, b.Name) }) {
			all = append(all, cloneHours(h))
		}
		return nil
	})
	return all, err
}

// DeleteHours implements Full.
func (m *Memory) DeleteHours(ctx context.Context, id string) error {
	return m.act(ctx, func() error {
		if _, ok := m.site.hours[id]; !ok {
			return store.ErrNotFound
		}
		for _, q := range m.site.queues {
			if q.HoursID == id {
				return store.ErrConflict
			}
		}
		delete(m.site.hours, id)
		return nil
	})
}
