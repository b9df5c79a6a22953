package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"pickup/callflow"
	"pickup/configs"
	"pickup/internal/id"
	"pickup/store"
)

type trunkCmd struct {
	List   trunkListCmd   `cmd:"" help:"List the trunks."`
	Set    trunkSetCmd    `cmd:"" help:"Make a trunk, or change what is named of it."`
	Remove trunkRemoveCmd `cmd:"" help:"Remove a trunk."`
}

func trunks() listing[store.Trunk] {
	return listing[store.Trunk]{
		kind: "trunk", columns: []string{"NAME", "HOST", "TRANSPORT", "USERNAME", "REGISTER", "RANK", "PREFIXES", "DENIED", "NETWORKS", "MAX CALLS", "CALLS/S", "DISABLED", "NUMBERS"},
		all: (*store.Store).Trunks,
		row: func(t store.Trunk) []any {
			var numbers []string
			for _, n := range t.Numbers {
				numbers = append(numbers, writeNumber(n))
			}
			return []any{
				t.Name, fmt.Sprintf("%s:%d", t.Host, t.Port), t.Transport, t.Username, t.Register, t.Rank, strings.Join(t.Prefixes, ","),
				strings.Join(t.Denied, ","), strings.Join(t.Networks, ","), t.MaxCalls, t.Rate, t.Disabled, strings.Join(numbers, " "),
			}
		},
		key: func(t store.Trunk) (id, name string) { return t.ID, t.Name },
	}
}

type trunkListCmd struct{}

// Run lists the trunks.
func (trunkListCmd) Run(e *env) error { return trunks().print(e) }

type trunkSetCmd struct {
	Name      string         `arg:"" help:"Name of the trunk."`
	Host      *string        `help:"Host or host:port; a new trunk needs it."`
	Transport *string        `help:"udp, tcp, tls, or auto: the domain says which (NAPTR, SRV); a new trunk has udp without it."`
	Username  *string        `help:"User of its challenges, and account to register."`
	Password  *string        `help:"Password of its challenges." env:"PICKUP_TRUNK_PASSWORD"`
	Realm     *string        `help:"The only realm whose challenges are answered; empty: any."`
	FromUser  *string        `help:"User part of From of our calls; empty: the caller ID of the queue."`
	Register  *bool          `negatable:"" help:"Register our address there."`
	Expires   *time.Duration `help:"What the registration asks for, 1m to 24h; 0: 1h."`
	Probe     *time.Duration `help:"How often OPTIONS asks whether it is there, 5s to 1h; 0: never."`
	Rank      *int           `help:"Lower is tried first."`
	Prefixes  *[]string      `help:"Beginnings of E.164 numbers that leave by it; empty: all."`
	Denied    *[]string      `help:"Beginnings of E.164 numbers that do not, whatever --prefixes says."`
	Networks  *[]string      `help:"Networks its calls come from, beside its host."`
	MaxCalls  *int           `help:"Calls at one time, in and out; 0: no limit."`
	Rate      *float64       `name:"calls-per-second" help:"New calls, in and out; 0: no limit."`
	Disabled  *bool          `negatable:"" help:"Refuse its calls and do not call it."`
	Numbers   *[]string      `help:"Numbers that lead to a queue or a menu, all of them, as +33123456789=support or +33123456789=support:fr."`
}

// Run makes or changes a trunk.
func (t trunkSetCmd) Run(e *env) error {
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		stored, _, err := trunks().named(ctx, st, t.Name)
		if err != nil {
			return err
		}
		s := siteTrunk(stored)
		if s.Name == "" {
			s.Name = t.Name
		}
		if err := t.change(&s); err != nil {
			return err
		}
		site := configs.Site{Trunks: []configs.SiteTrunk{s}}
		if err := addDestinations(ctx, st, &site); err != nil {
			return err
		}
		if err := site.Check(); err != nil {
			return err
		}
		return applyTrunks(ctx, st, site)
	})
}

// change sets what the command names.
func (t trunkSetCmd) change(s *configs.SiteTrunk) error {
	set(&s.Host, t.Host)
	set(&s.Transport, t.Transport)
	set(&s.Username, t.Username)
	set(&s.Password, t.Password)
	set(&s.Realm, t.Realm)
	set(&s.FromUser, t.FromUser)
	set(&s.Register, t.Register)
	set(&s.Expires, t.Expires)
	set(&s.Probe, t.Probe)
	set(&s.Rank, t.Rank)
	set(&s.Rate, t.Rate)
	set(&s.Denied, t.Denied)
	set(&s.Prefixes, t.Prefixes)
	set(&s.Networks, t.Networks)
	set(&s.MaxCalls, t.MaxCalls)
	set(&s.Disabled, t.Disabled)
	if t.Numbers == nil {
		return nil
	}
	s.Numbers = nil
	for _, text := range *t.Numbers {
		number, to, ok := strings.Cut(text, "=")
		if !ok {
			return fmt.Errorf("--numbers: %q is not NUMBER=QUEUE or NUMBER=QUEUE:LANGUAGE", text)
		}
		to, language, _ := strings.Cut(to, ":")
		s.Numbers = append(s.Numbers, configs.SiteNumber{Number: number, To: to, Language: language})
	}
	return nil
}

