package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/web"
)

// Who may call what: agents read their own, reviewers and supervisors all,
// supervisors change agents, administrators change the site.
func TestEachRoleMayDoWhatItsTableSays(t *testing.T) {
	s := open(t)
	other := s.endedCall(s.users["1002"].ID)
	own := s.endedCall(s.users["1001"].ID)
	a1, a2 := string(s.users["1001"].ID), string(s.users["1002"].ID)
	ready := map[string]string{"state": "offline"}
	trunk := map[string]string{"name": "x"} // not complete: who may gets 422
	clients := map[string]*client{"nobody": s.nobody()}
	for login := range people {
		clients[login] = s.as(login)
	}
	type row struct {
		method, path                                   string
		body                                           any
		nobody, agent, supervisor, reviewer, administr int
	}
	for name, c := range map[string]row{
		"me":                           {"GET", "/api/v1/me", nil, 401, 200, 200, 200, 200},
		"queues":                       {"GET", "/api/v1/queues", nil, 401, 200, 200, 200, 200},
		"one queue's settings":         {"GET", "/api/v1/queues/support", nil, 401, 403, 200, 200, 200},
		"make a queue":                 {"POST", "/api/v1/queues", map[string]string{}, 401, 403, 403, 403, 422},
		"delete a queue":               {"DELETE", "/api/v1/queues/none", nil, 401, 403, 403, 403, 404},
		"change a queue":               {"PUT", "/api/v1/queues/support", map[string]string{"name": "support"}, 401, 403, 200, 403, 200},
		"make a queue by its name":     {"PUT", "/api/v1/queues/fresh", map[string]string{"name": "other"}, 401, 403, 403, 403, 422},
		"a member":                     {"PUT", "/api/v1/queues/none/members/" + a1, map[string]int{"rank": 0}, 401, 403, 404, 403, 404},
		"take out a member":            {"DELETE", "/api/v1/queues/support/members/none", nil, 401, 403, 404, 403, 404},
		"agents":                       {"GET", "/api/v1/agents", nil, 401, 200, 200, 200, 200},
		"himself":                      {"GET", "/api/v1/agents/" + a1, nil, 401, 200, 200, 200, 200},
		"another agent":                {"GET", "/api/v1/agents/" + a2, nil, 401, 403, 200, 200, 200},
		"his own state":                {"PUT", "/api/v1/agents/" + a1 + "/state", ready, 401, 200, 200, 403, 200},
		"another's state":              {"PUT", "/api/v1/agents/" + a2 + "/state", ready, 401, 403, 200, 403, 200},
		"an unknown agent":             {"PUT", "/api/v1/agents/none/state", ready, 401, 403, 404, 403, 404},
		"end another's wrap-up":        {"POST", "/api/v1/agents/" + a2 + "/wrap-up/end", nil, 401, 403, 409, 403, 409},
		"calls":                        {"GET", "/api/v1/calls", nil, 401, 200, 200, 200, 200},
		"live calls":                   {"GET", "/api/v1/calls?state=live", nil, 401, 200, 200, 200, 200},
		"his own call":                 {"GET", "/api/v1/calls/" + string(own.ID), nil, 401, 200, 200, 200, 200},
		"another's call":               {"GET", "/api/v1/calls/" + string(other.ID), nil, 401, 403, 200, 200, 200},
		"who calls him":                {"GET", "/api/v1/calls/" + string(own.ID) + "/caller", nil, 401, 200, 200, 200, 200},
		"who calls another":            {"GET", "/api/v1/calls/" + string(other.ID) + "/caller", nil, 401, 403, 200, 200, 200},
		"end a call":                   {"DELETE", "/api/v1/calls/" + string(other.ID), nil, 401, 403, 404, 403, 404},
		"move a call":                  {"PUT", "/api/v1/calls/" + string(other.ID) + "/priority", map[string]any{"priority": 2, "reason": "A friend."}, 401, 403, 404, 403, 404},
		"recordings":                   {"GET", "/api/v1/recordings", nil, 401, 200, 200, 200, 200},
		"an unknown recording":         {"GET", "/api/v1/recordings/none", nil, 401, 404, 404, 404, 404},
		"audio of an unknown one":      {"GET", "/api/v1/recordings/none/audio", nil, 401, 404, 404, 404, 404},
		"tickets":                      {"GET", "/api/v1/tickets", nil, 401, 200, 200, 200, 200},
		"an unknown ticket":            {"GET", "/api/v1/tickets/none", nil, 401, 404, 404, 404, 404},
		"an unknown contact":           {"GET", "/api/v1/contacts/none", nil, 401, 403, 404, 404, 404},
		"callbacks":                    {"GET", "/api/v1/callbacks", nil, 401, 200, 200, 200, 200},
		"promise one":                  {"POST", "/api/v1/callbacks", map[string]string{}, 401, 422, 422, 403, 422},
		"cancel an unknown callback":   {"DELETE", "/api/v1/callbacks/none", nil, 401, 404, 404, 403, 404},
		"users":                        {"GET", "/api/v1/users", nil, 401, 403, 200, 403, 200},
		"make a user":                  {"POST", "/api/v1/users", trunk, 401, 403, 403, 403, 422},
		"delete an unknown user":       {"DELETE", "/api/v1/users/none", nil, 401, 403, 403, 403, 404},
		"trunks":                       {"GET", "/api/v1/trunks", nil, 401, 403, 403, 403, 200},
		"make a trunk":                 {"POST", "/api/v1/trunks", trunk, 401, 403, 403, 403, 422},
		"opening hours":                {"GET", "/api/v1/hours", nil, 401, 403, 200, 200, 200},
		"one of the opening hours":     {"GET", "/api/v1/hours/none", nil, 401, 403, 404, 404, 404},
		"make opening hours":           {"PUT", "/api/v1/hours/fresh", map[string]string{"name": "other"}, 401, 403, 403, 403, 422},
		"delete opening hours":         {"DELETE", "/api/v1/hours/none", nil, 401, 403, 403, 403, 404},
		"delete an unknown trunk":      {"DELETE", "/api/v1/trunks/none", nil, 401, 403, 403, 403, 404},
		"tokens":                       {"GET", "/api/v1/tokens", nil, 401, 200, 200, 200, 200},
		"revoke an unknown token":      {"DELETE", "/api/v1/tokens/none", nil, 401, 404, 404, 404, 404},
		"events of an unusable cursor": {"GET", "/api/v1/events?after=x", nil, 401, 422, 422, 422, 422},
		"an address that is none":      {"GET", "/api/v1/none", nil, 404, 404, 404, 404, 404},
	} {
		t.Run(name, func(t *testing.T) {
			for login, want := range map[string]int{
				"nobody": c.nobody, "1001": c.agent, "2001": c.supervisor, "3001": c.reviewer, "admin": c.administr,
			} {
				r := clients[login].do(c.method, c.path, c.body)
				if r.status != want {
					t.Errorf("%s: got %d, want %d: %s", login, r.status, want, r.body)
				}
				if kind := r.header.Get("Content-Type"); r.status >= 400 && r.status != 404 && kind != "application/problem+json" {
					t.Errorf("%s: error of type %q", login, kind)
				}
			}
		})
	}
}

