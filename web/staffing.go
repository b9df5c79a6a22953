package web

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/queue"
	"pickup/report"
	"pickup/staffing"
)

// History is what a database tells of the past; *store.Store is it.
type History interface {
	Past(ctx context.Context, from, to time.Time) (queue.Past, error)
	Counts(ctx context.Context, name string, from, to time.Time) ([]staffing.Count, error)
	Meta(ctx context.Context, key string) (value string, ok bool, err error)
	SetMeta(ctx context.Context, key, value string) error
}

const (
	learntFrom = 16 * 7 * 24 * time.Hour // what a forecast reads
	staffStep  = 30 * time.Minute
	errorDays  = 7
	metaEvents = "site.forecast_events" // JSON: what ForecastEvents holds
	mostAhead  = 31
	leastRate  = 1e-9 // calls an hour; below: none
)

// StaffingOutlook is what a number of agents leads to in the long run (Erlang A).
type StaffingOutlook struct {
	Agents           int      `json:"agents"`
	Stable           bool     `json:"stable" doc:"false: more comes than they can do and nobody gives up; the line grows without end."`
	Percent          float64  `json:"percent" doc:"Calls answered within the target, 0 to 100."`
	MeanWaitMS       *int64   `json:"mean_wait_ms" doc:"Of all calls; null: without end."`
	AbandonPercent   float64  `json:"abandon_percent"`
	OccupancyPercent float64  `json:"occupancy_percent"`
	Line             *float64 `json:"line" doc:"Mean number of those who wait; null: without end."`
}

// StaffingInterval is how this half hour stands.
type StaffingInterval struct {
	From            Time     `json:"from"`
	To              Time     `json:"to"`
	Counted         int      `json:"counted" doc:"Calls that count in the service level so far."`
	InTarget        int      `json:"in_target"`
	Coming          float64  `json:"coming" doc:"Calls that are still expected."`
	CanMiss         int      `json:"can_miss" doc:"How many more may be missed so that it still makes its target; negative: by how many it is out of reach."`
	ExpectedPercent *float64 `json:"expected_percent" doc:"At its end, with the agents of now; null: not known."`
}

// StaffingPromise is how well the announced estimates held in the last hour.
type StaffingPromise struct {
	Made          int   `json:"made"`
	Kept          int   `json:"kept" doc:"Waited no longer than the end of the range."`
	MedianErrorMS int64 `json:"median_error_ms"`
}

// StaffingStep is one half hour ahead.
type StaffingStep struct {
	From      Time    `json:"from"`
	Calls     float64 `json:"calls"`
	Low       float64 `json:"low" doc:"80 % of such half hours are between low and high."`
	High      float64 `json:"high"`
	Samples   float64 `json:"samples" doc:"Weeks that it is made of, by their weights; 0: nothing is known."`
	Needed    *int    `json:"needed" doc:"Agents for the target; null: not known."`
	Scheduled *int    `json:"scheduled" doc:"needed, with the shrinkage."`
}

// QueueStaffing is what a queue needs now and in the day ahead.
type QueueStaffing struct {
	Queue            string            `json:"queue"`
	At               Time              `json:"at"`
	TargetMS         int64             `json:"target_ms"`
	TargetPercent    int               `json:"target_percent"`
	ShrinkagePercent int               `json:"shrinkage_percent"`
	PerHour          float64           `json:"per_hour" doc:"Calls an hour that now is reckoned with."`
	Source           string            `json:"source" enum:"forecast,last_hour" doc:"Where per_hour is from."`
	HandlingMS       int64             `json:"handling_ms" doc:"Mean, wrap-up included; 0: not known."`
	PatienceMS       int64             `json:"patience_ms" doc:"Mean; 0: nobody gave up."`
	Erlangs          float64           `json:"erlangs"`
	AgentsOnDuty     int               `json:"agents_on_duty"`
	Agents           int               `json:"agents" doc:"agents_on_duty by the share of their time that the queue has."`
	Needed           *int              `json:"needed" doc:"Agents for the target now; null: not known."`
	Scheduled        *int              `json:"scheduled"`
	Outlooks         []StaffingOutlook `json:"outlooks" nullable:"false" doc:"With one agent less, with those of now, with one more; empty: not known."`
	Interval         StaffingInterval  `json:"interval"`
	Promise          StaffingPromise   `json:"promise"`
	Day              []StaffingStep    `json:"day" nullable:"false"`
}

