package main

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"pickup/callflow"
	"pickup/sip"
	"pickup/store"
	"pickup/web"
)

// sipStore shows the SIP edge what it keeps.
type sipStore struct{ *store.Store }

// Trunks translates the stored trunks.
func (s sipStore) Trunks(ctx context.Context) ([]sip.Trunk, error) {
	stored, err := s.Store.Trunks(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]sip.Trunk, 0, len(stored))
	for _, t := range stored {
		out = append(out, sipTrunk(t))
	}
	return out, nil
}

// sipTrunk is a stored trunk as the edge takes it.
func sipTrunk(t store.Trunk) sip.Trunk {
	k := sip.Trunk{
		Name: t.Name, Address: t.Host, Transport: t.Transport, Login: t.Username, Password: t.Password, Realm: t.Realm, FromUser: t.FromUser,
		Prefixes: t.Prefixes, Denied: t.Denied, Rank: t.Rank, MaxCalls: t.MaxCalls, Rate: t.Rate, Register: t.Register, Expires: t.Expires,
		Probe: t.Probe, Disabled: t.Disabled,
	}
	if t.Port != 0 {
		k.Address = net.JoinHostPort(strings.Trim(t.Host, "[]"), strconv.Itoa(t.Port))
	}
	for _, n := range t.Networks {
		if network, err := netip.ParsePrefix(n); err == nil {
			k.Networks = append(k.Networks, network)
		}
	}
	return k
}

// wsHandler is SIP over WebSocket as an HTTP handler.
type wsHandler struct{ *sip.Server }

// ServeHTTP implements http.Handler.
func (h wsHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.ServeWS(w, r) }

