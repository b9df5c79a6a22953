package sip

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/account"
	"pickup/callflow"
	"pickup/media"
)

// Inspect, Credentials, BindingKey and Frames show the parsers to the fuzz
// targets.

// Inspect runs the read filter and says whether the message was kept.
func (s *Server) Inspect(data []byte, source netip.AddrPort, reply func([]byte)) bool {
	return s.inspect(data, "UDP", source, reply) != nil
}

// Credentials parses an Authorization value and computes a response with it.
func Credentials(value string) bool {
	c := parseCredentials(value)
	return c != nil && c.expected("x", "REGISTER", true) != ""
}

// BindingKey parses a Contact and returns its key.
func BindingKey(contact string) string {
	m, err := gosip.ParseMessage([]byte("REGISTER sip:a SIP/2.0\r\nContact: " + contact + "\r\n\r\n"))
	if err != nil {
		return ""
	}
	r, ok := m.(*gosip.Request)
	if !ok || r.Contact() == nil {
		return ""
	}
	return bindingKey(r.Contact())
}

// Frames cuts a stream that comes in parts of that size into messages. held is
// how many bytes wait for more; a stream that is broken ends.
func (s *Server) Frames(stream []byte, size int) (messages []string, pings, held int) {
	f := framer{server: s}
	for part := range slices.Chunk(stream, size) {
		f.add(part)
		for {
			m, n, err := f.cut()
			pings += n
			if err != nil {
				return messages, pings, 0
			}
			if m == nil {
				break
			}
			messages = append(messages, string(m))
		}
	}
	return messages, pings, len(f.buf)
}

// Judge takes a message through the filter and the gate, and says with which
// status it is refused; 0: not at all, -1: by the filter.
func (s *Server) Judge(data []byte, transport string) int {
	kept := s.inspect(data, transport, netip.MustParseAddrPort("192.0.2.7:5060"), func([]byte) {})
	if kept == nil {
		return -1
	}
	m, err := s.parse(kept, transport == "TCP")
	if err != nil {
		panic(err)
	}
	r, ok := m.(*gosip.Request)
	if !ok {
		return 0
	}
	r.SetTransport(transport)
	r.SetSource("192.0.2.7:5060")
	s.arrived(r)
	t := s.order.claim(r)
	defer s.order.leave(t)
	if f := gate(r, t.inDialog, t.merged, s.cfg.Limits.Vias); f != nil {
		return f.status
	}
	return 0
}

// Keeper drives the keep-alive of one binding through time.
type Keeper struct {
	r    *registrar
	name bindingName
	now  time.Time
	sent account.Binding // of the OPTIONS that is out
	at   time.Time
}

// NewKeeper makes a registrar without a network.
func NewKeeper(aor, key string) *Keeper {
	return &Keeper{r: newRegistrar(&Server{}), name: bindingName{aor, key}, now: time.Now()}
}

// Register is a REGISTER.
func (k *Keeper) Register(b account.Binding) {
	b.ExpiresAt = k.now.Add(24 * time.Hour)
	k.r.put(b, k.now)
}

// Wait lets time pass.
func (k *Keeper) Wait(d time.Duration) { k.now = k.now.Add(d) }

// Enter and Leave are a dialog.
func (k *Keeper) Enter() { k.r.enter(k.name) }

// Leave ends it; silent: the device did not say so.
func (k *Keeper) Leave(silent bool) { k.r.leave(k.name, silent, k.now) }

// Fail is a call that failed.
func (k *Keeper) Fail() { k.r.failedAt(k.name.aor, k.name.key, k.now) }

// Begin sends the OPTIONS that is due, Judge takes its outcome.
func (k *Keeper) Begin() {
	_, due := k.r.due(k.now)
	k.sent, k.at = due[0], k.now
}

// Judge ends what Begin began.
func (k *Keeper) Judge(answered bool) {
	seen := lifeNone
	if answered {
		seen = lifeWell
	}
	k.r.judge(k.sent, seen, k.at, k.now)
}

