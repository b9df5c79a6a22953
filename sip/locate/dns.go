package locate

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	typeSRV   = dnsmessage.TypeSRV
	typeNAPTR = dnsmessage.Type(35) // RFC 3403 4
)

// Patience with a name server: each is asked that often, for so long.
const (
	dnsTries   = 2
	dnsTimeout = 2 * time.Second
)

// systemTTL is for how long an address holds that came of the hosts file.
const systemTTL = time.Minute

// Resolver asks name servers. The zero value has none: it knows the hosts of the
// system only. Its methods may be called from any goroutine.
type Resolver struct {
	Servers []netip.AddrPort // in the order in which they are asked
	// System looks up an address that they do not know: of the hosts file. nil:
	// nobody is asked.
	System func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// System is the resolver of this machine, by /etc/resolv.conf.
func System() *Resolver {
	r := &Resolver{System: net.DefaultResolver.LookupNetIP}
	f, err := os.Open("/etc/resolv.conf")
	if err != nil {
		return r
	}
	defer f.Close() //nolint:errcheck // read only
	r.Servers = nameServers(f)
	return r
}

// nameServers reads resolv.conf(5); as there, the first three count.
func nameServers(f io.Reader) (all []netip.AddrPort) {
	for lines := bufio.NewScanner(f); lines.Scan() && len(all) < 3; {
		word := strings.Fields(lines.Text())
		if len(word) < 2 || word[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(word[1]); err == nil {
			all = append(all, netip.AddrPortFrom(a, 53))
		}
	}
	return all
}

type srv struct {
	priority, weight, port uint16
	target                 string // "": there is no such service
}

type naptr struct {
	order, preference           uint16
	flags, service, replacement string
}

// answer is what a name server said.
type answer struct {
	addrs []netip.Addr
	srv   []srv
	naptr []naptr
	ttl   time.Duration // the least
}

var (
	errNoServer = errors.New("no name server answers")
	errBadDNS   = errors.New("not usable as an answer of a name server")
)

// addresses returns the addresses of a host, those of IPv4 first.
func (r *Resolver) addresses(ctx context.Context, host string) ([]netip.Addr, time.Duration, error) {
	host = strings.TrimSuffix(host, ".")
	ttl := maxTTL
	var out []netip.Addr
	var failed error
	for _, t := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		a, err := r.ask(ctx, host, t)
		if err != nil {
			failed = err
			continue
		}
		if len(a.addrs) > 0 {
			out, ttl = append(out, a.addrs...), min(ttl, a.ttl)
		}
	}
	if len(out) == 0 && r.System != nil {
		found, err := r.System(ctx, "ip", host)
		if err == nil && len(found) > 0 {
			for i := range found {
				found[i] = found[i].Unmap()
			}
			slices.SortStableFunc(found, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
			return found, systemTTL, nil
		}
	}
	switch {
	case len(out) > 0:
		return out, ttl, nil
	case failed == nil:
		return nil, 0, fmt.Errorf("%s: %w", host, ErrNotFound)
	}
	return nil, 0, failed
}

// ask puts one question to the name servers, one after the other.
func (r *Resolver) ask(ctx context.Context, name string, t dnsmessage.Type) (answer, error) {
	q, err := question(name, t)
	if err != nil {
		return answer{}, fmt.Errorf("%q is no name of a host: %w", name, ErrNotFound)
	}
	last := errNoServer
	for range dnsTries {
		for _, server := range r.Servers {
			a, err := askOne(ctx, server, q)
			if err == nil || errors.Is(err, ErrNotFound) {
				return a, err
			}
			if last = err; ctx.Err() != nil {
				return answer{}, fmt.Errorf("%w: %w", errNoServer, ctx.Err())
			}
		}
	}
	return answer{}, last
}

func question(name string, t dnsmessage.Type) (dnsmessage.Question, error) {
	n, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	return dnsmessage.Question{Name: n, Type: t, Class: dnsmessage.ClassINET}, err
}

// askOne asks by UDP, and by TCP what did not fit (RFC 7766 5).
func askOne(ctx context.Context, server netip.AddrPort, q dnsmessage.Question) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	for _, network := range []string{"udp", "tcp"} {
		a, cut, err := exchange(ctx, network, server, q)
		if err != nil || !cut {
			return a, err
		}
	}
	return answer{}, errBadDNS
}

// exchange reports cut where the answer did not fit into a datagram.
func exchange(ctx context.Context, network string, server netip.AddrPort, q dnsmessage.Question) (a answer, cut bool, err error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, server.String())
	if err != nil {
		return a, false, fmt.Errorf("%w: %w", errNoServer, err)
	}
	defer c.Close() //nolint:errcheck // nothing is left to say
	until, _ := ctx.Deadline()
	_ = c.SetDeadline(until)
	var id [2]byte
	_, _ = rand.Read(id[:]) // never fails
	h := dnsmessage.Header{ID: binary.BigEndian.Uint16(id[:]), RecursionDesired: true}
	m := dnsmessage.Message{Header: h, Questions: []dnsmessage.Question{q}}
	packed, err := m.Pack()
	if err != nil {
		return a, false, fmt.Errorf("%s: %w", q.Name, ErrNotFound)
	}
	if network == "tcp" {
		packed = append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...) //nolint:gosec // a question is short
	}
	if _, err = c.Write(packed); err != nil {
		return a, false, fmt.Errorf("%w: %w", errNoServer, err)
	}
	for { // a stranger's datagram does not end the wait
		got, err := receive(c, network)
		if err != nil {
			return a, false, fmt.Errorf("%w: %w", errNoServer, err)
		}
		a, cut, err = parse(got, h.ID, q)
		if err == nil || errors.Is(err, ErrNotFound) || network == "tcp" {
			return a, cut, err
		}
	}
}

