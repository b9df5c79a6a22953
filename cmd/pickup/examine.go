package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"pickup/configs"
	"pickup/sip"
	"pickup/sip/locate"
	"pickup/store"
)

// Bounds of the examination.
const (
	trialTime   = 20 * time.Second    // for one trunk
	certSoon    = 14 * 24 * time.Hour // before it expires
	clockMost   = 30 * time.Second    // of difference to a trunk's clock
	rtpSamples  = 64                  // ports that are tried
	filesBeside = 500                 // besides those of calls and connections
)

// verdict takes the results of an examination.
type verdict interface {
	ok(what string)
	warn(what, why string)
	fail(what, why string)
}

// examination looks at the settings with the eyes of the network.
type examination struct {
	cfg    *configs.Config
	host   string // by which we are reached; "": not known
	stun   string // server; "": none
	trunks []store.Trunk
	world  world
	say    verdict

	seen []sighting // by others
}

// sighting is as whom a peer outside of our networks saw us.
type sighting struct {
	by   string
	addr netip.Addr
}

func (x *examination) all(ctx context.Context) {
	x.listeners()
	x.askTrunks(ctx)
	x.askSTUN(ctx)
	x.advertised()
	x.rtp()
	x.files()
	x.certificates()
	x.clock()
	x.browsers()
}

func (x *examination) check(what string, err error) {
	if err != nil {
		x.say.fail(what, err.Error())
		return
	}
	x.say.ok(what)
}

func (x *examination) listeners() {
	c := x.cfg
	x.check("sip.listen "+c.SIP.Listen+" (UDP)", x.world.udp(c.SIP.Listen))
	x.check("sip.listen "+c.SIP.Listen+" (TCP)", x.world.tcp(c.SIP.Listen))
	for _, l := range c.SIP.Listeners {
		if l.Transport == "" || l.Transport == "udp" {
			x.check("sip.listeners "+l.Address.String()+" (UDP)", x.world.udp(l.Address.String()))
		}
		if l.Transport != "udp" {
			x.check("sip.listeners "+l.Address.String()+" (TCP)", x.world.tcp(l.Address.String()))
		}
	}
	if c.SIP.TLS.Set() {
		x.check("sip.tls.listen "+c.SIP.TLS.Listen, x.world.tcp(c.SIP.TLS.Listen))
	}
	x.check("http.listen "+c.HTTP.Listen, x.world.tcp(c.HTTP.Listen))
	if p := c.Media.WebRTCPort; p != 0 {
		x.check(fmt.Sprintf("media.webrtc_port %d", p), x.world.udp(net.JoinHostPort("", strconv.Itoa(p))))
	}
	if loopbackHost(c.SIP.Listen) && !c.Demo.Enabled {
		x.say.warn("sip.listen "+c.SIP.Listen, "only phones on this machine reach it: set sip.listen to 0.0.0.0:5060")
	}
}

// askTrunks tries each trunk that is not disabled, as a call would reach it.
func (x *examination) askTrunks(ctx context.Context) {
	for _, t := range x.trunks {
		if t.Disabled {
			continue
		}
		what := fmt.Sprintf("trunk %s (%s, %s)", t.Name, t.Host, t.Transport)
		wait, cancel := context.WithTimeout(ctx, trialTime)
		got, err := x.world.trunk(wait, t)
		cancel()
		if err != nil {
			x.say.fail(what, trunkAdvice(t, err))
		} else {
			x.say.ok(what)
		}
		if got.Seen.IsValid() && !inNets(got.Seen, x.cfg.SIP.LocalNets) {
			x.seen = append(x.seen, sighting{"trunk " + t.Name, got.Seen})
		}
		if d := got.Date.Sub(x.world.now()); !got.Date.IsZero() && d.Abs() > clockMost {
			x.say.warn("clock", fmt.Sprintf("that of trunk %s is %v away from ours: let systemd-timesyncd or chrony keep it", t.Name, d.Abs().Round(time.Second)))
		}
	}
}

// trunkAdvice says what to do about a trunk that cannot be used.
func trunkAdvice(t store.Trunk, err error) string {
	text := err.Error()
	set := " (pickup trunk set " + t.Name
	switch {
	case errors.Is(err, locate.ErrNotFound):
		return text + ": no name server knows it" + set + " --host)"
	case errors.As(err, new(*x509.HostnameError)) || errors.As(err, new(x509.UnknownAuthorityError)) || errors.As(err, new(x509.CertificateInvalidError)):
		return text + ": its certificate must be good for " + t.Host
	}
	switch sip.StatusOf(err) {
	case 401, 407:
		return text + ": username, password or realm is wrong" + set + " --username --password --realm)"
	case 403:
		return text + ": the trunk does not take our address or account: have the carrier allow it, or see username and password" + set + ")"
	case 404:
		return text + ": the trunk does not know the account" + set + " --username)"
	case 0:
		return text + ": wrong host, port or transport" + set + " --host --transport), or a firewall lets its answers not in"
	}
	return text
}

