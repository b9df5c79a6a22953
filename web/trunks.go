package web

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"regexp"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/internal/id"
	"pickup/store"
)

type trunkBody struct {
	Name      string   `json:"name" minLength:"1" maxLength:"64"`
	Host      string   `json:"host" minLength:"1" maxLength:"253" doc:"Name or address."`
	Port      int      `json:"port" minimum:"0" maximum:"65535" default:"0" required:"false" doc:"0: that of the transport."`
	Transport string   `json:"transport" enum:"udp,tcp,tls,auto" default:"udp" required:"false" doc:"auto: the domain says which by NAPTR and SRV (RFC 3263)."`
	Username  string   `json:"username,omitempty" maxLength:"128"`
	Password  string   `json:"password,omitempty" maxLength:"1024" doc:"Never told; without it, it stays as it is."`
	Realm     string   `json:"realm,omitempty" maxLength:"128" pattern:"^[^\"<>\\\\[:cntrl:] ]*$" doc:"The only realm whose challenges are answered; without it, any."`
	FromUser  string   `json:"from_user,omitempty" maxLength:"128" pattern:"^[^\"<>\\\\[:cntrl:] ]*$" doc:"User part of From of our calls; without it, the caller ID of the queue."`
	Register  bool     `json:"register,omitempty" doc:"Register our address there; needs username."`
	ExpiresMS int64    `json:"expires_ms" minimum:"0" maximum:"86400000" default:"0" required:"false" doc:"What the registration asks for, from a minute to a day; 0: an hour."`
	ProbeMS   int64    `json:"probe_ms" minimum:"0" maximum:"3600000" default:"0" required:"false" doc:"How often OPTIONS asks whether it is there, 5 s to an hour; 0: never."`
	Rank      int      `json:"rank" minimum:"0" maximum:"1000" default:"0" required:"false" doc:"Lower is tried first; the next takes a call when one is full, silent or answers 502 to 504."`
	Rate      float64  `json:"calls_per_second" minimum:"0" maximum:"10000" default:"0" required:"false" doc:"New calls, in and out; 0: no limit."`
	Denied    []string `json:"denied,omitempty" maxItems:"1000" doc:"E.164 prefixes that do not leave by this trunk."`
	Prefixes  []string `json:"prefixes,omitempty" maxItems:"1000" doc:"E.164 prefixes that leave by this trunk."`
	Networks  []string `json:"networks,omitempty" maxItems:"100" doc:"CIDR: where its inbound calls come from, beside the host."`
	MaxCalls  int      `json:"max_calls" minimum:"0" maximum:"100000" default:"0" required:"false" doc:"At one time, in and out; 0: no limit."`
	Disabled  bool     `json:"disabled,omitempty" doc:"Its calls are refused, it is not called, its numbers lead nowhere."`

	Numbers []TrunkNumber `json:"numbers,omitempty" maxItems:"10000" doc:"Numbers that lead here, all of them."`
}

// TrunkNumber is where a dialled number leads.
type TrunkNumber struct {
	Number   string `json:"number" pattern:"^\\+[1-9][0-9]{2,14}$" doc:"E.164, as +33123456789."`
	To       string `json:"to" minLength:"1" maxLength:"64" doc:"Name of a queue or a menu."`
	Language string `json:"language,omitempty" enum:"fr,en" doc:"Of its callers; without it, as their phone asks."`
}

// TrunkObject is a way to the telephone network.
type TrunkObject struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Host      string   `json:"host"`
	Port      int      `json:"port"`
	Transport string   `json:"transport"`
	Username  string   `json:"username"`
	Realm     string   `json:"realm"`
	FromUser  string   `json:"from_user"`
	Register  bool     `json:"register"`
	ExpiresMS int64    `json:"expires_ms"`
	ProbeMS   int64    `json:"probe_ms"`
	Rank      int      `json:"rank"`
	Rate      float64  `json:"calls_per_second"`
	Denied    []string `json:"denied" nullable:"false"`
	Prefixes  []string `json:"prefixes" nullable:"false"`
	Networks  []string `json:"networks" nullable:"false"`
	MaxCalls  int      `json:"max_calls"`
	Disabled  bool     `json:"disabled"`

	Numbers []TrunkNumber `json:"numbers" nullable:"false"`
	Health  TrunkHealth   `json:"health"`
}