// Deaf is an OPTIONS that is due, and an answer that says that the microphone
// does not work.
func (k *Keeper) Deaf() {
	k.Begin()
	k.r.judge(k.sent, lifeDeaf, k.at, k.now)
}

// Presence is what the handler would be told.
func (k *Keeper) Presence(a account.ID) callflow.Presence { return k.r.presence(a) }

// Ask is Begin and Judge.
func (k *Keeper) Ask(answered bool) { k.Begin(); k.Judge(answered) }

// Due reports whether an OPTIONS would go out within d.
func (k *Keeper) Due(d time.Duration) bool { return k.r.wouldAsk(k.name.aor, k.now.Add(d)) }

// Devices counts what can be rung.
func (k *Keeper) Devices(a account.ID) int { return len(k.r.devices(a)) }

// Presence is what the handler would be told of an agent.
func (s *Server) Presence(a account.ID) callflow.Presence { return s.reg.presence(a) }

// AskedWithin reports whether an OPTIONS would go to a device of aor within d.
func (s *Server) AskedWithin(aor string, d time.Duration) bool {
	return s.reg.wouldAsk(aor, time.Now().Add(d))
}

func (r *registrar) wouldAsk(aor string, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.byAOR[aor] {
		if r.isDue(d, at) {
			return true
		}
	}
	return false
}

// AskNow sends one OPTIONS to each binding of aor, now.
func (s *Server) AskNow(aor string) bool {
	for _, b := range s.reg.snapshot(aor) {
		if s.ask(context.Background(), b) == lifeNone {
			return false
		}
	}
	return true
}

// ReadDatagram returns the next SIP message of the UDP socket.
func (s *Server) ReadDatagram(b []byte) { _, _, _ = s.udp.ReadFrom(b) }

// NewStream reads c as an accepted TCP connection is read.
func (s *Server) NewStream(c net.Conn) net.Conn {
	return &streamConn{Conn: c, server: s, flow: &flow{transport: "tcp", addr: sourceOf(c.RemoteAddr())}, framer: framer{server: s}}
}

// Nearby shows who may register a demonstration account.
func Nearby(a netip.Addr, local func(netip.Addr) netip.Addr) bool { return nearby(a, local) }

// Listens decides for a REGISTER from source with that sent-by and Contact.
func Listens(source netip.AddrPort, sentBy string, rport bool, contact string, path bool, ownPort int) netip.AddrPort {
	via := &gosip.ViaHeader{Params: gosip.NewParams()}
	host, port, ok := strings.Cut(sentBy, ":")
	if via.Host = host; ok {
		via.Port, _ = strconv.Atoi(port)
	}
	var u gosip.Uri
	if err := gosip.ParseUri(contact, &u); err != nil {
		return netip.AddrPort{}
	}
	q := &request{Request: gosip.NewRequest(gosip.REGISTER, u), ticket: &ticket{rport: rport}}
	q.AppendHeader(via)
	record := ""
	if path {
		record = "<sip:edge;lr>"
	}
	r := newRegistrar(&Server{port: ownPort})
	return r.reachedBy(q, &flow{transport: "udp", addr: source}, &u, record).addr
}

// Arrive takes a request in as the reader does. The function it returns serves
// it, in a goroutine as the transaction layer does, and gives the final status.
func (s *Server) Arrive(text, source string) func() chan int {
	m, err := s.parser.ParseSIP([]byte(text))
	if err != nil {
		panic(err)
	}
	r := m.(*gosip.Request)
	r.SetTransport("UDP")
	r.SetSource(source)
	s.arrived(r)
	key, _ := gosip.ServerTxKeyMake(r)
	answers := make(finals, 1)
	return func() chan int {
		tx := gosip.NewServerTx(key, r, answers, slog.New(slog.DiscardHandler))
		if err := tx.Init(); err != nil {
			panic(err)
		}
		go s.onRequest(r, tx)
		return answers
	}
}

// finals is a connection that tells the first final status written to it.
type finals chan int

func (f finals) WriteMsg(m gosip.Message) error {
	if res, ok := m.(*gosip.Response); ok && res.StatusCode >= 200 {
		select {
		case f <- res.StatusCode:
		default: // sent again
		}
	}
	return nil
}

