package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"pickup/queue"
	"pickup/store"
)

// WaySettings is where callers go who cannot stay in a queue.
type WaySettings struct {
	Kind   string `json:"kind" enum:"none,queue,callback,voicemail,message"`
	Queue  string `json:"queue,omitempty" maxLength:"64" doc:"Of kind queue; of kind voicemail: whose message it is, empty: the queue's that is left."`
	Prompt string `json:"prompt,omitempty" maxLength:"100" doc:"Of kind message: id of the last sentence; empty: that of the reason."`
}

// OverflowSettings are the rules by which callers leave a queue.
type OverflowSettings struct {
	Time            WaySettings `json:"time" required:"false" doc:"Waited max_wait_ms."`
	Full            WaySettings `json:"full" required:"false" doc:"max_length wait already."`
	Estimate        WaySettings `json:"estimate" required:"false" doc:"The estimate at the door is above estimate_above_ms; none: as time."`
	NoAgent         WaySettings `json:"no_agent" required:"false" doc:"Nobody is there; only with leave_when_empty."`
	Closed          WaySettings `json:"closed" required:"false" doc:"Out of hours; and who waits when the queue is disabled or deleted."`
	Closing         WaySettings `json:"closing" required:"false" doc:"Who waits when the hours end; none: is served."`
	EstimateAboveMS int64       `json:"estimate_above_ms" minimum:"0" maximum:"14400000" required:"false" doc:"0: no such rule."`
	LeaveWhenEmpty  bool        `json:"leave_when_empty" required:"false" doc:"Who waits leaves when no agent is on duty and none is expected within the maximum wait."`
	EmptyAfterMS    int64       `json:"empty_after_ms" minimum:"0" maximum:"3600000" required:"false" doc:"For so long nobody is on duty; 0: 60,000."`
	Staffed         string      `json:"staffed" maxLength:"64" required:"false" doc:"Name of the hours in which agents are expected to be signed in; empty: never."`
}

func (w WaySettings) way() queue.Way {
	kind := queue.WayKind(w.Kind)
	if kind == "none" {
		kind = queue.WayNone
	}
	return queue.Way{Kind: kind, Queue: strings.ToLower(w.Queue), Prompt: w.Prompt}
}

func showWay(w queue.Way) WaySettings {
	kind := string(w.Kind)
	if kind == "" {
		kind = "none"
	}
	return WaySettings{kind, w.Queue, w.Prompt}
}

func showOverflow(o queue.Overflow, hours []store.Hours) *OverflowSettings {
	out := OverflowSettings{
		Time: showWay(o.Time), Full: showWay(o.Full), Estimate: showWay(o.Estimate), NoAgent: showWay(o.NoAgent),
		Closed: showWay(o.Closed), Closing: showWay(o.Closing), EstimateAboveMS: o.EstimateAbove.Milliseconds(),
		LeaveWhenEmpty: o.LeaveWhenEmpty, EmptyAfterMS: o.EmptyAfter.Milliseconds(),
	}
	for _, h := range hours {
		if h.ID == o.StaffedID {
			out.Staffed = h.Name
		}
	}
	return &out
}

// overflow is what b says of a queue's rules.
func (s *Server) overflow(ctx context.Context, b *OverflowSettings) (queue.Overflow, error) {
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	o := queue.Overflow{
		Time: b.Time.way(), Full: b.Full.way(), Estimate: b.Estimate.way(), NoAgent: b.NoAgent.way(), Closed: b.Closed.way(), Closing: b.Closing.way(),
		EstimateAbove: ms(b.EstimateAboveMS), LeaveWhenEmpty: b.LeaveWhenEmpty, EmptyAfter: ms(b.EmptyAfterMS),
	}
	if b.Staffed != "" {
		h, err := s.needHours(ctx, b.Staffed, "body.overflow.staffed")
		if err != nil {
			return o, err
		}
		o.StaffedID = h.ID
	}
	return o, nil
}

// checkOverflow refuses a queue whose rules cannot work with those of the others.
func (s *Server) checkOverflow(ctx context.Context, q queue.QueueConfig) error {
	stored, err := s.parts.Store.Queues(ctx)
	if err != nil {
		return s.fail(ctx, "read the queues", err)
	}
	all := []queue.QueueConfig{q}
	for _, other := range stored {
		if other.ID != q.ID {
			all = append(all, other)
		}
	}
	var fault *queue.OverflowError
	if err := queue.CheckOverflow(all); errors.As(err, &fault) {
		return problem(http.StatusUnprocessableEntity, "", fault.Field+": "+fault.Value+" "+fault.Limit+".", "body.overflow."+fault.Field)
	} else if err != nil {
		return s.fail(ctx, "check a queue", err)
	}
	return nil
}
