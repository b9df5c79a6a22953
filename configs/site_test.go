package configs_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/configs"
)

func TestTheDemonstrationIsTheContract(t *testing.T) {
	s := configs.DemoSite(3, 7*time.Second, true)
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, q := range s.Queues {
		names = append(names, q.Name)
		if q.Target != 30*time.Second || q.WrapUp != 7*time.Second || q.Title["fr"] == "" || q.Title["en"] == "" || q.Disabled {
			t.Errorf("queue %+v", q)
		}
		if want := []configs.SiteMember{{Login: "1001"}, {Login: "1002"}, {Login: "1003"}}; !slices.Equal(q.Members, want) {
			t.Errorf("%s: members %v, want %v", q.Name, q.Members, want)
		}
	}
	if want := []string{"support", "payments", "security", "verification"}; !slices.Equal(names, want) {
		t.Errorf("queues %q, want %q", names, want)
	}
	roles := map[string]string{"1001": "agent", "1002": "agent", "1003": "agent", "2001": "supervisor", "3001": "reviewer", "admin": "admin"}
	for _, u := range s.Users {
		if u.Role != roles[u.Login] || u.Password != "demo-"+u.Login || !u.Demo || u.AutoReady != (u.Role == "agent") {
			t.Errorf("user %+v", u)
		}
		delete(roles, u.Login)
	}
	if len(roles) != 0 {
		t.Errorf("missing users: %v", roles)
	}
	want := []configs.SiteMenu{{
		Name: "welcome", Prompt: "menu.welcome", LanguageKey: "9", Default: "support", Wait: 5 * time.Second,
		Keys: map[string]string{"1": "support", "2": "payments", "3": "security", "4": "verification"},
	}}
	if !reflect.DeepEqual(s.Menus, want) {
		t.Errorf("menus %+v, want %+v", s.Menus, want)
	}
	if got := len(configs.DemoSite(999, 0, false).Users); got != 999+3 {
		t.Errorf("got %d users, want %d", got, 999+3)
	}
	if u := configs.DemoSite(1, 0, false).Users[0]; u.AutoReady {
		t.Errorf("auto_ready is off, but %+v", u)
	}
}

