package configs

import (
	_ "embed" // the demonstration is shipped in the binary
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed demo-site.yaml
var demoSiteYAML []byte

//go:embed menus.yaml
var demoMenusYAML []byte

//go:embed site.example.yaml
var exampleSiteYAML []byte

// Site is what a site file describes: the objects of a call centre, in plain
// words. cmd stores them. The zero value describes nothing.
type Site struct {
	Queues []SiteQueue `koanf:"queues"`
	Users  []SiteUser  `koanf:"users"`
	Trunks []SiteTrunk `koanf:"trunks"`
	Hours  []SiteHours `koanf:"hours"`
	Menus  []SiteMenu  `koanf:"menus"`

	Mailboxes []SiteMailbox `koanf:"mailboxes"`

	Callbacks *SiteCallbacks `koanf:"callbacks"` // nil: what is stored stays
}

// SiteQueue is one queue. ParseSite sets Target, TargetPercent and Members
// where the file leaves them to a default.
type SiteQueue struct {
	Name          string            `koanf:"name"`  // lower case, as it is dialled
	Title         map[string]string `koanf:"title"` // by language
	Greeting      string            `koanf:"greeting"`
	Disabled      bool              `koanf:"disabled"`
	Target        time.Duration     `koanf:"target"`         // 30s where left out
	TargetPercent int               `koanf:"target_percent"` // 80 where left out
	MaxWait       time.Duration     `koanf:"max_wait"`       // 0: queue.max_wait
	MaxLength     int               `koanf:"max_length"`     // 0: queue.max_length
	WrapUp        time.Duration     `koanf:"wrap_up"`        // 0: none
	CallerID      string            `koanf:"caller_id"`      // E.164 number that callbacks show by a trunk; "": the trunk's
	Strategy      string            `koanf:"strategy"`       // longest_idle where left out
	Hours         string            `koanf:"hours"`          // "": always open
	Everyone      bool              `koanf:"everyone"`       // every agent of the file is a member
	Members       []SiteMember      `koanf:"members"`
}

// Strategies returns the values of a queue's strategy, the default first.
func Strategies() []string {
	return []string{"longest_idle", "least_occupied", "fewest_calls", "round_robin", "linear", "weighted_random"}
}

// SiteMember is an agent of a queue.
type SiteMember struct {
	Login string `koanf:"login"`
	Rank  int    `koanf:"rank"` // lower is tried first
}

// SiteUser is a person. Password is in the clear, for cmd to hash.
type SiteUser struct {
	Login     string         `koanf:"login"`
	Name      string         `koanf:"name"`
	Role      string         `koanf:"role"`     // "agent", "supervisor", "reviewer", "admin"
	Language  string         `koanf:"language"` // "": the setting site.language
	Password  string         `koanf:"password"` // "": stays as it is, or none
	Disabled  bool           `koanf:"disabled"`
	AutoReady bool           `koanf:"auto_ready"` // ready when his first phone registers
	Skills    map[string]int `koanf:"skills"`     // level 1 to 5

	// Limits by channel: chat, email, social, web_form, ticket. A channel that is
	// not named stays as it is.
	Limits map[string]SiteLimit `koanf:"limits"`

	Demo bool // an account of the demonstration; no file can say so
}

// SiteLimit is what an agent takes of one channel at a time. What is not said is
// the default of the channel.
type SiteLimit struct {
	Max    *int `koanf:"max"`    // active at a time; 0: none of this channel
	Parked *int `koanf:"parked"` // set aside at a time, 0 to 50
	Weight *int `koanf:"weight"` // of 100, his capacity
}

// SiteTrunk is a line to a carrier.
type SiteTrunk struct {
	Name      string        `koanf:"name"`
	Host      string        `koanf:"host"`      // host or host:port
	Transport string        `koanf:"transport"` // "udp", "tcp", "tls", "auto"; "" is "udp"
	Username  string        `koanf:"username"`
	Password  string        `koanf:"password"`
	Realm     string        `koanf:"realm"`            // whose challenges are answered; "": those of any
	FromUser  string        `koanf:"from_user"`        // user part of From of our calls; "": the caller ID of the queue
	Register  bool          `koanf:"register"`         // we register there; needs username
	Expires   time.Duration `koanf:"expires"`          // that we ask for, 1m to 24h; 0: 1h
	Probe     time.Duration `koanf:"probe"`            // between two OPTIONS, 5s to 1h; 0: none
	Rank      int           `koanf:"rank"`             // lower is tried first; equal: by name
	Networks  []string      `koanf:"networks"`         // sources that are this trunk
	MaxCalls  int           `koanf:"max_calls"`        // at one time, both directions; 0: no limit
	Rate      float64       `koanf:"calls_per_second"` // new ones, both directions; 0: no limit
	Prefixes  []string      `koanf:"prefixes"`         // E.164 beginnings that may be dialled
	Denied    []string      `koanf:"denied"`           // E.164 beginnings that may not
	Numbers   []SiteNumber  `koanf:"numbers"`
	Disabled  bool          `koanf:"disabled"`
}

// SiteNumber leads a dialled number to a queue or a menu.
type SiteNumber struct {
	Number   string `koanf:"number"` // E.164
	To       string `koanf:"to"`
	Language string `koanf:"language"` // "": not known from the number
}

// SiteHours are opening hours.
type SiteHours struct {
	Name     string              `koanf:"name"`
	TimeZone string              `koanf:"time_zone"` // "": the setting site.time_zone
	Days     map[string][]string `koanf:"days"`      // "mon" to "sun": "09:00-18:00"
	Closed   []string            `koanf:"closed"`    // "2026-12-25"

	// Callbacks says that callbacks are dialled within these hours only.
	Callbacks bool `koanf:"callbacks"`
}

// SiteMenu is a choice by keys in front of the queues.
type SiteMenu struct {
	Name        string            `koanf:"name"`
	Prompt      string            `koanf:"prompt"`
	Keys        map[string]string `koanf:"keys"`         // "0" to "9", "*", "#" to queue
	LanguageKey string            `koanf:"language_key"` // "": none
	Default     string            `koanf:"default"`      // queue when nothing is pressed twice
	Wait        time.Duration     `koanf:"wait"`         // 5s where left out
}

// LoadSite reads and checks a site file. Faults are Faults and name the path
// of each value, as queues[2].target.
func LoadSite(path string) (Site, error) {
	raw, err := readFile(path)
	if err != nil {
		return Site{}, fmt.Errorf("read site file %s: %w", path, err)
	}
	return decodeSite(raw)
}

// ParseSite is LoadSite of a text.
func ParseSite(data []byte) (Site, error) {
	raw, err := readYAML(data)
	if err != nil {
		return Site{}, fmt.Errorf("read site: %w", err)
	}
	return decodeSite(raw)
}

// ExampleSite returns a commented site file to begin with.
func ExampleSite() []byte { return slices.Clone(exampleSiteYAML) }

func decodeSite(raw map[string]any) (Site, error) {
	var s Site
	d := decoder{}
	if raw != nil {
		d.value("", raw, reflect.ValueOf(&s).Elem())
	}
	s.complete()
	if err := append(d.faults, s.check()...).err(); err != nil {
		return Site{}, err
	}
	return s, nil
}

// complete sets what the file leaves to a default.
func (s *Site) complete() {
	for i := range s.Queues {
		q := &s.Queues[i]
		q.Name = strings.ToLower(q.Name)
		if q.Target == 0 {
			q.Target = 30 * time.Second
		}
		if q.TargetPercent == 0 {
			q.TargetPercent = 80
		}
		if q.Everyone {
			s.everyone(q)
		}
	}
	for i := range s.Trunks {
		if s.Trunks[i].Transport == "" {
			s.Trunks[i].Transport = "udp"
		}
	}
	s.completeMailboxes()
	for i := range s.Menus {
		m := &s.Menus[i]
		m.Name = strings.ToLower(m.Name)
		if m.Wait == 0 {
			m.Wait = 5 * time.Second
		}
	}
}

// everyone makes every agent a member who is none yet.
func (s *Site) everyone(q *SiteQueue) {
	named := make(map[string]bool, len(q.Members))
	for _, m := range q.Members {
		named[m.Login] = true
	}
	for _, u := range s.Users {
		if u.Role == "agent" && !named[u.Login] {
			q.Members = append(q.Members, SiteMember{Login: u.Login})
		}
	}
}

// DemoSite returns the demonstration with so many agents (1001 on), who get
// wrapUp after each call and, with autoReady, are ready when their first phone
// registers. Every account is marked Demo.
func DemoSite(agents int, wrapUp time.Duration, autoReady bool) Site {
	s, err := demoSite(agents)
	if err != nil {
		return Site{} // impossible in a tested build: both files are embedded
	}
	for i := range s.Queues {
		s.Queues[i].WrapUp = wrapUp
	}
	for i := range s.Users {
		s.Users[i].Demo = true
		s.Users[i].AutoReady = autoReady && s.Users[i].Role == "agent"
	}
	return s
}

func demoSite(agents int) (Site, error) {
	raw, err := readYAML(demoSiteYAML)
	if err != nil {
		return Site{}, err
	}
	menus, err := readYAML(demoMenusYAML)
	if err != nil {
		return Site{}, err
	}
	raw["menus"] = menus["menus"]
	users, _ := raw["users"].([]any)
	raw["users"] = expand(users, agents)
	return decodeSite(raw)
}

// specialist names the key of an entry that only the first agents have: "skills"
// of the specialists among them.
const specialist = "skills"

// expand writes each entry whose login is "{n}" as often as there are agents. Its
// skills are those of the first three only, so that a matter that asks for one
// goes to somebody in particular.
func expand(users []any, agents int) []any {
	var out []any
	for _, u := range users {
		entry, ok := u.(map[string]any)
		if login, _ := entry["login"].(string); !ok || !strings.Contains(login, "{n}") {
			out = append(out, u)
			continue
		}
		for n := 1001; n <= 1000+agents; n++ {
			one := make(map[string]any, len(entry))
			for k, v := range entry {
				if s, ok := v.(string); ok {
					v = strings.ReplaceAll(s, "{n}", strconv.Itoa(n))
				}
				if k != specialist || n <= 1003 {
					one[k] = v
				}
			}
			out = append(out, one)
		}
	}
	return out
}
