package sip_test

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pickup/account"
	"pickup/callflow"
	"pickup/media"
	"pickup/sip"
)

// ether is a UDP network of channels, for servers under virtual time: a read of
// a real socket would stop the clock.
type ether struct {
	mu    sync.Mutex
	ports map[netip.AddrPort]*etherPort
}

type etherPacket struct {
	data []byte
	from netip.AddrPort
}

// etherPort is a socket of an ether. It is the server's, and a net.Conn to the
// server for a phone.
type etherPort struct {
	net      *ether
	addr     netip.AddrPort
	peer     netip.AddrPort
	in       chan etherPacket
	once     sync.Once
	done     chan struct{}
	deadline time.Time // of the phone's goroutine
}

func (e *ether) open(addr, peer string) *etherPort {
	p := &etherPort{net: e, addr: netip.MustParseAddrPort(addr), peer: netip.MustParseAddrPort(peer), in: make(chan etherPacket, 256), done: make(chan struct{})}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ports[p.addr] = p
	return p
}

func (p *etherPort) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	var late <-chan time.Time
	if !p.deadline.IsZero() {
		t := time.NewTimer(time.Until(p.deadline))
		defer t.Stop()
		late = t.C
	}
	select {
	case m := <-p.in:
		return copy(b, m.data), m.from, nil
	case <-p.done:
		return 0, netip.AddrPort{}, net.ErrClosed
	case <-late:
		return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
	}
}

func (p *etherPort) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	p.net.mu.Lock()
	other := p.net.ports[netip.AddrPortFrom(to.Addr().Unmap(), to.Port())]
	p.net.mu.Unlock()
	if other != nil {
		select {
		case other.in <- etherPacket{append([]byte(nil), b...), p.addr}:
		default: // lost
		}
	}
	return len(b), nil
}

func (p *etherPort) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := p.ReadFromUDPAddrPort(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

func (p *etherPort) WriteTo(b []byte, to net.Addr) (int, error) {
	return p.WriteToUDPAddrPort(b, to.(*net.UDPAddr).AddrPort())
}

func (p *etherPort) Read(b []byte) (int, error) {
	n, _, err := p.ReadFromUDPAddrPort(b)
	return n, err
}
func (p *etherPort) Write(b []byte) (int, error)       { return p.WriteToUDPAddrPort(b, p.peer) }
func (p *etherPort) Close() error                      { p.once.Do(func() { close(p.done) }); return nil }
func (p *etherPort) LocalAddr() net.Addr               { return net.UDPAddrFromAddrPort(p.addr) }
func (p *etherPort) RemoteAddr() net.Addr              { return net.UDPAddrFromAddrPort(p.peer) }
func (p *etherPort) SetDeadline(time.Time) error       { return nil }
func (p *etherPort) SetWriteDeadline(time.Time) error  { return nil }
func (p *etherPort) SetReadDeadline(t time.Time) error { p.deadline = t; return nil }

// virtualEdge is an edge whose hours pass at once.
type virtualEdge struct {
	*edge
	net *ether
	rtp *media.MemoryNet
}

const virtualAddr = "127.0.0.1:5060"

// inVirtualTime runs f with an edge on a network of channels.
func inVirtualTime(t *testing.T, change func(*sip.Config), f func(t *testing.T, e *virtualEdge)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
		loop := func(netip.Addr) netip.Addr { return netip.MustParseAddr("127.0.0.1") }
		v := &virtualEdge{net: &ether{ports: map[netip.AddrPort]*etherPort{}}, rtp: media.NewMemoryNet()}
		m, err := media.New(media.Config{FirstPort: 41000, LastPort: 41099, LocalAddr: loop, Shards: 1, Listen: v.rtp.Listen}, log)
		if err != nil {
			t.Fatal(err)
		}
		store := &memory{users: map[string]account.User{}, bindings: map[string]account.Binding{}}
		u := account.User{ID: "u1001", Login: "1001", Active: true, Role: account.RoleAgent}
		u.HA1MD5, u.HA1SHA256 = account.HA1("1001", "pickup", "demo-1001")
		store.users["1001"] = u
		cfg := sip.Config{LocalAddr: loop, GuardRate: -1, Locate: noNames}
		if change != nil {
			change(&cfg)
		}
		s, serve, err := sip.NewOnSocket(cfg, m, store, log, v.net.open(virtualAddr, virtualAddr))
		if err != nil {
			t.Fatal(err)
		}
		v.edge = &edge{Server: s, t: t, h: &flowOfCalls{calls: make(chan callflow.Inbound, 100), presence: make(chan int, 100)}, store: store}
		ctx, stop := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { serve(ctx, v.h) })
		defer func() {
			synctest.Wait() // sipgo would open a real socket for a message that it serves after the end of ours
			stop()
			wg.Wait()
		}()
		synctest.Wait()
		f(t, v)
	})
}

// plug adds a phone at an address.
func (e *virtualEdge) plug(addr string) *phone {
	return &phone{t: e.t, conn: e.net.open(addr, virtualAddr), user: "alice"}
}

// packet sends one RTP packet from the port of offer to where a 200 says.
func (e *virtualEdge) packet(ok string) {
	e.t.Helper()
	_, line, _ := strings.Cut(ok, "m=audio ")
	port, err := strconv.ParseUint(strings.Fields(line)[0], 10, 16)
	if err != nil {
		e.t.Fatal(err)
	}
	from, err := e.rtp.Listen(netip.MustParseAddrPort("127.0.0.1:40000"))
	if err != nil {
		e.t.Fatal(err)
	}
	p := append([]byte{0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4}, make([]byte, 160)...)
	if err := from.Write(p, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))); err != nil {
		e.t.Fatal(err)
	}
	synctest.Wait()
	_ = from.Close()
}
