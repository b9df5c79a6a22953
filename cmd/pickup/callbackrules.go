package main

import (
	"context"
	"fmt"

	"pickup/callback"
	"pickup/configs"
	"pickup/internal/hours"
	"pickup/store"
)

// rulesOf are the rules of callbacks as they stand: what is stored, over the
// settings and the defaults.
func rulesOf(ctx context.Context, st *store.Store, c *configs.Config) (callback.Rules, error) {
	stored, err := st.CallbackRules(ctx)
	if err != nil {
		return stored, err
	}
	defaults := callback.DefaultRules()
	if defaults.Requested, err = spansOf(c.Callback.Hours); err != nil {
		return stored, fmt.Errorf("callback.hours: %w", err)
	}
	return stored.Over(defaults), nil
}

func spansOf(text []string) (spans [][2]int, err error) {
	for _, s := range text {
		span, err := hours.ParseSpan(s)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", s, err)
		}
		spans = append(spans, span)
	}
	return spans, nil
}

// applyCallbacks stores the rules of a site file; without any, what is stored
// stays.
func applyCallbacks(ctx context.Context, st *store.Store, site configs.Site) error {
	s := site.Callbacks
	if s == nil {
		return nil
	}
	r := callback.Rules{Allowed: s.Allowed, Denied: s.Denied, Special: s.Special, PerDay: s.PerDay}
	var err error
	if r.Requested, err = spansOf(s.Hours); err != nil {
		return fmt.Errorf("callbacks.hours: %w", err)
	}
	if o := s.Offer; o != nil {
		r.Offer = callback.Offer{Estimate: unlessZero(o.Estimate), Waited: unlessZero(o.Waited), Closing: unlessZero(o.Closing)}
	}
	for _, b := range s.Blocked {
		until, err := b.End()
		if err != nil {
			return fmt.Errorf("callbacks.blocked: %w", err)
		}
		r.Blocked = append(r.Blocked, callback.Block{Number: b.Number, Until: until, Note: b.Note})
	}
	for name, c := range s.Countries {
		rule := callback.CountryRule{Holidays: c.Holidays, Limit: c.Limit, Period: c.Period}
		if rule.Requested, err = spansOf(c.Hours); err != nil {
			return fmt.Errorf("callbacks.countries.%s.hours: %w", name, err)
		}
		if rule.Unrequested, err = hours.ParseDays(c.Unasked); err != nil {
			return fmt.Errorf("callbacks.countries.%s.unasked: %w", name, err)
		}
		if r.Countries == nil {
			r.Countries = map[string]callback.CountryRule{}
		}
		r.Countries[name] = rule
	}
	if err := r.Check(); err != nil {
		return fmt.Errorf("callbacks.%w", err)
	}
	return st.SetCallbackRules(ctx, r)
}
