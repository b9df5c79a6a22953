package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// ChannelLimit is what an agent takes of one channel of text at a time.
type ChannelLimit struct {
	Channel string `json:"channel" enum:"chat,email,social,web_form,ticket"`
	Max     int    `json:"max" doc:"Active at a time; 0: none of this channel."`
	Parked  int    `json:"parked" doc:"Set aside by himself at a time; what a call interrupts is not counted."`
	Weight  int    `json:"weight" doc:"Of his 100; a call takes all of it."`
	Default bool   `json:"default" doc:"It is the default of the channel."`
}

// limitBody is one limit as it is set.
type limitBody struct {
	Channel string `json:"channel" enum:"chat,email,social,web_form,ticket"`
	Max     *int   `json:"max,omitempty" nullable:"false" doc:"Active at a time, 0 to 100 divided by the weight; without it the default."`
	Parked  *int   `json:"parked,omitempty" nullable:"false" doc:"Set aside at a time, 0 to 50, of a chat 0; without it the default."`
	Weight  *int   `json:"weight,omitempty" nullable:"false" doc:"1 to 100; without it the default."`
}

type putLimitsInput struct {
	IDInput
	Body struct {
		Limits []limitBody `json:"limits" nullable:"false" maxItems:"5" doc:"A channel that is left out has its default."`
	}
}

func (s *Server) limitOperations(api huma.API) {
	const path = "/api/v1/users/{id}/limits"
	missing := []int{http.StatusNotFound}
	register(api, act{
		id: "list-user-limits", method: http.MethodGet, path: path, tag: "users", rule: manages, errors: missing,
		summary: "What an agent takes of each channel at a time",
	}, s.listLimits)
	register(api, act{
		id: "put-user-limits", method: http.MethodPut, path: path, tag: "users", rule: manages, errors: missing,
		summary: "Set what an agent takes of each channel at a time; it holds at once. What he has already stays his",
	}, s.putLimits)
}

// showLimits lists the limits that hold, in the order of the channels.
func showLimits(effective map[call.Channel]queue.Limit) []ChannelLimit {
	all := []ChannelLimit{}
	for _, ch := range queue.TextChannels() {
		l := effective[ch]
		all = append(all, ChannelLimit{string(ch), l.Max, l.Parked, l.Weight, l == queue.DefaultLimit(ch)})
	}
	return all
}

// listLimits serves GET /api/v1/users/{id}/limits.
func (s *Server) listLimits(ctx context.Context, in *IDInput) (*listOutput[ChannelLimit], error) {
	u, err := s.parts.Store.UserByID(ctx, account.ID(in.ID))
	if err != nil {
		return nil, s.fail(ctx, "read a user", err)
	}
	set, err := s.parts.Store.Limits(ctx)
	if err != nil {
		return nil, s.fail(ctx, "read the limits", err)
	}
	a := queue.AgentConfig{Limits: set[u.ID]}
	return page(showLimits(a.EffectiveLimits()), "", func(l ChannelLimit) ChannelLimit { return l }), nil
}

// putLimits serves PUT /api/v1/users/{id}/limits.
func (s *Server) putLimits(ctx context.Context, in *putLimitsInput) (*listOutput[ChannelLimit], error) {
	u, err := s.parts.Store.UserByID(ctx, account.ID(in.ID))
	if err != nil {
		return nil, s.fail(ctx, "read a user", err)
	}
	if u.Role != account.RoleAgent {
		return nil, problem(http.StatusUnprocessableEntity, "", "Only an agent is given work: role: limit agent, got "+string(u.Role)+".", "path.id")
	}
	limits := map[call.Channel]queue.Limit{}
	for _, b := range in.Body.Limits {
		ch := call.Channel(b.Channel)
		l := queue.DefaultLimit(ch)
		for _, p := range [...]struct {
			to   *int
			from *int
		}{{&l.Max, b.Max}, {&l.Parked, b.Parked}, {&l.Weight, b.Weight}} {
			if p.from != nil {
				*p.to = *p.from
			}
		}
		if b.Weight != nil && *b.Weight == 0 { // which is no word for the default here
			return nil, problem(http.StatusUnprocessableEntity, "", b.Channel+".weight: limit 1 to 100, got 0", "body."+b.Channel+".weight")
		}
		if fault, ok := errors.AsType[*queue.LimitError](l.Check(ch)); ok {
			return nil, problem(http.StatusUnprocessableEntity, "", fault.Field+": limit "+fault.Limit+", got "+fault.Value, "body."+fault.Field)
		}
		if _, twice := limits[ch]; twice {
			return nil, problem(http.StatusUnprocessableEntity, "", b.Channel+": limit once, got twice", "body."+b.Channel)
		}
		limits[ch] = l
	}
	err = s.change(ctx, "user.limits", "user", in.ID, func() error { return s.parts.Store.SetLimits(ctx, u.ID, limits) })
	if err != nil {
		return nil, s.fail(ctx, "save the limits of an agent", err)
	}
	return s.listLimits(ctx, &in.IDInput)
}
