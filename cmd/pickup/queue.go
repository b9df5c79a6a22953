package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pickup/account"
	"pickup/configs"
	"pickup/queue"
	"pickup/store"
)

type queueCmd struct {
	List   queueListCmd   `cmd:"" help:"List the queues."`
	Set    queueSetCmd    `cmd:"" help:"Make a queue, or change what is named of it."`
	Remove queueRemoveCmd `cmd:"" help:"Remove a queue."`
}

func queues() listing[queue.QueueConfig] {
	return listing[queue.QueueConfig]{
		kind: "queue", columns: []string{"NAME", "ENABLED", "TARGET", "PERCENT", "WRAP-UP", "MAX WAIT", "MAX LENGTH", "STRATEGY", "MEMBERS"},
		all: (*store.Store).Queues,
		row: func(q queue.QueueConfig) []any {
			return []any{q.Name, q.Enabled, q.Target, q.TargetPercent, q.WrapUp, q.MaxWait, q.MaxLength, q.Strategy.OrDefault(), len(q.Members)}
		},
		key: func(q queue.QueueConfig) (id, name string) { return q.ID, q.Name },
	}
}

// orNever turns the 0 of the settings, for never and none, into that of the queue.
func orNever(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// queueRules are the rules of the queue that the settings ask for.
func queueRules(c *configs.Config) queue.Config {
	return queue.Config{
		RingTime: c.Queue.RingTime, ShortAbandon: c.Queue.ShortAbandon, MaxMissed: orNever(c.Queue.MaxMissed),
		OverduePercent: max(1, c.Queue.OverdueShare), // one agent at least
		ReservePercent: orNever(c.Queue.Reserve), ChatSoftLimit: orNever(c.Queue.ChatSoftLimit),
		Placement: queue.Placement(c.Queue.Placement), Order: queue.Order(c.Queue.Order), KeepsWriting: !c.Queue.Interrupt,
	}
}

type queueListCmd struct{}

// Run lists the queues with their hours.
func (queueListCmd) Run(e *env) error {
	l := queues()
	names := map[string]string{}
	l.all = func(st *store.Store, ctx context.Context) ([]queue.QueueConfig, error) {
		all, err := st.Hours(ctx)
		if err != nil {
			return nil, err
		}
		for _, h := range all {
			names[h.ID] = h.Name
		}
		return st.Queues(ctx)
	}
	row := l.row
	l.columns = append(l.columns, "HOURS")
	l.row = func(q queue.QueueConfig) []any { return append(row(q), names[q.HoursID]) }
	return l.print(e)
}

type queueSetCmd struct {
	Name      string         `arg:"" help:"Name, as it is dialled."`
	Target    *time.Duration `help:"Answer target; a new queue has 30s without it."`
	Percent   *int           `help:"Share of calls to be answered within the target; a new queue has 80 without it."`
	WrapUp    *time.Duration `help:"Timed wrap-up after a call."`
	MaxWait   *time.Duration `help:"Longest wait; 0: queue.max_wait."`
	MaxLength *int           `help:"Most entries; 0: queue.max_length."`
	Strategy  *string        `help:"Who gets a call: longest_idle, least_occupied, fewest_calls, round_robin, linear, weighted_random, most_skilled, ring_all or progressive; a new queue has longest_idle."`
	Require   *string        `help:"Skills of who answers, as 'payments 3, chat 2? | vip'; empty: none."`
	Language  *int           `help:"Level of the skill language:fr of who answers a caller in French, 1 to 5; 0: whoever."`
	CallerID  *string        `help:"E.164 number that callbacks show by a trunk; empty: that of the trunk."`
	Disabled  *bool          `negatable:"" help:"Take no calls."`
	Hours     *string        `help:"Name of its opening hours; empty: always open."`
	Members   string         `help:"Logins of its agents, comma-separated, in the order in which they are tried as LOGIN or LOGIN:RANK."`
}

// Run makes or changes a queue.
func (q queueSetCmd) Run(e *env) error {
	members, err := parseMembers(q.Members)
	if err != nil {
		return err
	}
	return e.withStore(func(ctx context.Context, c *configs.Config, st *store.Store) error {
		logins, err := loginIDs(ctx, st)
		if err != nil {
			return err
		}
		s, err := storedQueue(ctx, st, q.Name, logins)
		if err != nil {
			return err
		}
		q.change(&s)
		if q.Members != "" {
			s.Members = members
		}
		site := configs.Site{Queues: []configs.SiteQueue{s}}
		if err := addServing(ctx, st, &site, logins); err != nil {
			return err
		}
		if err := site.Check(); err != nil {
			return err
		}
		_, err = applyQueues(ctx, st, site, c, logins)
		return err
	})
}

// addServing describes by name the users and hours that a queue may name, so
// that it can be checked alone.
func addServing(ctx context.Context, st *store.Store, site *configs.Site, logins map[string]account.ID) error {
	open, err := hoursIDs(ctx, st)
	if err != nil {
		return err
	}
	for name := range open {
		site.Hours = append(site.Hours, configs.SiteHours{Name: name})
	}
	for login := range logins {
		site.Users = append(site.Users, configs.SiteUser{Login: login, Role: string(account.RoleAgent)})
	}
	return nil
}

// change sets what the command names.
func (q queueSetCmd) change(s *configs.SiteQueue) {
	set(&s.Target, q.Target)
	set(&s.TargetPercent, q.Percent)
	set(&s.WrapUp, q.WrapUp)
	set(&s.MaxWait, q.MaxWait)
	set(&s.MaxLength, q.MaxLength)
	set(&s.Strategy, q.Strategy)
	set(&s.CallerID, q.CallerID)
	set(&s.Require, q.Require)
	set(&s.LanguageLevel, q.Language)
	set(&s.Disabled, q.Disabled)
	set(&s.Hours, q.Hours)
}

// set takes over a value that was named.
func set[T any](field, named *T) {
	if named != nil {
		*field = *named
	}
}

func parseMembers(text string) (all []configs.SiteMember, err error) {
	for _, m := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		login, rank, _ := strings.Cut(strings.TrimSpace(m), ":")
		member := configs.SiteMember{Login: login}
		if rank != "" {
			if _, err := fmt.Sscanf(rank, "%d", &member.Rank); err != nil {
				return nil, fmt.Errorf("--members: rank %q of %s is not a number", rank, login)
			}
		}
		all = append(all, member)
	}
	return all, nil
}