func (x *examination) askSTUN(ctx context.Context) {
	if x.stun == "" {
		return
	}
	a, err := x.world.stun(ctx, x.stun)
	if err != nil {
		x.say.warn("STUN server "+x.stun, err.Error()+": it or a firewall lets nothing through")
		return
	}
	x.seen = append(x.seen, sighting{"STUN server " + x.stun, a})
}

// outside is an address beyond every local network, for the kernel's choice.
var outside = netip.AddrFrom4([4]byte{192, 0, 2, 1})

// advertised compares the address that we tell the world with what it sees.
func (x *examination) advertised() {
	set := x.cfg.SIP.Advertise
	what, told := "advertised address "+set.String(), set
	if !set.IsValid() {
		told = x.world.toward(outside)
		what = "advertised address " + told.String() + " (sip.advertise is not set)"
	}
	own, err := x.world.addresses()
	if err != nil {
		x.say.warn(what, "our own addresses are not known: "+err.Error())
	}
	private := inNets(told, x.cfg.SIP.LocalNets) || told.IsPrivate()
	for _, s := range x.seen {
		if s.addr != told && s.addr.Is4() == told.Is4() {
			x.say.fail(what, fmt.Sprintf("%s sees us as %s: calls from there would have no audio or no answer; set sip.advertise to %s, and let the "+
				"router forward %s", s.by, s.addr, s.addr, x.forwarded()))
			return
		}
	}
	switch {
	case set.IsValid() && (set.IsUnspecified() || set.IsMulticast() || set.IsLoopback()):
		x.say.fail(what, "nobody else can reach it: set sip.advertise to the public address, or leave it empty")
	case len(x.seen) > 0:
		x.say.ok(what + ", as " + x.seen[0].by + " sees us")
	case set.IsValid() && !slices.Contains(own, set) && err == nil:
		x.say.warn(what, "it is no address of this machine: right behind a router that forwards "+x.forwarded()+" only; pickup doctor --stun SERVER tells")
	case private && !set.IsValid() && !x.cfg.Demo.Enabled:
		x.say.warn(what, "it is private: phones and trunks on the internet cannot reach it; behind a router set sip.advertise to the public address "+
			"(pickup doctor --stun SERVER tells it)")
	case private && set.IsValid():
		x.say.warn(what, "it is private: right only where everybody is in that network")
	default:
		x.say.ok(what)
	}
	x.localNets(own)
}

// localNets looks for a network of ours whose phones would be told the address
// of the outside.
func (x *examination) localNets(own []netip.Addr) {
	if !x.cfg.SIP.Advertise.IsValid() {
		return
	}
	for _, a := range own {
		if a != x.cfg.SIP.Advertise && a.IsPrivate() && !inNets(a, x.cfg.SIP.LocalNets) {
			x.say.warn("sip.local_nets", fmt.Sprintf("our address %s is in none of them: phones beside it are told %s; add its network", a, x.cfg.SIP.Advertise))
		}
	}
}

// forwarded names the ports that a router has to let through.
func (x *examination) forwarded() string {
	_, port := splitPort(x.cfg.SIP.Listen)
	s := fmt.Sprintf("UDP and TCP %s, UDP %d-%d", port, x.cfg.Media.RTPPorts.First, x.cfg.Media.RTPPorts.Last)
	if x.cfg.Media.WebRTCPort != 0 {
		s += fmt.Sprintf(" and %d", x.cfg.Media.WebRTCPort)
	}
	return s
}

// rtp compares the ports for audio with the calls that are let in.
func (x *examination) rtp() {
	p := x.cfg.Media.RTPPorts
	what := fmt.Sprintf("media.rtp_ports %d-%d", p.First, p.Last)
	first := (p.First + 1) / 2 * 2
	calls := (p.Last - first + 1) / 4 // two legs of two ports
	fine := true
	if calls < x.cfg.Serve.MaxCalls && calls < 1000 {
		fine = false
		x.say.warn(what, fmt.Sprintf("enough for %d calls of two phones, serve.max_calls is %d: the rest get 503; make it larger", calls, x.cfg.Serve.MaxCalls))
	}
	var taken []string
	step := max(2, (p.Last-first)/rtpSamples/2*2)
	for port := first; port < p.Last; port += step {
		if x.world.udp(net.JoinHostPort("", strconv.Itoa(port))) != nil {
			taken = append(taken, strconv.Itoa(port))
		}
	}
	if len(taken) > 0 {
		fine = false
		x.say.warn(what, "in use by others: "+strings.Join(taken, ", "))
	}
	for _, other := range []struct {
		setting string
		port    int
	}{{"sip.listen", portOf(x.cfg.SIP.Listen)}, {"media.webrtc_port", x.cfg.Media.WebRTCPort}} {
		if other.port >= p.First && other.port <= p.Last {
			fine = false
			x.say.fail(what, fmt.Sprintf("%s %d lies in it: move one of them", other.setting, other.port))
		}
	}
	if low, high, err := x.world.ephemeral(); err == nil && low <= p.Last && high >= p.First {
		fine = false
		x.say.warn(what, fmt.Sprintf("the kernel gives ports %d-%d to others: set net.ipv4.ip_local_reserved_ports=%d-%d", low, high, p.First, p.Last))
	}
	if fine {
		x.say.ok(what)
	}
}