func TestAnAgentSeesHisOwnCallsOnly(t *testing.T) {
	s := open(t)
	own := s.endedCall(s.users["1001"].ID)
	s.endedCall(s.users["1002"].ID)
	got := list[web.CallRow](s.as("1001"), "/api/v1/calls?agent_id="+string(s.users["1002"].ID))
	if len(got) != 1 || got[0].ID != string(own.ID) {
		t.Fatalf("got %+v", got)
	}
	if all := list[web.CallRow](s.as("3001"), "/api/v1/calls?state=ended"); len(all) != 2 {
		t.Fatalf("got %d calls, want 2", len(all))
	}
}

func TestProblemsNameTheFieldAndDoNotRepeatWhatWasSent(t *testing.T) {
	s := open(t)
	admin := s.as("admin")
	for name, c := range map[string]struct {
		method, path string
		body         any
		field        string
	}{
		"a password that is empty":   {"POST", "/api/v1/session", map[string]string{"login": "hidden-login", "password": ""}, "body.password"},
		"a password that is missing": {"POST", "/api/v1/session", map[string]string{"login": "hidden-login"}, "body"},
		"a window that is none":      {"GET", "/api/v1/queues?window=soon", nil, "query.window"},
		"a window without end":       {"GET", "/api/v1/queues?window=2026-01-01T00:00:00Z..x", nil, "query.window"},
		"a limit that is too large":  {"GET", "/api/v1/calls?limit=1000", nil, "query.limit"},
		"a cursor that is not ours":  {"GET", "/api/v1/calls?after=x", nil, "query.after"},
		"a role that is none":        {"POST", "/api/v1/users", map[string]string{"login": "x", "name": "x", "role": "king"}, "body.role"},
		"a login with a space":       {"POST", "/api/v1/users", map[string]string{"login": "a b", "name": "x", "role": "agent"}, "body.login"},
		"a short password":           {"POST", "/api/v1/users", map[string]string{"login": "new", "name": "x", "role": "agent", "password": "short"}, "body.password"},
		"a number that is none":      {"POST", "/api/v1/callbacks", map[string]string{"queue": "support", "to": "12"}, "body.to"},
		"a callback without queue":   {"POST", "/api/v1/callbacks", map[string]string{"to": "+33612345678"}, "body.queue"},
		"a network that is none":     {"POST", "/api/v1/trunks", map[string]any{"name": "t", "host": "h", "networks": []string{"x"}}, "body.networks"},
		"hours in a zone of nowhere": {"PUT", "/api/v1/hours/h", map[string]any{"name": "h", "time_zone": "Europe/Atlantis"}, "body.time_zone"},
		"hours of a day that is none": {
			"PUT", "/api/v1/hours/h", map[string]any{"name": "h", "days": map[string][]string{"someday": {"09:00-10:00"}}}, "body.days",
		},
		"hours that overlap": {
			"PUT", "/api/v1/hours/h", map[string]any{"name": "h", "days": map[string][]string{"mon": {"11:00-12:00", "09:00-11:30"}}}, "body.days",
		},
		"a holiday that is none":    {"PUT", "/api/v1/hours/h", map[string]any{"name": "h", "closed": []string{"Christmas"}}, "body.closed"},
		"a queue of unknown hours":  {"PUT", "/api/v1/queues/support", map[string]any{"name": "support", "hours": "none"}, "body.hours"},
		"a dialled number to none":  {"POST", "/api/v1/trunks", map[string]any{"name": "t", "host": "h", "numbers": []map[string]string{{"number": "+33123456789", "to": "none"}}}, "body.numbers"},
		"a dialled number, no plus": {"POST", "/api/v1/trunks", map[string]any{"name": "t", "host": "h", "numbers": []map[string]string{{"number": "0123456789", "to": "support"}}}, "body.numbers[0].number"},
		"a field nobody knows":      {"POST", "/api/v1/tokens", map[string]string{"name": "x", "colour": "red"}, "body.colour"},
	} {
		t.Run(name, func(t *testing.T) {
			r := admin.do(c.method, c.path, c.body)
			var p struct {
				Status int
				Title  string
				Errors []struct {
					Location string
					Value    any
				}
			}
			r.json(t, &p)
			if r.status != http.StatusUnprocessableEntity || p.Status != r.status || p.Title == "" || len(p.Errors) == 0 {
				t.Fatalf("got %d %s", r.status, r.body)
			}
			if p.Errors[0].Location != c.field || p.Errors[0].Value != nil || strings.Contains(string(r.body), "hidden-login") {
				t.Fatalf("got %s, want field %s", r.body, c.field)
			}
		})
	}
}

