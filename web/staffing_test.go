package web_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/queue"
	"pickup/staffing"
	"pickup/store/storetest"
	"pickup/web"
)

// history is a store with a past of its own.
type history struct {
	*storetest.Memory
	past   queue.Past
	counts []staffing.Count
}

func (h *history) Past(context.Context, time.Time, time.Time) (queue.Past, error) { return h.past, nil }

func (h *history) Counts(context.Context, string, time.Time, time.Time) ([]staffing.Count, error) {
	return h.counts, nil
}

// Eight weeks of twenty calls a quarter of five minutes: what is expected, and
// how many agents it needs.
func TestStaffingOfAQueue(t *testing.T) {
	h := &history{}
	begin := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -56)
	for at := begin; at.Before(time.Now()); at = at.Add(staffing.Quarter) {
		h.counts = append(h.counts, staffing.Count{
			Start: at, Calls: 20, Abandoned: 2, Handled: 18, Waited: 6 * time.Minute, Work: 90 * time.Minute,
		})
	}
	s := open(t, func(_ *web.Config, p *web.Parts) {
		h.Memory = p.History.(*history).Memory
		p.History = h
	})
	var got web.QueueStaffing
	boss := s.as("2001")
	boss.do("GET", "/api/v1/queues/support/staffing", nil).json(t, &got)
	if got.Source != "forecast" || got.PerHour < 79 || got.PerHour > 81 || got.HandlingMS != 300_000 || got.PatienceMS != 180_000 {
		t.Errorf("got %s, %g, %d, %d", got.Source, got.PerHour, got.HandlingMS, got.PatienceMS)
	}
	load := staffing.Load{PerHour: got.PerHour, Handling: 5 * time.Minute, Patience: 3 * time.Minute}
	want, err := load.Needed(staffing.Goal{Level: .8, Within: 30 * time.Second})
	if err != nil || got.Needed == nil || *got.Needed != want.Agents || *got.Scheduled != staffing.Scheduled(want.Agents, .3) {
		t.Errorf("needed: got %v, want %d, %v", got.Needed, want.Agents, err)
	}
	if len(got.Day) < 47 || len(got.Day) > 49 || got.Day[5].Needed == nil || got.Day[5].Calls < 39 {
		t.Errorf("the day: got %d, %+v", len(got.Day), got.Day[5])
	}
	if len(got.Outlooks) != 2 || got.Outlooks[0].Agents != 0 || got.Outlooks[1].Percent <= got.Outlooks[0].Percent {
		t.Errorf("outlooks: got %+v", got.Outlooks)
	}
	if i := got.Interval; i.Counted != 0 || i.CanMiss != int(i.Coming/5) || i.ExpectedPercent == nil {
		t.Errorf("interval: got %+v", i)
	}
	var forecast web.QueueForecast
	boss.do("GET", "/api/v1/queues/support/forecast?days=2", nil).json(t, &forecast)
	if forecast.ErrorPercent == nil || *forecast.ErrorPercent > 1 || len(forecast.Steps) < 95 {
		t.Errorf("forecast: got %v, %d steps", forecast.ErrorPercent, len(forecast.Steps))
	}
	// An event that doubles all is known at once.
	tomorrow := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	put := func(to time.Time) int {
		return boss.do("PUT", "/api/v1/forecast/events", web.ForecastEvents{Items: []web.ForecastEvent{{
			Title: "Final", From: web.Time(tomorrow), To: web.Time(to), FactorPercent: 200,
		}}}).status
	}
	if status := put(tomorrow.Add(24 * time.Hour)); status != http.StatusOK {
		t.Fatalf("got %d", status)
	}
	boss.do("GET", "/api/v1/queues/support/forecast?days=2", nil).json(t, &forecast)
	for _, x := range forecast.Steps {
		if time.Time(x.From).Equal(tomorrow) && (x.Calls < 79 || x.Calls > 81) {
			t.Errorf("with an event: got %+v", x)
		}
	}
	if status := put(tomorrow); status != http.StatusUnprocessableEntity {
		t.Errorf("an event without length: got %d", status)
	}
}

// A day of one agent and calls that come too thick: with more agents it is better.
func TestDryRunOfADay(t *testing.T) {
	h := &history{}
	s := open(t, func(_ *web.Config, p *web.Parts) {
		h.Memory = p.History.(*history).Memory
		p.History = h
	})
	agent := s.users["1001"].ID
	begin := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	h.past.States = []queue.PastState{{Agent: agent, At: begin.Add(-time.Hour), State: queue.AgentReady}}
	free := begin
	for i := range 12 { // one a minute, each a talk of 80 s
		it := queue.PastItem{
			ID: queue.ItemID(strconv.Itoa(i)), Queue: "support", Channel: call.ChannelCall, Priority: 1,
			EnqueuedAt: begin.Add(time.Duration(i) * time.Minute), Agent: agent, Reason: call.EndAnswered,
		}
		it.BridgedAt = it.EnqueuedAt
		if free.After(it.BridgedAt) {
			it.BridgedAt = free
		}
		it.OfferedAt, it.EndedAt = it.BridgedAt, it.BridgedAt.Add(80*time.Second)
		free = it.EndedAt
		h.past.Items = append(h.past.Items, it)
	}
	var got web.Simulation
	boss := s.as("2001")
	boss.do("POST", "/api/v1/simulations", web.SimulationWish{
		Day: "2026-03-02", Queues: []web.SimulationQueue{{Name: "support", AgentsMore: 1}},
	}).json(t, &got)
	if len(got.Real.Rows) != 1 || len(got.Again.Rows) != 1 || len(got.Changed.Rows) != 1 {
		t.Fatalf("got %+v", got)
	}
	real, again, changed := got.Real.Rows[0], got.Again.Rows[0], got.Changed.Rows[0]
	if real.Offered != 12 || again != real && (again.Answered != real.Answered || again.MeanWaitMS != real.MeanWaitMS || *again.Percent != *real.Percent) {
		t.Errorf("again: got %+v, want %+v", again, real)
	}
	if *changed.Percent != 100 || changed.MeanWaitMS != 0 || got.Changed.OccupancyPercent > got.Again.OccupancyPercent-20 {
		t.Errorf("with one agent more: got %+v, %.0f after %.0f", changed, got.Changed.OccupancyPercent, got.Again.OccupancyPercent)
	}
	for field, wish := range map[string]web.SimulationWish{
		"body.day":    {Day: "2999-01-01"},
		"body.queues": {Day: "2026-03-02", Queues: []web.SimulationQueue{{Name: "none"}}},
	} {
		if r := boss.do("POST", "/api/v1/simulations", wish); r.status != http.StatusUnprocessableEntity || !strings.Contains(string(r.body), field) {
			t.Errorf("got %d %s, want %s", r.status, r.body, field)
		}
	}
}
