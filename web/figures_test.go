package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/call"
	"pickup/internal/id"
	"pickup/queue"
	"pickup/web"
)

// count follows the pages of a list of calls.
func (c *client) count(t *rapid.T, query url.Values) (n int) {
	for after := ""; ; {
		query.Set("after", after)
		if after == "" {
			query.Del("after")
		}
		r := c.do("GET", "/api/v1/calls?"+query.Encode(), nil)
		if r.status != http.StatusOK {
			t.Fatalf("GET %s: %d %s", query.Encode(), r.status, r.body)
		}
		var out struct {
			Items []struct{ ID string }
			Next  string
		}
		r.json(c.s.t, &out)
		n += len(out.Items)
		if after = out.Next; after == "" {
			return n
		}
	}
}

// drawCall stores a call and its entry of the queue.
func (s *site) drawCall(t *rapid.T, start time.Time, queues []string) {
	ctx := s.t.Context()
	r := call.Record{
		ID: call.ID(id.New()), Direction: call.Inbound, Language: "en", State: call.StateWaiting, ItemID: id.New(),
		Queue: rapid.SampledFrom(queues).Draw(t, "queue"), AgentID: s.users["1001"].ID,
		From:      call.Party{Kind: call.PartyAnonymousSIP, URI: "sip:Lea@127.0.0.1", User: "Lea"},
		ArrivedAt: start, EnqueuedAt: start.Add(time.Duration(rapid.IntRange(0, 9000).Draw(t, "entered")) * time.Millisecond),
	}
	item := queue.Item{ID: queue.ItemID(r.ItemID), Channel: call.ChannelCall, Queue: r.Queue, CallID: r.ID, EnqueuedAt: r.EnqueuedAt}
	decisions := []queue.Decision{{Kind: queue.DecisionEnqueue, At: r.EnqueuedAt, Item: item}}
	wait := time.Duration(rapid.SampledFrom([]int{0, 4999, 9999, 10000, 10001, 30000, 30001}).Draw(t, "wait")) * time.Millisecond
	if rapid.Bool().Draw(t, "bridged") {
		r.BridgedAt = r.EnqueuedAt.Add(wait)
		decisions = append(decisions, queue.Decision{Kind: queue.DecisionBridged, At: r.BridgedAt, Item: item})
	}
	if rapid.Bool().Draw(t, "over") {
		r.EndedAt, r.EndReason = r.EnqueuedAt.Add(wait+time.Second), rapid.SampledFrom(call.Reasons[:]).Draw(t, "reason")
		decisions = append(decisions, queue.Decision{Kind: queue.DecisionEnd, At: r.EndedAt, Item: item, Reason: r.EndReason})
	}
	must(s.t, s.store.SaveCall(ctx, r))
	for _, err := range s.store.CommitDecisions(ctx, decisions) {
		must(s.t, err)
	}
}

// Whatever happened in a window, each figure of a queue opens exactly the calls
// that it counts.
func TestEachFigureOpensItsCalls(t *testing.T) {
	s := open(t)
	must(t, s.store.UpsertQueue(t.Context(), queue.QueueConfig{ID: id.New(), Name: "payments", Enabled: true, Target: 10 * time.Second}))
	must(t, s.configure(t.Context()))
	supervisor, day := s.as("2001"), time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		day = day.AddDate(0, 0, 1) // each try has a window of its own
		for range rapid.IntRange(0, 12).Draw(rt, "calls") {
			s.drawCall(rt, day, []string{"support", "payments", "forgotten"})
		}
		chosen := rapid.SampledFrom([]string{"support", "payments"}).Draw(rt, "of")
		window := fmt.Sprintf("%s..%s", day.Format(time.RFC3339), day.Add(time.Duration(rapid.IntRange(1, 12).Draw(rt, "window"))*time.Second).Format(time.RFC3339))
		for _, q := range list[web.QueueNow](supervisor, "/api/v1/queues?window="+window) {
			if q.Name != chosen {
				continue
			}
			for filter, want := range map[string]int{
				"figure=offered": q.Offered, "figure=answered": q.Answered, "figure=answered_in_target": q.AnsweredInTarget,
				"figure=abandoned": q.Abandoned, "figure=short_abandoned": q.ShortAbandoned, "figure=overflowed": q.Overflowed,
				"figure=callback_requested": q.CallbackRequested, "answered=true": q.Answered, "answered=false": q.Offered - q.Answered,
				"in_target=true": q.AnsweredInTarget, "in_target=false": q.Answered - q.AnsweredInTarget,
				"figure=offered&answered=true&in_target=true&from=lea@": q.AnsweredInTarget, "figure=abandoned&answered=true": 0,
			} {
				query, err := url.ParseQuery(filter + "&limit=5&queue=" + q.Name + "&window=" + window)
				must(t, err)
				if got := supervisor.count(rt, query); got != want {
					rt.Fatalf("%s of %s: the figure is %d, %d calls are listed", filter, q.Name, want, got)
				}
			}
		}
	})
}

func TestCallsAreChosen(t *testing.T) {
	s := open(t)
	r := s.endedCall(s.users["1001"].ID)
	s.endedCall(s.users["1002"].ID)
	c := s.as("2001")
	for query, want := range map[string]int{
		"":          2,
		"queue=vip": 0, "queue=SUPPORT": 2,
		"from=" + string(r.AgentID): 1, "from=%25": 0,
		"direction=in": 2, "direction=out": 0,
		"end_reason=answered": 2, "end_reason=abandoned,answered": 2, "end_reason=abandoned": 0,
		"window=10s": 0, "window=2h&agent_id=" + string(r.AgentID): 1,
		"state=waiting": 0, "state=live": 0, "state=live&from=x&direction=in": 0,
		"figure=offered": 0, // it has no entry: it was written by hand
	} {
		if got := len(list[web.CallRow](c, "/api/v1/calls?"+query)); got != want {
			t.Errorf("%q: got %d, want %d", query, got, want)
		}
	}
	for query, field := range map[string]string{"window=soon": "query.window", "end_reason=tired": "query.end_reason", "figure=x": "query.figure", "in_target=yes": "query.in_target"} {
		if r := c.do("GET", "/api/v1/calls?"+query, nil); r.status != http.StatusUnprocessableEntity || !strings.Contains(string(r.body), field) {
			t.Errorf("%s: got %d %s", query, r.status, r.body)
		}
	}
}
