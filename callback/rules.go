package callback

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pickup/internal/e164"
	"pickup/internal/hours"
)

// Rules say whom a site calls back, and when. They hold for numbers; who is
// reached at the source of his call or on his page is bound by the caps and by
// the block list alone. The zero value allows every number that is an ordinary
// line at any time; DefaultRules has the hours.
type Rules struct {
	// Allowed are countries (ISO 3166-1 alpha-2, "FR") and beginnings of numbers
	// ("+33"). Empty: every country.
	Allowed []string `json:"allowed,omitempty"`
	// Denied are beginnings of numbers that are never dialled, whatever Allowed says.
	Denied []string `json:"denied,omitempty"`
	// Special lets premium, shared-cost, satellite and other special lines be dialled.
	Special bool    `json:"special,omitempty"`
	Blocked []Block `json:"blocked,omitempty"`
	// PerDay is how many a person may ask for in 24 h; 0: Config.PerDay.
	PerDay int   `json:"per_day,omitempty"`
	Offer  Offer `json:"offer,omitzero"`
	// Requested is when who asked for it is called, minutes after midnight on his
	// clock, every day. Empty: at any time.
	Requested [][2]int `json:"requested,omitempty"`
	// Countries has the hours of calls that nobody asked for, and others of asked
	// ones, by country; "*" is every country that is not named.
	Countries map[string]CountryRule `json:"countries,omitempty"`
}

// Block keeps a number, or all that begin so, from being called back.
type Block struct {
	Number string    `json:"number"`         // E.164, or its beginning with a final "*"; or the name of a SIP caller
	Until  time.Time `json:"until,omitzero"` // zero: for ever
	Note   string    `json:"note,omitempty"`
}

// Offer says when a caller who waits is told that he can be called back. One
// condition suffices. The key works at any time.
type Offer struct {
	Estimate time.Duration `json:"estimate,omitempty"` // his estimate is longer; below 0: never by that
	Waited   time.Duration `json:"waited,omitempty"`   // he has waited so long; below 0: never by that
	Closing  time.Duration `json:"closing,omitempty"`  // the queue closes sooner than in this; below 0: never by that
}

// CountryRule has the hours of one country. Closed on public holidays means those
// that hours.Holidays knows.
type CountryRule struct {
	Requested   [][2]int      `json:"requested,omitempty"` // empty: Rules.Requested
	Unrequested [7][][2]int   `json:"unrequested"`         // by weekday, 0 Sunday
	Holidays    bool          `json:"holidays,omitempty"`  // not on public holidays
	Limit       int           `json:"limit,omitempty"`     // unrequested calls of a number within Period; 0: no limit
	Period      time.Duration `json:"period,omitempty"`
}

// minutes of a whole day.
const wholeDay = 24 * 60

// DefaultRules are those of a site that says nothing: calls that were asked for
// from 08:00 to 21:00 on the clock of the number, the others by the strict table
// (France: Code de la consommation L223-1 and D223-9; United States: 47 CFR
// 64.1200(c)(1)). Other countries have that of France. What the law is has to be
// confirmed by counsel.
func DefaultRules() Rules {
	day := [][2]int{{10 * 60, 13 * 60}, {14 * 60, 20 * 60}}
	weekdays := [7][][2]int{nil, day, day, day, day, day, nil}
	long := [][2]int{{8 * 60, 21 * 60}}
	const month = 30 * 24 * time.Hour
	return Rules{
		Requested: [][2]int{{8 * 60, 21 * 60}},
		Offer:     DefaultOffer(),
		Countries: map[string]CountryRule{
			"*":  {Unrequested: weekdays, Limit: 4, Period: month},
			"FR": {Unrequested: weekdays, Holidays: true, Limit: 4, Period: month},
			"US": {Unrequested: [7][][2]int{long, long, long, long, long, long, long}, Limit: 4, Period: month},
		},
	}
}

// DefaultOffer is when callbacks are announced unless a site says otherwise.
func DefaultOffer() Offer {
	return Offer{Estimate: time.Minute, Waited: 45 * time.Second, Closing: 10 * time.Minute}
}

