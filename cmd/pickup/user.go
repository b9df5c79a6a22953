package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/configs"
	"pickup/internal/id"
	"pickup/queue"
	"pickup/store"
)

type userCmd struct {
	List    userListCmd    `cmd:"" help:"List the users."`
	Set     userSetCmd     `cmd:"" help:"Make a user, or change what is named of him."`
	Token   userTokenCmd   `cmd:"" help:"Make a bearer token that acts as a user."`
	Disable userDisableCmd `cmd:"" help:"Refuse a user."`
}

func users() listing[account.User] {
	return listing[account.User]{
		kind: "user", columns: []string{"LOGIN", "NAME", "ROLE", "LANGUAGE", "ACTIVE", "DEMO"}, all: (*store.Store).Users,
		row: func(u account.User) []any { return []any{u.Login, u.Name, u.Role, u.Language, u.Active, u.Demo} },
		key: func(u account.User) (id, name string) { return string(u.ID), u.Login },
	}
}

type userListCmd struct{}

// Run lists the users with what they take at a time, where it is not the default.
func (userListCmd) Run(e *env) error {
	l := users()
	var limits map[account.ID]map[call.Channel]queue.Limit
	l.all = func(st *store.Store, ctx context.Context) (all []account.User, err error) {
		if limits, err = st.Limits(ctx); err != nil {
			return nil, err
		}
		return st.Users(ctx)
	}
	row := l.row
	l.columns = append(l.columns, "LIMITS")
	l.row = func(u account.User) []any { return append(row(u), limitText(limits[u.ID])) }
	return l.print(e)
}

type userSetCmd struct {
	Login    string `arg:"" help:"Login; also the phone's user name."`
	Name     string `help:"Full name; a new user's is his login without it."`
	Role     string `default:"" enum:",agent,supervisor,reviewer,admin" help:"agent, supervisor, reviewer or admin; a new user is an agent without it."`
	Language string `help:"fr or en."`
	Password string `help:"Password of console and phone." env:"PICKUP_USER_PASSWORD"`

	Limit []string `sep:"none" placeholder:"CHANNEL=MAX[:WEIGHT[:PARKED]]" help:"What he takes of a channel at a time, of 100: chat, email, social, web_form or ticket. May be repeated; what is not said has the default (chat=3:33, email=1:34:3). A running server takes it over within 5 s."`
}

// Run makes or changes a user. It lets one in again who was refused.
func (u userSetCmd) Run(e *env) error {
	limits := map[string]configs.SiteLimit{}
	for _, text := range u.Limit {
		channel, l, err := parseLimit(text)
		if err != nil {
			return err
		}
		limits[channel] = l
	}
	return e.withStore(func(ctx context.Context, c *configs.Config, st *store.Store) error {
		was, _, err := st.UserByLogin(ctx, u.Login)
		if err != nil {
			return err
		}
		site := configs.Site{Users: []configs.SiteUser{{
			Login: u.Login, Name: cmp.Or(u.Name, was.Name, u.Login), Role: cmp.Or(u.Role, string(was.Role), "agent"),
			Language: cmp.Or(u.Language, was.Language), Password: u.Password, Demo: was.Demo && u.Password == "", Limits: limits,
		}}}
		if err := site.Check(); err != nil {
			return err
		}
		realm, err := fixedRealm(ctx, st, c.SIP.Realm)
		if err != nil {
			return err
		}
		_, _, err = applyUsers(ctx, st, site, c, realm)
		return err
	})
}

type userTokenCmd struct {
	Login string        `arg:"" help:"Login of the user."`
	Name  string        `default:"command line" help:"What the token is for."`
	For   time.Duration `help:"How long it is valid; 0: until it is deleted."`
}

// Run makes a token and prints it; only its hash is kept.
func (u userTokenCmd) Run(e *env) error {
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		user, ok, err := st.UserByLogin(ctx, u.Login)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("no user %q", u.Login)
		}
		raw := make([]byte, 32)
		if _, err := rand.Read(raw); err != nil {
			return fmt.Errorf("make a token: %w", err)
		}
		token := base64.RawURLEncoding.EncodeToString(raw)
		sum := sha256.Sum256([]byte(token))
		t := account.Token{ID: id.New(), UserID: user.ID, Name: u.Name, TokenSHA256: hex.EncodeToString(sum[:]), CreatedAt: time.Now()}
		if u.For > 0 {
			t.ExpiresAt = t.CreatedAt.Add(u.For)
		}
		if err := st.CreateToken(ctx, t); err != nil {
			return err
		}
		_, err = fmt.Fprintln(e.stdout, token)
		return err
	})
}

type userDisableCmd struct {
	Login string `arg:"" help:"Login of the user."`
}

// Run refuses a user from now on.
func (u userDisableCmd) Run(e *env) error {
	return users().on(e, u.Login, func(st *store.Store, ctx context.Context, id string) error {
		return st.SetUserActive(ctx, account.ID(id), false)
	})
}
