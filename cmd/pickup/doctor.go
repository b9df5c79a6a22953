package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"pickup/configs"
	"pickup/sip"
	"pickup/store"
)

type doctorCmd struct {
	STUN string `help:"STUN server, host:port, that tells as whom the internet sees us."`
	Host string `help:"Name by which phones and browsers reach this server: the certificates must be good for it."`
}

// Run checks what a start needs, and what the world sees of it, and says each
// result with what to set; the error is that of the checks that failed.
func (d doctorCmd) Run(e *env) error {
	c, err := e.settings()
	if err != nil {
		return err
	}
	r := &report{e: e}
	r.check("data.dir "+c.Data.Dir, writable(c.Data.Dir))
	st, err := openStore(e.ctx, c, e.logger(c))
	r.check("database", err)
	var trunks []store.Trunk
	if err == nil {
		r.check("access log", st.VerifyAccessLog(e.ctx))
		checkMailboxes(e.ctx, c, st, r.check)
		trunks, err = st.Trunks(e.ctx)
		r.check("trunks are readable", err)
		r.check("database closes", st.Close())
	}
	x := examination{cfg: c, host: d.Host, stun: d.STUN, trunks: trunks, world: machine(c), say: r}
	x.all(e.ctx)
	return errors.Join(r.failed...)
}

// report prints results and keeps those that failed.
type report struct {
	e      *env
	failed []error
}

func (r *report) check(what string, err error) {
	if err != nil {
		r.fail(what, err.Error())
		return
	}
	r.ok(what)
}

func (r *report) ok(what string) { fmt.Fprintf(r.e.stdout, "ok    %s\n", what) }

// warn says what may be meant so; it fails nothing.
func (r *report) warn(what, why string) { fmt.Fprintf(r.e.stdout, "warn  %s: %s\n", what, why) }

func (r *report) fail(what, why string) {
	r.failed = append(r.failed, fmt.Errorf("%s: %s", what, why))
	fmt.Fprintf(r.e.stdout, "FAIL  %s: %s\n", what, why)
}

// world is what the examination asks of the machine and the network; tests have
// one of their own.
type world struct {
	now         func() time.Time
	addresses   func() ([]netip.Addr, error)     // of our interfaces
	toward      func(peer netip.Addr) netip.Addr // which of them the kernel uses
	udp, tcp    func(address string) error       // whether it can be listened at
	stun        func(ctx context.Context, server string) (netip.Addr, error)
	trunk       func(ctx context.Context, t store.Trunk) (sip.Trial, error)
	descriptors func() (uint64, error)              // limit of open files
	ephemeral   func() (first, last int, err error) // ports that the kernel gives away
	clock       func() (synchronised bool, err error)
	certificate func(cert, key string) (*x509.Certificate, error)
}

// machine is the true world.
func machine(c *configs.Config) world {
	return world{
		now: time.Now, addresses: ownAddresses, toward: kernelAddr, udp: freeUDP, tcp: freeTCP, stun: askSTUN,
		trunk: func(ctx context.Context, t store.Trunk) (sip.Trial, error) {
			return sip.TryTrunk(ctx, sipTrunk(t), sip.Config{LocalAddr: localAddr(c.SIP.Advertise, c.SIP.LocalNets)})
		},
		descriptors: openFiles, ephemeral: ephemeralPorts, clock: clockState, certificate: leafOf,
	}
}

func ownAddresses() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	var out []netip.Addr
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out, err
}

func freeUDP(addr string) error {
	p, err := net.ListenPacket("udp", addr)
	if err != nil {
		return err
	}
	return p.Close()
}

func freeTCP(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}

func openFiles() (uint64, error) {
	var l syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	return l.Cur, err
}

// clockState asks the kernel whether something keeps its clock right.
func clockState() (bool, error) {
	const unsynchronised = 5 // TIME_ERROR of adjtimex(2)
	state, err := syscall.Adjtimex(&syscall.Timex{})
	return state != unsynchronised, err
}

func leafOf(cert, key string) (*x509.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	return pair.Leaf, nil
}
