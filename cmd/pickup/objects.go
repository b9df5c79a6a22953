package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"pickup/account"
	"pickup/configs"
	"pickup/internal/id"
	"pickup/queue"
	"pickup/store"
)

type applyCmd struct {
	LeaveDemo bool   `help:"Disable the accounts of the demonstration and make this database a real site."`
	File      string `arg:"" type:"existingfile" help:"Site file (YAML)."`
}

// Run imports a site file.
func (a applyCmd) Run(e *env) error {
	site, err := configs.LoadSite(a.File)
	if err != nil {
		return err
	}
	return e.withStore(func(ctx context.Context, c *configs.Config, st *store.Store) error {
		if a.LeaveDemo {
			if err := leaveDemo(ctx, st, site); err != nil {
				return err
			}
		}
		if err := applySite(ctx, st, site, c); err != nil {
			return err
		}
		_, err := fmt.Fprintf(e.stdout, "applied %s: %d queues, %d users, %d trunks, %d menus\n",
			a.File, len(site.Queues), len(site.Users), len(site.Trunks), len(site.Menus))
		return err
	})
}

// leaveDemo disables every account of the demonstration. Those that the site
// file names again get their flag taken away and must get a new password there.
func leaveDemo(ctx context.Context, st *store.Store, site configs.Site) error {
	passwords := map[string]string{}
	for _, u := range site.Users {
		passwords[u.Login] = u.Password
	}
	users, err := st.Users(ctx)
	if err != nil {
		return err
	}
	for _, u := range users {
		if !u.Demo {
			continue
		}
		if plain, named := passwords[u.Login]; named && plain == "" {
			return fmt.Errorf("users[%s].password: missing: the password of the demonstration is known to everybody", u.Login)
		}
		u.Active, u.PasswordHash, u.HA1MD5, u.HA1SHA256 = false, "", "", ""
		if err := st.UpsertUser(ctx, u); err != nil {
			return fmt.Errorf("disable %s: %w", u.Login, err)
		}
	}
	return st.SetMeta(ctx, metaDemo, "false")
}

type userCmd struct {
	List    userListCmd    `cmd:"" help:"List the users."`
	Set     userSetCmd     `cmd:"" help:"Make or change a user."`
	Token   userTokenCmd   `cmd:"" help:"Make a bearer token that acts as a user."`
	Disable userDisableCmd `cmd:"" help:"Refuse a user."`
}

type userListCmd struct{}

// Run lists the users.
func (userListCmd) Run(e *env) error {
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		users, err := st.Users(ctx)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "LOGIN\tNAME\tROLE\tLANGUAGE\tACTIVE\tDEMO")
		for _, u := range users {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%t\t%t\n", u.Login, u.Name, u.Role, u.Language, u.Active, u.Demo)
		}
		return t.Flush()
	})
}

type userSetCmd struct {
	Login    string `arg:"" help:"Login; also the phone's user name."`
	Name     string `help:"Full name."`
	Role     string `default:"agent" enum:"agent,supervisor,reviewer,admin" help:"agent, supervisor, reviewer or admin."`
	Language string `help:"fr or en."`
	Password string `help:"Password of console and phone." env:"PICKUP_USER_PASSWORD"`
}

// Run makes or changes a user.
func (u userSetCmd) Run(e *env) error {
	name := u.Name
	if name == "" {
		name = u.Login
	}
	site := configs.Site{Users: []configs.SiteUser{{
		Login: u.Login, Name: name, Role: u.Role, Language: u.Language, Password: u.Password,
	}}}
	if err := site.Check(); err != nil {
		return err
	}
	return e.withStore(func(ctx context.Context, c *configs.Config, st *store.Store) error {
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
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		user, ok, err := st.UserByLogin(ctx, u.Login)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("no user %q", u.Login)
		}
		return st.SetUserActive(ctx, user.ID, false)
	})
}

type queueCmd struct {
	List   queueListCmd   `cmd:"" help:"List the queues."`
	Set    queueSetCmd    `cmd:"" help:"Make or change a queue."`
	Remove queueRemoveCmd `cmd:"" help:"Remove a queue."`
}

type queueListCmd struct{}

// Run lists the queues.
func (queueListCmd) Run(e *env) error {
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		queues, err := st.Queues(ctx)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tENABLED\tTARGET\tPERCENT\tWRAP-UP\tMAX WAIT\tMAX LENGTH\tMEMBERS")
		for _, q := range queues {
			fmt.Fprintf(t, "%s\t%t\t%s\t%d\t%s\t%s\t%d\t%d\n",
				q.Name, q.Enabled, q.Target, q.TargetPercent, q.WrapUp, q.MaxWait, q.MaxLength, len(q.Members))
		}
		return t.Flush()
	})
}

type queueSetCmd struct {
	Name      string        `arg:"" help:"Name, as it is dialled."`
	Target    time.Duration `default:"30s" help:"Answer target."`
	Percent   int           `default:"80" help:"Share of calls to be answered within the target."`
	WrapUp    time.Duration `help:"Timed wrap-up after a call."`
	MaxWait   time.Duration `help:"Longest wait; 0: queue.max_wait."`
	MaxLength int           `help:"Most entries; 0: queue.max_length."`
	Disabled  bool          `help:"Take no calls."`
	Members   string        `help:"Logins of its agents, comma-separated, in the order in which they are tried as LOGIN or LOGIN:RANK."`
}

