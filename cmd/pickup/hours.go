package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"pickup/configs"
	"pickup/internal/hours"
	"pickup/internal/id"
	"pickup/store"
)

type hoursCmd struct {
	List   hoursListCmd   `cmd:"" help:"List the opening hours."`
	Set    hoursSetCmd    `cmd:"" help:"Make opening hours, or change what is named of them."`
	Remove hoursRemoveCmd `cmd:"" help:"Remove opening hours that no queue has."`
}

func openings() listing[store.Hours] {
	return listing[store.Hours]{
		kind: "hours", columns: []string{"NAME", "TIME ZONE", "CALLBACKS", "DAYS", "CLOSED"}, all: (*store.Store).Hours,
		row: func(h store.Hours) []any {
			text := hours.FormatDays(h.Days)
			var days []string
			for _, day := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
				if spans := text[day]; len(spans) > 0 {
					days = append(days, day+"="+strings.Join(spans, ","))
				}
			}
			return []any{h.Name, h.TimeZone, h.Callbacks, strings.Join(days, " "), strings.Join(h.Closed, ",")}
		},
		key: func(h store.Hours) (id, name string) { return h.ID, h.Name },
	}
}

type hoursListCmd struct{}

// Run lists the opening hours.
func (hoursListCmd) Run(e *env) error { return openings().print(e) }

type hoursSetCmd struct {
	Name      string    `arg:"" help:"Name of the hours."`
	TimeZone  *string   `help:"IANA name, as Europe/Paris; empty: site.time_zone."`
	Day       []string  `sep:"none" placeholder:"DAY=FROM-TO,..." help:"Intervals of a day, as mon=09:00-12:30,13:30-18:00, or mon= for none; once for each day that changes."`
	Closed    *[]string `help:"Days that are closed, all of them, as 2026-12-25."`
	Callbacks *bool     `negatable:"" help:"Dial callbacks, of any queue, within these hours only."`
}

// Run makes or changes opening hours.
func (h hoursSetCmd) Run(e *env) error {
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		stored, _, err := openings().named(ctx, st, h.Name)
		if err != nil {
			return err
		}
		s := configs.SiteHours{
			Name: cmp.Or(stored.Name, h.Name), TimeZone: stored.TimeZone, Days: hours.FormatDays(stored.Days), Closed: stored.Closed,
			Callbacks: stored.Callbacks,
		}
		set(&s.TimeZone, h.TimeZone)
		set(&s.Closed, h.Closed)
		set(&s.Callbacks, h.Callbacks)
		for _, text := range h.Day {
			day, spans, ok := strings.Cut(text, "=")
			if !ok {
				return fmt.Errorf("--day: %q must be as mon=09:00-18:00", text)
			}
			s.Days[day] = strings.FieldsFunc(spans, func(r rune) bool { return r == ',' })
		}
		site := configs.Site{Hours: []configs.SiteHours{s}}
		if err := site.Check(); err != nil {
			return err
		}
		return applyHours(ctx, st, site)
	})
}

type hoursRemoveCmd struct {
	Name string `arg:"" help:"Name of the hours."`
}

// Run removes opening hours.
func (r hoursRemoveCmd) Run(e *env) error {
	return openings().on(e, r.Name, func(st *store.Store, ctx context.Context, id string) error {
		err := st.DeleteHours(ctx, id)
		if errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("hours %q are those of a queue: give it others first (pickup queue set QUEUE --hours=)", r.Name)
		}
		return err
	})
}

// hoursIDs are the ids of the stored opening hours by name.
func hoursIDs(ctx context.Context, st *store.Store) (map[string]string, error) {
	all, err := st.Hours(ctx)
	ids := make(map[string]string, len(all))
	for _, h := range all {
		ids[h.Name] = h.ID
	}
	return ids, err
}

func applyHours(ctx context.Context, st *store.Store, site configs.Site) error {
	ids, err := hoursIDs(ctx, st)
	if err != nil {
		return err
	}
	for _, s := range site.Hours {
		days, err := hours.ParseDays(s.Days)
		if err != nil {
			return fmt.Errorf("hours[%s].days: %w", s.Name, err)
		}
		h := store.Hours{ID: ids[s.Name], Name: s.Name, TimeZone: s.TimeZone, Days: days, Closed: s.Closed, Callbacks: s.Callbacks}
		if h.ID == "" {
			h.ID = id.New()
		}
		if err := st.UpsertHours(ctx, h); err != nil {
			return fmt.Errorf("store hours %s: %w", s.Name, err)
		}
	}
	return nil
}

// clocks are the stored opening hours by id, and those of callbacks (nil:
// always).
func clocks(ctx context.Context, st *store.Store, zone string) (byID map[string]*hours.Hours, callbacks *hours.Hours, err error) {
	all, err := st.Hours(ctx)
	if err != nil {
		return nil, nil, err
	}
	byID = make(map[string]*hours.Hours, len(all))
	for _, h := range all {
		clock, err := hours.New(cmp.Or(h.TimeZone, zone), h.Days, h.Closed)
		if err != nil {
			return nil, nil, fmt.Errorf("hours %s: %w", h.Name, err)
		}
		byID[h.ID] = clock
		if h.Callbacks {
			callbacks = clock
		}
	}
	return byID, callbacks, nil
}