func (finals) LocalAddr() net.Addr    { return &net.UDPAddr{} }
func (finals) Ref(int) int            { return 1 }
func (finals) TryClose() (int, error) { return 1, nil }
func (finals) Close() error           { return nil }

// Digest shows the judge of credentials.
type Digest struct{ a *authority }

// NewDigest makes one with a key of its own.
func NewDigest(realm, mode string) *Digest { return &Digest{newAuthority(realm, mode)} }

// Challenge is the first one for source.
func (d *Digest) Challenge(source netip.Addr, now time.Time) string {
	return d.a.challenges(source, false, now)[0]
}

// Check parses and judges an Authorization value.
func (d *Digest) Check(header string, u account.User, found bool, method, uri string, source netip.Addr, now time.Time) string {
	c := parseCredentials(header)
	return [...]string{"accepted", "challenged", "stale", "wrong", "blocked", "wrong"}[d.a.check(c, u, found, method, uri, source, standing{}, now)]
}

// Secret is the HA1 that a response is compared with.
func (d *Digest) Secret(u account.User, found bool, login string, sha bool) string {
	return d.a.secretOf(u, found, login, sha)
}

// Forgive forgets the wrong passwords.
func (d *Digest) Forgive() {
	d.a.mu.Lock()
	defer d.a.mu.Unlock()
	clear(d.a.tries)
}

// NewOnSocket makes a server on one UDP socket that need not be the kernel's;
// the function it returns serves until its context ends.
func NewOnSocket(cfg Config, m *media.Engine, store Store, log *slog.Logger, socket udpSocket) (*Server, func(context.Context, callflow.Handler), error) {
	s, err := newServer(cfg, m, store, log)
	if err != nil {
		return nil, nil, err
	}
	s.udp = newPacketConn(socket, s)
	s.port = int(sourceOf(socket.LocalAddr()).Port())
	return s, func(ctx context.Context, h callflow.Handler) {
		defer context.AfterFunc(ctx, s.stop)()
		s.handler = h
		_ = s.reg.load(s.life)
		_ = s.ReloadTrunks(s.life)
		s.serving.Store(true)
		s.wg.Go(func() { s.reg.run(s.life) })
		s.wg.Go(func() { _ = s.tp.ServeUDP(s.udp) })
		s.wg.Go(s.startTrunks)
		<-s.life.Done()
		s.legs.stop()
		s.calls.Wait()
		s.trunks.end()
		_ = s.udp.Close()
		s.tx.Close()
		_ = s.tp.Close()
		s.wg.Wait()
	}, nil
}

// IdentityOf reads an address of P-Asserted-Identity.
func IdentityOf(value string) (user, display string) { return identityOf(value) }

// Mask returns a message as the trace keeps it.
func Mask(message string) string { return mask([]byte(message)) }

// withHeader is a REFER with one header.
func withHeader(name, value string) *gosip.Request {
	r := gosip.NewRequest(gosip.REFER, gosip.Uri{Scheme: "sip", Host: "a"})
	r.AppendHeader(gosip.NewHeader(name, value))
	return r
}

// ReferTo reads a value of Refer-To; status 0: it may pass.
func ReferTo(value string) (user, host string, replaces *callflow.DialogID, status int) {
	to, f := parseReferTo(withHeader("Refer-To", value))
	if f != nil {
		return "", "", nil, f.status
	}
	return to.user, to.host, to.replaces, 0
}

// Replaces reads a value of Replaces.
func Replaces(value string) (callflow.DialogID, bool, bool) { return parseReplaces(value) }

// RAck reads a value of RAck.
func RAck(value string) (rseq, cseq uint32, ok bool) {
	rseq, cseq, _, ok = parseRAck(withHeader("RAck", value))
	return rseq, cseq, ok
}

// Holds reads hold out of a description.
func Holds(sdp []byte) bool { return holds(sdp) }

// Diverted reads Diversion or History-Info.
func Diverted(name, value string) string { return diverted(withHeader(name, value)) }
