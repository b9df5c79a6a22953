package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/configs"
	"pickup/queue"
	"pickup/simulate"
	"pickup/store"
)

type simulateCmd struct {
	Scenario string `arg:"" optional:"" type:"existingfile" help:"Scenario (YAML): queues, agents, work and rules. Without it and without --replay: that of the flags below."`

	Replay string `help:"Run a past day of the database again, as 2026-11-27 in the site's time zone." placeholder:"DATE"`
	Site   string `help:"With --replay: by the queues, agents and skills of this site file." type:"existingfile" placeholder:"FILE"`
	Load   int    `help:"Percent of the work that comes." default:"100"`
	Seed   uint64 `help:"First seed of chance." default:"1"`
	JSON   bool   `help:"Print JSON."`

	Agents   int           `help:"Agents." default:"10"`
	Calls    float64       `help:"Calls an hour." default:"60"`
	Chats    float64       `help:"Chats an hour."`
	Mails    float64       `help:"Mails an hour."`
	Handling time.Duration `help:"Mean time of a call." default:"4m"`
	Patience time.Duration `help:"Mean patience of a caller; 0: without end." default:"3m"`
	Target   time.Duration `help:"Answer target." default:"30s"`
	Length   time.Duration `help:"How long work comes." default:"8h"`

	Placement string `help:"Who gets written work: pack or spread." placeholder:"NAME"`
	Order     string `help:"What goes first: classes or arrival." placeholder:"NAME"`
	Interrupt *bool  `negatable:"" help:"A call takes an agent from a mail."`
	Reserve   *int   `help:"Percent of the ready agents left idle by mails." placeholder:"N"`
}

// told is one telling of a run, for a table or JSON.
type told struct {
	Name      string    `json:"name"`
	Rows      []toldRow `json:"rows"`
	Occupancy float64   `json:"occupancy"` // 0 to 1
	Agents    int       `json:"agents"`
}

type toldRow struct {
	Queue      string   `json:"queue"`
	Channel    string   `json:"channel"`
	Offered    int      `json:"offered"`
	Answered   int      `json:"answered"`
	InTarget   int      `json:"in_target"`
	Abandoned  int      `json:"abandoned"`
	Overflowed int      `json:"overflowed"`
	Percent    *float64 `json:"percent"` // headline/1
	MeanWaitMS int64    `json:"mean_wait_ms"`
	P90WaitMS  int64    `json:"p90_wait_ms"`
}

// Run simulates.
func (s simulateCmd) Run(e *env) error {
	if s.Load < 1 || s.Load > 1000 {
		return fmt.Errorf("--load: 1 to 1000, got %d", s.Load)
	}
	var all []told
	var err error
	switch {
	case s.Replay != "" && s.Scenario != "":
		return errors.New("--replay and a scenario exclude each other")
	case s.Replay != "":
		all, err = s.replay(e)
	case s.Site != "":
		return errors.New("--site needs --replay")
	default:
		all, err = s.byChance(e.ctx)
	}
	if err != nil {
		return err
	}
	if s.JSON {
		out := json.NewEncoder(e.stdout)
		out.SetIndent("", "  ")
		return out.Encode(all)
	}
	return printTold(e.stdout, all)
}

func printTold(w io.Writer, all []told) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RUN\tQUEUE\tCHANNEL\tOFFERED\tANSWERED\tIN TARGET\tLEVEL\tMEAN WAIT\tP90 WAIT\tABANDONED\tOVERFLOWED") //nolint:errcheck // Flush says
	for _, x := range all {
		for _, r := range x.Rows {
			level := "-"
			if r.Percent != nil {
				level = fmt.Sprintf("%.1f %%", *r.Percent)
			}
			ms := func(n int64) time.Duration {
				return (time.Duration(n) * time.Millisecond).Round(100 * time.Millisecond)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%d\t%d\n", x.Name, r.Queue, r.Channel, r.Offered, r.Answered, r.InTarget, //nolint:errcheck // Flush says
				level, ms(r.MeanWaitMS), ms(r.P90WaitMS), r.Abandoned, r.Overflowed)
		}
	}
	for _, x := range all {
		fmt.Fprintf(t, "%s\t%d agents, occupancy %.1f %%\n", x.Name, x.Agents, 100*x.Occupancy) //nolint:errcheck // Flush says
	}
	return t.Flush()
}

