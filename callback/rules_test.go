package callback_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/callback"
	"pickup/internal/e164"
)

func to(number string) callback.Callback {
	c := promise(number)
	c.Proof = callback.ProofConfirmed
	return c
}

func TestWhomTheRulesRefuse(t *testing.T) {
	now := at("2026-03-10T10:00:00Z")
	hoax := []callback.Block{
		{Number: "+33612345678", Until: now.Add(time.Hour), Note: "hoax"},
		{Number: "+33752345679", Until: now},
		{Number: "+4477*"},
		{Number: "mallory"},
	}
	sip := callback.Callback{TargetKind: callback.TargetSIPSource, Target: "alice@udp:192.0.2.1:5060", Player: "alice"}
	mallory := sip
	mallory.Player = "mallory"
	for name, c := range map[string]struct {
		rules callback.Rules
		who   callback.Callback
		want  callback.Reason
	}{
		"an ordinary number":                  {callback.Rules{}, to("+33612345679"), ""},
		"a number that cannot exist":          {callback.Rules{}, to("+33012345678"), callback.ReasonInvalid},
		"a number without its country":        {callback.Rules{}, to("0612345678"), callback.ReasonInvalid},
		"a premium number":                    {callback.Rules{}, to("+33899123456"), callback.ReasonPremium},
		"a premium number of a site that may": {callback.Rules{Special: true}, to("+33899123456"), ""},
		"a satellite phone":                   {callback.Rules{}, to("+881612345678"), callback.ReasonSatellite},
		"a free number reaches nobody":        {callback.Rules{}, to("+33801234567"), callback.ReasonSpecial},
		"a country that is allowed":           {callback.Rules{Allowed: []string{"FR"}}, to("+33612345679"), ""},
		"a country that is not":               {callback.Rules{Allowed: []string{"FR"}}, to("+442079460000"), callback.ReasonCountry},
		"its neighbour of the same code":      {callback.Rules{Allowed: []string{"US"}}, to("+14165550123"), callback.ReasonCountry},
		"a beginning that is allowed":         {callback.Rules{Allowed: []string{"FR", "+4420"}}, to("+442079460000"), ""},
		"a denied beginning in its country":   {callback.Rules{Allowed: []string{"FR"}, Denied: []string{"+337"}}, to("+33752345678"), callback.ReasonDenied},
		"a blocked number":                    {callback.Rules{Blocked: hoax}, to("+33612345678"), callback.ReasonBlocked},
		"a block that has ended":              {callback.Rules{Blocked: hoax}, to("+33752345679"), ""},
		"a blocked beginning":                 {callback.Rules{Blocked: hoax}, to("+447712345678"), callback.ReasonBlocked},
		"a SIP caller is bound by no country": {callback.Rules{Allowed: []string{"FR"}}, sip, ""},
		"a SIP caller whose name is blocked":  {callback.Rules{Blocked: hoax}, mallory, callback.ReasonBlocked},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.rules.Permits(c.who, now)
			if got := callback.RefusalOf(err); got != c.want || (err != nil) != (c.want != "") {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && (!errors.Is(err, callback.ErrUnreachable) || strings.Contains(err.Error(), c.who.Target)) {
				t.Errorf("%v is no ErrUnreachable, or tells the number", err)
			}
		})
	}
}

// rulesOf makes a desk that follows rules.
func ruled(r callback.Rules, moment string) desk {
	d := newDesk(callback.Config{Rules: func() *callback.Rules { return &r }})
	d.clock.set(at(moment))
	return d
}