func TestTheExampleIsAGoodSite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "site.yaml")
	if err := os.WriteFile(path, configs.ExampleSite(), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := configs.LoadSite(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Queues[1].Members; !slices.Equal(got, []configs.SiteMember{{Login: "alice"}, {Login: "bruno"}}) {
		t.Errorf("everyone: got %v", got)
	}
	for _, u := range s.Users {
		if u.Demo {
			t.Errorf("a file makes the demonstration account %s", u.Login)
		}
	}
	if got := s.Hours[0].Closed[0]; got != "2026-12-25" {
		t.Errorf("closed: got %q", got)
	}
	if _, err := configs.LoadSite(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want not found", err)
	}
}

func TestSiteFaultsNameTheirPath(t *testing.T) {
	const users = "users: [{login: a, role: agent}]\n"
	const queue = "queues: [{name: q}]\n"
	tests := map[string]struct{ text, want string }{
		"an unknown field":        {"queues: [{name: q, targt: 3s}]", "queues[0].targt: no such setting; the nearest is queues[0].target"},
		"an unknown section":      {"queue: []", "queue: no such setting; the nearest is queues"},
		"a name that is no name":  {"queues: [{name: 'a b'}]", `queues[0].name: "a b": must be 1 to 64`},
		"two of one name":         {"queues: [{name: Q}, {name: q}]", `queues[1].name: "q": is the name of queues[0] already`},
		"a login like a queue":    {users + "queues: [{name: A}]", `users[0].login: "a": is the name of queues[0] already`},
		"a target of a day":       {"queues: [{name: q, target: 24h}]", "queues[0].target: 24h0m0s: must be 1s to 1h"},
		"a strategy that is none": {"queues: [{name: q, strategy: nobody}]", `queues[0].strategy: "nobody": must be one of longest_idle`},
		"a member who is nobody":  {"queues: [{name: q, members: [{login: x}]}]", `queues[0].members[0].login: "x": must be a login`},
		"a member twice":          {users + "queues: [{name: q, members: [{login: a}, {login: a}]}]", `queues[0].members[1].login: "a": is a member already`},
		"hours that are nowhere":  {"queues: [{name: q, hours: night}]", `queues[0].hours: "night": must be a name under hours`},
		"a title in German":       {"queues: [{name: q, title: {de: x}}]", `queues[0].title: "de": must be one of`},
		"a greeting unspoken":     {"queues: [{name: q, greeting: nix}]", `queues[0].greeting: "nix": must be the id of a prompt`},
		"a role that is none":     {"users: [{login: a, role: boss}]", `users[0].role: "boss": must be one of agent`},
		"a short password":        {"users: [{login: a, role: agent, password: secret}]", `users[0].password: "****": must be 8 to 200`},
		"a skill of level nine":   {"users: [{login: a, role: agent, skills: {fr: 9}}]", "users[0].skills.fr: 9: must be 1 to 5"},
		"a limit of calls":        {"users: [{login: a, role: agent, limits: {call: {max: 2}}}]", "users[0].limits.call: must be left out: a call is exclusive"},
		"a limit of pigeons":      {"users: [{login: a, role: agent, limits: {pigeon: {max: 2}}}]", `users[0].limits.pigeon: "pigeon": must be one of chat`},
		"a limit below none":      {"users: [{login: a, role: agent, limits: {chat: {max: -1}}}]", "users[0].limits.chat.max: -1: must be 0 to 100"},
		"too many set aside":      {"users: [{login: a, role: agent, limits: {email: {parked: 51}}}]", "users[0].limits.email.parked: 51: must be 0 to 50"},
		"an item of no weight":    {"users: [{login: a, role: agent, limits: {email: {weight: 0}}}]", "users[0].limits.email.weight: 0: must be 1 to 100"},
		"a demo account by file":  {"users: [{login: a, role: agent, demo: true}]", "users[0].demo: no such setting"},
		"a menu to nowhere":       {queue + `menus: [{name: m, prompt: menu.welcome, keys: {"1": z}, default: q}]`, `menus[0].keys.1: "z": must be a name under queues`},
		"a menu without default":  {queue + `menus: [{name: m, prompt: menu.welcome, keys: {"1": q}}]`, `menus[0].default: "": must be a name under queues`},
		"a key that is no key":    {queue + `menus: [{name: m, prompt: menu.welcome, keys: {"12": q}, default: q}]`, `menus[0].keys: "12": must be one key`},
		"a language key in use":   {queue + `menus: [{name: m, prompt: menu.welcome, keys: {"1": q}, language_key: "1", default: q}]`, `menus[0].language_key: "1": is a key of a queue already`},
		"hours that end early":    {"hours: [{name: h, days: {mon: ['18:00-09:00']}}]", `hours[0].days.mon[0]: "18:00-09:00": must be two times`},
		"a day that is none":      {"hours: [{name: h, days: {monday: []}}]", `hours[0].days: "monday": must be one of mon`},
		"hours that overlap":      {"hours: [{name: h, days: {mon: ['09:00-12:00', '11:00-18:00']}}]", `hours[0].days.mon[1]: "11:00-18:00": overlaps another`},
		"a holiday twice":         {"hours: [{name: h, closed: ['2026-12-25', '2026-12-25']}]", `hours[0].closed[1]: "2026-12-25": is closed already`},
		"two hours of callbacks":  {"hours: [{name: a, callbacks: true}, {name: b, callbacks: true}]", "hours[1].callbacks: true: hours[0] are the hours of callbacks already"},
		"hours without a name":    {"hours: [{days: {}}]", `hours[0].name: "": must be 1 to 64`},
		"a trunk that registers":  {"trunks: [{name: t, host: h, register: true}]", "trunks[0].register: true: needs username"},
		"a number of two trunks":  {queue + "trunks: [{name: t, host: h, numbers: [{number: '+33123456789', to: q}]}, {name: u, host: h, numbers: [{number: '+33123456789', to: q}]}]", `trunks[1].numbers[0].number: "+33123456789": is the number of trunks[0].numbers[0] already`},
		"a holiday that is none":  {"hours: [{name: h, closed: [Christmas]}]", `hours[0].closed[0]: "Christmas": must be a day`},
		"an expiry of nothing":    {"trunks: [{name: t, host: h, username: u, register: true, expires: 5s}]", `trunks[0].expires: 5s: must be 1m to 24h`},
		"a probe too often":       {"trunks: [{name: t, host: h, probe: 1s}]", `trunks[0].probe: 1s: must be 5s to 1h`},
		"a rate below nothing":    {"trunks: [{name: t, host: h, calls_per_second: -1}]", "trunks[0].calls_per_second: -1: must be from 0 to 10000"},
		"a realm that breaks out": {"trunks: [{name: t, host: h, realm: 'a\"b'}]", "trunks[0].realm"},
		"a denied number":         {"trunks: [{name: t, host: h, denied: ['0033']}]", `trunks[0].denied[0]: "0033": must begin with +`},
		"a rank of a trunk":       {"trunks: [{name: t, host: h, rank: 1001}]", "trunks[0].rank: 1001"},
		"a caller ID of nobody":   {"queues: [{name: q, caller_id: '0123'}]", `queues[0].caller_id: "0123": must be an E.164`},
		"a trunk without host":    {"trunks: [{name: t}]", `trunks[0].host: "": must name the carrier's server`},
		"a trunk by pigeon":       {"trunks: [{name: t, host: h, transport: pigeon}]", `trunks[0].transport: "pigeon": must be one of`},
		"a number without plus":   {queue + "trunks: [{name: t, host: h, numbers: [{number: '0123', to: q}]}]", `trunks[0].numbers[0].number: "0123": must be an E.164`},
		"a number to nowhere":     {"trunks: [{name: t, host: h, numbers: [{number: '+33123456789', to: q}]}]", `trunks[0].numbers[0].to: "q": must be a name`},
		"a network without width": {"trunks: [{name: t, host: h, networks: [10.0.0.1]}]", `trunks[0].networks[0]: "10.0.0.1": must be a network`},
		"a list that is a word":   {"queues: all", `queues: "all": must be a list`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := configs.ParseSite([]byte(test.text))
			var faults configs.Faults
			if !errors.As(err, &faults) || len(faults) != 1 || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want one fault %q", err, test.want)
			}
		})
	}
}

func TestAnEmptySiteIsASite(t *testing.T) {
	if _, err := configs.ParseSite(nil); err != nil {
		t.Error(err)
	}
}

func FuzzParseSite(f *testing.F) {
	f.Add(configs.ExampleSite())
	f.Add([]byte("queues: [{name: q, everyone: true}]\nusers: [{login: a, role: agent}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := configs.ParseSite(data)
		if err == nil && s.Check() != nil {
			t.Errorf("parsed, but Check says %v", s.Check())
		}
	})
}

func TestTheFirstThreeAgentsOfTheDemonstrationAreSpecialists(t *testing.T) {
	skilled := 0
	for _, u := range configs.DemoSite(10, 0, true).Users {
		if len(u.Skills) > 0 {
			skilled++
			if u.Login > "1003" || u.Skills["security"] != 3 {
				t.Errorf("%s has skills %v", u.Login, u.Skills)
			}
		}
	}
	if skilled != 3 {
		t.Errorf("%d specialists", skilled)
	}
}
