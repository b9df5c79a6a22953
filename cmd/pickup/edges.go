package main

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"pickup/sip"
	"pickup/store"
)

// sipStore shows the SIP edge what it keeps.
type sipStore struct{ *store.Store }

// Trunks translates the stored trunks.
func (s sipStore) Trunks(ctx context.Context) ([]sip.Trunk, error) {
	stored, err := s.Store.Trunks(ctx)
	if err != nil {
		return nil, err
	}
	var out []sip.Trunk
	for _, t := range stored {
		port := t.Port
		if port == 0 {
			port = 5060
		}
		base := sip.Trunk{
			Name: t.Name, Address: net.JoinHostPort(t.Host, strconv.Itoa(port)), Transport: t.Transport,
			Login: t.Username, Password: t.Password,
		}
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

// wsHandler is SIP over WebSocket as an HTTP handler.
type wsHandler struct{ *sip.Server }

// ServeHTTP implements http.Handler.
func (h wsHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.ServeWS(w, r) }

// registry holds the gauges and counters of the parts that know no metrics.
func (s *server) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	counter := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, f))
	}
	gauge := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
	}
	gauge("pickup_calls_live", "Calls going on.", func() float64 { return float64(s.calls.Counts().Live) })
	counter("pickup_calls_started_total", "Calls taken.", func() float64 { return float64(s.calls.Counts().Started) })
	counter("pickup_calls_refused_total", "Calls refused.", func() float64 { return float64(s.calls.Counts().Refused) })
	counter("pickup_call_panics_total", "Faults of ours that ended one call.", func() float64 { return float64(s.calls.Counts().Panics) })
	counter("pickup_queue_reaped_total", "Reservations freed by the reaper; 0 when all is well.",
		func() float64 { return float64(s.queue.Counters().Reaped) })
	counter("pickup_queue_commit_errors_total", "Decisions of the queue that the store refused.",
		func() float64 { return float64(s.queue.Counters().CommitErrors) })
	counter("pickup_queue_late_commits_total", "Offers that left before the store had answered.",
		func() float64 { return float64(s.queue.Counters().LateCommits) })
	counter("pickup_sip_messages_total", "SIP messages parsed.", func() float64 { return float64(s.sip.Metrics().Parsed) })
	counter("pickup_sip_dropped_total", "Datagrams that were no SIP.", func() float64 { return float64(s.sip.Metrics().Dropped) })
	counter("pickup_sip_bad_requests_total", "Unparsable requests answered 400.", func() float64 { return float64(s.sip.Metrics().BadRequest) })
	counter("pickup_sip_guard_refused_total", "Requests refused by the flood guard.", func() float64 { return float64(s.sip.Metrics().GuardRefused) })
	return r
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