// figures are the numbers of the parts that know no metrics.
func (s *server) figures() []web.Figure {
	total := func(name, help string, f func() uint64) web.Figure {
		return web.Figure{Name: name, Help: help, Total: true, Value: func() float64 { return float64(f()) }}
	}
	calls := func(f func(callflow.Counts) int64) func() uint64 {
		return func() uint64 { return uint64(f(s.calls.Counts())) } //nolint:gosec // counts are not negative
	}
	return []web.Figure{
		{Name: "pickup_calls_live", Help: "Calls going on.", Value: func() float64 { return float64(s.calls.Counts().Live) }},
		total("pickup_calls_started_total", "Calls taken.", calls(func(c callflow.Counts) int64 { return c.Started })),
		total("pickup_calls_refused_total", "Calls refused.", calls(func(c callflow.Counts) int64 { return c.Refused })),
		total("pickup_call_panics_total", "Faults of ours that ended one call.", calls(func(c callflow.Counts) int64 { return c.Panics })),
		total("pickup_callback_repaired_total", "Promises that nobody owned, brought back to their queue; 0 when all is well.",
			calls(func(c callflow.Counts) int64 { return c.Repaired })),
		total("pickup_phone_faults_total", "Calls that an agent's phone refused because of how it is set up: it asks for a password (401, 407) or has no codec of ours (488, 606, 415).",
			calls(func(c callflow.Counts) int64 { return c.PhoneFaults })),
		total("pickup_queue_reaped_total", "Reservations freed by the reaper; 0 when all is well.",
			func() uint64 { return s.queue.Counters().Reaped }),
		total("pickup_queue_commit_errors_total", "Decisions of the queue that the store refused.",
			func() uint64 { return s.queue.Counters().CommitErrors }),
		total("pickup_queue_late_commits_total", "Commits of the queue that took longer than a second.",
			func() uint64 { return s.queue.Counters().LateCommits }),
		{Name: "pickup_media_legs", Help: "Legs with audio; those of phones hold a pair of RTP ports.", Value: func() float64 { return float64(s.media.Counters().Legs) }},
		total("pickup_media_unsent_total", "Packets of phones' legs that the kernel did not take.", func() uint64 { return s.media.Counters().Unsent }),
		total("pickup_media_unread_total", "Reads of phones' legs that failed.", func() uint64 { return s.media.Counters().Unread }),
		total("pickup_sip_messages_total", "SIP messages parsed.", func() uint64 { return s.sip.Metrics().Parsed }),
		total("pickup_sip_dropped_total", "Datagrams that were no SIP.", func() uint64 { return s.sip.Metrics().Dropped }),
		total("pickup_sip_bad_requests_total", "Unparsable requests answered 400.", func() uint64 { return s.sip.Metrics().BadRequest }),
		total("pickup_sip_guard_refused_total", "Requests refused by the flood guard.",
			func() uint64 { return s.sip.Metrics().GuardRefused }),
		total("pickup_sip_wrong_passwords_total", "Requests with a wrong password, or of a user we do not have.",
			func() uint64 { return s.sip.Metrics().Wrong }),
		total("pickup_sip_auth_blocked_total", "Requests refused after too many wrong passwords.",
			func() uint64 { return s.sip.Metrics().Blocked }),
		total("pickup_sip_gate_refused_total", "Requests refused before any handler saw them.", func() (n uint64) {
			for _, of := range s.sip.Metrics().GateRefused {
				n += of
			}
			return n
		}),
		total("pickup_sip_panics_total", "Faults of ours that cost one SIP message.", func() uint64 { return s.sip.Metrics().Panics }),
		{Name: "pickup_sip_dialogs", Help: "SIP dialogs up.", Value: func() float64 { return float64(s.sip.Metrics().Dialogs) }},
		{Name: "pickup_sip_bindings", Help: "Registered contacts.", Value: func() float64 { return float64(s.sip.Metrics().Bindings) }},
		{Name: "pickup_sip_connections", Help: "TCP, TLS and WebSocket connections.", Value: func() float64 { return float64(s.sip.Metrics().Connections) }},
		total("pickup_sip_connections_evicted_total", "Idle connections that made room for others.",
			func() uint64 { return s.sip.Metrics().ConnectionsEvicted }),
		total("pickup_sip_connections_refused_total", "Connections refused because all that are there are in use.",
			func() uint64 { return s.sip.Metrics().ConnectionsRefused }),
		{Name: "pickup_trunks_down", Help: "Trunks that do not register or do not answer.", Value: func() float64 {
			return s.trunksThat(func(t sip.TrunkState) bool { return t.Health == "down" })
		}},
		{Name: "pickup_trunks_registered", Help: "Trunks where we are registered.", Value: func() float64 {
			return s.trunksThat(func(t sip.TrunkState) bool { return t.Registered })
		}},
		total("pickup_trunk_calls_refused_total", "Calls that a trunk had no place for: max_calls or calls_per_second.",
			func() uint64 { return s.sip.Metrics().TrunkRefused }),
		total("pickup_trunk_failovers_total", "Calls that went on to another address or trunk.",
			func() uint64 { return s.sip.Metrics().TrunkFailovers }),
		total("pickup_sip_legs_dead_total", "Calls ended because their peer had vanished.", func() uint64 { return s.sip.Metrics().Dead }),
	}
}

// trunkHealth tells the API how each trunk does, by name.
func (s *server) trunkHealth() map[string]web.TrunkHealth {
	out := map[string]web.TrunkHealth{}
	for _, t := range s.sip.Trunks() {
		h := web.TrunkHealth{
			State: t.Health, Since: web.MaybeTime(t.Since), Error: t.Error, Registered: t.Registered, Calls: t.Calls,
			Addresses: append([]string{}, t.Addresses...),
		}
		if t.Registered {
			h.Expires = web.MaybeTime(t.Expires)
		}
		out[t.Name] = h
	}
	return out
}

// trunksThat counts the trunks of one kind.
func (s *server) trunksThat(are func(sip.TrunkState) bool) (n float64) {
	for _, t := range s.sip.Trunks() {
		if are(t) {
			n++
		}
	}
	return n
}

// loopbackHost reports whether a host:port is on loopback.
func loopbackHost(listen string) bool {
	host, _ := splitPort(listen)
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func splitPort(addr string) (host, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, ""
	}
	return host, port
}
