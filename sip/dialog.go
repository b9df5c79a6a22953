package sip

import (
	"context"
	"net"
	"strings"
	"sync"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/sip/locate"
)

// dialog is the state of RFC 3261 12. It belongs to the goroutine of its leg.
type dialog struct {
	server     *Server
	callID     string
	localTag   string
	remoteTag  string
	local      gosip.FromHeader // as our requests carry it, with our tag
	remote     gosip.ToHeader   // with the peer's tag once it is known
	routes     []gosip.Uri      // in the order in which our requests carry them
	target     gosip.Uri        // Contact of the peer, refreshed by INVITE and UPDATE
	localCSeq  uint32
	remoteCSeq uint32
	flow       *flow
	dials      bool // a connection may be opened for it (trunks only)
}

// fromInvite makes the dialog of the receiving side (RFC 3261 12.1.1).
func (s *Server) fromInvite(q *request, f *flow) dialog {
	d := dialog{server: s, callID: q.CallID().Value(), remoteCSeq: q.CSeq().SeqNo, flow: f}
	d.localTag, _ = q.To().Params.Get("tag")
	d.remoteTag, _ = q.From().Params.Get("tag")
	d.local = q.To().AsFrom()
	d.remote = q.From().AsTo()
	for _, h := range q.GetHeaders("Record-Route") {
		if r, ok := h.(*gosip.RecordRouteHeader); ok {
			d.routes = append(d.routes, *r.Address.Clone())
		}
	}
	d.target = *q.From().Address.Clone() // until a Contact says better: RFC 2543 clients have none
	d.refresh(q.Request)
	return d
}

// refresh takes the target of a request or response that carries one
// (RFC 3261 12.2.1.2).
func (d *dialog) refresh(m interface{ Contact() *gosip.ContactHeader }) {
	if c := m.Contact(); c != nil && !c.Address.Wildcard && c.Address.Host != "" {
		d.target = *c.Address.Clone()
		d.target.Headers = nil
	}
}

// contact is our address as the peer of f sees it.
func (s *Server) contact(f *flow) *gosip.ContactHeader {
	u := gosip.Uri{Scheme: "sip", User: "pickup", Host: s.hostFor(f), Port: s.portOf(f)}
	if f.stream() {
		u.UriParams = gosip.NewParams()
		u.UriParams.Add("transport", f.transport)
	}
	return &gosip.ContactHeader{Address: u}
}

// hostFor is our host as the peer of f is to see it, in brackets where it is an
// address of IPv6.
func (s *Server) hostFor(f *flow) string { return bracketed(s.localAddr(f).String()) }

func (s *Server) portOf(f *flow) int {
	if f.at != nil {
		return f.at.port
	}
	if f.transport == "tls" && s.tlsLn != nil {
		if a, ok := s.tlsLn.Addr().(*net.TCPAddr); ok {
			return a.Port
		}
	}
	return s.port
}

// outgoing makes a request towards f: Via, Max-Forwards, our transport address.
// The other headers are the caller's.
func (s *Server) outgoing(method gosip.RequestMethod, target gosip.Uri, f *flow) *gosip.Request {
	r := gosip.NewRequest(method, target)
	via := &gosip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: f.network(),
		Host: s.hostFor(f), Port: s.portOf(f), Params: gosip.NewParams(),
	}
	via.Params.Add("branch", newBranch())
	via.Params.Add("rport", "")
	r.AppendHeader(via)
	hops := gosip.MaxForwardsHeader(70)
	r.AppendHeader(&hops)
	s.direct(r, f)
	return r
}

// direct sets where r is sent: to the flow, never to a name in the message.
func (s *Server) direct(r *gosip.Request, f *flow) {
	r.SetTransport(f.network())
	r.SetDestination(f.addr.String())
	if f.stream() {
		return
	}
	socket := s.udp
	if f.at != nil && f.at.udp != nil {
		socket = f.at.udp
	}
	if a, ok := socket.LocalAddr().(*net.UDPAddr); ok {
		r.Laddr = gosip.Addr{IP: a.IP, Port: a.Port}
	}
}

