package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/internal/hours"
	"pickup/internal/id"
	"pickup/store"
)

// HoursSettings are opening hours as they are configured.
type HoursSettings struct {
	Name      string              `json:"name" pattern:"^[A-Za-z0-9._-]{1,64}$"`
	TimeZone  string              `json:"time_zone,omitempty" maxLength:"64" doc:"IANA name, as Europe/Paris; without it: the site's."`
	Days      map[string][]string `json:"days,omitempty" doc:"Intervals by weekday, mon to sun, each as 09:00-18:00; a day without any is closed."`
	Closed    []string            `json:"closed,omitempty" maxItems:"1000" doc:"Days that are closed, as 2026-12-25."`
	Callbacks bool                `json:"callbacks,omitempty" doc:"Callbacks of any queue are dialled within these hours only; other hours are then of callbacks no more."`
}

// HoursObject is stored opening hours.
type HoursObject struct {
	ID string `json:"id"`
	HoursSettings
	Open      bool      `json:"open" doc:"It is open now."`
	ChangesAt MaybeTime `json:"changes_at" doc:"When that changes; null: not within a year."`
}

type (
	// HoursNameInput names opening hours by the path.
	HoursNameInput struct {
		Name string `path:"name" maxLength:"64"`
	}
	putHoursInput struct {
		HoursNameInput
		Body HoursSettings
	}
)

func (s *Server) hoursOperations(api huma.API) {
	const path, one = "/api/v1/hours", "/api/v1/hours/{name}"
	register(api, act{
		id: "list-hours", method: http.MethodGet, path: path, tag: "hours", rule: seesAll, summary: "Opening hours by name",
	}, s.listHours)
	register(api, act{
		id: "get-hours", method: http.MethodGet, path: one, tag: "hours", rule: seesAll,
		summary: "Opening hours, and whether it is open now", errors: []int{http.StatusNotFound},
	}, s.getHours)
	register(api, act{
		id: "put-hours", method: http.MethodPut, path: one, tag: "hours", rule: administers,
		summary: "Change opening hours, or make them", errors: []int{http.StatusConflict},
	}, s.putHours)
	register(api, act{
		id: "delete-hours", method: http.MethodDelete, path: one, tag: "hours", rule: administers,
		summary: "Delete opening hours that no queue has", status: http.StatusNoContent,
		errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.deleteHours)
}

// clock is what stored opening hours mean.
func (s *Server) clock(h store.Hours) (*hours.Hours, error) {
	return hours.New(cmp.Or(h.TimeZone, s.cfg.Location.String()), h.Days, h.Closed)
}

func (s *Server) showHours(h store.Hours) HoursObject {
	o := HoursObject{ID: h.ID, HoursSettings: HoursSettings{
		Name: h.Name, TimeZone: h.TimeZone, Days: hours.FormatDays(h.Days), Closed: h.Closed, Callbacks: h.Callbacks,
	}}
	if clock, err := s.clock(h); err == nil { // it was checked when it was stored
		open, next := clock.Open(time.Now())
		o.Open, o.ChangesAt = open, MaybeTime(next)
	}
	return o
}

func (s *Server) listHours(ctx context.Context, _ *noInput) (*listOutput[HoursObject], error) {
	all, err := s.parts.Store.Hours(ctx)
	if err != nil {
		return nil, s.fail(ctx, "list hours", err)
	}
	return page(all, "", s.showHours), nil
}

// storedHours returns opening hours by name. ok is false when there are none.
func (s *Server) storedHours(ctx context.Context, name string) (h store.Hours, ok bool, err error) {
	all, err := s.parts.Store.Hours(ctx)
	if err != nil {
		return h, false, s.fail(ctx, "read hours", err)
	}
	i := slices.IndexFunc(all, func(h store.Hours) bool { return strings.EqualFold(h.Name, name) })
	if i < 0 {
		return h, false, nil
	}
	return all[i], true, nil
}

// needHours is storedHours where their absence is a problem.
func (s *Server) needHours(ctx context.Context, name, field string) (store.Hours, error) {
	h, ok, err := s.storedHours(ctx, name)
	if err == nil && !ok {
		status := http.StatusNotFound
		if !strings.HasPrefix(field, "path.") {
			status = http.StatusUnprocessableEntity
		}
		err = problem(status, "", "There are no such hours.", field)
	}
	return h, err
}

func (s *Server) getHours(ctx context.Context, in *HoursNameInput) (*oneOutput[HoursObject], error) {
	h, err := s.needHours(ctx, in.Name, "path.name")
	if err != nil {
		return nil, err
	}
	return &oneOutput[HoursObject]{s.showHours(h)}, nil
}

func (s *Server) putHours(ctx context.Context, in *putHoursInput) (*oneOutput[HoursObject], error) {
	h, exists, err := s.storedHours(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	action := "hours.update"
	if !exists {
		if !strings.EqualFold(in.Name, in.Body.Name) {
			return nil, problem(http.StatusUnprocessableEntity, "", "New hours have the name of their path.", "body.name")
		}
		h.ID, action = id.New(), "hours.create"
	}
	b := in.Body
	if h.Days, err = hours.ParseDays(b.Days); err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "", "The days are mon to sun, their intervals of the form 09:00-18:00.", "body.days")
	}
	h.Name, h.TimeZone, h.Closed, h.Callbacks = b.Name, b.TimeZone, slices.Compact(slices.Sorted(slices.Values(b.Closed))), b.Callbacks
	if overlap(h.Days) {
		return nil, problem(http.StatusUnprocessableEntity, "", "Two intervals of a day overlap.", "body.days")
	}
	if _, err := time.LoadLocation(h.TimeZone); err != nil || h.TimeZone == "Local" {
		return nil, problem(http.StatusUnprocessableEntity, "", "Not an IANA time zone, as Europe/Paris.", "body.time_zone")
	}
	if _, err := s.clock(h); err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "", "A closed day is a date, as 2026-12-25.", "body.closed")
	}
	err = s.change(ctx, action, "hours", h.ID, func() error { return s.parts.Store.UpsertHours(ctx, h) })
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(http.StatusConflict, "", "Others have this name.", "body.name")
	}
	if err != nil {
		return nil, s.fail(ctx, "save hours", err)
	}
	return &oneOutput[HoursObject]{s.showHours(h)}, nil
}

// overlap reports two intervals of one day that share a minute. It sorts them.
func overlap(days [7][][2]int) bool {
	for _, spans := range days {
		slices.SortFunc(spans, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
		for i := 1; i < len(spans); i++ {
			if spans[i][0] < spans[i-1][1] {
				return true
			}
		}
	}
	return false
}

func (s *Server) deleteHours(ctx context.Context, in *HoursNameInput) (*noOutput, error) {
	h, err := s.needHours(ctx, in.Name, "path.name")
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, "hours.delete", "hours", h.ID, func() error { return s.parts.Store.DeleteHours(ctx, h.ID) })
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(http.StatusConflict, "", "A queue has these hours.", "path.name")
	}
	if err != nil {
		return nil, s.fail(ctx, "delete hours", err)
	}
	return &noOutput{}, nil
}