func tell(name string, r *simulate.Result, queues []queue.QueueConfig) told {
	x := told{Name: name, Occupancy: r.Occupancy(), Rows: []toldRow{}}
	worked := map[account.ID]bool{}
	for _, u := range r.Usage {
		if u.Busy+u.Idle > 0 {
			worked[u.Agent] = true
		}
	}
	x.Agents = len(worked)
	for _, f := range r.Figures(queues) {
		x.Rows = append(x.Rows, toldRow{
			Queue: f.Queue, Channel: string(f.Channel), Offered: f.Offered, Answered: f.Answered, InTarget: f.AnsweredInTarget,
			Abandoned: f.Abandoned, Overflowed: f.Overflowed, Percent: f.Percent,
			MeanWaitMS: f.MeanWait.Milliseconds(), P90WaitMS: f.P90Wait.Milliseconds(),
		})
	}
	return x
}

// byChance runs a scenario, each seed apart, and sums up.
func (s simulateCmd) byChance(ctx context.Context) ([]told, error) {
	scenario := s.scenario()
	if s.Scenario != "" {
		var err error
		if scenario, err = configs.LoadScenario(s.Scenario); err != nil {
			return nil, err
		}
	}
	if err := scenario.Check(); err != nil {
		return nil, err
	}
	begin := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC) // any day: nothing depends on it
	site, streams, err := scenarioSite(scenario, begin)
	if err != nil {
		return nil, err
	}
	site.Rules = s.rules(site.Rules)
	var sum simulate.Result
	for i := range scenario.Seeds {
		work, err := simulate.Draw(streams, begin, scenario.Length, s.Seed+uint64(i))
		if err != nil {
			return nil, err
		}
		r, err := simulate.Run(ctx, site, simulate.Scale(work, s.Load))
		if err != nil {
			return nil, err
		}
		sum.Outcomes = append(sum.Outcomes, r.Outcomes...)
		sum.Usage = append(sum.Usage, r.Usage...)
	}
	return []told{tell("simulated", &sum, site.Queues)}, nil
}

// scenario is what the flags describe.
func (s simulateCmd) scenario() configs.Scenario {
	one := 1
	c := configs.Scenario{
		Length: s.Length, Seeds: 1,
		Queues: []configs.SiteQueue{{Name: "support", Target: s.Target, TargetPercent: 80}},
		Agents: []configs.ScenarioAgents{{Name: "agent", Count: s.Agents}},
	}
	for channel, perHour := range map[string]float64{"call": s.Calls, "chat": s.Chats, "email": s.Mails} {
		if perHour == 0 {
			continue
		}
		w := configs.ScenarioWork{
			Queue: "support", Channel: channel, PerHour: perHour, Priority: &one,
			Handling: configs.ScenarioSpread{Mean: s.Handling}, Patience: configs.ScenarioSpread{Mean: s.Patience},
			PickUp: configs.ScenarioSpread{Least: time.Second, Mean: 2 * time.Second},
		}
		switch channel { // as long as they are in the specification beside a call of 270 s
		case "chat":
			w.Handling.Mean = s.Handling * 16 / 9
		case "email":
			w.Handling.Mean, w.Patience = s.Handling*10/9, configs.ScenarioSpread{}
		}
		c.Work = append(c.Work, w)
	}
	slices.SortFunc(c.Work, func(a, b configs.ScenarioWork) int { return strings.Compare(a.Channel, b.Channel) })
	return c
}