// Run makes or changes a queue.
func (q queueSetCmd) Run(e *env) error {
	s := configs.SiteQueue{
		Name: strings.ToLower(q.Name), Target: q.Target, TargetPercent: q.Percent, WrapUp: q.WrapUp, MaxWait: q.MaxWait,
		MaxLength: q.MaxLength, Disabled: q.Disabled,
	}
	for _, m := range strings.FieldsFunc(q.Members, func(r rune) bool { return r == ',' }) {
		login, rank, _ := strings.Cut(strings.TrimSpace(m), ":")
		member := configs.SiteMember{Login: login}
		if rank != "" {
			if _, err := fmt.Sscanf(rank, "%d", &member.Rank); err != nil {
				return fmt.Errorf("--members: rank %q of %s is not a number", rank, login)
			}
		}
		s.Members = append(s.Members, member)
	}
	return e.withStore(func(ctx context.Context, c *configs.Config, st *store.Store) error {
		logins, err := loginIDs(ctx, st)
		if err != nil {
			return err
		}
		if q.Members == "" {
			if s.Members, err = membersOf(ctx, st, s.Name, logins); err != nil {
				return err
			}
		}
		_, err = applyQueues(ctx, st, configs.Site{Queues: []configs.SiteQueue{s}}, c, logins)
		return err
	})
}

func loginIDs(ctx context.Context, st *store.Store) (map[string]account.ID, error) {
	users, err := st.Users(ctx)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]account.ID, len(users))
	for _, u := range users {
		ids[u.Login] = u.ID
	}
	return ids, nil
}

// membersOf are the members that a queue has, by login.
func membersOf(ctx context.Context, st *store.Store, name string, logins map[string]account.ID) ([]configs.SiteMember, error) {
	q, err := queueNamed(ctx, st, name)
	if err != nil || q == nil {
		return nil, err
	}
	byID := make(map[account.ID]string, len(logins))
	for login, id := range logins {
		byID[id] = login
	}
	var out []configs.SiteMember
	for _, m := range q.Members {
		out = append(out, configs.SiteMember{Login: byID[m.Agent], Rank: m.Rank})
	}
	return out, nil
}

func queueNamed(ctx context.Context, st *store.Store, name string) (*queue.QueueConfig, error) {
	queues, err := st.Queues(ctx)
	if err != nil {
		return nil, err
	}
	for _, q := range queues {
		if q.Name == strings.ToLower(name) {
			return &q, nil
		}
	}
	return nil, nil
}

type queueRemoveCmd struct {
	Name string `arg:"" help:"Name of the queue."`
}

// Run removes a queue.
func (r queueRemoveCmd) Run(e *env) error {
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		q, err := queueNamed(ctx, st, r.Name)
		if err != nil {
			return err
		}
		if q == nil {
			return fmt.Errorf("no queue %q", r.Name)
		}
		return st.DeleteQueue(ctx, q.ID)
	})
}

type trunkCmd struct {
	List   trunkListCmd   `cmd:"" help:"List the trunks."`
	Set    trunkSetCmd    `cmd:"" help:"Make or change a trunk."`
	Remove trunkRemoveCmd `cmd:"" help:"Remove a trunk."`
}

type trunkListCmd struct{}

// Run lists the trunks.
func (trunkListCmd) Run(e *env) error {
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		trunks, err := st.Trunks(ctx)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tHOST\tTRANSPORT\tUSERNAME\tPREFIXES")
		for _, k := range trunks {
			fmt.Fprintf(t, "%s\t%s:%d\t%s\t%s\t%s\n", k.Name, k.Host, k.Port, k.Transport, k.Username, strings.Join(k.Prefixes, ","))
		}
		return t.Flush()
	})
}

type trunkSetCmd struct {
	Name      string   `arg:"" help:"Name of the trunk."`
	Host      string   `required:"" help:"Host or host:port."`
	Transport string   `default:"udp" enum:"udp,tcp,tls" help:"udp, tcp or tls."`
	Username  string   `help:"User of its challenges."`
	Password  string   `help:"Password of its challenges." env:"PICKUP_TRUNK_PASSWORD"`
	Prefixes  []string `help:"Beginnings of E.164 numbers that leave by it."`
	Networks  []string `help:"Networks its calls come from."`
}

// Run makes or changes a trunk.
func (t trunkSetCmd) Run(e *env) error {
	site := configs.Site{Trunks: []configs.SiteTrunk{{
		Name: t.Name, Host: t.Host, Transport: t.Transport, Username: t.Username, Password: t.Password,
		Prefixes: t.Prefixes, Networks: t.Networks,
	}}}
	if err := site.Check(); err != nil {
		return err
	}
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		return applyTrunks(ctx, st, site)
	})
}

type trunkRemoveCmd struct {
	Name string `arg:"" help:"Name of the trunk."`
}

// Run removes a trunk.
func (r trunkRemoveCmd) Run(e *env) error {
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		trunks, err := st.Trunks(ctx)
		if err != nil {
			return err
		}
		for _, t := range trunks {
			if t.Name == r.Name {
				return st.DeleteTrunk(ctx, t.ID)
			}
		}
		return fmt.Errorf("no trunk %q", r.Name)
	})
}
