package sip

import (
	"errors"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"strconv"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/internal/logkey"
)

// arrived sees each message in the reader goroutine, before its transaction
// does: it takes the ticket, forces rport and gives the request its To-tag, so
// that every response, those of the transaction too, carries the same one.
func (s *Server) arrived(m gosip.Message) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
		}
	}()
	if m.Transport() == "UDP" {
		s.udp.unpark(m)
		for _, e := range s.more {
			if e.udp != nil {
				e.udp.unpark(m)
			}
		}
	}
	r, ok := m.(*gosip.Request)
	if !ok {
		return
	}
	key, _ := gosip.ServerTxKeyMake(r)
	tag, inDialog := "", false
	if to := r.To(); to != nil {
		tag, inDialog = to.Params.Get("tag")
		inDialog = inDialog && tag != ""
	}
	s.order.take(r, key, inDialog, time.Now())
	if via := r.Via(); via != nil {
		via.Params.Add("rport", "") // RFC 3581, forced: phones behind NAT do not all ask for it
	}
	if to := r.To(); to != nil && !inDialog && !r.IsAck() && !r.IsCancel() {
		to.Params.Add("tag", newTag())
	}
}

func (s *Server) panicked(p any) {
	s.counters.panics.Add(1)
	s.log.Error("recovered in a SIP handler", logkey.Err, p, slog.String("stack", string(debug.Stack())))
}

// onRequest is called by the transaction layer in a goroutine of the message.
func (s *Server) onRequest(r *gosip.Request, tx *gosip.ServerTx) {
	q := &request{Request: r, tx: tx, server: s}
	t := s.order.claim(r)
	q.ticket = t
	defer s.order.leave(t)
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			q.refuse(refuse(500))
		}
	}()
	q.source, _ = netip.ParseAddrPort(r.Source())
	q.source = netip.AddrPortFrom(q.source.Addr().Unmap(), q.source.Port())
	if s.life.Err() != nil {
		q.drop()
		return
	}
	if f := gate(r, t.inDialog, t.merged, s.cfg.Limits.Vias); f != nil {
		s.counters.refused(f.status)
		q.refuse(f)
		return
	}
	s.dispatch(q)
}

func (s *Server) dispatch(q *request) {
	switch {
	case q.Method == gosip.ACK:
		if l := s.legs.of(q.Request); l != nil {
			l.post(func() { l.gotACK(q) })
		}
		q.drop()
	case q.Method == gosip.CANCEL:
		s.cancelled(q)
	case q.ticket.inDialog:
		s.inDialog(q)
	case q.Method == gosip.INVITE:
		s.invited(q)
	case q.Method == gosip.REGISTER:
		s.reg.register(q)
	case q.Method == gosip.OPTIONS:
		s.options(q)
	case q.Method == gosip.REFER: // a stranger would have us call somebody
		q.refuse(refuse(403))
	default: // BYE, INFO, UPDATE, PRACK outside a dialog
		q.refuse(refuse(481))
	}
}

// inDialog hands a request to the leg whose dialog it names.
func (s *Server) inDialog(q *request) {
	l := s.legs.of(q.Request)
	if l == nil {
		q.refuse(refuse(481))
		return
	}
	if !l.post(func() { l.request(q) }) {
		q.refuse(refuse(481))
	}
}

// cancelled answers a CANCEL that its transaction layer did not match: either
// there is no such INVITE, or the CANCEL overtook it inside this process. Then
// it waits until the INVITE was served: it rings by then, or has its answer.
// (It cannot have overtaken it on the way: whoever cancels has heard our 100.)
func (s *Server) cancelled(q *request) {
	served, known := s.order.served(inviteKey(q.Request))
	if !known {
		q.refuse(refuse(481)) // RFC 3261 9.2
		return
	}
	patience := time.NewTimer(lifetime) // then its sender has given up too
	defer patience.Stop()
	select {
	case <-served:
	case <-patience.C:
	case <-s.life.Done():
		q.drop()
		return
	}
	branch, _ := q.Via().Params.Get("branch")
	if l := s.legs.byBranch(branch); l != nil {
		l.post(func() { l.gotCancel(q.Request) })
	}
	q.respond(q.response(200)) // also where a final response was quicker
}

// inviteKey is the transaction key of the INVITE that a CANCEL names.
func inviteKey(r *gosip.Request) string {
	c := r.Clone()
	c.CSeq().MethodName = gosip.INVITE
	key, _ := gosip.ServerTxKeyMake(c)
	return key
}

func (s *Server) options(q *request) {
	if s.draining.Load() {
		q.refuse(refuse(503, gosip.NewHeader("Retry-After", "30")))
		return
	}
	res := q.response(200)
	res.AppendHeader(gosip.NewHeader("Allow", allow))
	res.AppendHeader(gosip.NewHeader("Accept", "application/sdp, application/dtmf-relay, application/dtmf"))
	res.AppendHeader(gosip.NewHeader("Accept-Encoding", "identity"))
	res.AppendHeader(gosip.NewHeader("Accept-Language", "en, fr"))
	res.AppendHeader(gosip.NewHeader("Supported", supported+", path, outbound"))
	q.respond(res)
}

// request is one request with its transaction and its place in the order.
type request struct {
	*gosip.Request
	tx      *gosip.ServerTx
	server  *Server
	ticket  *ticket
	source  netip.AddrPort
	settled bool // a final response was given
}

// response begins a response. Its To-tag is that of the request.
func (q *request) response(status int) *gosip.Response {
	res := gosip.NewResponseFromRequest(q.Request, status, reasonOf(status), nil)
	res.SipVersion = "SIP/2.0"
	res.AppendHeader(gosip.NewHeader("Server", q.server.cfg.UserAgent))
	return res
}

// respond sends res. What fails is the transport's: the transaction ends; or a
// CANCEL was quicker.
func (q *request) respond(res *gosip.Response) {
	if res.StatusCode >= 200 {
		q.settled = true
	}
	if err := q.tx.Respond(res); err != nil {
		q.server.log.Debug("sip response not sent", logkey.Err, err, slog.Int("status", res.StatusCode))
	}
}

// cancelled reports whether the transaction has answered a CANCEL, and with 487
// the INVITE q. What is given to it after that is not sent, but for one thing: it
// becomes what is sent again until the ACK. So that is put right.
func (q *request) cancelled() bool {
	if !errors.Is(q.tx.Err(), gosip.ErrTransactionCanceled) {
		return false
	}
	_ = q.tx.Respond(q.response(487))
	return true
}

// refuse answers with a final error, once.
func (q *request) refuse(f *refusal) {
	if q.settled || q.Method == gosip.ACK {
		q.drop()
		return
	}
	res := q.response(f.status)
	if f.reason != "" {
		res.Reason = f.reason
	}
	for _, h := range f.headers {
		res.AppendHeader(h)
	}
	q.respond(res)
}

// drop ends a transaction that gets no answer.
func (q *request) drop() {
	if !q.settled {
		q.tx.Terminate()
	}
}

func retryAfter(d time.Duration) gosip.Header {
	return gosip.NewHeader("Retry-After", strconv.Itoa(max(1, int(d.Round(time.Second)/time.Second))))
}
