package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"pickup/queue"
	"pickup/web"
)

// What an agent takes at a time is set by who manages; what cannot be is named
// with its field, limit and value.
func TestWhatAnAgentTakesAtATime(t *testing.T) {
	s := open(t)
	one, chief := string(s.users["1001"].ID), string(s.users["2001"].ID)
	path := "/api/v1/users/" + one + "/limits"
	for name, c := range map[string]struct {
		method, path                          string
		agent, supervisor, reviewer, administ int
	}{
		"read":            {"GET", path, 403, 200, 403, 200},
		"read of nobody":  {"GET", "/api/v1/users/none/limits", 403, 404, 403, 404},
		"set":             {"PUT", path, 403, 200, 403, 200},
		"set of nobody":   {"PUT", "/api/v1/users/none/limits", 403, 404, 403, 404},
		"set of no agent": {"PUT", "/api/v1/users/" + chief + "/limits", 403, 422, 403, 422},
	} {
		t.Run(name, func(t *testing.T) {
			for login, want := range map[string]int{"1001": c.agent, "2001": c.supervisor, "3001": c.reviewer, "admin": c.administ} {
				var body any
				if c.method == "PUT" {
					body = map[string]any{"limits": []any{}}
				}
				if r := s.as(login).do(c.method, c.path, body); r.status != want {
					t.Errorf("%s: got %d, want %d: %s", login, r.status, want, r.body)
				}
			}
		})
	}
	c := s.as("2001")
	for name, x := range map[string]struct {
		limit map[string]any
		want  string
	}{
		"more chats than fit":    {map[string]any{"channel": "chat", "max": 4}, "chat.max: limit 0 to 3 at weight 33 of 100, got 4"},
		"a weight of nothing":    {map[string]any{"channel": "email", "weight": 0}, "email.weight: limit 1 to 100, got 0"},
		"a weight beyond all":    {map[string]any{"channel": "email", "weight": 101}, "email.weight: limit 1 to 100, got 101"},
		"too many set aside":     {map[string]any{"channel": "email", "parked": 51}, "email.parked: limit 0 to 50, got 51"},
		"a chat set aside":       {map[string]any{"channel": "chat", "parked": 1}, "chat.parked: limit 0 to 0, got 1"},
		"a channel that is none": {map[string]any{"channel": "call", "max": 2}, "body.limits[0].channel"},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.do("PUT", path, map[string]any{"limits": []any{x.limit}})
			if r.status != http.StatusUnprocessableEntity || !strings.Contains(string(r.body), x.want) {
				t.Errorf("got %d %s, want %s", r.status, r.body, x.want)
			}
		})
	}
	two := map[string]any{"channel": "chat", "max": 2, "weight": 50}
	if r := c.do("PUT", path, map[string]any{"limits": []any{two, two}}); r.status != http.StatusUnprocessableEntity {
		t.Errorf("twice: %d %s", r.status, r.body)
	}
	if r := c.do("PUT", path, map[string]any{"limits": []any{two, map[string]any{"channel": "email", "parked": 5}}}); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	want := []web.ChannelLimit{
		{"chat", 2, 0, 50, false}, {"email", 1, 5, 34, false}, {"social", 4, 4, 25, true}, {"web_form", 1, 3, 34, true}, {"ticket", 1, 3, 34, true},
	}
	if got := list[web.ChannelLimit](c, path); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	set, err := s.store.Limits(t.Context())
	must(t, err)
	if got := set[s.users["1001"].ID]; len(got) != 2 || got["chat"] != (queue.Limit{Max: 2, Weight: 50}) {
		t.Errorf("stored: %+v", got)
	}
	if r := c.do("PUT", path, map[string]any{"limits": []any{}}); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if got := list[web.ChannelLimit](c, path); slices.ContainsFunc(got, func(l web.ChannelLimit) bool { return !l.Default }) {
		t.Errorf("got %+v, want the defaults", got)
	}
}
