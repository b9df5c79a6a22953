package storetest

import (
	"cmp"
	"context"
	"maps"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/store"
)

// UpsertUser implements Full.
func (m *Memory) UpsertUser(ctx context.Context, u account.User) error {
	return m.act(ctx, func() error {
		for _, other := range m.people.users {
			if other.Login == u.Login && other.ID != u.ID {
				return store.ErrConflict
			}
		}
		if old, ok := m.people.users[u.ID]; ok {
			u.CreatedAt = old.CreatedAt
		}
		u.CreatedAt = stamp(u.CreatedAt)
		m.people.users[u.ID] = u
		return nil
	})
}

// Users implements Full.
func (m *Memory) Users(ctx context.Context) (all []account.User, err error) {
	err = m.act(ctx, func() error {
		all = sorted(m.people.users, func(a, b account.User) int { return cmp.Compare(a.Login, b.Login) })
		return nil
	})
	return all, err
}

// UserByID implements Full.
func (m *Memory) UserByID(ctx context.Context, id account.ID) (u account.User, err error) {
	err = m.act(ctx, func() error {
		var ok bool
		if u, ok = m.people.users[id]; !ok {
			return store.ErrNotFound
		}
		return nil
	})
	return u, err
}

// UserByLogin implements Full.
func (m *Memory) UserByLogin(ctx context.Context, login string) (u account.User, ok bool, err error) {
	err = m.act(ctx, func() error {
		for _, row := range m.people.users {
			if row.Login == login {
				u, ok = row, true
			}
		}
		return nil
	})
	return u, ok, err
}

// SetUserActive implements Full.
func (m *Memory) SetUserActive(ctx context.Context, id account.ID, active bool) error {
	return m.act(ctx, func() error {
		u, ok := m.people.users[id]
		if !ok {
			return store.ErrNotFound
		}
		u.Active = active
		m.people.users[id] = u
		return nil
	})
}

// SetSkills implements Full.
func (m *Memory) SetSkills(ctx context.Context, id account.ID, skills map[string]int) error {
	return m.act(ctx, func() error {
		delete(m.people.skills, id)
		if len(skills) > 0 {
			m.people.skills[id] = maps.Clone(skills)
		}
		return nil
	})
}

// Skills implements Full.
func (m *Memory) Skills(ctx context.Context) (all map[account.ID]map[string]int, err error) {
	all = make(map[account.ID]map[string]int)
	err = m.act(ctx, func() error {
		for id, skills := range m.people.skills {
			all[id] = maps.Clone(skills)
		}
		return nil
	})
	return all, err
}

// SetLimits implements Full.
func (m *Memory) SetLimits(ctx context.Context, id account.ID, limits map[call.Channel]queue.Limit) error {
	return m.act(ctx, func() error {
		if _, ok := m.people.users[id]; !ok && len(limits) > 0 {
			return store.ErrConflict
		}
		delete(m.people.limits, id)
		if len(limits) > 0 {
			m.people.limits[id] = maps.Clone(limits)
		}
		return nil
	})
}

// Limits implements Full.
func (m *Memory) Limits(ctx context.Context) (all map[account.ID]map[call.Channel]queue.Limit, err error) {
	all = make(map[account.ID]map[call.Channel]queue.Limit)
	err = m.act(ctx, func() error {
		for id, limits := range m.people.limits {
			all[id] = maps.Clone(limits)
		}
		return nil
	})
	return all, err
}

// CreateSession implements Full.
func (m *Memory) CreateSession(ctx context.Context, n account.Session) error {
	return m.act(ctx, func() error {
		if _, ok := m.people.sessions[n.ID]; ok {
			return store.ErrConflict
		}
		stampAll(&n.CreatedAt, &n.ExpiresAt)
		m.people.sessions[n.ID] = n
		return nil
	})
}

// SessionByToken implements Full.
func (m *Memory) SessionByToken(ctx context.Context, tokenSHA256 string) (n account.Session, u account.User, err error) {
	err = m.act(ctx, func() error {
		for _, row := range m.people.sessions {
			user := m.people.users[row.UserID]
			if row.TokenSHA256 == tokenSHA256 && row.ExpiresAt.After(time.Now()) && user.Active {
				n, u = row, user
				return nil
			}
		}
		return store.ErrNotFound
	})
	return n, u, err
}

