package sip

import (
	"cmp"
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/call"
	"pickup/callflow"
	"pickup/internal/logkey"
)

// inboundPart is what only a leg that called us has.
type inboundPart struct {
	invite     *request
	branch     string
	answer     []byte // our SDP answer, ready; nil for an INVITE without SDP
	retryAfter time.Duration
}

// acceptance is a 2xx of ours to an INVITE or re-INVITE, sent again until its
// ACK comes (RFC 3261 13.3.1.4).
type acceptance struct {
	q        *request
	res      *gosip.Response
	interval time.Duration
	waiting  bool // no ACK yet
	initial  bool // of the first INVITE
	thenBye  bool
}

func (a *acceptance) closedOrNone() bool { return !a.waiting }

// accept answers the INVITE: callflow.Leg.Answer.
func (l *leg) accept() {
	if !l.inbound || l.state != legEarly {
		return
	}
	switch {
	case l.rel.asked && l.rel.res == nil:
		l.rel.answer = l.sendReliable()
		return
	case l.rel.waiting: // RFC 3262 3: no 2xx before its PRACK
		l.rel.answer = true
		return
	}
	var body []byte
	if !l.exchanged {
		var ok bool
		if body, ok = l.description(); !ok {
			return
		}
	}
	l.state = legUp
	l.show()
	l.confirm(l.in.invite, body, true)
}

// confirm sends a 2xx and starts to wait for its ACK. body is nil where the
// descriptions were exchanged before (RFC 6337 2.2).
func (l *leg) confirm(q *request, body []byte, initial bool) {
	res := q.response(200)
	l.sessionHeaders(q, res)
	if body != nil {
		res.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
		res.SetBody(body)
	}
	q.respond(res)
	if q.cancelled() {
		l.offerPending = false
		if initial {
			l.state = legEarly
			l.gotCancel(nil)
		}
		return
	}
	l.acc = acceptance{q: q, res: res, interval: t1, waiting: true, initial: initial}
	l.set(timerACK, lifetime)
	if !l.d.flow.websocket() {
		l.set(timerRetransmit, t1)
	}
}

// sessionHeaders adds what a 2xx to INVITE or UPDATE carries: our target, what
// we can do, and the session timer.
func (l *leg) sessionHeaders(q *request, res *gosip.Response) {
	res.AppendHeader(l.server.contact(l.d.flow))
	res.AppendHeader(gosip.NewHeader("Allow", allow))
	res.AppendHeader(gosip.NewHeader("Supported", supported))
	l.grantSession(q.Request, res)
}

// retransmit sends the 2xx again: after 0.5, 1, 2, then every 4 seconds.
func (l *leg) retransmit() {
	if !l.acc.waiting {
		return
	}
	_ = l.acc.q.tx.Respond(l.acc.res)
	l.acc.interval = min(2*l.acc.interval, t2)
	l.set(timerRetransmit, l.acc.interval)
}

// gotACK ends the wait. An ACK that comes late, or again, is fine.
func (l *leg) gotACK(q *request) {
	tag, _ := q.From().Params.Get("tag")
	if !l.acc.waiting || tag != l.d.remoteTag || q.CSeq().SeqNo != l.acc.q.CSeq().SeqNo {
		return
	}
	l.acc.waiting = false
	l.clear(timerRetransmit)
	l.clear(timerACK)
	if l.offerPending {
		l.offerPending = false
		if err := l.media.Accept(q.Body()); err != nil {
			l.log.Info("answer in ACK not usable", logkey.Err, err)
			l.reason = call.Cause{Status: 488, Text: "no usable answer"}
			l.tell(callflow.LegHungUp, 488, "no usable answer")
			l.bye()
			return
		}
		l.described(q.Body())
	}
	l.heard()
	if l.acc.initial {
		l.watch()
		l.answered(200, "")
	}
	if l.acc.thenBye {
		l.bye()
	}
}

