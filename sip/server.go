package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/account"
	"pickup/callflow"
	"pickup/media"
	"pickup/sip/locate"
)

// Config of a Server. The zero value of a field has the default named there.
type Config struct {
	Listen     string      // "host:port" of UDP and TCP; "" is "0.0.0.0:5060"; port 0 is any port free for both
	TLSListen  string      // "host:port" of SIP over TLS; needs TLS
	TLS        *tls.Config // nil: no TLS
	Realm      string      // "" is "pickup"; fixed for the life of the data
	Digest     string      // "md5" (also ""), "both" or "sha256"
	GuardRate  int         // new requests a second per source; 0 is 50, below 0 is no guard
	GuardBurst int         // 0 is 200
	// Listeners are further addresses.
	Listeners []Listener
	// GuardTrusted are networks that the flood guard does not judge.
	GuardTrusted []netip.Prefix
	// DemoOpen lets accounts of the demonstration register from anywhere; else
	// from loopback and private addresses only.
	DemoOpen bool
	// TraceDir receives one file for each Call-ID, secrets masked; "": no trace.
	TraceDir string
	// LocalAddr returns the address to advertise to a peer; nil: the one the
	// kernel would use.
	LocalAddr func(peer netip.Addr) netip.Addr
	// AllowedOrigins of WebSocket handshakes, beside none and the host itself.
	AllowedOrigins []string
	Limits         Limits // of messages and connections
	// SessionExpires is the interval of the session timer that we ask for
	// (RFC 4028), and the longest that we grant; 0 is 30 min, 90 s or more.
	SessionExpires time.Duration
	// ProbeEvery is how often a peer in a call is asked by OPTIONS whether it is
	// still there, when its RTP cannot tell: it never sent any, or has us on
	// hold; 0 is 2 min. Without an answer in 32 s the call ends.
	ProbeEvery time.Duration
	AutoAnswer bool   // devices of agents are asked to answer each call by themselves; else only where the invitation says so
	MaxCalls   int    // dialogs at once; 0 is 4000. Beyond: 503 + Retry-After
	UserAgent  string // "" is "Pickup"
	// Locate finds where the requests to the domain of a trunk go (RFC 3263); nil:
	// by the name servers of the system.
	Locate func(ctx context.Context, host string, port int, transport string) (locate.Set, error)
	// TrunkTLS is how trunks over TLS are trusted; nil: by the roots of the system.
	TrunkTLS *tls.Config
}

// Check fills in defaults and reports the first setting that cannot work.
func (c *Config) Check() error {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&c.Listen, "0.0.0.0:5060")
	def(&c.Realm, "pickup")
	def(&c.Digest, "md5")
	def(&c.UserAgent, "Pickup")
	if c.GuardRate == 0 {
		c.GuardRate = 50
	}
	if c.GuardBurst == 0 {
		c.GuardBurst = 200
	}
	if c.MaxCalls == 0 {
		c.MaxCalls = 4000
	}
	if c.Locate == nil {
		c.Locate = locate.System().Locate
	}
	if c.LocalAddr == nil {
		c.LocalAddr = kernelAddr
	}
	if c.SessionExpires == 0 {
		c.SessionExpires = 30 * time.Minute
	}
	if c.ProbeEvery == 0 {
		c.ProbeEvery = 2 * time.Minute
	}
	if err := c.Limits.check(); err != nil {
		return err
	}
	if err := c.checkListeners(); err != nil {
		return err
	}
	switch {
	case c.Digest != "md5" && c.Digest != "both" && c.Digest != "sha256":
		return fmt.Errorf("sip.digest is %q: it must be md5, both or sha256", c.Digest)
	case c.GuardBurst < 1:
		return fmt.Errorf("sip.guard.burst is %d: it must be 1 or more", c.GuardBurst)
	case c.SessionExpires < minSE*time.Second || c.SessionExpires > maxSE*time.Second:
		return fmt.Errorf("sip.session.expires is %v: it must be from 90s to 24h", c.SessionExpires)
	case c.ProbeEvery < time.Second:
		return fmt.Errorf("sip.session.probe is %v: it must be 1s or more", c.ProbeEvery)
	case c.TLSListen != "" && c.TLS == nil:
		return errors.New("sip.tls.listen needs sip.tls.cert and sip.tls.key")
	case quoteDisplay(c.Realm) != c.Realm:
		return fmt.Errorf("sip.realm is %q: it must have no quotes", c.Realm)
	}
	return nil
}