// QueueForecast is what is expected of a queue.
type QueueForecast struct {
	Queue        string         `json:"queue"`
	StepMS       int64          `json:"step_ms"`
	ErrorPercent *float64       `json:"error_percent" doc:"WAPE of the last seven days, each told from what came before it; null: not known."`
	Steps        []StaffingStep `json:"steps" nullable:"false"`
}

// ForecastEvent is what makes more or fewer call than usual.
type ForecastEvent struct {
	Title         string `json:"title" maxLength:"120"`
	From          Time   `json:"from"`
	To            Time   `json:"to"`
	FactorPercent int    `json:"factor_percent" minimum:"1" maximum:"2000" doc:"150: half as many again."`
}

// ForecastEvents are all events of the site.
type ForecastEvents struct {
	Items []ForecastEvent `json:"items" maxItems:"500" nullable:"false"`
}

type (
	staffingInput struct {
		QueueNameInput
		Shrinkage int `query:"shrinkage" default:"30" minimum:"0" maximum:"90" doc:"Percent of paid time that goes to breaks, training and absence."`
	}
	forecastInput struct {
		QueueNameInput
		Shrinkage int `query:"shrinkage" default:"30" minimum:"0" maximum:"90" doc:"Percent of paid time that goes to breaks, training and absence."`
		Days      int `query:"days" default:"7" minimum:"1" maximum:"31"`
	}
	eventsInput struct{ Body ForecastEvents }
)

func (s *Server) staffingOperations(api huma.API) {
	register(api, act{
		id: "get-queue-staffing", method: http.MethodGet, path: "/api/v1/queues/{name}/staffing", tag: "staffing", rule: seesAll,
		summary: "Agents that a queue needs now and in the day ahead", errors: []int{http.StatusNotFound},
	}, s.getStaffing)
	register(api, act{
		id: "get-queue-forecast", method: http.MethodGet, path: "/api/v1/queues/{name}/forecast", tag: "staffing", rule: seesAll,
		summary: "Calls that are expected by the half hour", errors: []int{http.StatusNotFound},
	}, s.getForecast)
	register(api, act{
		id: "get-forecast-events", method: http.MethodGet, path: "/api/v1/forecast/events", tag: "staffing", rule: seesAll,
		summary: "Events that forecasts know of",
	}, s.getEvents)
	register(api, act{
		id: "put-forecast-events", method: http.MethodPut, path: "/api/v1/forecast/events", tag: "staffing", rule: manages,
		summary: "Replace the events that forecasts know of",
	}, s.putEvents)
	register(api, act{
		id: "create-simulation", method: http.MethodPost, path: "/api/v1/simulations", tag: "staffing", rule: manages,
		summary: "Run a past day again by other rules or with other agents; nothing is changed",
	}, s.createSimulation)
}

// crew is what a queue's load is reckoned from.
type crew struct {
	q        queue.QueueConfig
	view     queue.QueueView
	counts   []staffing.Count
	f        staffing.Forecaster
	load     staffing.Load // PerHour 0 where it is asked of a step
	shrink   float64
	goal     staffing.Goal
	now, cut time.Time // cut: begin of this half hour
}

// crewOf reads what is known of a queue.
func (s *Server) crewOf(ctx context.Context, name string, shrinkage int) (*crew, error) {
	q, err := s.needQueue(ctx, name)
	if err != nil {
		return nil, err
	}
	c := &crew{q: q, now: time.Now(), shrink: float64(shrinkage) / 100}
	for _, v := range s.parts.Queue.Queues() {
		if v.Config.ID == q.ID {
			c.view = v
		}
	}
	c.goal = staffing.Goal{Level: min(float64(q.TargetPercent)/100, 0.999), Within: q.Target}
	events, err := s.forecastEvents(ctx)
	if err != nil {
		return nil, err
	}
	c.f = staffing.Forecaster{Location: s.cfg.Location}
	for _, e := range events.Items {
		c.f.Events = append(c.f.Events, staffing.Event{From: time.Time(e.From), To: time.Time(e.To), Factor: float64(e.FactorPercent) / 100})
	}
	if s.parts.History != nil {
		if c.counts, err = s.parts.History.Counts(ctx, q.Name, c.now.Add(-learntFrom), c.now); err != nil {
			return nil, s.fail(ctx, "count the calls of a queue", err)
		}
	}
	handling, patience := c.f.Means(c.counts, c.now)
	if handling > 0 {
		handling += q.WrapUp
	}
	if c.view.Handling > 0 {
		handling = c.view.Handling
	}
	if patience == 0 {
		patience = c.view.Patience
	}
	c.load = staffing.Load{Handling: min(handling, staffing.MaxHandling), Patience: min(patience, staffing.MaxPatience)}
	c.cut = c.f.Points(c.counts, c.now, c.now, c.now.Add(time.Nanosecond))[0].Start
	return c, nil
}

