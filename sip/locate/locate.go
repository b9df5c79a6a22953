// Package locate finds where the requests to a SIP domain go (RFC 3263): NAPTR
// chooses the transport, SRV the hosts with their priorities and weights (RFC
// 2782), A and AAAA their addresses. It asks the name servers of the system
// itself, because only so the TTL of the answers is known.
//
// It keeps nothing: who asks keeps the Set for its TTL. It has no goroutine.
package locate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Auto as a transport leaves the choice to the domain: NAPTR, else SRV.
const Auto = "auto"

// Bounds of the time for which an answer is kept, whatever its TTL.
const (
	minTTL = 10 * time.Second
	maxTTL = time.Hour
)

// maxRecords bounds what one domain may name.
const maxRecords = 32

// ErrNotFound says that a domain names no address by any way that we speak.
var ErrNotFound = errors.New("no address")

// Target is one place that requests can be sent to.
type Target struct {
	Transport string // "udp", "tcp" or "tls"
	Addr      netip.AddrPort
	Name      string // whom a certificate must name: the domain that was looked up (RFC 5922 4)
}

// Set is what a domain names. The zero value names nothing.
type Set struct {
	records []record
	TTL     time.Duration // for how long it holds; 0: for ever
}

// record is one SRV record with its addresses.
type record struct {
	rank     int // of the NAPTR it comes from
	priority uint16
	weight   uint16
	targets  []Target
}

// Of is the set of one address, which needs no look-up.
func Of(t Target) Set { return Set{records: []record{{targets: []Target{t}}}} }

// Empty reports that nothing is named.
func (s Set) Empty() bool { return len(s.records) == 0 }

// All returns every target, in the order of the priorities.
func (s Set) All() []Target {
	return s.Order(func(int) int { return 0 })
}

// Order returns the targets in the order in which one request tries them: by
// priority, and among those of one priority by chance, as their weights say (RFC
// 2782). pick returns a number from 0 to n-1; nil is a random one. It may be
// called from any goroutine.
func (s Set) Order(pick func(n int) int) []Target {
	if pick == nil {
		pick = rand.IntN
	}
	left := slices.Clone(s.records)
	slices.SortStableFunc(left, func(a, b record) int {
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		return int(a.priority) - int(b.priority)
	})
	var out []Target
	for len(left) > 0 {
		n := 1
		for n < len(left) && left[n].rank == left[0].rank && left[n].priority == left[0].priority {
			n++
		}
		i := draw(left[:n], pick)
		out = append(out, left[i].targets...)
		left = slices.Delete(left, i, i+1)
	}
	return out
}

// draw chooses one record by weight. One of weight 0 has a small chance only
// beside others (RFC 2782: those of weight 0 stand first).
func draw(of []record, pick func(n int) int) int {
	sum := 0
	for _, r := range of {
		sum += int(r.weight)
	}
	at := pick(sum + 1)
	slices.SortStableFunc(of, func(a, b record) int { return min(1, int(a.weight)) - min(1, int(b.weight)) })
	for i, r := range of {
		if at -= int(r.weight); at <= 0 {
			return i
		}
	}
	return len(of) - 1
}

// Locate looks up host. port 0 is that of the records, or of the transport;
// transport is "udp", "tcp", "tls" or Auto. An address is itself. The error wraps
// ErrNotFound where the domain names nothing, else no name server answered.
func (r *Resolver) Locate(ctx context.Context, host string, port int, transport string) (Set, error) {
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if a, err := netip.ParseAddr(host); err == nil {
		t := Target{Transport: fixed(transport), Name: host}
		t.Addr = netip.AddrPortFrom(a.Unmap(), portOr(port, t.Transport))
		return Of(t), nil
	}
	q := query{r: r, domain: host, ttl: maxTTL}
	err := q.run(ctx, port, transport)
	if len(q.set) == 0 && err == nil {
		err = ErrNotFound
	}
	if len(q.set) == 0 {
		return Set{}, fmt.Errorf("look up %s: %w", host, err)
	}
	return Set{records: q.set, TTL: max(minTTL, q.ttl)}, nil
}

