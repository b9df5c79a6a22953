package sip

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/account"
	"pickup/callflow"
	"pickup/sip/locate"
)

// Trial is what TryTrunk found out.
type Trial struct {
	Addresses []string   // that were asked, as "udp 192.0.2.1:5060"
	Seen      netip.Addr // as whom the trunk saw us; the zero value: it does not say
	From      netip.Addr // which of our addresses the kernel used for it
	Date      time.Time  // of its clock; the zero time: it does not say
}

// TryTrunk asks a trunk, from a port of its own, whether it is there, and where it
// registers whether it takes our credentials: by a REGISTER without Contact,
// which changes nothing there (RFC 3261 10.2.3). The error of a refusal begins
// with its status.
func TryTrunk(ctx context.Context, t Trunk, cfg Config) (Trial, error) {
	cfg.Listen, cfg.TLSListen, cfg.TLS, cfg.TraceDir = "0.0.0.0:0", "", nil, ""
	s, err := NewServer(cfg, nil, nobody{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return Trial{}, err
	}
	s.draining.Store(true) // who calls this port gets 503
	life, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(life, noCalls{}) }()
	defer func() { stop(); <-done }()
	if !s.canSend() {
		return Trial{}, life.Err()
	}
	return s.newLine(t).try(life)
}

func (n *line) try(ctx context.Context) (Trial, error) {
	var got Trial
	if n.set.Empty() {
		host, port := n.split()
		set, err := n.server.cfg.Locate(ctx, host, port, n.transport())
		if err != nil {
			return got, err
		}
		n.set = set
	}
	err := fmt.Errorf("%s: %w", n.Address, locate.ErrNotFound)
	for _, t := range n.order() {
		got.Addresses = append(got.Addresses, describe(t))
		got.From = kernelAddr(t.Addr.Addr())
		if err = n.tryAt(ctx, t, &got); err == nil || ctx.Err() != nil {
			return got, err
		}
		err = fmt.Errorf("%s: %w", describe(t), err)
	}
	return got, err
}

func (n *line) tryAt(ctx context.Context, t locate.Target, got *Trial) error {
	res, err := n.options(ctx, t)
	if err != nil {
		return err
	}
	got.learn(res)
	if !n.Register {
		if res.StatusCode == 503 || res.StatusCode == 403 {
			return refused{res}
		}
		return nil
	}
	f, err := n.server.connect(ctx, t)
	if err != nil {
		return err
	}
	if res, err = n.sendRegister(ctx, f, -1, "", ""); err != nil {
		return err
	}
	if res.StatusCode == 401 || res.StatusCode == 407 {
		give, value := n.answer(res, "REGISTER", n.domainString())
		if value == "" {
			return fmt.Errorf("%w (the realm is not ours)", refused{res})
		}
		if res, err = n.sendRegister(ctx, f, -1, give, value); err != nil {
			return err
		}
	}
	if res.StatusCode >= 300 {
		return refused{res}
	}
	return nil
}

// learn reads what a response tells of us: received (RFC 3261 18.2.1) and Date.
func (g *Trial) learn(res *gosip.Response) {
	if via := res.Via(); via != nil {
		if v, ok := via.Params.Get("received"); ok {
			g.Seen, _ = literal(v)
		} else if a, err := literal(via.Host); err == nil {
			g.Seen = a // it saw what we wrote
		}
	}
	if h := res.GetHeader("Date"); h != nil {
		g.Date, _ = time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", strings.TrimSpace(h.Value()))
	}
}

// expiresOf is the Expires of a REGISTER, in seconds.
func expiresOf(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// nobody is the Store of a server that serves nobody.
type nobody struct{}

func (nobody) UserByLogin(context.Context, string) (account.User, bool, error) {
	return account.User{}, false, nil
}
func (nobody) SaveBinding(context.Context, account.Binding) error  { return nil }
func (nobody) DropBinding(context.Context, string, string) error   { return nil }
func (nobody) Bindings(context.Context) ([]account.Binding, error) { return nil, nil }
func (nobody) Trunks(context.Context) ([]Trunk, error)             { return nil, nil }

type noCalls struct{}

func (noCalls) Routable(string, account.ID) bool          { return false }
func (noCalls) Accept(callflow.Inbound) *callflow.Refusal { return &callflow.Refusal{Status: 503} }
func (noCalls) Presence(account.ID, callflow.Presence)    {}