// steps forecasts the half hours of [from, to), with the agents that they need.
func (c *crew) steps(from, to time.Time) []StaffingStep {
	steps := []StaffingStep{}
	for _, p := range c.f.Points(c.counts, c.now, from, to) {
		step := StaffingStep{From: Time(p.Start), Calls: p.Calls, Low: p.Low, High: p.High, Samples: p.Samples}
		if p.Samples > 0 {
			step.Needed, step.Scheduled = c.needed(p.Calls * float64(time.Hour/staffStep))
		}
		steps = append(steps, step)
	}
	return steps
}

// needed are the agents for a load, and those on the plan; nil: not known.
func (c *crew) needed(perHour float64) (n, scheduled *int) {
	load := c.load
	load.PerHour = perHour
	if load.PerHour < leastRate {
		none := 0
		return &none, &none
	}
	o, err := load.Needed(c.goal)
	if err != nil { // of handling nothing is known, or it is beyond all measure
		return nil, nil
	}
	planned := staffing.Scheduled(o.Agents, c.shrink)
	return &o.Agents, &planned
}

func (s *Server) getStaffing(ctx context.Context, in *staffingInput) (*oneOutput[QueueStaffing], error) {
	c, err := s.crewOf(ctx, in.Name, in.Shrinkage)
	if err != nil {
		return nil, err
	}
	entries, err := s.parts.Store.EndedEntries(ctx, c.q.Name, c.cut, c.now.Add(time.Minute))
	if err != nil {
		return nil, s.fail(ctx, "read the entries of a queue", err)
	}
	out := QueueStaffing{
		Queue: c.q.Name, At: Time(c.now), TargetMS: c.q.Target.Milliseconds(), TargetPercent: c.q.TargetPercent,
		ShrinkagePercent: in.Shrinkage, HandlingMS: c.load.Handling.Milliseconds(), PatienceMS: c.load.Patience.Milliseconds(),
		Outlooks: []StaffingOutlook{}, Day: c.steps(c.now, c.now.Add(24*time.Hour)),
		Promise: StaffingPromise{c.view.Promise.Made, c.view.Promise.Kept, c.view.Promise.MedianError.Milliseconds()},
	}
	out.AgentsOnDuty = c.view.AgentsReady + c.view.AgentsBusy + c.view.AgentsWrapUp
	out.Agents = out.AgentsOnDuty
	if c.view.Servers > 0 {
		out.Agents = int(math.Round(c.view.Servers))
	}
	out.PerHour, out.Source = c.rate(out.Day)
	c.load.PerHour = out.PerHour
	out.Erlangs = c.load.Erlangs()
	out.Needed, out.Scheduled = c.needed(out.PerHour)
	if c.load.Check() == nil {
		for n := max(out.Agents-1, 0); n <= out.Agents+1; n++ {
			out.Outlooks = append(out.Outlooks, c.outlook(c.load.With(n)))
		}
	}
	var sums report.Sums
	for i := range entries {
		sums.AddEntry(&entries[i], c.q.Target)
	}
	out.Interval = c.interval(&sums, out)
	return &oneOutput[QueueStaffing]{out}, nil
}

// rate is the calls an hour that now is reckoned with.
func (c *crew) rate(day []StaffingStep) (perHour float64, source string) {
	if len(day) > 0 && day[0].Samples > 0 {
		return day[0].Calls * float64(time.Hour/staffStep), "forecast"
	}
	n := 0
	for _, x := range c.counts {
		if c.now.Sub(x.Start) < time.Hour+staffing.Quarter {
			n += x.Calls
		}
	}
	return float64(n) / (1 + staffing.Quarter.Hours()/2), "last_hour"
}