// fixed is the transport where none is chosen by the domain (RFC 3263 4.1).
func fixed(transport string) string {
	if transport == "" || transport == Auto {
		return "udp"
	}
	return transport
}

func portOr(port int, transport string) uint16 {
	switch {
	case port > 0 && port < 1<<16:
		return uint16(port)
	case transport == "tls":
		return 5061
	}
	return 5060
}

// query is one look-up.
type query struct {
	r      *Resolver
	domain string
	ttl    time.Duration // the least of what was used
	set    []record
}

func (q *query) run(ctx context.Context, port int, transport string) error {
	if port != 0 { // RFC 3263 4.2: a port is no service
		return q.address(ctx, q.domain, port, fixed(transport), record{})
	}
	if transport == Auto {
		found, err := q.naptr(ctx)
		if found || err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	tried := []string{transport}
	if transport == Auto {
		tried = []string{"udp", "tcp", "tls"}
	}
	for i, t := range tried {
		found, err := q.srv(ctx, service(t)+q.domain, t, i)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if found && transport != Auto {
			return nil // also where all of them say that there is no service
		}
	}
	if len(q.set) > 0 {
		return nil
	}
	return q.address(ctx, q.domain, 0, fixed(transport), record{})
}

// service is the name of a transport in SRV (RFC 3263 4.1).
func service(transport string) string {
	switch transport {
	case "tcp":
		return "_sip._tcp."
	case "tls":
		return "_sips._tcp."
	}
	return "_sip._udp."
}

// naptr follows the NAPTR records of the domain that we speak.
func (q *query) naptr(ctx context.Context) (found bool, err error) {
	answer, err := q.r.ask(ctx, q.domain, typeNAPTR)
	if err != nil {
		return false, err
	}
	slices.SortStableFunc(answer.naptr, func(a, b naptr) int {
		if a.order != b.order {
			return int(a.order) - int(b.order)
		}
		return int(a.preference) - int(b.preference)
	})
	for i, n := range answer.naptr {
		t := map[string]string{"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}[strings.ToUpper(n.service)]
		if t == "" || !strings.EqualFold(n.flags, "s") || n.replacement == "" {
			continue
		}
		if ok, err := q.srv(ctx, n.replacement, t, i); ok || err == nil {
			found = found || ok
		}
	}
	if found {
		q.ttl = min(q.ttl, answer.ttl)
	}
	return found, nil
}

// srv adds what the SRV records of a name lead to.
func (q *query) srv(ctx context.Context, name, transport string, rank int) (found bool, err error) {
	answer, err := q.r.ask(ctx, name, typeSRV)
	if err != nil || len(answer.srv) == 0 {
		return false, err
	}
	q.ttl = min(q.ttl, answer.ttl)
	for _, s := range answer.srv {
		if s.target == "" || len(q.set) >= maxRecords { // ".": decidedly not here (RFC 2782)
			continue
		}
		to := record{rank: rank, priority: s.priority, weight: s.weight}
		if e := q.address(ctx, s.target, int(s.port), transport, to); e != nil {
			err = e
		}
	}
	if len(q.set) == 0 {
		return true, err
	}
	return true, nil
}

// address adds a host with its addresses, those of IPv4 first.
func (q *query) address(ctx context.Context, host string, port int, transport string, to record) error {
	addrs, ttl, err := q.r.addresses(ctx, host)
	if err != nil {
		return err
	}
	q.ttl = min(q.ttl, ttl)
	for _, a := range addrs[:min(len(addrs), maxRecords)] {
		to.targets = append(to.targets, Target{
			Transport: transport, Addr: netip.AddrPortFrom(a.Unmap(), portOr(port, transport)), Name: q.domain,
		})
	}
	q.set = append(q.set, to)
	return nil
}
