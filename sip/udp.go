package sip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// packetConn is the UDP socket with the read filter in front: what is not a SIP
// message never reaches sipgo, which would keep its source address for ever.
type packetConn struct {
	udpSocket
	server  *Server
	buf     [1 << 16]byte          // the longest datagram is 65,507 bytes
	long    atomic.Pointer[[]byte] // for the next placeholder that arrives
	last    netip.AddrPort
	changes int       // of the source, since the set of sources was forgotten
	at      *endpoint // nil: the first
	once    sync.Once
	read    chan struct{} // closed when sipgo reads: from then on it sends by this socket
}

func newPacketConn(socket udpSocket, s *Server) *packetConn {
	return &packetConn{udpSocket: socket, server: s, read: make(chan struct{})}
}

// udpSocket is a *net.UDPConn.
type udpSocket interface {
	net.PacketConn
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
}

// maxSources bounds the memory that sipgo spends on source addresses (155 bytes
// each): after so many changes of the source its reader is started anew.
const maxSources = 200_000

// ReadFrom returns the next datagram that is a SIP message.
func (p *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	p.once.Do(func() { close(p.read) })
	for {
		n, from, err := p.ReadFromUDPAddrPort(p.buf[:])
		if err != nil {
			return 0, nil, err
		}
		if keepAlive(p.buf[:n]) {
			continue
		}
		source := netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		kept := p.server.inspect(p.buf[:n], "UDP", source, func(reply []byte) {
			_, _ = p.WriteToUDPAddrPort(reply, from)
		})
		if kept == nil {
			continue
		}
		p.server.heard.note(source, p.at)
		if source != p.last {
			p.last = source
			if p.changes++; p.changes > maxSources {
				return 0, nil, net.ErrClosed // Serve starts a new reader; this datagram comes again (RFC 3261 17)
			}
		}
		if p.server.trace.on() {
			p.server.trace.message("in", "udp", source.String(), kept)
		}
		if len(kept) > len(b) {
			kept = p.park(kept)
		}
		return copy(b, kept), net.UDPAddrFromAddrPort(source), nil
	}
}

// sipgo allocates the buffer of its UDP reader and that of each connection by
// one size, and 64 KiB for each of these is too much. So a longer datagram goes
// past it: sipgo reads a placeholder, and arrived, which sees the message before
// anybody else, puts the true one in its place.
const placeholder = "Via: SIP/2.0/UDP pickup.invalid\r\nFrom: <sip:pickup.invalid>;tag=0\r\nTo: <sip:pickup.invalid>\r\n" +
	"Call-ID: " + placeholderID + "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"

const placeholderID = "placeholder@pickup.invalid"

// park keeps a datagram that is too long for sipgo's reader, and returns what it
// is to read instead.
func (p *packetConn) park(m []byte) []byte {
	long := bytes.Clone(m)
	p.long.Store(&long)
	if bytes.HasPrefix(m, []byte("SIP/2.0 ")) {
		return []byte("SIP/2.0 200 OK\r\n" + placeholder)
	}
	return []byte("OPTIONS sip:pickup.invalid SIP/2.0\r\n" + placeholder)
}

// unpark puts the datagram that was parked in the place of its placeholder. Any
// other message stays as it is: who writes a placeholder himself has sent one.
func (p *packetConn) unpark(m gosip.Message) {
	if m.CallID() == nil || m.CallID().Value() != placeholderID {
		return
	}
	long := p.long.Swap(nil)
	if long == nil {
		return
	}
	whole, err := p.server.parser.ParseSIP(*long)
	if err != nil {
		return // not so: inspect has parsed it
	}
	whole.SetTransport(m.Transport())
	whole.SetSource(m.Source())
	switch m := m.(type) {
	case *gosip.Request:
		if r, ok := whole.(*gosip.Request); ok {
			*m = *r
		}
	case *gosip.Response:
		if r, ok := whole.(*gosip.Response); ok {
			*m = *r
		}
	}
}

// renew forgets the sources.
func (p *packetConn) renew() { p.changes = 0 }

// WriteTo sends a datagram.
func (p *packetConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	if p.server.trace.on() {
		p.server.trace.message("out", "udp", addr.String(), b)
	}
	return p.udpSocket.WriteTo(b, addr)
}