// Over returns r with what it does not say taken from defaults.
func (r Rules) Over(defaults Rules) Rules {
	if len(r.Requested) == 0 {
		r.Requested = defaults.Requested
	}
	if r.Offer == (Offer{}) {
		r.Offer = defaults.Offer
	}
	countries := maps.Clone(defaults.Countries)
	if countries == nil {
		countries = map[string]CountryRule{}
	}
	maps.Copy(countries, r.Countries)
	r.Countries = countries
	return r
}

// Refusal says why somebody is not called back. It is an ErrUnreachable for
// errors.Is.
type Refusal struct {
	Reason Reason
	Value  string // what it was: a country, a beginning; never a number
}

// Reason is a stable word for a refusal.
type Reason string

// The reasons.
const (
	ReasonInvalid    Reason = "invalid_number"      // no number that can exist
	ReasonCountry    Reason = "country_not_allowed" // nor a beginning
	ReasonDenied     Reason = "prefix_denied"
	ReasonPremium    Reason = "premium_number"
	ReasonSatellite  Reason = "satellite_number"
	ReasonSpecial    Reason = "special_number"
	ReasonBlocked    Reason = "blocked"
	ReasonUnverified Reason = "unverified_number" // nobody has said that it is his
	ReasonNoConsent  Reason = "no_consent"
	ReasonLimit      Reason = "limit_reached" // of unrequested calls
	ReasonNoHour     Reason = "no_allowed_hour"
)

// Error implements error.
func (r *Refusal) Error() string {
	if r.Value == "" {
		return "callback: refused: " + string(r.Reason)
	}
	return fmt.Sprintf("callback: refused: %s (%s)", r.Reason, r.Value)
}

// Is makes every refusal an ErrUnreachable.
func (r *Refusal) Is(target error) bool { return target == ErrUnreachable }

// RefusalOf returns the reason of an error that is a refusal, or "".
func RefusalOf(err error) Reason {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Reason
	}
	return ""
}

// Check reports the first fault of the rules, with its field.
func (r *Rules) Check() error {
	for i, a := range r.Allowed {
		if !e164.Regions(a) && !beginning(a) {
			return fmt.Errorf("allowed[%d]: %q must be a country as FR, or the beginning of a number as +33", i, a)
		}
	}
	for i, d := range r.Denied {
		if !beginning(d) {
			return fmt.Errorf("denied[%d]: %q must be the beginning of a number, as +33899", i, d)
		}
	}
	for i, b := range r.Blocked {
		if b.Number == "" || len(b.Number) > 64 || len(b.Note) > 200 {
			return fmt.Errorf("blocked[%d]: %q must be a number, its beginning with a final *, or a name, of 64 characters at most, its note of 200", i, b.Number)
		}
	}
	if r.PerDay < 0 || r.PerDay > 1000 {
		return fmt.Errorf("per_day: %d must be 0 to 1000; 0 is callback.per_day", r.PerDay)
	}
	if err := checkSpans("requested", r.Requested); err != nil {
		return err
	}
	for _, country := range slices.Sorted(maps.Keys(r.Countries)) {
		if country != "*" && !e164.Regions(country) {
			return fmt.Errorf("countries: %q must be a country as FR, or *", country)
		}
		if err := r.Countries[country].check("countries." + country); err != nil {
			return err
		}
	}
	return nil
}

func (c CountryRule) check(path string) error {
	if err := checkSpans(path+".requested", c.Requested); err != nil {
		return err
	}
	for _, spans := range c.Unrequested {
		if err := checkSpans(path+".unrequested", spans); err != nil {
			return err
		}
	}
	if c.Limit < 0 || c.Limit > 1000 {
		return fmt.Errorf("%s.limit: %d must be 0 to 1000", path, c.Limit)
	}
	if c.Period < 0 || c.Period > 366*24*time.Hour || c.Limit > 0 && c.Period == 0 {
		return fmt.Errorf("%s.period: %s must be up to 366 days, and more than nothing where there is a limit", path, c.Period)
	}
	return nil
}