func loginIDs(ctx context.Context, st *store.Store) (map[string]account.ID, error) {
	all, err := st.Users(ctx)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]account.ID, len(all))
	for _, u := range all {
		ids[u.Login] = u.ID
	}
	return ids, nil
}

// storedQueue is a queue as a site file would describe it; a new one where there
// is none of the name.
func storedQueue(ctx context.Context, st *store.Store, name string, logins map[string]account.ID) (configs.SiteQueue, error) {
	q, ok, err := queues().named(ctx, st, name)
	if err != nil || !ok {
		return configs.SiteQueue{Name: strings.ToLower(name), Target: 30 * time.Second, TargetPercent: 80}, err
	}
	s := configs.SiteQueue{
		Name: q.Name, Title: q.Title, Disabled: !q.Enabled, Target: q.Target, TargetPercent: q.TargetPercent, MaxWait: q.MaxWait,
		MaxLength: q.MaxLength, WrapUp: q.WrapUp, Strategy: string(q.Strategy), CallerID: q.CallerID,
		Require: q.Require.String(), LanguageLevel: q.LanguageLevel, RelaxLevel: q.Relax.Level, RelaxOptional: q.Relax.Optional,
		RelaxLanguage: q.Relax.Language, RingMost: q.RingMost, RingStep: q.RingStep,
	}
	all, err := st.Hours(ctx)
	if err != nil {
		return s, err
	}
	for _, h := range all {
		if h.ID == q.HoursID {
			s.Hours = h.Name
		}
	}
	s.Overflow = siteOverflow(q.Overflow, all)
	byID := make(map[account.ID]string, len(logins))
	for login, id := range logins {
		byID[id] = login
	}
	for _, m := range q.Members {
		s.Members = append(s.Members, configs.SiteMember{Login: byID[m.Agent], Rank: m.Rank, Delay: m.Delay})
	}
	return s, nil
}

type queueRemoveCmd struct {
	Name string `arg:"" help:"Name of the queue."`
}

// Run removes a queue.
func (r queueRemoveCmd) Run(e *env) error { return queues().on(e, r.Name, (*store.Store).DeleteQueue) }
