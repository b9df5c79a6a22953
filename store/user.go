package store

import (
	"context"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

const userColumns = `id, login, name, role, language, active, demo, password_hash, ha1_md5, ha1_sha256, created_at`

func scanUser(row scanner) (account.User, error) {
	var u account.User
	err := row.Scan(userInto(&u)...)
	return u, err
}

// userInto lists where userColumns go.
func userInto(u *account.User) []any {
	return []any{
		&u.ID, &u.Login, &u.Name, &u.Role, &u.Language,
		switched{&u.Active},
		switched{&u.Demo},
		&u.PasswordHash, &u.HA1MD5, &u.HA1SHA256,
		moment{&u.CreatedAt},
	}
}

// UpsertUser inserts a user or replaces the one of the same ID. ErrConflict when
// another user has the login.
func (s *Store) UpsertUser(ctx context.Context, u account.User) error {
	return s.act(ctx, "save a user", func(t *tx) error {
		_, err := t.exec(`INSERT INTO users (`+userColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (id) DO UPDATE SET login = excluded.login, name = excluded.name, role = excluded.role,
				language = excluded.language, active = excluded.active, demo = excluded.demo,
				password_hash = excluded.password_hash, ha1_md5 = excluded.ha1_md5, ha1_sha256 = excluded.ha1_sha256,
				version = users.version + 1`,
			u.ID, u.Login, u.Name, u.Role, u.Language, flag(u.Active), flag(u.Demo), u.PasswordHash, u.HA1MD5, u.HA1SHA256,
			u.CreatedAt.UnixMilli())
		return err
	})
}

// Users returns every user, ordered by login.
func (s *Store) Users(ctx context.Context) ([]account.User, error) {
	all, err := list(ctx, s.read, scanUser, `SELECT `+userColumns+` FROM users ORDER BY login`)
	return all, failed("read the users", err)
}

// UserByID returns a user, or ErrNotFound.
func (s *Store) UserByID(ctx context.Context, id account.ID) (account.User, error) {
	u, err := first(ctx, s.read, scanUser, `SELECT `+userColumns+` FROM users WHERE id = $1`, id)
	return u, failed("read a user", err)
}

// UserByLogin returns the user of a login, exactly as it is written. ok is false
// when there is none; an inactive user is returned too.
func (s *Store) UserByLogin(ctx context.Context, login string) (u account.User, ok bool, err error) {
	all, err := list(ctx, s.read, scanUser, `SELECT `+userColumns+` FROM users WHERE login = $1`, login)
	if err != nil || len(all) == 0 {
		return account.User{}, false, failed("read a user by login", err)
	}
	return all[0], true, nil
}

// SetUserActive lets a user sign in and register, or not. ErrNotFound.
func (s *Store) SetUserActive(ctx context.Context, id account.ID, active bool) error {
	return s.act(ctx, "set a user active", func(t *tx) error {
		return t.one(`UPDATE users SET active = $1, version = version + 1 WHERE id = $2`, flag(active), id)
	})
}

// SetSkills replaces the skills of a user: level 1 to 5 by name.
func (s *Store) SetSkills(ctx context.Context, id account.ID, skills map[string]int) error {
	return s.act(ctx, "save skills", func(t *tx) error {
		if _, err := t.exec(`DELETE FROM user_skills WHERE user_id = $1`, id); err != nil {
			return err
		}
		for skill, level := range skills {
			if _, err := t.exec(`INSERT INTO user_skills (user_id, skill, level) VALUES ($1, $2, $3)`, id, skill, level); err != nil {
				return err
			}
		}
		return nil
	})
}

// Skills returns the skills of every user who has any.
func (s *Store) Skills(ctx context.Context) (map[account.ID]map[string]int, error) {
	type row struct {
		user  account.ID
		skill string
		level int
	}
	all, err := list(ctx, s.read, func(sc scanner) (r row, err error) {
		err = sc.Scan(&r.user, &r.skill, &r.level)
		return r, err
	}, `SELECT user_id, skill, level FROM user_skills`)
	if err != nil {
		return nil, failed("read skills", err)
	}
	skills := make(map[account.ID]map[string]int)
	for _, r := range all {
		if skills[r.user] == nil {
			skills[r.user] = make(map[string]int)
		}
		skills[r.user][r.skill] = r.level
	}
	return skills, nil
}

// SetLimits replaces the limits of a user by channel; a channel without one has
// the default.
func (s *Store) SetLimits(ctx context.Context, id account.ID, limits map[call.Channel]queue.Limit) error {
	return s.act(ctx, "save the limits of an agent", func(t *tx) error {
		if _, err := t.exec(`DELETE FROM user_limits WHERE user_id = $1`, id); err != nil {
			return err
		}
		for ch, l := range limits {
			_, err := t.exec(`INSERT INTO user_limits (user_id, channel, max_active, max_parked, weight) VALUES ($1, $2, $3, $4, $5)`,
				id, ch, l.Max, l.Parked, l.Weight)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Limits returns the limits of every user who has any set.
func (s *Store) Limits(ctx context.Context) (map[account.ID]map[call.Channel]queue.Limit, error) {
	limits := make(map[account.ID]map[call.Channel]queue.Limit)
	_, err := list(ctx, s.read, func(row scanner) (user account.ID, err error) {
		var ch call.Channel
		var l queue.Limit
		err = row.Scan(&user, &ch, &l.Max, &l.Parked, &l.Weight)
		if limits[user] == nil {
			limits[user] = make(map[call.Channel]queue.Limit)
		}
		limits[user][ch] = l
		return user, err
	}, `SELECT user_id, channel, max_active, max_parked, weight FROM user_limits`)
	return limits, failed("read the limits of the agents", err)
}

// CreateSession stores a sign-in.
func (s *Store) CreateSession(ctx context.Context, n account.Session) error {
	return s.act(ctx, "save a session", func(t *tx) error {
		_, err := t.exec(`INSERT INTO sessions (id, token_sha256, user_id, ip, user_agent, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			n.ID, n.TokenSHA256, n.UserID, n.IP, n.UserAgent, n.CreatedAt.UnixMilli(), n.ExpiresAt.UnixMilli())
		return err
	})
}

// userColumnsOfU are userColumns of the table alias u.
const userColumnsOfU = `u.id, u.login, u.name, u.role, u.language, u.active, u.demo, u.password_hash, u.ha1_md5, u.ha1_sha256,
	u.created_at`

type signedIn struct {
	session account.Session
	user    account.User
}

// SessionByToken returns the session of a token's hash, with its user.
// ErrNotFound when there is none, when it has expired or its user is inactive.
func (s *Store) SessionByToken(ctx context.Context, tokenSHA256 string) (account.Session, account.User, error) {
	got, err := first(ctx, s.read, func(row scanner) (r signedIn, err error) {
		n := &r.session
		into := []any{&n.ID, &n.TokenSHA256, &n.UserID, &n.IP, &n.UserAgent, moment{&n.CreatedAt}, moment{&n.ExpiresAt}}
		err = row.Scan(append(into, userInto(&r.user)...)...)
		return r, err
	}, `SELECT n.id, n.token_sha256, n.user_id, n.ip, n.user_agent, n.created_at, n.expires_at, `+userColumnsOfU+`
		FROM sessions n JOIN users u ON u.id = n.user_id
		WHERE n.token_sha256 = $1 AND n.expires_at > $2 AND u.active = 1`, tokenSHA256, time.Now().UnixMilli())
	return got.session, got.user, failed("read a session", err)
}

// DeleteSession signs out. A session that is gone already is no error.
func (s *Store) DeleteSession(ctx context.Context, id string) error {
	return s.act(ctx, "delete a session", func(t *tx) error {
		_, err := t.exec(`DELETE FROM sessions WHERE id = $1`, id)
		return err
	})
}

// PurgeSessions deletes the sessions that expired before now.
func (s *Store) PurgeSessions(ctx context.Context, now time.Time) error {
	return s.act(ctx, "purge sessions", func(t *tx) error {
		_, err := t.exec(`DELETE FROM sessions WHERE expires_at <= $1`, now.UnixMilli())
		return err
	})
}

const tokenColumns = `id, user_id, name, token_sha256, created_at, expires_at`

func tokenInto(k *account.Token) []any {
	return []any{&k.ID, &k.UserID, &k.Name, &k.TokenSHA256, moment{&k.CreatedAt}, moment{&k.ExpiresAt}}
}

// CreateToken stores a program's token.
func (s *Store) CreateToken(ctx context.Context, k account.Token) error {
	return s.act(ctx, "save a token", func(t *tx) error {
		_, err := t.exec(`INSERT INTO api_tokens (`+tokenColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
			k.ID, k.UserID, k.Name, k.TokenSHA256, k.CreatedAt.UnixMilli(), msOf(k.ExpiresAt))
		return err
	})
}

// TokenBySHA256 returns the token of a hash, with its user. ErrNotFound when
// there is none, when it has expired or its user is inactive.
func (s *Store) TokenBySHA256(ctx context.Context, tokenSHA256 string) (account.Token, account.User, error) {
	type pair struct {
		token account.Token
		user  account.User
	}
	got, err := first(ctx, s.read, func(row scanner) (r pair, err error) {
		err = row.Scan(append(tokenInto(&r.token), userInto(&r.user)...)...)
		return r, err
	}, `SELECT k.id, k.user_id, k.name, k.token_sha256, k.created_at, k.expires_at, `+userColumnsOfU+`
		FROM api_tokens k JOIN users u ON u.id = k.user_id
		WHERE k.token_sha256 = $1 AND (k.expires_at IS NULL OR k.expires_at > $2) AND u.active = 1`,
		tokenSHA256, time.Now().UnixMilli())
	return got.token, got.user, failed("read a token", err)
}

// Tokens returns the tokens of a user, oldest first.
func (s *Store) Tokens(ctx context.Context, user account.ID) ([]account.Token, error) {
	all, err := list(ctx, s.read, func(row scanner) (k account.Token, err error) {
		err = row.Scan(tokenInto(&k)...)
		return k, err
	}, `SELECT `+tokenColumns+` FROM api_tokens WHERE user_id = $1 ORDER BY created_at, id`, user)
	return all, failed("read tokens", err)
}

// DeleteToken revokes a token. ErrNotFound.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	return s.act(ctx, "delete a token", func(t *tx) error {
		return t.one(`DELETE FROM api_tokens WHERE id = $1`, id)
	})
}