// noACK gives the call up after 64*T1 (RFC 3261 13.3.1.4).
func (l *leg) noACK() {
	l.acc.waiting = false
	l.clear(timerRetransmit)
	if !l.acc.thenBye {
		l.reason = call.Cause{Status: 408, Text: "no ACK"}
		l.tell(callflow.LegHungUp, 408, "no ACK")
	}
	l.bye()
}

// reject answers the INVITE with a final error.
func (l *leg) reject(cause call.Cause) {
	status := cause.Status
	if status < 400 || status > 699 {
		status = 480
	}
	f := refuse(status)
	if status == 503 {
		f.headers = append(f.headers, retryAfter(max(l.in.retryAfter, 5*time.Second)))
	}
	if h := reasonHeader(cause); h != nil && cause.Text != "" {
		f.headers = append(f.headers, h)
	}
	l.in.invite.refuse(f)
	l.finish()
}

// gotCancel: the caller left before the answer. The transaction has answered
// CANCEL with 200 and the INVITE with 487 already, unless it did not know them.
// cancel is nil where it is not at hand.
func (l *leg) gotCancel(cancel *gosip.Request) {
	if l.state != legEarly {
		return // 200 and CANCEL crossed: a BYE follows. (Where no 200 was sent, confirm has seen it.)
	}
	l.in.invite.refuse(refuse(487))
	why := "cancelled"
	if cancel != nil {
		why = cmp.Or(reasonText(cancel), why)
	}
	l.tell(callflow.LegHungUp, 487, why)
	l.finish()
}

// reinvited serves a new offer inside the dialog, or asks for one.
func (l *leg) reinvited(q *request) {
	switch {
	case l.state == legEarly:
		q.refuse(refuse(500, soon())) // RFC 3261 14.2
		return
	case l.state == legClosing:
		q.refuse(refuse(481))
		return
	case l.acc.waiting || l.offerPending || l.session.reinvite != nil:
		q.refuse(refuse(491)) // RFC 3261 14.2, RFC 6337 4.3
		return
	}
	l.d.refresh(q.Request)
	body, f := l.negotiate(q)
	if f != nil {
		q.refuse(f)
		return
	}
	l.confirm(q, body, false)
}

// negotiate answers the offer in q, or makes one where q has none.
func (l *leg) negotiate(q *request) ([]byte, *refusal) {
	ctx, cancel := context.WithTimeout(l.server.life, 5*time.Second)
	defer cancel()
	if len(q.Body()) == 0 {
		body, err := l.media.Offer(ctx)
		if err != nil {
			return nil, refuse(500)
		}
		l.offerPending = true
		return body, nil
	}
	body, err := l.media.Answer(ctx, q.Body())
	if err != nil {
		return nil, mediaRefusal(err)
	}
	l.described(q.Body())
	return body, nil
}

// soon is the Retry-After of a request that came too early: 0 to 10 seconds, so
// that two who collide do not do so again (RFC 3261 14.2, RFC 3311 5.2).
func soon() gosip.Header {
	return gosip.NewHeader("Retry-After", strconv.Itoa(rand.IntN(11))) //nolint:gosec // spreads, hides nothing
}

// updated serves UPDATE (RFC 3311 5.2): a session refresh, or a new offer.
func (l *leg) updated(q *request) {
	if l.state == legClosing {
		q.refuse(refuse(481))
		return
	}
	switch {
	case len(q.Body()) == 0:
	case l.offerPending || l.session.reinvite != nil: // our offer is open
		q.refuse(refuse(491))
		return
	case l.state == legEarly && !l.exchanged: // his is
		q.refuse(refuse(500, soon()))
		return
	}
	l.d.refresh(q.Request)
	res := q.response(200)
	if len(q.Body()) > 0 {
		body, f := l.negotiate(q)
		if f != nil {
			q.refuse(f)
			return
		}
		res.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
		res.SetBody(body)
	}
	l.sessionHeaders(q, res)
	q.respond(res)
}
