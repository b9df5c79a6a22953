package storetest

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"pickup/store"
)

// UpsertTrunk implements Full.
func (m *Memory) UpsertTrunk(ctx context.Context, k store.Trunk) error {
	return m.act(ctx, func() error {
		k = cloneTrunk(k)
		seen := map[string]bool{}
		for _, other := range m.site.trunks {
			if other.ID == k.ID {
				continue
			}
			if other.Name == k.Name {
				return store.ErrConflict
			}
			for _, n := range other.Numbers {
				seen[n.Number] = true
			}
		}
		for _, n := range k.Numbers {
			if seen[n.Number] {
				return store.ErrConflict
			}
			seen[n.Number] = true
		}
		m.site.trunks[k.ID] = k
		return nil
	})
}

func cloneTrunk(k store.Trunk) store.Trunk {
	k.Prefixes, k.Networks = append([]string{}, k.Prefixes...), append([]string{}, k.Networks...)
	k.Denied = append([]string{}, k.Denied...)
	k.Numbers = slices.SortedFunc(slices.Values(k.Numbers), func(a, b store.Number) int { return cmp.Compare(a.Number, b.Number) })
	for i := range k.Numbers {
		k.Numbers[i].To = strings.ToLower(k.Numbers[i].To)
	}
	return k
}

// Trunks implements Full.
func (m *Memory) Trunks(ctx context.Context) (all []store.Trunk, err error) {
	err = m.act(ctx, func() error {
		for _, k := range sorted(m.site.trunks, func(a, b store.Trunk) int { return cmp.Compare(a.Name, b.Name) }) {
			all = append(all, cloneTrunk(k))
		}
		return nil
	})
	return all, err
}

// DeleteTrunk implements Full.
func (m *Memory) DeleteTrunk(ctx context.Context, id string) error {
	return m.act(ctx, func() error {
		if _, ok := m.site.trunks[id]; !ok {
			return store.ErrNotFound
		}
		delete(m.site.trunks, id)
		return nil
	})
}