func TestQuietHours(t *testing.T) {
	rules := callback.DefaultRules()
	rules.Countries["BE"] = callback.CountryRule{Requested: [][2]int{{9 * 60, 10 * 60}}}
	left := func(number string) callback.Callback {
		c := to(number)
		c.Kind = callback.KindAbandoned
		return c
	}
	for name, c := range map[string]struct {
		who     callback.Callback
		at, due string // "": refused
	}{
		"asked for in the morning":               {to("+33612345678"), "2026-03-10T10:00:00Z", "2026-03-10T10:00:00Z"},
		"asked for at night: at 8 in Paris":      {to("+33612345678"), "2026-03-10T22:30:00Z", "2026-03-11T07:00:00Z"},
		"on a Sunday, in summer time":            {to("+33612345678"), "2026-04-05T04:00:00Z", "2026-04-05T06:00:00Z"},
		"by the clock of New York":               {to("+12125550123"), "2026-03-10T10:00:00Z", "2026-03-10T12:00:00Z"},
		"by that of Honolulu":                    {to("+18085550123"), "2026-03-10T10:00:00Z", "2026-03-10T18:00:00Z"},
		"a mobile of many zones: all allow it":   {to("+61412345678"), "2026-03-10T00:00:00Z", "2026-03-10T01:30:00Z"},
		"a country with hours of its own":        {to("+32470123456"), "2026-03-10T10:00:00Z", "2026-03-11T08:00:00Z"},
		"not asked for, at lunch":                {left("+33612345678"), "2026-03-10T12:30:00Z", "2026-03-10T13:00:00Z"},
		"not asked for, on a Friday evening":     {left("+33612345678"), "2026-03-13T19:30:00Z", "2026-03-16T09:00:00Z"},
		"not asked for, before Easter Monday":    {left("+33612345678"), "2026-04-03T19:00:00Z", "2026-04-07T08:00:00Z"},
		"not asked for, in the United States":    {left("+12125550123"), "2026-03-08T10:00:00Z", "2026-03-08T12:00:00Z"},
		"not asked for, where no hour is named":  {left("+32470123456"), "2026-03-10T10:00:00Z", ""},
		"not asked for, elsewhere: as in France": {left("+4915123456789"), "2026-03-10T12:30:00Z", "2026-03-10T13:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			d := ruled(rules, c.at)
			got, err := d.Confirm(t.Context(), c.who)
			if c.due == "" {
				if callback.RefusalOf(err) != callback.ReasonNoHour {
					t.Errorf("got %v, %v, want a refusal", got.NotBefore, err)
				}
				return
			}
			need(t, err)
			if !got.NotBefore.Equal(at(c.due)) {
				t.Errorf("due %s, want %s", got.NotBefore.UTC(), c.due)
			}
			if !got.PromisedBy.Equal(got.NotBefore.Add(time.Hour)) {
				t.Errorf("promised by %s", got.PromisedBy)
			}
		})
	}
}

// Whatever the number and the hour, nobody's phone rings outside his hours: Due
// is within them by a reading of the clock in each of his zones.
func TestDueIsWithinTheHoursOfEachZone(t *testing.T) {
	rules := callback.DefaultRules()
	book := callback.NewBook(callback.Config{Rules: func() *callback.Rules { return &rules }}, newStore())
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.SampledFrom([]string{
			"+33612345678", "+12125550123", "+18085550123", "+61412345678", "+79161234567", "+442079460000", "+262692123456",
		}).Draw(t, "number")
		moment := at("2026-01-01T00:00:00Z").Add(time.Duration(rapid.IntRange(0, 2*366*24*60).Draw(t, "minutes")) * time.Minute)
		due := book.Due(to(number), moment)
		if due.Before(moment) {
			t.Fatalf("due %s before %s", due, moment)
		}
		line, _ := e164.Look(number)
		for _, zone := range line.Zones {
			where, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			if h := due.In(where).Hour(); h < 8 || h >= 21 {
				t.Fatalf("%s rings at %s in %s", number, due.In(where), zone)
			}
		}
		if again := book.Due(to(number), due); !again.Equal(due) {
			t.Fatalf("due %s, then %s", due, again)
		}
	})
}

func TestUnaskedCallsAreCounted(t *testing.T) {
	rules := callback.DefaultRules()
	d := ruled(rules, "2026-03-10T10:00:00Z")
	bare := promise("+33612345678")
	bare.Kind = callback.KindAbandoned
	_, err := d.Confirm(t.Context(), bare)
	if callback.RefusalOf(err) != callback.ReasonUnverified {
		t.Errorf("a bare caller ID: %v", err)
	}
	left := bare
	left.Proof = callback.ProofConfirmed
	for _, want := range []int{3, 1} { // attempts that are left of the four of 30 days
		c := d.confirmed(t, left)
		if c.MaxAttempts != want {
			t.Fatalf("may be dialled %d times, want %d", c.MaxAttempts, want)
		}
		for c.Open() {
			d.clock.set(c.NotBefore)
			c = d.attempt(t, c.ID, callback.ResultNoAnswer)
		}
		d.clock.pass(time.Minute)
	}
	_, err = d.Confirm(t.Context(), left)
	if callback.RefusalOf(err) != callback.ReasonLimit {
		t.Errorf("the fifth call: %v", err)
	}
	d.clock.pass(31 * 24 * time.Hour)
	d.confirmed(t, left)
}