// TrunkHealth is how a trunk does now; Addresses is not nil.
type TrunkHealth struct {
	State      string    `json:"state" enum:"off,connecting,well,down,unknown" doc:"unknown: it neither registers nor is asked by OPTIONS."`
	Since      MaybeTime `json:"since"`
	Error      string    `json:"error,omitempty"`
	Registered bool      `json:"registered"`
	Expires    MaybeTime `json:"registered_until" doc:"Null where it does not."`
	Calls      int       `json:"calls" doc:"Now, in and out."`
	Addresses  []string  `json:"addresses" nullable:"false" doc:"Where it is called, as the domain names them."`
}

type (
	newTrunkInput struct{ Body trunkBody }
	putTrunkInput struct {
		IDInput
		Body trunkBody
	}
)

func (s *Server) trunkOperations(api huma.API) {
	const path, one = "/api/v1/trunks", "/api/v1/trunks/{id}"
	register(api, act{id: "list-trunks", method: http.MethodGet, path: path, tag: "trunks", rule: administers, summary: "Trunks by name"}, s.listTrunks)
	register(api, act{
		id: "create-trunk", method: http.MethodPost, path: path, tag: "trunks", rule: administers,
		summary: "Make a trunk", status: http.StatusCreated, errors: []int{http.StatusConflict},
	}, s.createTrunk)
	register(api, act{
		id: "put-trunk", method: http.MethodPut, path: one, tag: "trunks", rule: administers,
		summary: "Change a trunk", errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.putTrunk)
	register(api, act{
		id: "delete-trunk", method: http.MethodDelete, path: one, tag: "trunks", rule: administers,
		summary: "Delete a trunk", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, s.deleteTrunk)
}

func (s *Server) listTrunks(ctx context.Context, _ *noInput) (*listOutput[TrunkObject], error) {
	all, err := s.parts.Store.Trunks(ctx)
	if err != nil {
		return nil, s.fail(ctx, "list trunks", err)
	}
	return page(all, "", s.showTrunk), nil
}

func (s *Server) showTrunk(t store.Trunk) TrunkObject {
	o := TrunkObject{
		ID: t.ID, Name: t.Name, Host: t.Host, Port: t.Port, Transport: t.Transport, Username: t.Username, Realm: t.Realm, FromUser: t.FromUser,
		Register: t.Register, ExpiresMS: t.Expires.Milliseconds(), ProbeMS: t.Probe.Milliseconds(), Rank: t.Rank, Rate: t.Rate,
		Denied: append([]string{}, t.Denied...), Prefixes: append([]string{}, t.Prefixes...), Networks: append([]string{}, t.Networks...),
		MaxCalls: t.MaxCalls, Disabled: t.Disabled, Numbers: []TrunkNumber{}, Health: TrunkHealth{State: "connecting", Addresses: []string{}},
	}
	if t.Disabled {
		o.Health.State = "off"
	} else if s.parts.Trunks != nil {
		if h, ok := s.parts.Trunks()[t.Name]; ok {
			o.Health = h
		}
	}
	for _, n := range t.Numbers {
		o.Numbers = append(o.Numbers, TrunkNumber(n))
	}
	return o
}

func (s *Server) createTrunk(ctx context.Context, in *newTrunkInput) (*oneOutput[TrunkObject], error) {
	return s.saveTrunk(ctx, store.Trunk{ID: id.New()}, in.Body, "trunk.create")
}

func (s *Server) putTrunk(ctx context.Context, in *putTrunkInput) (*oneOutput[TrunkObject], error) {
	all, err := s.parts.Store.Trunks(ctx)
	if err != nil {
		return nil, s.fail(ctx, "list trunks", err)
	}
	for _, t := range all {
		if t.ID == in.ID {
			return s.saveTrunk(ctx, t, in.Body, "trunk.update")
		}
	}
	return nil, problem(http.StatusNotFound, "", "There is no such trunk.", "path.id")
}

func (s *Server) saveTrunk(ctx context.Context, t store.Trunk, b trunkBody, action string) (*oneOutput[TrunkObject], error) {
	for _, n := range b.Networks {
		if _, err := netip.ParsePrefix(n); err != nil {
			return nil, problem(http.StatusUnprocessableEntity, "", "Not a network in CIDR form: "+clip(n, 50), "body.networks")
		}
	}
	if no := checkTrunk(b); no != nil {
		return nil, no
	}
	t.Realm, t.FromUser, t.Register, t.Rank, t.Rate, t.Denied = b.Realm, b.FromUser, b.Register, b.Rank, b.Rate, b.Denied
	t.Expires, t.Probe = time.Duration(b.ExpiresMS)*time.Millisecond, time.Duration(b.ProbeMS)*time.Millisecond
	t.Name, t.Host, t.Port, t.Transport, t.Username = b.Name, b.Host, b.Port, b.Transport, b.Username
	t.Prefixes, t.Networks, t.MaxCalls, t.Disabled, t.Numbers = b.Prefixes, b.Networks, b.MaxCalls, b.Disabled, nil
	for _, n := range b.Numbers {
		_, known, err := s.storedQueue(ctx, n.To)
		if err != nil {
			return nil, s.fail(ctx, "read the queues", err)
		}
		if !known && !s.parts.Handler.Routable(n.To, "") { // nor a menu
			return nil, problem(http.StatusUnprocessableEntity, "", "No queue and no menu has this name: "+clip(n.To, 64), "body.numbers")
		}
		t.Numbers = append(t.Numbers, store.Number(n))
	}
	if b.Password != "" {
		t.Password = b.Password
	}
	err := s.change(ctx, action, "trunk", t.ID, func() error { return s.parts.Store.UpsertTrunk(ctx, t) })
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(http.StatusConflict, "", "Another trunk has this name, or one of these numbers.", "body")
	}
	if err != nil {
		return nil, s.fail(ctx, "save a trunk", err)
	}
	return &oneOutput[TrunkObject]{s.showTrunk(t)}, nil
}

// checkTrunk refuses what the description of the fields cannot say.
func checkTrunk(b trunkBody) error {
	refused := func(text, field string) error {
		return problem(http.StatusUnprocessableEntity, "", text, "body."+field)
	}
	switch {
	case b.Register && b.Username == "":
		return refused("A trunk that registers needs a username: the account at the carrier.", "username")
	case b.ExpiresMS != 0 && b.ExpiresMS < 60_000:
		return refused("A registration asks for a minute at least; 0 is an hour.", "expires_ms")
	case b.ProbeMS != 0 && b.ProbeMS < 5_000:
		return refused("OPTIONS go out every 5 s at most; 0 is never.", "probe_ms")
	}
	for field, all := range map[string][]string{"prefixes": b.Prefixes, "denied": b.Denied} {
		for _, p := range all {
			if !e164Prefix.MatchString(p) {
				return refused("Not the beginning of an E.164 number, as +33: "+clip(p, 20), field)
			}
		}
	}
	return nil
}

var e164Prefix = regexp.MustCompile(`^\+[1-9][0-9]{0,14}$`)

func (s *Server) deleteTrunk(ctx context.Context, in *IDInput) (*noOutput, error) {
	err := s.change(ctx, "trunk.delete", "trunk", in.ID, func() error { return s.parts.Store.DeleteTrunk(ctx, in.ID) })
	if err != nil {
		return nil, s.fail(ctx, "delete a trunk", err)
	}
	return &noOutput{}, nil
}