// rules returns r with what the flags name.
func (s simulateCmd) rules(r queue.Config) queue.Config {
	if s.Placement != "" {
		r.Placement = queue.Placement(s.Placement)
	}
	if s.Order != "" {
		r.Order = queue.Order(s.Order)
	}
	if s.Interrupt != nil {
		r.KeepsWriting = !*s.Interrupt
	}
	if s.Reserve != nil {
		r.ReservePercent = orNever(*s.Reserve)
	}
	return r
}

// scenarioSite is a scenario as a site and its streams.
func scenarioSite(c configs.Scenario, begin time.Time) (simulate.Site, []simulate.Stream, error) {
	site := simulate.Site{Rules: queue.Config{Placement: queue.Placement(c.Rules.Placement), Order: queue.Order(c.Rules.Order)}}
	if c.Rules.Interrupt != nil {
		site.Rules.KeepsWriting = !*c.Rules.Interrupt
	}
	if c.Rules.Reserve != nil {
		site.Rules.ReservePercent = orNever(*c.Rules.Reserve)
	}
	if c.Rules.ChatSoftLimit != nil {
		site.Rules.ChatSoftLimit = orNever(*c.Rules.ChatSoftLimit)
	}
	for _, q := range c.Queues {
		x, err := siteQueue(q)
		if err != nil {
			return simulate.Site{}, nil, err
		}
		x.ID = q.Name
		site.Queues = append(site.Queues, x)
	}
	for g := range c.Agents {
		addAgents(&site, &c.Agents[g], g, begin)
	}
	streams := make([]simulate.Stream, 0, len(c.Work))
	for _, w := range c.Work {
		spread := func(x configs.ScenarioSpread) simulate.Spread {
			return simulate.Spread{Least: x.Least, Mean: x.Mean, Shape: simulate.Shape(x.Shape), Deviation: x.Deviation}
		}
		s := simulate.Stream{
			Queue: w.Queue, Channel: call.Channel(w.Channel), PerHour: w.PerHour, Swing: w.Swing, Period: w.Period, Profile: w.Profile,
			Priority: *w.Priority, Handling: spread(w.Handling), Patience: spread(w.Patience), PickUp: spread(w.PickUp),
		}
		for _, name := range slices.Sorted(maps.Keys(w.Skills)) {
			s.Needs = append(s.Needs, queue.Need{Skill: name, Level: w.Skills[name]})
		}
		streams = append(streams, s)
	}
	return site, streams, nil
}

// addAgents adds a group of agents with their shift.
func addAgents(site *simulate.Site, g *configs.ScenarioAgents, group int, begin time.Time) {
	yes := func(b *bool) bool { return b == nil || *b }
	for i := range g.Count {
		id := account.ID(fmt.Sprintf("%s-%d-%04d", g.Name, group+1, i+1))
		a := queue.AgentConfig{ID: id, Login: string(id), Skills: g.Skills, Limits: siteLimits(g.Limits)}
		site.Agents = append(site.Agents, a)
		for q := range site.Queues {
			named := func(name string) bool { return strings.EqualFold(name, site.Queues[q].Name) }
			if len(g.Queues) == 0 || slices.ContainsFunc(g.Queues, named) {
				site.Queues[q].Members = append(site.Queues[q].Members, queue.Member{Agent: id, Rank: 1})
			}
		}
		come := begin.Add(g.From + time.Duration(len(site.Agents))*time.Microsecond)
		site.Presence = append(site.Presence, simulate.Presence{Agent: id, At: come, Ready: true, Phone: yes(g.Phone), Console: yes(g.Text)})
		if g.To > 0 {
			site.Presence = append(site.Presence, simulate.Presence{Agent: id, At: begin.Add(g.To)})
		}
	}
}

// siteLimits are the limits of a file with the defaults of what it leaves out.
func siteLimits(all map[string]configs.SiteLimit) map[call.Channel]queue.Limit {
	limits := map[call.Channel]queue.Limit{}
	for name, x := range all {
		l := queue.DefaultLimit(call.Channel(name))
		set(&l.Max, x.Max)
		set(&l.Parked, x.Parked)
		set(&l.Weight, x.Weight)
		limits[call.Channel(name)] = l
	}
	return limits
}