func writeNumber(n store.Number) string {
	if n.Language == "" {
		return n.Number + "=" + n.To
	}
	return n.Number + "=" + n.To + ":" + n.Language
}

// siteTrunk is a stored trunk as a site file would describe it.
func siteTrunk(t store.Trunk) configs.SiteTrunk {
	s := configs.SiteTrunk{
		Name: t.Name, Host: t.Host, Transport: t.Transport, Username: t.Username, Password: t.Password, Networks: t.Networks,
		MaxCalls: t.MaxCalls, Prefixes: t.Prefixes, Disabled: t.Disabled, Realm: t.Realm, FromUser: t.FromUser, Register: t.Register,
		Expires: t.Expires, Probe: t.Probe, Rank: t.Rank, Rate: t.Rate, Denied: t.Denied,
	}
	if s.Transport == "" {
		s.Transport = "udp"
	}
	if t.Port != 0 {
		s.Host = net.JoinHostPort(t.Host, strconv.Itoa(t.Port))
	}
	for _, n := range t.Numbers {
		s.Numbers = append(s.Numbers, configs.SiteNumber(n))
	}
	return s
}

// addDestinations names in site what numbers may lead to, the stored queues and
// menus, as queues: they are dialled in the same way.
func addDestinations(ctx context.Context, st *store.Store, site *configs.Site) error {
	all, err := st.Queues(ctx)
	if err != nil {
		return err
	}
	menus := map[string]callflow.Menu{}
	if err := getJSON(ctx, st, metaMenus, &menus); err != nil {
		return err
	}
	names := slices.Collect(maps.Keys(menus))
	for _, q := range all {
		names = append(names, q.Name)
	}
	for _, name := range names {
		site.Queues = append(site.Queues, configs.SiteQueue{Name: name, Target: time.Second, TargetPercent: 100})
	}
	return nil
}

type trunkRemoveCmd struct {
	Name string `arg:"" help:"Name of the trunk."`
}

// Run removes a trunk.
func (r trunkRemoveCmd) Run(e *env) error { return trunks().on(e, r.Name, (*store.Store).DeleteTrunk) }

func applyTrunks(ctx context.Context, st *store.Store, site configs.Site) error {
	have, err := st.Trunks(ctx)
	if err != nil {
		return err
	}
	ids := map[string]string{}
	for _, t := range have {
		ids[t.Name] = t.ID
	}
	for _, s := range site.Trunks {
		t, err := storeTrunk(s)
		if err != nil {
			return err
		}
		if t.ID = ids[s.Name]; t.ID == "" {
			t.ID = id.New()
		}
		err = st.UpsertTrunk(ctx, t)
		if errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("trunks[%s].numbers: one of them belongs to another trunk: %w", s.Name, err)
		}
		if err != nil {
			return fmt.Errorf("store trunk %s: %w", s.Name, err)
		}
	}
	return nil
}

// storeTrunk is a trunk of a site file as it is stored, without its id.
func storeTrunk(s configs.SiteTrunk) (store.Trunk, error) {
	host, port := s.Host, 0
	if h, p, err := net.SplitHostPort(s.Host); err == nil {
		host = h
		if port, err = strconv.Atoi(p); err != nil {
			return store.Trunk{}, fmt.Errorf("trunks[%s].host: port %q is not a number", s.Name, p)
		}
	}
	t := store.Trunk{
		Name: s.Name, Host: host, Port: port, Transport: s.Transport, Username: s.Username, Password: s.Password,
		Prefixes: s.Prefixes, Networks: s.Networks, MaxCalls: s.MaxCalls, Disabled: s.Disabled, Realm: s.Realm, FromUser: s.FromUser,
		Register: s.Register, Expires: s.Expires, Probe: s.Probe, Rank: s.Rank, Rate: s.Rate, Denied: s.Denied,
	}
	for _, n := range s.Numbers {
		t.Numbers = append(t.Numbers, store.Number(n))
	}
	return t, nil
}
