package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Scenario is what pickup simulate runs where it has no past day: agents, what
// comes, and the rules. The zero value is nothing at all.
type Scenario struct {
	Length time.Duration    `koanf:"length"` // 8h where left out
	Seeds  int              `koanf:"seeds"`  // runs by chance; 1 where left out
	Rules  ScenarioRules    `koanf:"rules"`
	Queues []SiteQueue      `koanf:"queues"`
	Agents []ScenarioAgents `koanf:"agents"`
	Work   []ScenarioWork   `koanf:"work"`
}

// ScenarioRules are rules of the queue; what is left out is its default.
type ScenarioRules struct {
	Placement     string `koanf:"placement"` // "pack", "spread"
	Order         string `koanf:"order"`     // "classes", "arrival"
	Interrupt     *bool  `koanf:"interrupt"`
	Reserve       *int   `koanf:"reserve"`         // percent; 0: none
	ChatSoftLimit *int   `koanf:"chat_soft_limit"` // 0: none
}

// ScenarioAgents are some who are alike.
type ScenarioAgents struct {
	Name   string               `koanf:"name"` // beginning of their logins; "agent" where left out
	Count  int                  `koanf:"count"`
	Queues []string             `koanf:"queues"` // all where left out
	Skills map[string]int       `koanf:"skills"` // level 1 to 5
	Limits map[string]SiteLimit `koanf:"limits"` // by text channel
	From   time.Duration        `koanf:"from"`   // since the begin: when they come
	To     time.Duration        `koanf:"to"`     // and go; 0: they stay
	Phone  *bool                `koanf:"phone"`  // they take calls; true where left out
	Text   *bool                `koanf:"text"`   // they write; true where left out
}

// ScenarioWork is one stream of what comes.
type ScenarioWork struct {
	Queue    string         `koanf:"queue"`
	Channel  string         `koanf:"channel"` // "call" where left out
	PerHour  float64        `koanf:"per_hour"`
	Swing    float64        `koanf:"swing"` // 0 to 1: the rate goes up and down by this part of it
	Period   time.Duration  `koanf:"period"`
	Profile  []float64      `koanf:"profile"`  // factors by hour
	Priority *int           `koanf:"priority"` // 1 where left out
	Skills   map[string]int `koanf:"skills"`
	Handling ScenarioSpread `koanf:"handling"`
	Patience ScenarioSpread `koanf:"patience"` // left out: nobody gives up
	PickUp   ScenarioSpread `koanf:"pick_up"`
}

// ScenarioSpread is a distribution of times: Least, and a random part of Mean on it.
type ScenarioSpread struct {
	Least     time.Duration `koanf:"least"`
	Mean      time.Duration `koanf:"mean"`
	Shape     string        `koanf:"shape"`     // exponential where left out, lognormal, constant
	Deviation float64       `koanf:"deviation"` // of lognormal, over the mean; 1 where left out
}

// mostScenarioAgents and mostScenarioSeeds bound a run.
const (
	mostScenarioAgents = 10_000
	mostScenarioSeeds  = 1000
)

// LoadScenario reads a scenario from a YAML file.
func LoadScenario(path string) (Scenario, error) {
	raw, err := readFile(path)
	if err != nil {
		return Scenario{}, fmt.Errorf("read scenario %s: %w", path, err)
	}
	return decodeScenario(raw)
}

// ParseScenario is LoadScenario of a text.
func ParseScenario(data []byte) (Scenario, error) {
	raw, err := readYAML(data)
	if err != nil {
		return Scenario{}, fmt.Errorf("read scenario: %w", err)
	}
	return decodeScenario(raw)
}

func decodeScenario(raw map[string]any) (Scenario, error) {
	var s Scenario
	d := decoder{}
	if raw != nil {
		d.value("", raw, reflect.ValueOf(&s).Elem())
	}
	s.complete()
	if err := append(d.faults, s.check()...).err(); err != nil {
		return Scenario{}, err
	}
	return s, nil
}

// complete sets what is left to a default.
func (s *Scenario) complete() {
	if s.Length == 0 {
		s.Length = 8 * time.Hour
	}
	if s.Seeds == 0 {
		s.Seeds = 1
	}
	site := Site{Queues: s.Queues}
	site.complete()
	s.Queues = site.Queues
	for i := range s.Agents {
		if s.Agents[i].Name == "" {
			s.Agents[i].Name = "agent"
		}
	}
	for i := range s.Work {
		w := &s.Work[i]
		w.Queue = strings.ToLower(w.Queue)
		if w.Channel == "" {
			w.Channel = "call"
		}
		if w.Priority == nil {
			one := 1
			w.Priority = &one
		}
	}
}

// Check reports every fault of a scenario, as Faults, or nil.
func (s *Scenario) Check() error { return s.check().err() }

func (s *Scenario) check() Faults {
	var f Faults
	within(&f, "length", s.Length, time.Minute, 31*24*time.Hour)
	between(&f, "seeds", s.Seeds, 1, mostScenarioSeeds)
	site := Site{Queues: s.Queues}
	site.checkQueues(&f)
	if len(s.Queues) == 0 {
		f.add("queues", nil, "one at least")
	}
	if s.Rules.Placement != "" {
		oneOf(&f, "rules.placement", s.Rules.Placement, "pack", "spread")
	}
	if s.Rules.Order != "" {
		oneOf(&f, "rules.order", s.Rules.Order, "classes", "arrival")
	}
	for key, n := range map[string]*int{"rules.reserve": s.Rules.Reserve, "rules.chat_soft_limit": s.Rules.ChatSoftLimit} {
		if n != nil {
			between(&f, key, *n, 0, 100)
		}
	}
	total := 0
	for i := range s.Agents {
		s.checkAgents(&f, i)
		total += s.Agents[i].Count
	}
	if total > mostScenarioAgents {
		f.add("agents", total, "at most %d together", mostScenarioAgents)
	}
	for i := range s.Work {
		s.checkWork(&f, i)
	}
	return f
}

func (s *Scenario) has(queue string) bool {
	return slices.ContainsFunc(s.Queues, func(q SiteQueue) bool { return q.Name == strings.ToLower(queue) })
}

func (s *Scenario) checkAgents(f *Faults, i int) {
	a, at := &s.Agents[i], fmt.Sprintf("agents[%d].", i)
	between(f, at+"count", a.Count, 1, mostScenarioAgents)
	within(f, at+"from", a.From, 0, s.Length)
	if a.To != 0 && a.To <= a.From {
		f.add(at+"to", a.To, "after from, or left out")
	}
	for k, q := range a.Queues {
		if !s.has(q) {
			f.add(fmt.Sprintf("%squeues[%d]", at, k), q, "is no queue of this file")
		}
	}
	for name, level := range a.Skills {
		between(f, at+"skills."+name, level, 1, 5)
	}
}

func (s *Scenario) checkWork(f *Faults, i int) {
	w, at := &s.Work[i], fmt.Sprintf("work[%d].", i)
	if !s.has(w.Queue) {
		f.add(at+"queue", w.Queue, "is no queue of this file")
	}
	oneOf(f, at+"channel", w.Channel, "call", "chat", "email", "social", "web_form", "ticket")
	between(f, at+"priority", *w.Priority, 0, 3)
	for name, level := range w.Skills {
		between(f, at+"skills."+name, level, 1, 5)
	}
}
