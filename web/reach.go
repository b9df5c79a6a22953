package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/call"
	"pickup/queue"
)

// Reach is how a queue can be reached by one channel at this moment.
type Reach struct {
	AgentsOnDuty   int   `json:"agents_on_duty" doc:"Members who take this channel, busy or not."`
	Waiting        int   `json:"waiting"`
	EstimateLowMS  int64 `json:"eta_low_ms" doc:"Of a newcomer; 0 and 0: nothing can be said."`
	EstimateHighMS int64 `json:"eta_high_ms"`
}

// QueueReach is what a visitor's page shows before he chooses how to reach us.
type QueueReach struct {
	Name      string            `json:"name"`
	Title     map[string]string `json:"title"`
	Open      bool              `json:"open" doc:"Within its hours."`
	ChangesAt MaybeTime         `json:"changes_at" doc:"When it opens or closes next; null: not within a year, or it never closes."`
	Call      Reach             `json:"call"`
	Chat      Reach             `json:"chat"`
}

type reachInput struct {
	Queue string `path:"queue" maxLength:"64"`
}

func (s *Server) reachOperations(api huma.API) {
	register(api, act{
		id: "queue-reach", method: http.MethodGet, path: "/w/v1/queues/{queue}", tag: "site", errors: []int{http.StatusNotFound},
		summary: "How a queue can be reached now, by call and by chat",
	}, s.queueReach)
}

func (s *Server) queueReach(_ context.Context, in *reachInput) (*oneOutput[QueueReach], error) {
	for _, q := range s.parts.Queue.Queues() {
		if strings.EqualFold(q.Config.Name, in.Queue) && q.Config.Enabled {
			return &oneOutput[QueueReach]{s.showReach(&q)}, nil
		}
	}
	return nil, problem(http.StatusNotFound, "", "There is no such queue.", "path.queue")
}

func (s *Server) showReach(q *queue.QueueView) QueueReach {
	out := QueueReach{Name: q.Config.Name, Title: q.Config.Title, Open: true}
	if h := q.Config.Hours; h != nil {
		open, next := h.Open(time.Now())
		out.Open, out.ChangesAt = open, at(next)
	}
	out.Call = Reach{Waiting: q.Waiting, EstimateLowMS: q.EstimateLow.Milliseconds(), EstimateHighMS: q.EstimateHigh.Milliseconds()}
	out.Chat.Waiting = q.Channels[call.ChannelChat].Waiting
	members := map[string]bool{}
	for _, m := range q.Config.Members {
		members[string(m.Agent)] = true
	}
	for _, a := range s.parts.Queue.Agents() {
		if !members[string(a.ID)] || a.State == queue.AgentOffline || a.State == queue.AgentNotReady || a.State == queue.AgentUnreachable {
			continue
		}
		if a.Devices > 0 {
			out.Call.AgentsOnDuty++
		}
		if a.Console {
			out.Chat.AgentsOnDuty++
		}
	}
	return out
}