// DeleteSession implements Full.
func (m *Memory) DeleteSession(ctx context.Context, id string) error {
	return m.act(ctx, func() error {
		delete(m.people.sessions, id)
		return nil
	})
}

// PurgeSessions implements Full.
func (m *Memory) PurgeSessions(ctx context.Context, now time.Time) error {
	return m.act(ctx, func() error {
		maps.DeleteFunc(m.people.sessions, func(_ string, n account.Session) bool { return !n.ExpiresAt.After(now) })
		return nil
	})
}

// CreateToken implements Full.
func (m *Memory) CreateToken(ctx context.Context, k account.Token) error {
	return m.act(ctx, func() error {
		for _, other := range m.people.tokens {
			if other.ID == k.ID || other.TokenSHA256 == k.TokenSHA256 {
				return store.ErrConflict
			}
		}
		stampAll(&k.CreatedAt, &k.ExpiresAt)
		m.people.tokens[k.ID] = k
		return nil
	})
}

// TokenBySHA256 implements Full.
func (m *Memory) TokenBySHA256(ctx context.Context, tokenSHA256 string) (k account.Token, u account.User, err error) {
	err = m.act(ctx, func() error {
		for _, row := range m.people.tokens {
			user := m.people.users[row.UserID]
			if row.TokenSHA256 == tokenSHA256 && (row.ExpiresAt.IsZero() || row.ExpiresAt.After(time.Now())) && user.Active {
				k, u = row, user
				return nil
			}
		}
		return store.ErrNotFound
	})
	return k, u, err
}

// Tokens implements Full.
func (m *Memory) Tokens(ctx context.Context, user account.ID) (all []account.Token, err error) {
	err = m.act(ctx, func() error {
		for _, k := range sorted(m.people.tokens, func(a, b account.Token) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		}) {
			if k.UserID == user {
				all = append(all, k)
			}
		}
		return nil
	})
	return all, err
}

// DeleteToken implements Full.
func (m *Memory) DeleteToken(ctx context.Context, id string) error {
	return m.act(ctx, func() error {
		if _, ok := m.people.tokens[id]; !ok {
			return store.ErrNotFound
		}
		delete(m.people.tokens, id)
		return nil
	})
}

// SaveBinding implements Full.
func (m *Memory) SaveBinding(ctx context.Context, b account.Binding) error {
	return m.act(ctx, func() error {
		stampAll(&b.RegisteredAt, &b.ExpiresAt)
		m.people.bindings[[2]string{b.AOR, b.Key}] = b
		return nil
	})
}

// DropBinding implements Full.
func (m *Memory) DropBinding(ctx context.Context, aor, key string) error {
	return m.act(ctx, func() error {
		delete(m.people.bindings, [2]string{aor, key})
		return nil
	})
}

// Bindings implements Full.
func (m *Memory) Bindings(ctx context.Context) (all []account.Binding, err error) {
	err = m.act(ctx, func() error {
		all = sorted(m.people.bindings, func(a, b account.Binding) int {
			return cmp.Or(cmp.Compare(a.AOR, b.AOR), cmp.Compare(a.Key, b.Key))
		})
		return nil
	})
	return all, err
}

// PurgeBindings implements Full.
func (m *Memory) PurgeBindings(ctx context.Context, now time.Time) error {
	return m.act(ctx, func() error {
		maps.DeleteFunc(m.people.bindings, func(_ [2]string, b account.Binding) bool { return !b.ExpiresAt.After(now) })
		return nil
	})
}

// SetUserState implements Full.
func (m *Memory) SetUserState(ctx context.Context, agent account.ID, state queue.AgentState, reason string, at time.Time) error {
	return m.act(ctx, func() error {
		m.people.states[agent] = queue.AgentView{ID: agent, State: state, Reason: reason, Since: stamp(at)}
		return nil
	})
}

// AgentStates implements Full.
func (m *Memory) AgentStates(ctx context.Context) (all map[account.ID]queue.AgentView, err error) {
	err = m.act(ctx, func() error {
		all = maps.Clone(m.people.states)
		return nil
	})
	return all, err
}
