package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"pickup/internal/logkey"
	figures "pickup/report"
	"pickup/store"
)

// Of the check of the figures.
const (
	checkHour  = 3                    // of the night, by the clock of the site
	checkAfter = 48 * time.Hour       // of the day: what has not ended then counts as open
	checkSlack = time.Hour            // the log is read from so long before the day
	metaFigure = "conservation_check" // the last check, in the settings of the site
)

// figureCheck is the result of a check of one day.
type figureCheck struct {
	Day     string          `json:"day"` // YYYY-MM-DD of the site
	Offered int             `json:"offered"`
	Faults  []figures.Fault `json:"faults"`
}

// checkFigures holds the entries of a day to the event log and to each other:
// offered = sum of the end reasons, for each queue and channel. It reads only.
func checkFigures(ctx context.Context, st *store.Store, day time.Time, place *time.Location, now time.Time) (figureCheck, error) {
	day = day.In(place)
	c := figureCheck{Day: day.Format(time.DateOnly), Faults: []figures.Fault{}}
	from := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, place)
	to := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, place)
	until := to.Add(checkAfter)
	if until.After(now) {
		until = now
	}
	var lines []figures.Line
	err := st.EachLine(ctx, from.Add(-checkSlack), until, func(n figures.Line) error { lines = append(lines, n); return nil })
	if err != nil {
		return c, err
	}
	var table, logged []figures.Entry
	err = st.EachEntry(ctx, store.FactFilter{From: from, To: to}, func(e figures.Entry) error {
		table = append(table, e.Until(until))
		return nil
	})
	if err != nil {
		return c, err
	}
	for _, e := range figures.Replay(lines, until).Entries {
		if !e.EnteredAt.Before(from) && e.EnteredAt.Before(to) {
			logged = append(logged, e)
		}
	}
	var fault error
	over := func(e figures.Entry) bool {
		r, _, err := st.Call(ctx, e.CallID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			fault = err
		}
		return err == nil && !r.EndedAt.IsZero() && r.EndedAt.Before(until.Add(-time.Minute)) && e.CallbackID == ""
	}
	c.Faults, c.Offered = figures.Conservation(table, logged, over)
	return c, fault
}

// print tells a check to a person.
func (c figureCheck) print(w io.Writer) error {
	for _, f := range c.Faults {
		if _, err := fmt.Fprintf(w, "FAULT %s %s: %s; %s\n", f.What, f.ID, f.Table, f.Log); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%s: %d entries were offered; %d faults\n", c.Day, c.Offered, len(c.Faults))
	if err == nil && len(c.Faults) > 0 {
		err = fmt.Errorf("the figures of %s do not agree with the event log", c.Day)
	}
	return err
}

// nightCheck checks the figures of each day in the night after it.
type nightCheck struct{ faults atomic.Int64 }

// watchFigures checks yesterday's figures every night, until ctx ends.
func (s *server) watchFigures(ctx context.Context) error {
	var last figureCheck
	if err := getJSON(ctx, s.store, metaFigure, &last); err != nil {
		return err
	}
	s.night.faults.Store(int64(len(last.Faults)))
	for {
		wait := time.NewTimer(time.Until(nextCheck(time.Now(), s.cfg.Site.TimeZone)))
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil
		case <-wait.C:
			s.checkYesterday(ctx, time.Now())
		}
	}
}

// checkYesterday checks the day before an instant: its result is a metric, an
// event for the screens and a line of the log.
func (s *server) checkYesterday(ctx context.Context, now time.Time) {
	c, err := checkFigures(ctx, s.store, now.In(s.cfg.Site.TimeZone).AddDate(0, 0, -1), s.cfg.Site.TimeZone, now)
	if err == nil {
		err = setJSON(ctx, s.store, metaFigure, c)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error("the figures could not be checked", "day", c.Day, logkey.Err, err)
		}
		return
	}
	s.night.faults.Store(int64(len(c.Faults)))
	s.hub.Publish("conservation", c.Day, nil)
	if len(c.Faults) > 0 {
		s.log.Error("the figures do not agree with the event log: pickup verify --figures says where", "day", c.Day, "faults", len(c.Faults), "offered", c.Offered)
		return
	}
	s.log.Info("the figures agree with the event log", "day", c.Day, "offered", c.Offered)
}

// nextCheck is the next time of the check after an instant, by the clock of a
// place.
func nextCheck(now time.Time, place *time.Location) time.Time {
	at := now.In(place)
	next := time.Date(at.Year(), at.Month(), at.Day(), checkHour, 10, 0, 0, place)
	if !next.After(now) {
		next = time.Date(at.Year(), at.Month(), at.Day()+1, checkHour, 10, 0, 0, place)
	}
	return next
}