// replay runs a past day again: as it was, by the rules of now, and by those of a
// site file and the flags.
func (s simulateCmd) replay(e *env) (all []told, err error) {
	err = e.withStore(func(ctx context.Context, c *configs.Config, st *store.Store) error {
		begin, err := time.ParseInLocation("2006-01-02", s.Replay, c.Site.TimeZone)
		if err != nil {
			return fmt.Errorf("--replay: a date, as 2026-11-27, got %q", s.Replay)
		}
		past, err := st.Past(ctx, begin, begin.AddDate(0, 0, 1))
		if err != nil {
			return err
		}
		now, logins, err := storedSite(ctx, st, c)
		if err != nil {
			return err
		}
		work, presence, left := simulate.Replay(past, now.Queues, now.Agents)
		if n := left.Open + left.Closed + left.Gone; n > 0 {
			fmt.Fprintf(e.stderr, "left out: %d not over, %d closed or blocked, %d of queues that are no more\n", left.Open, left.Closed, left.Gone) //nolint:errcheck // a remark
		}
		was := simulate.Actual(past, now.Queues)
		now.Presence = presence
		again, err := simulate.Run(ctx, now, work)
		if err != nil {
			return err
		}
		all = []told{tell("real", &was, now.Queues), tell("again", &again, now.Queues)}
		other, err := s.changed(now, past, logins)
		if err != nil {
			return err
		}
		changed, err := simulate.Run(ctx, other, simulate.Scale(work, s.Load))
		if err != nil {
			return err
		}
		all = append(all, tell("changed", &changed, other.Queues))
		return nil
	})
	return all, err
}

// changed is the site with what a site file and the flags say. Agents who are new
// in the file are there for the whole day.
func (s simulateCmd) changed(now simulate.Site, past queue.Past, logins map[string]account.ID) (simulate.Site, error) {
	now.Rules = s.rules(now.Rules)
	if s.Site == "" {
		return now, nil
	}
	file, err := configs.LoadSite(s.Site)
	if err != nil {
		return now, err
	}
	site := simulate.Site{Rules: now.Rules}
	ids := map[string]account.ID{}
	for _, u := range file.Users {
		if u.Role != string(account.RoleAgent) || u.Disabled {
			continue
		}
		id, known := logins[u.Login]
		if !known {
			id = account.ID("new " + u.Login)
		}
		ids[u.Login] = id
		site.Agents = append(site.Agents, queue.AgentConfig{ID: id, Login: u.Login, Skills: u.Skills, Limits: siteLimits(u.Limits)})
	}
	for _, q := range file.Queues {
		x, err := siteQueue(q)
		if err != nil {
			return site, err
		}
		x.ID = q.Name
		for _, m := range q.Members {
			if id, ok := ids[m.Login]; ok {
				x.Members = append(x.Members, queue.Member{Agent: id, Rank: m.Rank, Delay: m.Delay})
			}
		}
		site.Queues = append(site.Queues, x)
	}
	_, site.Presence, _ = simulate.Replay(past, site.Queues, site.Agents)
	for login, id := range ids {
		if _, known := logins[login]; !known && len(past.Items) > 0 {
			site.Presence = append(site.Presence, simulate.Presence{Agent: id, At: past.Items[0].EnqueuedAt, Ready: true, Phone: true, Console: true})
		}
	}
	slices.SortStableFunc(site.Presence, func(a, b simulate.Presence) int { return a.At.Compare(b.At) })
	return site, nil
}

// storedSite is who works by the database, and the id of each login. Opening hours
// are left out: what a day turned away is not run again.
func storedSite(ctx context.Context, st *store.Store, c *configs.Config) (simulate.Site, map[string]account.ID, error) {
	site := simulate.Site{Rules: queueRules(c)}
	var err error
	if site.Queues, err = st.Queues(ctx); err != nil {
		return site, nil, err
	}
	if site.Agents, err = storedAgents(ctx, st, c); err != nil {
		return site, nil, err
	}
	logins, err := loginIDs(ctx, st)
	return site, logins, err
}