func receive(c net.Conn, network string) ([]byte, error) {
	if network == "tcp" {
		var n [2]byte
		if _, err := io.ReadFull(c, n[:]); err != nil {
			return nil, err
		}
		b := make([]byte, binary.BigEndian.Uint16(n[:]))
		_, err := io.ReadFull(c, b)
		return b, err
	}
	b := make([]byte, 4096)
	n, err := c.Read(b)
	return b[:n], err
}

// parse reads the answer to a question. ErrNotFound: the name does not exist.
func parse(b []byte, id uint16, q dnsmessage.Question) (a answer, cut bool, err error) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || !h.Response || h.ID != id {
		return a, false, errBadDNS
	}
	asked, err := p.Question()
	if err != nil || asked.Type != q.Type || !strings.EqualFold(asked.Name.String(), q.Name.String()) {
		return a, false, errBadDNS
	}
	switch {
	case h.RCode == dnsmessage.RCodeNameError:
		return a, false, fmt.Errorf("%s: %w", q.Name, ErrNotFound)
	case h.RCode != dnsmessage.RCodeSuccess:
		return a, false, fmt.Errorf("%w: %s", errNoServer, h.RCode)
	case h.Truncated:
		return a, true, nil
	}
	if p.SkipAllQuestions() != nil {
		return a, false, errBadDNS
	}
	a.ttl = maxTTL
	for range 4 * maxRecords {
		r, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return a, false, nil
		}
		if err != nil || !a.take(&p, r, q.Type) {
			return answer{}, false, errBadDNS
		}
	}
	return a, false, nil
}

// take reads one record; false: it is malformed.
func (a *answer) take(p *dnsmessage.Parser, h dnsmessage.ResourceHeader, want dnsmessage.Type) bool {
	if h.Type != dnsmessage.TypeCNAME && h.Type != want {
		return p.SkipAnswer() == nil
	}
	a.ttl = min(a.ttl, time.Duration(min(h.TTL, 1<<30))*time.Second)
	switch h.Type {
	case dnsmessage.TypeA:
		r, err := p.AResource()
		a.addrs = append(a.addrs, netip.AddrFrom4(r.A))
		return err == nil
	case dnsmessage.TypeAAAA:
		r, err := p.AAAAResource()
		a.addrs = append(a.addrs, netip.AddrFrom16(r.AAAA).Unmap())
		return err == nil
	case typeSRV:
		r, err := p.SRVResource()
		a.srv = append(a.srv, srv{r.Priority, r.Weight, r.Port, strings.TrimSuffix(r.Target.String(), ".")})
		return err == nil
	case typeNAPTR:
		r, err := p.UnknownResource()
		if err != nil {
			return false
		}
		n, ok := parseNAPTR(r.Data)
		a.naptr = append(a.naptr, n)
		return ok
	}
	return p.SkipAnswer() == nil
}

// parseNAPTR reads the data of a NAPTR record. Its name is not compressed (RFC
// 3403 4.1).
func parseNAPTR(b []byte) (n naptr, ok bool) {
	if len(b) < 4 {
		return n, false
	}
	n.order, n.preference = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	b = b[4:]
	var regexp string
	for _, into := range []*string{&n.flags, &n.service, &regexp} {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return n, false
		}
		*into, b = string(b[1:1+b[0]]), b[1+b[0]:]
	}
	var labels []string
	for len(b) > 0 && b[0] != 0 {
		if b[0] > 63 || len(b) < 1+int(b[0]) {
			return n, false
		}
		labels, b = append(labels, string(b[1:1+b[0]])), b[1+b[0]:]
	}
	n.replacement = strings.Join(labels, ".")
	return n, len(b) == 1
}