func checkSpans(path string, spans [][2]int) error {
	for _, s := range spans {
		if s[0] < 0 || s[0] >= s[1] || s[1] > wholeDay {
			return fmt.Errorf("%s: minutes %d to %d are no interval of a day", path, s[0], s[1])
		}
	}
	return nil
}

// beginning reports whether text is the beginning of an E.164 number.
func beginning(text string) bool {
	digits := strings.TrimPrefix(text, "+")
	return digits != text && len(digits) >= 1 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}

// Permits returns a *Refusal when the rules keep c from being called back now,
// whoever asks: nothing is counted and no hour is looked at.
func (r *Rules) Permits(c Callback, now time.Time) error {
	if b, ok := r.block(c, now); ok {
		return &Refusal{Reason: ReasonBlocked, Value: b}
	}
	if c.TargetKind != TargetNumber {
		return nil
	}
	line, ok := e164.Look(c.Target)
	if !ok {
		return &Refusal{Reason: ReasonInvalid}
	}
	begins := func(p string) bool { return strings.HasPrefix(c.Target, p) }
	if i := slices.IndexFunc(r.Denied, begins); i >= 0 {
		return &Refusal{Reason: ReasonDenied, Value: r.Denied[i]}
	}
	if !r.Special {
		if why := special(line.Kind); why != "" {
			return &Refusal{Reason: why}
		}
	}
	allowed := func(a string) bool { return a == line.Country || a[0] == '+' && begins(a) }
	if len(r.Allowed) > 0 && !slices.ContainsFunc(r.Allowed, allowed) {
		return &Refusal{Reason: ReasonCountry, Value: line.Country}
	}
	return nil
}

func special(k e164.Kind) Reason {
	switch k {
	case e164.KindPremium:
		return ReasonPremium
	case e164.KindSatellite:
		return ReasonSatellite
	case e164.KindFixed, e164.KindMobile:
		return ""
	default:
		return ReasonSpecial
	}
}

// block returns the entry of the block list that keeps c from being called.
func (r *Rules) block(c Callback, now time.Time) (string, bool) {
	for _, b := range r.Blocked {
		if !b.Until.IsZero() && !now.Before(b.Until) {
			continue
		}
		start, open := strings.CutSuffix(b.Number, "*")
		for _, who := range [...]string{c.Target, c.Player} {
			if who == b.Number || open && start != "" && strings.HasPrefix(who, start) {
				return b.Note, true
			}
		}
	}
	return "", false
}

// quiet are the hours in which the number of c may be called, one for each time
// zone in which its phone may be.
func (r *Rules) quiet(c Callback, now time.Time) []*hours.Hours {
	if c.TargetKind != TargetNumber {
		return nil
	}
	line, _ := e164.Look(c.Target)
	rule, days := r.country(line.Country), [7][][2]int{}
	if c.Kind.requested() {
		spans := rule.Requested
		if len(spans) == 0 {
			spans = r.Requested
		}
		if len(spans) == 0 {
			return nil
		}
		for d := range days {
			days[d] = spans
		}
	} else {
		days = rule.Unrequested
	}
	var closed []string
	if rule.Holidays && !c.Kind.requested() {
		for year := now.Year() - 1; year <= now.Year()+1; year++ {
			closed = append(closed, hours.Holidays(line.Country, year)...)
		}
	}
	zones := line.Zones
	if len(zones) == 0 {
		zones = []string{"UTC"}
	}
	var all []*hours.Hours
	for _, zone := range zones {
		if h, err := hours.New(zone, days, closed); err == nil {
			all = append(all, h)
		}
	}
	return all
}

// country is the rule of a country: its own, else that of all others.
func (r *Rules) country(code string) CountryRule {
	if rule, ok := r.Countries[code]; ok {
		return rule
	}
	return r.Countries["*"]
}

// requested reports whether the person, or somebody for him, asked to be called,
// or waited in our line when we broke it.
func (k Kind) requested() bool { return k != KindAbandoned }
