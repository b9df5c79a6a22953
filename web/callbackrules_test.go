package web_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pickup/web"
)

func TestTheRulesOfCallbacksAreKept(t *testing.T) {
	s := open(t)
	admin := s.as("admin")
	var got web.CallbackRules
	admin.do("GET", "/api/v1/callback-rules", nil).json(t, &got)
	if !reflect.DeepEqual(got, web.CallbackRules{}) {
		t.Errorf("got %+v, want nothing that was set", got)
	}
	want := web.CallbackRules{
		Allowed: []string{"FR", "+41"}, Denied: []string{"+33892"}, Special: true, PerDay: 5, Hours: []string{"09:00-12:00"},
		Offer:   &web.CallbackOffer{EstimateMS: 90_000, ClosingMS: 600_000},
		Blocked: []web.CallbackBlock{{Number: "+33612345678", Until: web.MaybeTime(time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)), Note: "hoax"}},
		Countries: map[string]web.CallbackCountryRule{"FR": {
			Hours: []string{"09:00-20:00"}, Unasked: map[string][]string{"mon": {"10:00-13:00"}}, Holidays: true, Limit: 4, PeriodDays: 30,
		}},
	}
	if r := admin.do("PUT", "/api/v1/callback-rules", want); r.status != 200 {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	admin.do("GET", "/api/v1/callback-rules", nil).json(t, &got)
	if until := time.Time(got.Blocked[0].Until); !until.Equal(time.Time(want.Blocked[0].Until)) {
		t.Errorf("blocked until %s", until)
	}
	got.Blocked[0].Until = want.Blocked[0].Until
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRulesOfCallbacksThatAreRefused(t *testing.T) {
	s := open(t)
	admin := s.as("admin")
	for says, body := range map[string]any{
		"allowed[0]":           map[string]any{"allowed": []string{"France"}},
		"denied[0]":            map[string]any{"denied": []string{"0892"}},
		"hours[0]":             map[string]any{"hours": []string{"noon"}},
		"countries":            map[string]any{"countries": map[string]any{"ZZ": map[string]any{}}},
		"countries.FR.hours":   map[string]any{"countries": map[string]any{"FR": map[string]any{"hours": []string{"20:00-09:00"}}}},
		"countries.FR.unasked": map[string]any{"countries": map[string]any{"FR": map[string]any{"unasked": map[string]any{"someday": []string{}}}}},
		"countries.FR.period":  map[string]any{"countries": map[string]any{"FR": map[string]any{"limit": 4}}},
		"per_day":              map[string]any{"per_day": 1001},
	} {
		if r := admin.do("PUT", "/api/v1/callback-rules", body); r.status != 422 || !strings.Contains(string(r.body), says) {
			t.Errorf("%s: got %d %s", says, r.status, r.body)
		}
	}
}