func portOf(address string) int {
	_, p := splitPort(address)
	n, _ := strconv.Atoi(p)
	return n
}

// files compares the limit of descriptors with what is let in: two legs of two
// sockets a call.
func (x *examination) files() {
	have, err := x.world.descriptors()
	if err != nil {
		x.say.warn("descriptors", err.Error())
		return
	}
	need := uint64(4*x.cfg.Serve.MaxCalls + x.cfg.SIP.Limits.Connections + filesBeside) //nolint:gosec // both are limited
	what := fmt.Sprintf("descriptors %d", have)
	if have < need {
		x.say.warn(what, fmt.Sprintf("serve.max_calls and sip.limits.connections may need %d: LimitNOFILE=%d in the unit, or ulimit -n", need, need))
		return
	}
	x.say.ok(what)
}

func (x *examination) certificates() {
	for _, s := range []struct {
		setting string
		pair    configs.KeyPair
	}{{"sip.tls.cert", configs.KeyPair{Cert: x.cfg.SIP.TLS.Cert, Key: x.cfg.SIP.TLS.Key}}, {"http.tls.cert", x.cfg.HTTP.TLS}} {
		if s.pair.Set() {
			x.certificate(s.setting+" "+s.pair.Cert, s.pair)
		}
	}
}

func (x *examination) certificate(what string, pair configs.KeyPair) {
	leaf, err := x.world.certificate(pair.Cert, pair.Key)
	if err != nil {
		x.say.fail(what, err.Error())
		return
	}
	now := x.world.now()
	left := leaf.NotAfter.Sub(now)
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case now.Before(leaf.NotBefore):
		x.say.fail(what, "is good only from "+leaf.NotBefore.UTC().Format(time.RFC3339)+" on: is our clock right?")
	case left <= 0:
		x.say.fail(what, "expired on "+leaf.NotAfter.UTC().Format(time.RFC3339)+": renew it")
	case x.host != "" && leaf.VerifyHostname(x.host) != nil:
		x.say.fail(what, fmt.Sprintf("is not good for %s, only for %s", x.host, strings.Join(names, ", ")))
	case len(names) == 0:
		x.say.fail(what, "names no host (subjectAltName): phones and browsers refuse it")
	case left < certSoon:
		x.say.warn(what, fmt.Sprintf("expires in %d days: does its renewal work?", int(left.Hours()/24)))
	default:
		x.say.ok(fmt.Sprintf("%s for %s, %d days", what, strings.Join(names, ", "), int(left.Hours()/24)))
	}
}

func (x *examination) clock() {
	switch good, err := x.world.clock(); {
	case err != nil:
		x.say.warn("clock", "its state is not known: "+err.Error())
	case !good:
		x.say.warn("clock", "nothing keeps it right: let systemd-timesyncd or chrony do so, or times in reports and certificates are wrong")
	default:
		x.say.ok("clock")
	}
}

// browsers looks at what a browser needs: HTTPS for the microphone, and an origin
// that SIP over WebSocket takes.
func (x *examination) browsers() {
	c := x.cfg
	fine := true
	for _, o := range c.HTTP.AllowedOrigins {
		u, err := url.Parse(o)
		switch {
		case err != nil || u.Host == "":
			fine = false
			x.say.fail("http.allowed_origins", fmt.Sprintf("%q is no origin, as https://shop.example.org", o))
		case u.Scheme == "http" && u.Hostname() != "localhost" && !loopbackHost(u.Host):
			fine = false
			x.say.warn("http.allowed_origins", o+" is not HTTPS: browsers give its pages no microphone")
		}
	}
	switch {
	case c.HTTP.TLS.Set() || c.Demo.Enabled:
	case len(c.HTTP.TrustedProxies) == 0:
		fine = false
		x.say.warn("http.listen "+c.HTTP.Listen, "neither http.tls nor http.trusted_proxies is set: browsers need HTTPS for microphone and WSS; behind a proxy "+
			"name its network, or every player has the proxy's address and the origin of wss://"+hostOr(x.host)+"/sip may not be ours")
	}
	if fine {
		x.say.ok("browsers")
	}
}

func hostOr(host string) string {
	if host == "" {
		return "HOST"
	}
	return host
}
