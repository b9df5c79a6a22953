package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"pickup/account"
	"pickup/queue"
	"pickup/simulate"
)

// Bounds of a dry run.
const (
	mostDryRun   = 200_000 // entries of a day
	dryRunLasts  = 2 * time.Minute
	dayLayout    = "2006-01-02"
	percentAsWas = 100
)

// SimulationRules are rules of the queue to be tried; what is left out is as now.
type SimulationRules struct {
	Placement      *string `json:"placement,omitempty" enum:"pack,spread" nullable:"false"`
	Order          *string `json:"order,omitempty" enum:"classes,arrival" nullable:"false"`
	Interrupt      *bool   `json:"interrupt,omitempty" nullable:"false" doc:"A call takes an agent from a mail or ticket."`
	ReservePercent *int    `json:"reserve_percent,omitempty" minimum:"0" maximum:"100" nullable:"false"`
	ChatSoftLimit  *int    `json:"chat_soft_limit,omitempty" minimum:"0" maximum:"100" nullable:"false" doc:"0: none."`
}

// SimulationQueue is a queue as it is to be tried; what is left out is as now.
type SimulationQueue struct {
	Name       string         `json:"name" maxLength:"64"`
	AgentsMore int            `json:"agents_more,omitempty" minimum:"-1000" maximum:"1000" required:"false" doc:"Agents more, who are like its members; negative: fewer."`
	Strategy   *string        `json:"strategy,omitempty" enum:"longest_idle,least_occupied,fewest_calls,round_robin,linear,weighted_random" nullable:"false"`
	WrapUpMS   *int64         `json:"wrap_up_ms,omitempty" minimum:"0" maximum:"3600000" nullable:"false"`
	TargetMS   *int64         `json:"target_ms,omitempty" minimum:"1000" maximum:"3600000" nullable:"false"`
	MaxWaitMS  *int64         `json:"max_wait_ms,omitempty" minimum:"0" maximum:"86400000" nullable:"false"`
	MaxLength  *int           `json:"max_length,omitempty" minimum:"0" maximum:"100000" nullable:"false"`
	Members    *[]QueueMember `json:"members,omitempty" maxItems:"5000" nullable:"false"`
}

// SimulationWish is a past day and what is to be different.
type SimulationWish struct {
	Day         string            `json:"day" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" doc:"In the site's time zone."`
	LoadPercent int               `json:"load_percent,omitempty" minimum:"10" maximum:"500" default:"100" required:"false" doc:"As many calls, chats and messages as then."`
	Rules       SimulationRules   `json:"rules,omitempty" required:"false"`
	Queues      []SimulationQueue `json:"queues,omitempty" maxItems:"500" required:"false"`
	Away        []string          `json:"away,omitempty" maxItems:"5000" required:"false" doc:"Ids of agents who are not there."`
}

// SimulationRow is one queue and channel.
type SimulationRow struct {
	Queue      string   `json:"queue"`
	Channel    string   `json:"channel" enum:"call,chat,email,social,web_form,ticket"`
	Offered    int      `json:"offered"`
	Answered   int      `json:"answered"`
	InTarget   int      `json:"in_target"`
	Abandoned  int      `json:"abandoned"`
	Overflowed int      `json:"overflowed"`
	Percent    *float64 `json:"percent" doc:"headline/1; null: nothing counted."`
	MeanWaitMS int64    `json:"mean_wait_ms"`
	P90WaitMS  int64    `json:"p90_wait_ms"`
}

// SimulationSide is one telling of the day.
type SimulationSide struct {
	Rows             []SimulationRow `json:"rows" nullable:"false"`
	OccupancyPercent float64         `json:"occupancy_percent"`
}

// Simulation compares a day as it was, run again by the rules of now, and run
// again with what was wished.
type Simulation struct {
	Day     string         `json:"day"`
	From    Time           `json:"from"`
	To      Time           `json:"to"`
	Left    int            `json:"left" doc:"Entries of the day that are no part of it: not over, outside the opening hours, of queues that are no more."`
	Real    SimulationSide `json:"real"`
	Again   SimulationSide `json:"again"`
	Changed SimulationSide `json:"changed"`
}

type simulationInput struct{ Body SimulationWish }

func (s *Server) createSimulation(ctx context.Context, in *simulationInput) (*oneOutput[Simulation], error) {
	if !s.dryRuns.TryLock() {
		return nil, retry(problem(http.StatusServiceUnavailable, "", "Another dry run is under way.", ""), 5*time.Second)
	}
	defer s.dryRuns.Unlock()
	wish := in.Body
	begin, err := time.ParseInLocation(dayLayout, wish.Day, s.cfg.Location)
	if err != nil || begin.After(time.Now()) {
		return nil, problem(http.StatusUnprocessableEntity, "", "The day must be a date that has come, as 2026-11-27.", "body.day")
	}
	end := begin.AddDate(0, 0, 1)
	var past queue.Past
	if s.parts.History != nil {
		if past, err = s.parts.History.Past(ctx, begin, end); err != nil {
			return nil, s.fail(ctx, "read a past day", err)
		}
	}
	if len(past.Items) > mostDryRun {
		return nil, problem(http.StatusUnprocessableEntity, "", "The day has more than 200000 entries: use pickup simulate.", "body.day")
	}
	now, err := s.siteNow(ctx)
	if err != nil {
		return nil, err
	}
	other, err := wish.onto(now)
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "", strings.TrimPrefix(err.Error(), "simulate: "), "body.queues")
	}
	ctx, stop := context.WithTimeout(ctx, dryRunLasts)
	defer stop()
	return s.compare(ctx, wish, past, now, other, begin, end)
}

