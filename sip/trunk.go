package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/callflow"
)

// Trunk is a carrier or PBX that calls numbers for us and brings calls. One of
// several prefixes is several Trunks of one Name.
type Trunk struct {
	Name      string
	Address   string // "host:port"; an IP address, so that no name is looked up during a call
	Transport string // "udp" (also "") or "tcp"; of any other it brings calls and is not called
	Login     string // for its challenges; "": they are not answered
	Password  string
	Realm     string // the only realm whose challenge is answered
	FromUser  string // user part of From; "": the caller's
	Prefix    string // numbers that begin so go through this trunk; "" takes all
	// Networks are where its calls come from, beside Address.
	Networks []netip.Prefix
	MaxCalls int  // at one time, both directions, of all of one Name; 0: no limit
	Disabled bool // its calls get 403, and it is not called
}

// from reports whether a source is the trunk.
func (t *Trunk) from(source netip.Addr) bool {
	if a, err := netip.ParseAddrPort(t.Address); err == nil && a.Addr().Unmap() == source {
		return true
	}
	return slices.ContainsFunc(t.Networks, func(n netip.Prefix) bool { return n.Contains(source) })
}

// errTrunksFull says that every trunk of a number has its calls.
var errTrunksFull = errors.New("sip: every trunk for the number is full")

// trunks are the trunks and how many calls each has. Its methods may be called
// from any goroutine.
type trunks struct {
	mu    sync.Mutex
	all   []Trunk
	calls map[string]int // by name
}

// ReloadTrunks takes over what the store says of the trunks. Calls that go on
// count where they were begun.
func (s *Server) ReloadTrunks(ctx context.Context) error {
	all, err := s.store.Trunks(ctx)
	if err != nil {
		return fmt.Errorf("load trunks: %w", err)
	}
	s.trunks.mu.Lock()
	s.trunks.all = all
	s.trunks.mu.Unlock()
	return nil
}

// of returns the trunk that a source is, or nil.
func (t *trunks) of(source netip.Addr) *Trunk {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.all {
		if t.all[i].from(source) {
			found := t.all[i]
			return &found
		}
	}
	return nil
}

// enter counts a call of a trunk; false: it has as many as it may.
func (t *trunks) enter(k *Trunk) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.take(k)
}

func (t *trunks) take(k *Trunk) bool {
	if k.MaxCalls > 0 && t.calls[k.Name] >= k.MaxCalls {
		return false
	}
	if t.calls == nil {
		t.calls = map[string]int{}
	}
	t.calls[k.Name]++
	return true
}

// leave ends a call of a trunk; "" is none.
func (t *trunks) leave(name string) {
	if name == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.calls[name]--; t.calls[name] <= 0 {
		delete(t.calls, name)
	}
}

// takes reports whether a number may leave by the trunk, and where to.
func (t *Trunk) takes(number string) (netip.AddrPort, bool) {
	addr, bad := netip.ParseAddrPort(t.Address)
	return addr, bad == nil && !t.Disabled && strings.HasPrefix(number, t.Prefix) && dialled(t.Transport)
}

// route says that no trunk takes a number, full or not.
func (t *trunks) route(number string) error {
	if number == "" {
		return callflow.ErrNoRoute
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.all {
		if _, ok := t.all[i].takes(number); ok {
			return nil
		}
	}
	return callflow.ErrNoTrunk
}

// to chooses the trunk for a number and counts the call.
func (t *trunks) to(number string) (*Trunk, netip.AddrPort, error) {
	if number == "" {
		return nil, netip.AddrPort{}, callflow.ErrNoRoute
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	err := callflow.ErrNoTrunk
	for i := range t.all {
		k := t.all[i]
		addr, ok := k.takes(number)
		if !ok {
			continue
		}
		if !t.take(&k) {
			err = errTrunksFull
			continue
		}
		return &k, addr, nil
	}
	return nil, netip.AddrPort{}, err
}

// dialled reports whether we call trunks over a transport.
func dialled(transport string) bool {
	return transport == "" || strings.EqualFold(transport, "udp") || strings.EqualFold(transport, "tcp")
}

// toNumber is the way to a number; its trunk is entered.
func (s *Server) toNumber(number string) (destination, error) {
	number = numberUser(number)
	t, addr, err := s.trunks.to(number)
	if err != nil {
		return destination{}, err
	}
	f := &flow{transport: "udp", addr: addr}
	if strings.EqualFold(t.Transport, "tcp") {
		f.transport = "tcp"
	}
	u := gosip.Uri{Scheme: "sip", User: number, Host: addr.Addr().String(), Port: int(addr.Port())}
	return destination{target: u, flow: f, trunk: t}, nil
}

// answer returns the header that answers a 401 or 407 of the trunk, of its
// configured realm only; value is "" where there is nothing to answer.
func (t *Trunk) answer(res *gosip.Response, method, uri string) (name, value string) {
	ask, name := "WWW-Authenticate", "Authorization"
	switch {
	case t.Login == "":
		return name, ""
	case res.StatusCode == 407:
		ask, name = "Proxy-Authenticate", "Proxy-Authorization"
	case res.StatusCode != 401:
		return name, ""
	}
	for _, h := range res.GetHeaders(ask) {
		if a := answerChallenge(h.Value(), t.Login, t.Password, t.Realm, method, uri); a != "" {
			return name, a
		}
	}
	return name, ""
}
