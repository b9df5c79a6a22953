package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"pickup/account"
	"pickup/internal/id"
	"pickup/queue"
	"pickup/store"
)

// storedQueue returns a stored queue by name. ok is false when there is none.
func (s *Server) storedQueue(ctx context.Context, name string) (q queue.QueueConfig, ok bool, err error) {
	all, err := s.parts.Store.Queues(ctx)
	for _, q := range all {
		if strings.EqualFold(q.Name, name) {
			return q, true, err
		}
	}
	return queue.QueueConfig{}, false, err
}

// needQueue is storedQueue where its absence is a problem.
func (s *Server) needQueue(ctx context.Context, name string) (queue.QueueConfig, error) {
	q, ok, err := s.storedQueue(ctx, name)
	if err != nil {
		return q, s.fail(ctx, "read the queues", err)
	}
	if !ok {
		return q, problem(http.StatusNotFound, "", "There is no such queue.", "path.name")
	}
	return q, nil
}

func (s *Server) getQueue(ctx context.Context, in *QueueNameInput) (*oneOutput[QueueObject], error) {
	q, err := s.needQueue(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return s.queueOutput(ctx, q)
}

// queueOutput is the answer with a queue.
func (s *Server) queueOutput(ctx context.Context, q queue.QueueConfig) (*oneOutput[QueueObject], error) {
	all, err := s.parts.Store.Hours(ctx)
	if err != nil {
		return nil, s.fail(ctx, "read hours", err)
	}
	o, name := queueObject(q), ""
	for _, h := range all {
		if h.ID == q.HoursID {
			name = h.Name
		}
	}
	o.Hours, o.Overflow = &name, showOverflow(q.Overflow, all)
	return &oneOutput[QueueObject]{o}, nil
}

func queueObject(q queue.QueueConfig) QueueObject {
	strategy, require := string(q.Strategy.OrDefault()), q.Require.String()
	ms := func(d time.Duration) *int64 { n := d.Milliseconds(); return &n }
	o := QueueObject{ID: q.ID, Members: []QueueMember{}, QueueSettings: QueueSettings{
		Name: q.Name, Title: q.Title, Enabled: &q.Enabled, TargetMS: q.Target.Milliseconds(), TargetPercent: q.TargetPercent,
		MaxWaitMS: q.MaxWait.Milliseconds(), MaxLength: q.MaxLength, WrapUpMS: q.WrapUp.Milliseconds(),
		Strategy: &strategy, CallerID: &q.CallerID, RequireText: &require, LanguageLevel: &q.LanguageLevel,
		RelaxLevelMS: ms(q.Relax.Level), RelaxOptMS: ms(q.Relax.Optional), RelaxLangMS: ms(q.Relax.Language),
		RingMost: &q.RingMost, RingStepMS: ms(q.RingStep),
	}}
	for _, m := range q.Members {
		o.Members = append(o.Members, QueueMember{string(m.Agent), m.Rank, m.Delay.Milliseconds()})
	}
	return o
}

// unlessSaid is what a switch stands at whose default is true.
func unlessSaid(on *bool) bool { return on == nil || *on }

// onto returns q with what b says; what b does not carry stays.
func (b QueueSettings) onto(q queue.QueueConfig) queue.QueueConfig {
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	q.Name, q.Title, q.Enabled, q.Target, q.TargetPercent = b.Name, b.Title, unlessSaid(b.Enabled), ms(b.TargetMS), b.TargetPercent
	q.MaxWait, q.MaxLength, q.WrapUp = ms(b.MaxWaitMS), b.MaxLength, ms(b.WrapUpMS)
	if b.CallerID != nil {
		q.CallerID = *b.CallerID
	}
	if b.Strategy != nil {
		q.Strategy = queue.Strategy(*b.Strategy)
	}
	take(&q.LanguageLevel, b.LanguageLevel)
	take(&q.RingMost, b.RingMost)
	takeMS(&q.Relax.Level, b.RelaxLevelMS)
	takeMS(&q.Relax.Optional, b.RelaxOptMS)
	takeMS(&q.Relax.Language, b.RelaxLangMS)
	takeMS(&q.RingStep, b.RingStepMS)
	return q
}

// take sets what a body carries.
func take[T any](field, said *T) {
	if said != nil {
		*field = *said
	}
}

func takeMS(field *time.Duration, said *int64) {
	if said != nil {
		*field = time.Duration(*said) * time.Millisecond
	}
}

// newQueue is the queue that b makes.
func (b QueueSettings) newQueue() queue.QueueConfig {
	return b.onto(queue.QueueConfig{ID: id.New(), Members: []queue.Member{}})
}

func (s *Server) createQueue(ctx context.Context, in *newQueueInput) (*oneOutput[QueueObject], error) {
	return s.saveQueue(ctx, in.Body.newQueue(), in.Body, "queue.create")
}

func (s *Server) putQueue(ctx context.Context, in *putQueueInput) (*oneOutput[QueueObject], error) {
	s.editing.Lock() // the members that are written are those that were read
	defer s.editing.Unlock()
	old, ok, err := s.storedQueue(ctx, in.Name)
	if err != nil {
		return nil, s.fail(ctx, "read the queues", err)
	}
	if !ok {
		if !who(ctx).user.Role.Administers() {
			return nil, problem(http.StatusForbidden, "", "Only administrators make queues.", "path.name")
		}
		if !strings.EqualFold(in.Name, in.Body.Name) {
			return nil, problem(http.StatusUnprocessableEntity, "", "A new queue has the name of its path.", "body.name")
		}
		return s.saveQueue(ctx, in.Body.newQueue(), in.Body, "queue.create")
	}
	return s.saveQueue(ctx, in.Body.onto(old), in.Body, "queue.update")
}

// routes sets the skills that b asks for, and says what cannot be of the others.
func (b QueueSettings) routes(q *queue.QueueConfig) error {
	if b.RequireText != nil {
		require, err := queue.ParseRequirement(*b.RequireText)
		if err != nil {
			return problem(http.StatusUnprocessableEntity, "", err.Error(), "body.require")
		}
		q.Require = require
	}
	if q.RingMost == 1 {
		return problem(http.StatusUnprocessableEntity, "", "ring_most: limit 2 to 20, or 0, got 1", "body.ring_most")
	}
	if q.RingStep > 0 && q.RingStep < time.Second {
		return problem(http.StatusUnprocessableEntity, "", fmt.Sprintf("ring_step_ms: limit 1000 to 60000, or 0, got %d", q.RingStep.Milliseconds()), "body.ring_step_ms")
	}
	return nil
}

// saveQueue stores a queue; hours, skills and overflow that b does not name stay.
func (s *Server) saveQueue(ctx context.Context, q queue.QueueConfig, b QueueSettings, action string) (*oneOutput[QueueObject], error) {
	if err := b.routes(&q); err != nil {
		return nil, err
	}
	if b.Overflow != nil {
		var err error
		if q.Overflow, err = s.overflow(ctx, b.Overflow); err != nil {
			return nil, err
		}
		if err := s.checkOverflow(ctx, q); err != nil {
			return nil, err
		}
	}
	open := b.Hours
	if open != nil {
		q.HoursID = ""
	}
	if open != nil && *open != "" {
		h, err := s.needHours(ctx, *open, "body.hours")
		if err != nil {
			return nil, err
		}
		q.HoursID = h.ID
	}
	err := s.change(ctx, action, "queue", q.ID, func() error { return s.parts.Store.UpsertQueue(ctx, q) })
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(http.StatusConflict, "", "Another queue has this name.", "body.name")
	}
	if err != nil {
		return nil, s.fail(ctx, "save a queue", err)
	}
	return s.queueOutput(ctx, q)
}