// compare tells the day three times.
func (s *Server) compare(ctx context.Context, wish SimulationWish, past queue.Past, now, other simulate.Site, begin, end time.Time) (*oneOutput[Simulation], error) {
	work, presence, left := simulate.Replay(past, now.Queues, now.Agents)
	out := Simulation{Day: wish.Day, From: Time(begin), To: Time(end), Left: left.Open + left.Closed + left.Gone}
	was := simulate.Actual(past, now.Queues)
	out.Real = side(&was, now.Queues)
	now.Presence = presence
	again, err := simulate.Run(ctx, now, work)
	if err != nil {
		return nil, s.fail(ctx, "run a day again", err)
	}
	out.Again = side(&again, now.Queues)
	other.Presence = slices.DeleteFunc(slices.Clone(presence), func(p simulate.Presence) bool {
		return slices.Contains(wish.Away, string(p.Agent))
	})
	for _, q := range wish.Queues { // with who was there
		if other, err = other.With(q.Name, q.AgentsMore); err != nil {
			return nil, problem(http.StatusUnprocessableEntity, "", strings.TrimPrefix(err.Error(), "simulate: "), "body.queues")
		}
	}
	percent := wish.LoadPercent
	if percent == 0 {
		percent = percentAsWas
	}
	changed, err := simulate.Run(ctx, other, simulate.Scale(work, percent))
	if err != nil {
		return nil, s.fail(ctx, "run a day by other rules", err)
	}
	out.Changed = side(&changed, other.Queues)
	return &oneOutput[Simulation]{out}, nil
}

// siteNow is who works here now, and by which rules.
func (s *Server) siteNow(ctx context.Context) (simulate.Site, error) {
	site := simulate.Site{Rules: s.cfg.Rules}
	skills, err := s.parts.Store.Skills(ctx)
	if err != nil {
		return site, s.fail(ctx, "read skills", err)
	}
	for _, v := range s.parts.Queue.Queues() {
		site.Queues = append(site.Queues, v.Config)
	}
	for _, a := range s.parts.Queue.Agents() {
		site.Agents = append(site.Agents, queue.AgentConfig{ID: a.ID, Login: a.Login, Name: a.Name, Skills: skills[a.ID], Limits: a.Limits})
	}
	return site, nil
}

// onto returns a site with what is wished but for more and fewer agents.
func (w *SimulationWish) onto(site simulate.Site) (simulate.Site, error) {
	site.Rules = w.Rules.onto(site.Rules)
	site.Queues = slices.Clone(site.Queues)
	for _, q := range w.Queues {
		i := slices.IndexFunc(site.Queues, func(c queue.QueueConfig) bool { return strings.EqualFold(c.Name, q.Name) })
		if i < 0 {
			return site.With(q.Name, 0) // which says that there is none
		}
		q.onto(&site.Queues[i])
	}
	for _, id := range w.Away {
		site = site.Without(account.ID(id))
	}
	return site, nil
}

func (r SimulationRules) onto(c queue.Config) queue.Config {
	if r.Placement != nil {
		c.Placement = queue.Placement(*r.Placement)
	}
	if r.Order != nil {
		c.Order = queue.Order(*r.Order)
	}
	if r.Interrupt != nil {
		c.KeepsWriting = !*r.Interrupt
	}
	if r.ReservePercent != nil {
		c.ReservePercent = orNone(*r.ReservePercent)
	}
	if r.ChatSoftLimit != nil {
		c.ChatSoftLimit = orNone(*r.ChatSoftLimit)
	}
	return c
}

// orNone turns the 0 of the API into the none of the queue.
func orNone(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

func (q *SimulationQueue) onto(c *queue.QueueConfig) {
	ms := func(into *time.Duration, n *int64) {
		if n != nil {
			*into = time.Duration(*n) * time.Millisecond
		}
	}
	ms(&c.WrapUp, q.WrapUpMS)
	ms(&c.Target, q.TargetMS)
	ms(&c.MaxWait, q.MaxWaitMS)
	if q.MaxLength != nil {
		c.MaxLength = *q.MaxLength
	}
	if q.Strategy != nil {
		c.Strategy = queue.Strategy(*q.Strategy)
	}
	if q.Members != nil {
		c.Members = nil
		for _, m := range *q.Members {
			c.Members = append(c.Members, queue.Member{Agent: account.ID(m.AgentID), Rank: m.Rank})
		}
	}
}

// side makes the figures of one telling.
func side(r *simulate.Result, queues []queue.QueueConfig) SimulationSide {
	out := SimulationSide{Rows: []SimulationRow{}, OccupancyPercent: 100 * r.Occupancy()}
	for _, f := range r.Figures(queues) {
		out.Rows = append(out.Rows, SimulationRow{
			Queue: f.Queue, Channel: string(f.Channel), Offered: f.Offered, Answered: f.Answered, InTarget: f.AnsweredInTarget,
			Abandoned: f.Abandoned, Overflowed: f.Overflowed, Percent: f.Percent, MeanWaitMS: f.MeanWait.Milliseconds(),
			P90WaitMS: f.P90Wait.Milliseconds(),
		})
	}
	return out
}