// keepAlive reports that data is empty but for line ends (RFC 5626 3.5.1).
func keepAlive(data []byte) bool {
	for _, c := range data {
		if c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

// inspect is the read filter. It returns the message to be parsed, perhaps
// rewritten, or nil when it was answered or dropped. data is one whole message
// or datagram; reply sends bytes back to source.
func (s *Server) inspect(data []byte, transport string, source netip.AddrPort, reply func([]byte)) []byte {
	for len(data) > 0 && (data[0] == '\r' || data[0] == '\n') {
		data = data[1:]
	}
	if len(data) == 0 {
		return nil // RFC 5626 3.5.1: keep-alive
	}
	if answer := stunAnswer(data, source); answer != nil {
		reply(answer)
		return nil
	}
	h, ok := scanHead(data)
	if !ok {
		s.counters.dropped.Add(1)
		return nil
	}
	host, port := source.Addr().String(), strconv.Itoa(int(source.Port()))
	if !s.guard.allow(source.Addr(), cost(&h, len(data)), time.Now()) {
		s.counters.guardRefused.Add(1)
		if h.request && h.full() && h.method != "ACK" {
			reply(statelessReply(&h, 503, "Service Unavailable", host, port, "Retry-After: 5"))
		}
		return nil
	}
	data = giveBranch(&h, data)
	status := s.cfg.Limits.broken(&h, len(data))
	if status == 0 {
		stream := transport == "TCP" || transport == "TLS"
		if s.parses(data, stream) {
			s.counters.parsed.Add(1)
			return data
		}
		if tidy := normalise(data); s.parses(tidy, stream) {
			s.counters.parsed.Add(1)
			return tidy
		}
	}
	if !h.full() || h.method == "ACK" {
		s.counters.dropped.Add(1)
		return nil
	}
	s.counters.badRequest.Add(1)
	switch {
	case status != 0:
	case h.version != "SIP/2.0":
		status = 505
	case foreignScheme(h.uri):
		status = 416
	default:
		status = 400
	}
	reply(statelessReply(&h, status, reasonOf(status), host, port))
	return nil
}

// foreignScheme reports a Request-URI of a scheme that is not ours, which
// sipgo's parser may not accept (RFC 3261 8.2.2.1).
func foreignScheme(uri string) bool {
	scheme, _, ok := strings.Cut(lower(uri), ":")
	return ok && token(strings.ReplaceAll(scheme, ".", "")) && scheme != "sip" && scheme != "sips" && scheme != "tel"
}

// opensDialog reports whether the flood guard counts the request: it is new,
// not a part of something that was let in already.
func opensDialog(h *head) bool {
	switch h.method {
	case "ACK", "BYE", "CANCEL", "PRACK":
		return false
	}
	return !hasTag(h.to)
}

// parses tries sipgo's parser, and the accessors on which its transactions
// depend. Of a stream it must take the message for one, as the framer did. A
// panic counts as "no".
func (s *Server) parses(data []byte, stream bool) (ok bool) {
	defer func() {
		if recover() != nil {
			s.counters.panics.Add(1)
			ok = false
		}
	}()
	m, err := s.parse(data, stream)
	if err != nil {
		return false
	}
	if m.Via() == nil || m.From() == nil || m.To() == nil || m.CallID() == nil || m.CSeq() == nil {
		return false
	}
	_, isRequest := m.(*gosip.Request)
	if !isRequest {
		_, err = gosip.ClientTxKeyMake(m)
		return err == nil
	}
	_, err = gosip.ServerTxKeyMake(m)
	return err == nil
}

var errNotOne = errors.New("sip: not one message")

func (s *Server) parse(data []byte, stream bool) (m gosip.Message, err error) {
	if !stream {
		return s.parser.ParseSIP(data)
	}
	p := s.parser.NewSIPStream()
	defer p.Close()
	n := 0
	err = p.ParseSIPStream(data, func(got gosip.Message) {
		m = got
		n++
	})
	if err == nil && n != 1 {
		err = errNotOne
	}
	return m, err
}

// stunAnswer answers a STUN binding request that a phone sends to keep its NAT
// open (RFC 5626 3.5.2, RFC 8489 5), or returns nil where data is none.
func stunAnswer(data []byte, source netip.AddrPort) []byte {
	const cookie = 0x2112A442
	if len(data) < 20 || data[0] != 0 || data[1] != 1 || binary.BigEndian.Uint32(data[4:]) != cookie ||
		int(binary.BigEndian.Uint16(data[2:]))+20 != len(data) {
		return nil
	}
	addr := source.Addr().AsSlice()
	family := byte(1)
	if len(addr) == 16 {
		family = 2
	}
	out := make([]byte, 0, 44)
	out = append(out, 1, 1, 0, byte(8+len(addr)))
	out = append(out, data[4:20]...)
	out = append(out, 0, 0x20, 0, byte(4+len(addr)), 0, family) // XOR-MAPPED-ADDRESS
	out = binary.BigEndian.AppendUint16(out, source.Port()^(cookie>>16))
	for i, b := range addr {
		out = append(out, b^data[4+i])
	}
	return out
}