func (s *Server) deleteQueue(ctx context.Context, in *QueueNameInput) (*noOutput, error) {
	q, err := s.needQueue(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, "queue.delete", "queue", q.ID, func() error { return s.parts.Store.DeleteQueue(ctx, q.ID) })
	if err != nil {
		return nil, s.fail(ctx, "delete a queue", err)
	}
	return &noOutput{}, nil
}

func (s *Server) putMember(ctx context.Context, in *putMemberInput) (*noOutput, error) {
	user, err := s.parts.Store.UserByID(ctx, account.ID(in.AgentID))
	if err != nil {
		return nil, s.fail(ctx, "read a user", err)
	}
	if user.Role != account.RoleAgent {
		return nil, problem(http.StatusUnprocessableEntity, "", "Only agents serve queues.", "path.agent_id")
	}
	return s.setMembers(ctx, in.Name, func(members []queue.Member) ([]queue.Member, bool) {
		return append(without(members, user.ID), queue.Member{
			Agent: user.ID, Rank: in.Body.Rank, Delay: time.Duration(in.Body.DelayMS) * time.Millisecond,
		}), true
	})
}

func (s *Server) deleteMember(ctx context.Context, in *MemberInput) (*noOutput, error) {
	return s.setMembers(ctx, in.Name, func(members []queue.Member) ([]queue.Member, bool) {
		left := without(members, account.ID(in.AgentID))
		return left, len(left) < len(members)
	})
}

func without(members []queue.Member, agent account.ID) []queue.Member {
	left := make([]queue.Member, 0, len(members)+1)
	for _, m := range members {
		if m.Agent != agent {
			left = append(left, m)
		}
	}
	return left
}

// setMembers changes the members of a queue; edit says false when there is
// nothing to change.
func (s *Server) setMembers(ctx context.Context, name string, edit func([]queue.Member) ([]queue.Member, bool)) (*noOutput, error) {
	s.editing.Lock() // two edits of one list, each read before the other's write, would lose one
	defer s.editing.Unlock()
	q, err := s.needQueue(ctx, name)
	if err != nil {
		return nil, err
	}
	members, ok := edit(q.Members)
	if !ok {
		return nil, problem(http.StatusNotFound, "", "The agent is no member of the queue.", "path.agent_id")
	}
	err = s.change(ctx, "queue.members", "queue", q.ID, func() error { return s.parts.Store.SetMembers(ctx, q.ID, members) })
	if err != nil {
		return nil, s.fail(ctx, "save the members of a queue", err)
	}
	return &noOutput{}, nil
}