func TestTimesAreUTCWithMilliseconds(t *testing.T) {
	s := open(t)
	s.endedCall(s.users["1001"].ID)
	rows := list[map[string]any](s.as("admin"), "/api/v1/calls")
	text, _ := rows[0]["started_at"].(string)
	at, err := time.Parse("2006-01-02T15:04:05.000Z", text)
	if err != nil || at.IsZero() || rows[0]["wait_ms"] != float64(10000) || rows[0]["talk_ms"] != float64(50000) {
		t.Fatalf("got %v, %v", rows[0], err)
	}
	me := s.as("1001").do("GET", "/api/v1/agents/"+string(s.users["1001"].ID), nil)
	var agent map[string]any
	me.json(t, &agent)
	if v, ok := agent["wrap_up_until"]; !ok || v != nil {
		t.Fatalf("an instant that has not come is %v", v)
	}
}

func TestPagesOfCallsFollowTheirCursor(t *testing.T) {
	s := open(t)
	for range 5 {
		s.endedCall(s.users["1001"].ID)
	}
	c, seen, after := s.as("admin"), map[string]bool{}, ""
	for range 3 {
		r := c.do("GET", "/api/v1/calls?limit=2&after="+after, nil)
		var out web.List[web.CallRow]
		must(t, json.Unmarshal(stripTimes(t, r.body), &out))
		for _, item := range out.Items {
			seen[item.ID] = true
		}
		after = out.Next
	}
	if len(seen) != 5 || after != "" {
		t.Fatalf("got %d calls, next %q", len(seen), after)
	}
}

