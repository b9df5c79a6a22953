package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/callback"
	"pickup/internal/hours"
)

// CallbackRules say whom the site calls back, and when.
type CallbackRules struct {
	Allowed   []string                       `json:"allowed,omitempty" maxItems:"1000" doc:"Countries (FR) and beginnings of numbers (+33) that may be called back; empty: every country."`
	Denied    []string                       `json:"denied,omitempty" maxItems:"1000" doc:"Beginnings of numbers that are never dialled."`
	Special   bool                           `json:"special,omitempty" doc:"Premium, shared-cost, satellite and other special lines may be dialled, too."`
	PerDay    int                            `json:"per_day,omitempty" minimum:"0" maximum:"1000" doc:"A person may ask for so many in 24 hours; 0: the setting callback.per_day."`
	Hours     []string                       `json:"hours,omitempty" maxItems:"20" doc:"When who asked for it is called, on the clock of the number, as 08:00-21:00; empty: the setting callback.hours."`
	Offer     *CallbackOffer                 `json:"offer,omitempty" doc:"When a caller who waits is told of the callback; without it the defaults."`
	Blocked   []CallbackBlock                `json:"blocked,omitempty" maxItems:"10000" doc:"Who is not called back."`
	Countries map[string]CallbackCountryRule `json:"countries,omitempty" doc:"By country (ISO 3166-1 alpha-2), * for all others; what is not named has the strict table."`
}

// CallbackOffer is when a callback is announced; one of them suffices, 0 is
// never by that.
type CallbackOffer struct {
	EstimateMS int64 `json:"estimate_ms" minimum:"0" maximum:"3600000" doc:"His estimate is longer."`
	WaitedMS   int64 `json:"waited_ms" minimum:"0" maximum:"3600000" doc:"He has waited so long."`
	ClosingMS  int64 `json:"closing_ms" minimum:"0" maximum:"86400000" doc:"The queue closes within this."`
}

// CallbackBlock is an entry of the block list.
type CallbackBlock struct {
	Number string    `json:"number" minLength:"1" maxLength:"64" doc:"E.164 number, its beginning with a final *, or the name of a SIP caller."`
	Until  MaybeTime `json:"until" required:"false" doc:"null: for ever."`
	Note   string    `json:"note,omitempty" maxLength:"200"`
}

// CallbackCountryRule has the hours of the numbers of a country.
type CallbackCountryRule struct {
	Hours      []string            `json:"hours,omitempty" maxItems:"20" doc:"Of calls that were asked for; empty: those of all."`
	Unasked    map[string][]string `json:"unasked,omitempty" doc:"Of the others, by weekday, mon to sun; a day without any has none."`
	Holidays   bool                `json:"holidays,omitempty" doc:"Unasked calls: not on public holidays (known of FR)."`
	Limit      int                 `json:"limit,omitempty" minimum:"0" maximum:"1000" doc:"Unasked calls of a number within period_days; 0: no limit."`
	PeriodDays int                 `json:"period_days,omitempty" minimum:"0" maximum:"366"`
}

type putCallbackRulesInput struct{ Body CallbackRules }

func (s *Server) callbackRuleOperations(api huma.API) {
	const path = "/api/v1/callback-rules"
	register(api, act{
		id: "get-callback-rules", method: http.MethodGet, path: path, tag: "callbacks", rule: seesAll,
		summary: "Whom the site calls back, and when: what was set",
	}, s.getCallbackRules)
	register(api, act{
		id: "put-callback-rules", method: http.MethodPut, path: path, tag: "callbacks", rule: manages,
		summary: "Change whom the site calls back, and when",
	}, s.putCallbackRules)
}

func (s *Server) getCallbackRules(ctx context.Context, _ *noInput) (*oneOutput[CallbackRules], error) {
	r, err := s.parts.Store.CallbackRules(ctx)
	if err != nil {
		return nil, s.fail(ctx, "read the rules of callbacks", err)
	}
	return &oneOutput[CallbackRules]{showRules(r)}, nil
}

func (s *Server) putCallbackRules(ctx context.Context, in *putCallbackRulesInput) (*oneOutput[CallbackRules], error) {
	r, err := in.Body.rules()
	if err == nil {
		err = r.Check()
	}
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "", err.Error(), "body")
	}
	err = s.change(ctx, "callback_rules.update", "callback_rules", "site", func() error { return s.parts.Store.SetCallbackRules(ctx, r) })
	if err != nil {
		return nil, s.fail(ctx, "save the rules of callbacks", err)
	}
	return &oneOutput[CallbackRules]{showRules(r)}, nil
}

func (b *CallbackRules) rules() (callback.Rules, error) {
	r := callback.Rules{Allowed: b.Allowed, Denied: b.Denied, Special: b.Special, PerDay: b.PerDay}
	var err error
	if r.Requested, err = spansOf("hours", b.Hours); err != nil {
		return r, err
	}
	if o := b.Offer; o != nil {
		r.Offer = callback.Offer{Estimate: orNever(o.EstimateMS), Waited: orNever(o.WaitedMS), Closing: orNever(o.ClosingMS)}
	}
	for _, one := range b.Blocked {
		r.Blocked = append(r.Blocked, callback.Block{Number: one.Number, Until: time.Time(one.Until), Note: one.Note})
	}
	for name, c := range b.Countries {
		rule := callback.CountryRule{Holidays: c.Holidays, Limit: c.Limit, Period: time.Duration(c.PeriodDays) * 24 * time.Hour}
		if rule.Requested, err = spansOf("countries."+name+".hours", c.Hours); err != nil {
			return r, err
		}
		if rule.Unrequested, err = hours.ParseDays(c.Unasked); err != nil {
			return r, fmt.Errorf("countries.%s.unasked: %w", name, err)
		}
		if r.Countries == nil {
			r.Countries = map[string]callback.CountryRule{}
		}
		r.Countries[name] = rule
	}
	return r, nil
}

// orNever is a condition of an offer whose 0 is never.
func orNever(ms int64) time.Duration {
	if ms == 0 {
		return -1
	}
	return time.Duration(ms) * time.Millisecond
}

func spansOf(field string, text []string) (spans [][2]int, err error) {
	for i, s := range text {
		span, err := hours.ParseSpan(s)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %q %w", field, i, s, err)
		}
		spans = append(spans, span)
	}
	return spans, nil
}

func showSpans(spans [][2]int) (text []string) {
	for _, s := range spans {
		text = append(text, hours.FormatSpan(s))
	}
	return text
}

func showRules(r callback.Rules) CallbackRules {
	b := CallbackRules{
		Allowed: r.Allowed, Denied: r.Denied, Special: r.Special, PerDay: r.PerDay, Hours: showSpans(r.Requested),
	}
	if r.Offer != (callback.Offer{}) {
		ms := func(d time.Duration) int64 { return max(d, 0).Milliseconds() }
		b.Offer = &CallbackOffer{ms(r.Offer.Estimate), ms(r.Offer.Waited), ms(r.Offer.Closing)}
	}
	for _, one := range r.Blocked {
		b.Blocked = append(b.Blocked, CallbackBlock{Number: one.Number, Until: MaybeTime(one.Until), Note: one.Note})
	}
	for name, c := range r.Countries {
		if b.Countries == nil {
			b.Countries = map[string]CallbackCountryRule{}
		}
		b.Countries[name] = CallbackCountryRule{
			Hours: showSpans(c.Requested), Unasked: hours.FormatDays(c.Unrequested), Holidays: c.Holidays, Limit: c.Limit,
			PeriodDays: int(c.Period / (24 * time.Hour)),
		}
	}
	return b
}