func (c *crew) outlook(o staffing.Outlook) StaffingOutlook {
	x := StaffingOutlook{
		Agents: o.Agents, Stable: o.Stable, Percent: 100 * o.Level(c.q.Target), AbandonPercent: 100 * o.Abandons,
		OccupancyPercent: 100 * o.Occupancy,
	}
	if o.Stable {
		wait := o.MeanWait.Milliseconds()
		x.MeanWaitMS, x.Line = &wait, &o.Line
	}
	return x
}

// interval is how this half hour stands.
func (c *crew) interval(f *report.Sums, now QueueStaffing) StaffingInterval {
	end := c.cut.Add(staffStep)
	i := staffing.Interval{
		Counted:  int(f.N[report.Answered] + f.N[report.Abandoned] + f.N[report.Overflowed] - f.N[report.ShortAbandoned]),
		InTarget: counted(f, report.AnsweredInTarget),
		Coming:   max(now.PerHour*end.Sub(c.now).Hours(), 0), Target: float64(c.q.TargetPercent) / 100,
	}
	out := StaffingInterval{
		From: Time(c.cut), To: Time(end), Counted: i.Counted, InTarget: i.InTarget, Coming: i.Coming, CanMiss: i.CanMiss(),
	}
	if len(now.Outlooks) > 0 {
		o := c.load.With(now.Agents)
		percent := 100 * i.Expected(o.Level(c.q.Target))
		out.ExpectedPercent = &percent
	}
	return out
}

func (s *Server) getForecast(ctx context.Context, in *forecastInput) (*oneOutput[QueueForecast], error) {
	c, err := s.crewOf(ctx, in.Name, in.Shrinkage)
	if err != nil {
		return nil, err
	}
	out := QueueForecast{
		Queue: c.q.Name, StepMS: staffStep.Milliseconds(), Steps: c.steps(c.now, c.now.In(s.cfg.Location).AddDate(0, 0, min(in.Days, mostAhead))),
	}
	if wape, ok := c.f.Error(c.counts, c.now, errorDays); ok {
		percent := 100 * wape
		out.ErrorPercent = &percent
	}
	return &oneOutput[QueueForecast]{out}, nil
}

// forecastEvents reads the stored events.
func (s *Server) forecastEvents(ctx context.Context) (ForecastEvents, error) {
	all := ForecastEvents{Items: []ForecastEvent{}}
	if s.parts.History == nil {
		return all, nil
	}
	text, ok, err := s.parts.History.Meta(ctx, metaEvents)
	if err != nil {
		return all, s.fail(ctx, "read the events of forecasts", err)
	}
	if !ok {
		return all, nil
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return all, s.fail(ctx, "read the events of forecasts", err)
	}
	return all, nil
}

func (s *Server) getEvents(ctx context.Context, _ *noInput) (*oneOutput[ForecastEvents], error) {
	all, err := s.forecastEvents(ctx)
	return &oneOutput[ForecastEvents]{all}, err
}

func (s *Server) putEvents(ctx context.Context, in *eventsInput) (*oneOutput[ForecastEvents], error) {
	if s.parts.History == nil {
		return nil, problem(http.StatusServiceUnavailable, "", "There is no history to forecast from.", "")
	}
	for _, e := range in.Body.Items {
		x := staffing.Event{From: time.Time(e.From), To: time.Time(e.To), Factor: float64(e.FactorPercent) / 100}
		if err := x.Check(); err != nil {
			return nil, problem(http.StatusUnprocessableEntity, "", "An event ends after it begins.", "body.items")
		}
	}
	if in.Body.Items == nil {
		in.Body.Items = []ForecastEvent{}
	}
	text, err := json.Marshal(in.Body)
	if err != nil {
		return nil, s.fail(ctx, "write the events of forecasts", err)
	}
	err = s.change(ctx, "forecast.events", "site", "forecast", func() error { return s.parts.History.SetMeta(ctx, metaEvents, string(text)) })
	if err != nil {
		return nil, s.fail(ctx, "save the events of forecasts", err)
	}
	return &oneOutput[ForecastEvents]{in.Body}, nil
}