// request makes a request inside the dialog (RFC 3261 12.2.1.1).
func (d *dialog) request(method gosip.RequestMethod) *gosip.Request {
	target, routes := d.target, d.routes
	if len(routes) > 0 && !routes[0].UriParams.Has("lr") { // strict router: 12.2.1.1
		target, routes = routes[0], append(append([]gosip.Uri(nil), routes[1:]...), d.target)
	}
	r := d.server.outgoing(method, *target.Clone(), d.flow)
	for _, u := range routes {
		r.AppendHeader(&gosip.RouteHeader{Address: *u.Clone()})
	}
	from, to := d.local, d.remote
	r.AppendHeader(&from)
	r.AppendHeader(&to)
	id := gosip.CallIDHeader(d.callID)
	r.AppendHeader(&id)
	if method != gosip.ACK && method != gosip.CANCEL {
		d.localCSeq++
	}
	r.AppendHeader(&gosip.CSeqHeader{SeqNo: d.localCSeq, MethodName: method})
	r.AppendHeader(gosip.NewHeader("User-Agent", d.server.cfg.UserAgent))
	return r
}

// reachable reports whether a request can be sent: the flow lives, or for a trunk
// a new connection takes its place.
func (d *dialog) reachable(ctx context.Context) bool {
	if !d.flow.stream() || d.server.flows.find(d.flow.network(), d.flow.addr.String()) != nil {
		return true
	}
	if !d.dials {
		return false
	}
	_, err := d.server.connect(ctx, locate.Target{Transport: d.flow.transport, Addr: d.flow.addr, Name: d.flow.host})
	return err == nil
}

// send starts a client transaction.
func (d *dialog) send(ctx context.Context, r *gosip.Request) (*gosip.ClientTx, error) {
	if !d.reachable(ctx) {
		return nil, errFlowGone
	}
	if !safeRequest(r) {
		return nil, errUnsafe
	}
	return d.server.tx.Request(ctx, r)
}

// write sends a request without a transaction: an ACK.
func (d *dialog) write(r *gosip.Request) error {
	if !d.reachable(d.server.life) {
		return errFlowGone
	}
	if !safeRequest(r) {
		return errUnsafe
	}
	return d.server.tp.WriteMsg(r)
}

// safeRequest reports whether no string of ours or of a peer breaks the line it
// stands in: sipgo does not look.
func safeRequest(r *gosip.Request) bool {
	if strings.ContainsAny(r.Recipient.String(), "\r\n ") {
		return false
	}
	for _, h := range r.Headers() {
		if strings.ContainsAny(h.Value(), "\r\n") || strings.ContainsAny(h.Name(), "\r\n: ") {
			return false
		}
	}
	return true
}

// legTable finds the leg of a request. Safe for any goroutine.
type legTable struct {
	mu       sync.Mutex
	dialogs  map[string]*leg // by Call-ID and our tag
	branches map[string]*leg // inbound INVITEs without a final response
}

func newLegTable() *legTable {
	return &legTable{dialogs: map[string]*leg{}, branches: map[string]*leg{}}
}

func dialogKey(callID, localTag string) string { return callID + "\x00" + localTag }

func (t *legTable) add(l *leg, branch string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dialogs[dialogKey(l.d.callID, l.d.localTag)] = l
	if branch != "" {
		t.branches[branch] = l
	}
}

func (t *legTable) remove(l *leg, branch string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := dialogKey(l.d.callID, l.d.localTag); t.dialogs[k] == l {
		delete(t.dialogs, k)
	}
	if t.branches[branch] == l {
		delete(t.branches, branch)
	}
}

// all lists every leg that is not final.
func (t *legTable) all() []*leg {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*leg, 0, len(t.dialogs))
	for _, l := range t.dialogs {
		list = append(list, l)
	}
	return list
}

// of returns the leg that a request names by Call-ID and To-tag, or nil. The
// leg itself checks the rest.
func (t *legTable) of(r *gosip.Request) *leg {
	if r.CallID() == nil || r.To() == nil {
		return nil
	}
	tag, _ := r.To().Params.Get("tag")
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dialogs[dialogKey(r.CallID().Value(), tag)]
}

func (t *legTable) byBranch(branch string) *leg {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.branches[branch]
}

func (t *legTable) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.dialogs)
}

// stop ends what is left when Serve ends.
func (t *legTable) stop() {
	t.mu.Lock()
	all := make([]*leg, 0, len(t.dialogs))
	for _, l := range t.dialogs {
		all = append(all, l)
	}
	t.mu.Unlock()
	for _, l := range all {
		l.post(l.abandon)
	}
}