// Store is what the edge keeps. Its methods may be called from any goroutine.
type Store interface {
	// UserByLogin reports false where there is no such user.
	UserByLogin(ctx context.Context, login string) (account.User, bool, error)
	// SaveBinding is durable when it returns: the phone is told after it.
	SaveBinding(ctx context.Context, b account.Binding) error
	DropBinding(ctx context.Context, aor, key string) error
	// Bindings returns all of them, once, at the start.
	Bindings(ctx context.Context) ([]account.Binding, error)
	Trunks(ctx context.Context) ([]Trunk, error)
}

// Server is the SIP edge of one process. Make it with NewServer, run it once
// with Serve. Its other methods may be called from any goroutine.
type Server struct {
	cfg   Config
	log   *slog.Logger
	media *media.Engine
	store Store

	udp    *packetConn
	tcp    *listener
	tlsLn  *listener
	wsLn   *wsListener
	more   []*endpoint
	heard  heardBy
	port   int
	parser *gosip.Parser
	tp     *gosip.TransportLayer
	tx     *gosip.TransactionLayer

	counters counters
	guard    *guard
	order    *order
	flows    *flows
	digest   *authority
	reg      *registrar
	legs     *legTable
	hosts    hosts
	trace    *tracer
	trunks   trunks
	disowned sync.Map // *gosip.ClientTx to *disowned

	dialledTCP, dialledTLS *dialled
	dialing                sync.Mutex // a connection that was opened is entered

	handler  callflow.Handler
	serving  atomic.Bool // handler and trunks are set
	draining atomic.Bool
	life     context.Context // ends with Serve; ended: no new goroutine
	stop     context.CancelFunc
	wg       sync.WaitGroup
	calls    sync.WaitGroup // goroutines of legs
}

// prepareSipgo sets the package variables of sipgo once a process. UDP beyond
// one MTU is sent in fragments (RFC 3261 18.1.1 asks for TCP, which phones
// behind NAT do not offer); the read buffer is one for each connection.
var prepareSipgo = sync.OnceFunc(func() {
	gosip.UDPMTUSize = 1 << 16
	gosip.TransportBufferReadSize = 16384
	gosip.SetDefaultLogger(slog.New(slog.DiscardHandler)) // its warnings about references are harmless
})

// NewServer binds the sockets. An error names the setting at fault; requests
// are answered from Serve on.
func NewServer(cfg Config, m *media.Engine, store Store, log *slog.Logger) (*Server, error) {
	s, err := newServer(cfg, m, store, log)
	if err != nil {
		return nil, err
	}
	if err := s.bind(); err != nil {
		return nil, err
	}
	return s, nil
}

// newServer makes a Server without sockets.
func newServer(cfg Config, m *media.Engine, store Store, log *slog.Logger) (*Server, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	prepareSipgo()
	s := &Server{
		cfg: cfg, log: log, media: m, store: store,
		guard: newGuard(cfg.GuardRate, cfg.GuardBurst, cfg.GuardTrusted),
		order: newOrder(), flows: newFlows(cfg.Limits.Connections, cfg.Limits.SourceConnections), legs: newLegTable(),
	}
	s.life, s.stop = context.WithCancel(context.Background()) // ended by Serve, whose ctx comes later
	s.digest = newAuthority(cfg.Realm, cfg.Digest)
	s.reg = newRegistrar(s)
	s.trace = newTracer(cfg.TraceDir, log)
	s.parser = gosip.NewParser()
	quiet := slog.New(slog.DiscardHandler) // sipgo logs whole messages, secrets too
	noDial := func(string) string { return "" }
	s.tp = gosip.NewTransportLayer(net.DefaultResolver, s.parser, nil,
		gosip.WithTransportLayerLogger(quiet),
		gosip.WithTransportLayerTransports(gosip.TransportsConfig{
			TCP: &gosip.TransportTCP{WriteTimeout: writeTimeout},
			TLS: &gosip.TransportTLS{TransportTCP: &gosip.TransportTCP{WriteTimeout: writeTimeout}},
			WS:  &gosip.TransportWS{WriteTimeout: writeTimeout, DialURI: noDial}, // a browser is never dialled
		}))
	s.tp.OnMessage(s.arrived) // first: it must see a message before its goroutine starts
	s.tx = gosip.NewTransactionLayer(s.tp, gosip.WithTransactionLayerLogger(quiet),
		gosip.WithTransactionLayerUnhandledResponseHandler(func(*gosip.Response) {}),
		gosip.WithTransactionLayerTerminateOnConnClose())
	s.tx.OnRequest(s.onRequest)
	return s, nil
}