func TestTheCapOfADayOutlivesTheProcess(t *testing.T) {
	d := newDesk(callback.Config{PerDay: 1})
	c := d.confirmed(t, promise("+33612345678"))
	_, err := d.Cancel(t.Context(), c.ID, "player")
	need(t, err)
	again := callback.NewBook(callback.Config{Now: d.clock.now, PerDay: 1}, d.store)
	_, err = again.Recover(t.Context())
	need(t, err)
	_, err = again.Confirm(t.Context(), promise("+33612345678"))
	must(t, err, callback.ErrTooMany)
}

func TestTheEndOfTheNextBusinessDay(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	need(t, err)
	rules := callback.DefaultRules()
	for name, c := range map[string]struct {
		who         callback.Callback
		at, expires string
	}{
		"a Tuesday: Wednesday at 21 h in Paris": {to("+33612345678"), "2026-03-10T10:00:00Z", "2026-03-11T20:00:00Z"},
		"a Friday: Monday":                      {to("+33612345678"), "2026-03-13T10:00:00Z", "2026-03-16T20:00:00Z"},
		"who has no hours: midnight":            {callback.Callback{TargetKind: callback.TargetBrowser, Target: "c", Queue: "q"}, "2026-03-13T10:00:00Z", "2026-03-16T23:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(callback.Config{Rules: func() *callback.Rules { return &rules }, Expiry: -1, Location: paris})
			d.clock.set(at(c.at))
			if got := d.confirmed(t, c.who); !got.ExpiresAt.Equal(at(c.expires)) {
				t.Errorf("expires %s, want %s", got.ExpiresAt.UTC(), c.expires)
			}
		})
	}
}

func TestRulesThatCannotBe(t *testing.T) {
	for field, r := range map[string]callback.Rules{
		"allowed[0]":             {Allowed: []string{"France"}},
		"denied[0]":              {Denied: []string{"0899"}},
		"blocked[0]":             {Blocked: []callback.Block{{}}},
		"per_day":                {PerDay: -1},
		"requested":              {Requested: [][2]int{{600, 500}}},
		"countries":              {Countries: map[string]callback.CountryRule{"ZZ": {}}},
		"countries.FR.requested": {Countries: map[string]callback.CountryRule{"FR": {Requested: [][2]int{{0, 9999}}}}},
		"countries.FR.limit":     {Countries: map[string]callback.CountryRule{"FR": {Limit: -1}}},
		"countries.FR.period":    {Countries: map[string]callback.CountryRule{"FR": {Limit: 4}}},
	} {
		if err := r.Check(); err == nil || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("%s: got %v", field, err)
		}
	}
	good := callback.DefaultRules()
	need(t, good.Check())
	merged := callback.Rules{Countries: map[string]callback.CountryRule{"BE": {}}}.Over(good)
	if len(merged.Countries) != 4 || len(good.Countries) != 3 || merged.Offer != callback.DefaultOffer() || len(merged.Requested) != 1 {
		t.Errorf("merged: %+v", merged)
	}
}

func TestWhatIsKept(t *testing.T) {
	d := newDesk(callback.Config{})
	for want, late := range map[bool]time.Duration{true: time.Hour, false: time.Hour + time.Second} {
		c := d.confirmed(t, promise("+33612345678"))
		d.clock.pass(late)
		_, _, err := d.Begin(t.Context(), c.ID, "agent-1")
		need(t, err)
		_, err = d.Advance(t.Context(), c.ID, callback.StateConnected)
		need(t, err)
		d.clock.pass(time.Hour) // a long talk is not late
		if c, err = d.Finish(t.Context(), c.ID, callback.ResultConnected); err != nil || c.Kept() != want {
			t.Errorf("%v late: kept %t, %v", late, c.Kept(), err)
		}
	}
}