// stripTimes keeps id and next of a list: our time types are for writing.
func stripTimes(t *testing.T, body []byte) []byte {
	t.Helper()
	var l struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
		Next string `json:"next"`
	}
	must(t, json.Unmarshal(body, &l))
	out, err := json.Marshal(l)
	must(t, err)
	return out
}

func TestAnAgentIsRefusedAStateWithTheReason(t *testing.T) {
	s := open(t)
	c := s.as("1001")
	path := "/api/v1/agents/" + string(s.users["1001"].ID) + "/state"
	r := c.do("PUT", path, map[string]string{"state": "talking"})
	if r.status != http.StatusUnprocessableEntity {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	r = c.do("PUT", path, map[string]string{"state": "ready"}) // he has no phone
	var p struct{ Type, Detail string }
	r.json(t, &p)
	if r.status != http.StatusConflict || p.Type != "urn:pickup:problem:agent-state-refused" || p.Detail == "" {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	s.queue.SetReachable(s.users["1001"].ID, 1)
	r = c.do("PUT", path, map[string]string{"state": "ready"})
	if r.status != http.StatusOK {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	eventually(t, "agent ready", func() bool { return list[web.QueueNow](c, "/api/v1/queues?window=30m")[0].AgentsReady == 1 })
}

func TestOpeningHoursOfAQueue(t *testing.T) {
	s := open(t)
	admin := s.as("admin")
	want := func(method, path string, body any, status int) reply {
		t.Helper()
		r := admin.do(method, path, body)
		if r.status != status {
			t.Fatalf("%s %s: got %d %s, want %d", method, path, r.status, r.body, status)
		}
		return r
	}
	office := map[string]any{
		"name": "office", "time_zone": "Europe/Paris", "closed": []string{"2026-12-25"}, "callbacks": true,
		"days": map[string][]string{"mon": {"13:30-18:00", "09:00-12:30"}},
	}
	want("PUT", "/api/v1/hours/office", office, 200)
	var got web.HoursObject
	want("GET", "/api/v1/hours/Office", nil, 200).json(t, &got)
	if got.Name != "office" || len(got.Days["mon"]) != 2 || got.Days["mon"][0] != "09:00-12:30" || !got.Callbacks || got.Closed[0] != "2026-12-25" ||
		time.Time(got.ChangesAt).Before(time.Now()) {
		t.Errorf("got %+v", got)
	}
	queueHours := func() string {
		t.Helper()
		var q struct{ Hours string }
		want("GET", "/api/v1/queues/support", nil, 200).json(t, &q)
		return q.Hours
	}
	want("PUT", "/api/v1/queues/support", map[string]any{"name": "support", "hours": "OFFICE"}, 200)
	want("PUT", "/api/v1/queues/support", map[string]any{"name": "support", "target_ms": 20000}, 200)
	if h := queueHours(); h != "office" {
		t.Errorf("hours %q, want office: they were not named", h)
	}
	want("DELETE", "/api/v1/hours/office", nil, 409)
	want("PUT", "/api/v1/queues/support", map[string]any{"name": "support", "hours": ""}, 200)
	if h := queueHours(); h != "" {
		t.Errorf("hours %q, want none", h)
	}
	want("DELETE", "/api/v1/hours/office", nil, 204)
	if all := list[web.HoursObject](admin, "/api/v1/hours"); len(all) != 0 {
		t.Errorf("got %+v, want none", all)
	}
}

func TestNumbersBelongToOneTrunk(t *testing.T) {
	s := open(t)
	admin := s.as("admin")
	carrier := map[string]any{
		"name": "carrier", "host": "192.0.2.9", "max_calls": 30, "numbers": []map[string]string{{"number": "+33123456789", "to": "Support", "language": "fr"}},
	}
	r := admin.do("POST", "/api/v1/trunks", carrier)
	var got web.TrunkObject
	r.json(t, &got)
	if r.status != http.StatusCreated || got.MaxCalls != 30 || got.Disabled || len(got.Numbers) != 1 || got.Numbers[0].Language != "fr" {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	carrier["name"] = "backup"
	if r = admin.do("POST", "/api/v1/trunks", carrier); r.status != http.StatusConflict {
		t.Errorf("the number of another: got %d %s", r.status, r.body)
	}
	if r = admin.do("PUT", "/api/v1/trunks/"+got.ID, map[string]any{"name": "carrier", "host": "192.0.2.9", "disabled": true}); r.status != http.StatusOK {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	all := list[web.TrunkObject](admin, "/api/v1/trunks")
	if len(all) != 1 || !all[0].Disabled || len(all[0].Numbers) != 0 {
		t.Errorf("got %+v", all)
	}
}

func TestChangesOfTheSiteAreStoredLoggedAndApplied(t *testing.T) {
	s := open(t)
	admin := s.as("admin")
	r := admin.do("PUT", "/api/v1/queues/vip", map[string]any{"name": "vip", "target_ms": 10000})
	if r.status != http.StatusOK {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	if q, ok := s.queue.Has("vip"); !ok || q.Target != 10*time.Second || !q.Enabled {
		t.Fatalf("got %+v", q)
	}
	if r = admin.do("POST", "/api/v1/queues", map[string]any{"name": "vip"}); r.status != http.StatusConflict || !strings.Contains(string(r.body), "body.name") {
		t.Fatalf("second of the name: got %d %s", r.status, r.body)
	}
	agent := string(s.users["1001"].ID)
	if r = admin.do("PUT", "/api/v1/queues/vip/members/"+agent, map[string]int{"rank": 2}); r.status != http.StatusNoContent {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	if r = admin.do("PUT", "/api/v1/queues/vip", map[string]any{"name": "vip", "enabled": false}); r.status != http.StatusOK {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	var q struct {
		ID      string
		Enabled bool
		Members []struct {
			AgentID string `json:"agent_id"`
			Rank    int
		}
	}
	admin.do("GET", "/api/v1/queues/vip", nil).json(t, &q)
	if q.Enabled || len(q.Members) != 1 || q.Members[0].AgentID != agent || q.Members[0].Rank != 2 {
		t.Fatalf("got %+v", q)
	}
	for _, c := range []struct {
		path string
		want int
	}{{"vip/members/" + agent, 204}, {"vip/members/" + agent, 404}, {"vip", 204}, {"vip", 404}} {
		if r = admin.do("DELETE", "/api/v1/queues/"+c.path, nil); r.status != c.want {
			t.Errorf("%s: got %d, want %d", c.path, r.status, c.want)
		}
	}
	audits, err := s.store.Audits(t.Context(), q.ID)
	must(t, err)
	if len(audits) != 5 || audits[0].Action != "queue.create" || audits[0].Actor != s.users["admin"].ID || audits[0].IP != "127.0.0.1" {
		t.Fatalf("got %+v", audits)
	}
}

func TestUsersAreMadeChangedAndShutOut(t *testing.T) {
	s := open(t)
	admin := s.as("admin")
	body := map[string]any{"login": "1003", "name": "Zoé", "role": "agent", "password": "secret-1003"}
	r := admin.do("POST", "/api/v1/users", body)
	var u struct{ ID string }
	r.json(t, &u)
	if r.status != http.StatusCreated || strings.Contains(string(r.body), "secret") {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	if r = admin.do("POST", "/api/v1/users", body); r.status != http.StatusConflict || !strings.Contains(string(r.body), "body.login") {
		t.Fatalf("second of the login: got %d %s", r.status, r.body)
	}
	stored, err := s.store.UserByID(t.Context(), account.ID(u.ID))
	must(t, err)
	if md5, sha := account.HA1("1003", "pickup", "secret-1003"); stored.HA1MD5 != md5 || stored.HA1SHA256 != sha {
		t.Fatal("digest secrets do not belong to the password")
	}
	zoe := s.as("1003")
	if r = admin.do("PUT", "/api/v1/users/"+u.ID, map[string]any{"login": "1004", "name": "Zoé", "role": "agent"}); r.status != http.StatusUnprocessableEntity {
		t.Fatalf("new login without password: got %d", r.status)
	}
	if r = admin.do("DELETE", "/api/v1/users/"+u.ID, nil); r.status != http.StatusNoContent {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	if r = zoe.do("GET", "/api/v1/me", nil); r.status != http.StatusUnauthorized {
		t.Fatalf("shut out, still signed in: %d", r.status)
	}
	if r = admin.do("DELETE", "/api/v1/users/"+string(s.users["admin"].ID), nil); r.status != http.StatusConflict {
		t.Fatalf("shut himself out: %d", r.status)
	}
}