// bind opens UDP and TCP on the same port.
func (s *Server) bind() error {
	host, port, err := net.SplitHostPort(s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("sip.listen is %q: it must be host:port", s.cfg.Listen)
	}
	var pc *net.UDPConn
	var ln net.Listener
	udp, tcp := "udp", "tcp"
	if a, err := netip.ParseAddr(host); err == nil && a.Is4() { // else 0.0.0.0 becomes [::]
		udp, tcp = "udp4", "tcp4"
	}
	for range 20 { // port 0: the free UDP port may be taken for TCP
		if pc, err = listenUDP(udp, net.JoinHostPort(host, port)); err != nil {
			return fmt.Errorf("sip.listen %s (UDP): %w", s.cfg.Listen, err)
		}
		s.port = pc.LocalAddr().(*net.UDPAddr).Port
		if ln, err = net.Listen(tcp, net.JoinHostPort(host, strconv.Itoa(s.port))); err == nil {
			break
		}
		_ = pc.Close()
		if port != "0" {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("sip.listen %s (TCP): %w", s.cfg.Listen, err)
	}
	_ = pc.SetReadBuffer(1 << 20) // the kernel may give less
	s.udp = newPacketConn(pc, s)
	s.tcp = newListener(s, ln, "TCP")
	s.wsLn = newWSListener(ln.Addr())
	s.dialledTCP, s.dialledTLS = newDialled(ln.Addr()), newDialled(ln.Addr())
	if s.cfg.TLSListen != "" {
		t, err := tls.Listen("tcp", s.cfg.TLSListen, s.cfg.TLS)
		if err != nil {
			s.closeSockets()
			return fmt.Errorf("sip.tls.listen %s: %w", s.cfg.TLSListen, err)
		}
		s.tlsLn = newListener(s, t, "TLS")
	}
	if err := s.openMore(); err != nil {
		s.closeSockets()
		return err
	}
	return nil
}

func listenUDP(network, address string) (*net.UDPConn, error) {
	a, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		return nil, err
	}
	return net.ListenUDP(network, a)
}

// Addr returns the host:port that UDP and TCP are bound to.
func (s *Server) Addr() string { return s.udp.LocalAddr().String() }

// Serve answers requests and hands calls to h until ctx ends; then it closes
// the sockets and waits for its goroutines. It is called once.
func (s *Server) Serve(ctx context.Context, h callflow.Handler) error {
	defer context.AfterFunc(ctx, s.stop)()
	defer s.stop()
	life := s.life
	s.handler = h
	if err := s.reg.load(life); err != nil {
		s.closeSockets()
		return fmt.Errorf("load SIP bindings: %w", err)
	}
	if err := s.ReloadTrunks(life); err != nil {
		s.closeSockets()
		return err
	}
	s.serving.Store(true)
	s.wg.Go(func() { s.reg.run(life) })
	s.wg.Go(func() { s.serveUDP(s.udp) })
	for _, e := range s.more {
		s.serve(e)
	}
	s.wg.Go(func() { _ = s.tp.ServeTCP(s.tcp) })
	s.wg.Go(func() { _ = s.tp.ServeWS(s.wsLn) })
	s.wg.Go(func() { _ = s.tp.ServeTCP(s.dialledTCP) })
	s.wg.Go(func() { _ = s.tp.ServeTLS(s.dialledTLS) })
	if s.tlsLn != nil {
		s.wg.Go(func() { _ = s.tp.ServeTLS(s.tlsLn) })
	}
	s.wg.Go(s.startTrunks)
	<-life.Done()
	s.legs.stop()
	s.calls.Wait() // each has sent its BYE
	s.trunks.end()
	s.closeSockets()
	s.tx.Close()
	_ = s.tp.Close()
	s.wg.Wait()
	return nil
}

func (s *Server) closeSockets() {
	_ = s.udp.Close()
	_ = s.tcp.Close()
	_ = s.wsLn.Close()
	_ = s.dialledTCP.Close()
	_ = s.dialledTLS.Close()
	if s.tlsLn != nil {
		_ = s.tlsLn.Close()
	}
	for _, e := range s.more {
		e.close()
	}
	s.flows.closeAll()
}

// Drain refuses new calls from now on: INVITE and OPTIONS outside a dialog get
// 503 with Retry-After. Calls that are up go on. It does not wait.
func (s *Server) Drain(context.Context) { s.draining.Store(true) }

// kernelAddr asks the kernel which address it would use towards peer.
func kernelAddr(peer netip.Addr) netip.Addr {
	if !peer.IsValid() {
		peer = netip.AddrFrom4([4]byte{192, 0, 2, 1})
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9))) // sends nothing
	if err != nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

// writeTimeout bounds a write to a peer that does not read.
const writeTimeout = 5 * time.Second
