package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"pickup/callflow"
	"pickup/internal/logkey"
	"pickup/sip"
	"pickup/store"
	"pickup/web"
)

// sipStore shows the SIP edge what it keeps.
type sipStore struct {
	*store.Store
	log *slog.Logger
}

// Trunks translates the stored trunks; names of hosts are looked up here and
// not during calls.
func (s sipStore) Trunks(ctx context.Context) ([]sip.Trunk, error) {
	stored, err := s.Store.Trunks(ctx)
	if err != nil {
		return nil, err
	}
	var out []sip.Trunk
	for _, t := range stored {
		base := sip.Trunk{
			Name: t.Name, Transport: t.Transport, Login: t.Username, Password: t.Password, MaxCalls: t.MaxCalls, Disabled: t.Disabled,
		}
		for _, n := range t.Networks {
			if network, err := netip.ParsePrefix(n); err == nil {
				base.Networks = append(base.Networks, network)
			}
		}
		host := t.Host
		if addrs := s.lookUp(ctx, t); len(addrs) > 0 {
			host = addrs[0].String()
			for _, a := range addrs {
				base.Networks = append(base.Networks, netip.PrefixFrom(a, a.BitLen()))
			}
		}
		base.Address = net.JoinHostPort(host, strconv.Itoa(cmp.Or(t.Port, defaultPort(t.Transport))))
		if len(t.Prefixes) == 0 {
			out = append(out, base)
		}
		for _, p := range t.Prefixes {
			base.Prefix = p
			out = append(out, base)
		}
	}
	return out, nil
}

func defaultPort(transport string) int {
	if transport == "tls" {
		return 5061
	}
	return 5060
}

// lookUp returns the addresses of a trunk whose host is a name. Without any it
// can still be known by its networks.
func (s sipStore) lookUp(ctx context.Context, t store.Trunk) []netip.Addr {
	if _, err := netip.ParseAddr(t.Host); err == nil || t.Disabled {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.Host)
	if err != nil {
		s.log.Warn("host of a trunk not found: it is not called", "trunk", t.Name, logkey.Err, err)
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs
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
		total("pickup_sip_legs_dead_total", "Calls ended because their peer had vanished.", func() uint64 { return s.sip.Metrics().Dead }),
	}
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
