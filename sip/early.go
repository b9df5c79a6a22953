package sip

import (
	"fmt"
	"log/slog"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/internal/logkey"
)

// earlyDialog is one branch of an INVITE of ours that answered with a
// provisional response (RFC 3261 12.1). Its requests share the CSeq of the leg.
type earlyDialog struct {
	d       dialog
	rseq    uint32 // of the last reliable response; 0: there was none
	answer  []byte // of a reliable response: that of the 2xx is not read (RFC 3261 13.2.1)
	renewed bool   // an UPDATE of the peer replaced the description since
	tried   bool   // the trunk's challenge to PRACK was answered
}

// branch returns the early dialog of a To-tag; it makes one from a provisional
// response. nil: the response has no tag, or too many branches answered.
func (l *leg) branch(res *gosip.Response) *earlyDialog {
	tag, _ := res.To().Params.Get("tag")
	if e := l.out.early[tag]; e != nil {
		return e
	}
	if tag == "" || len(l.out.early) >= maxForks {
		return nil
	}
	if l.out.early == nil {
		l.out.early = map[string]*earlyDialog{}
	}
	e := &earlyDialog{d: l.d}
	e.d.adopt(res, tag)
	l.out.early[tag] = e
	l.show()
	return e
}

// reliable takes a provisional response that wants a PRACK (RFC 3262 4). false:
// it came before, or before the one that it follows: it is not for anybody.
func (l *leg) reliable(res *gosip.Response) bool {
	rseq := parseRSeq(res)
	if !lists(res, "100rel", "Require") || rseq == 0 || res.StatusCode == 100 {
		if e := l.branch(res); e != nil && e.answer == nil && len(res.Body()) > 0 {
			l.hearEarly(res) // not the answer yet, but what it will most likely be
		}
		return true
	}
	e := l.branch(res)
	if e == nil || e.rseq != 0 && rseq != e.rseq+1 {
		return false
	}
	e.rseq = rseq
	e.d.refresh(res)
	l.prack(e, fmt.Sprintf("%d %d INVITE", rseq, l.out.invite.CSeq().SeqNo))
	if len(res.Body()) > 0 && e.answer == nil && l.hearEarly(res) {
		e.answer = res.Body()
	}
	return true
}

// hearEarly applies the description of a provisional response.
func (l *leg) hearEarly(res *gosip.Response) bool {
	if ct := res.ContentType(); ct == nil || !isSDP(ct.Value()) || l.state != legEarly {
		return false
	}
	if err := l.media.AcceptEarly(res.Body()); err != nil {
		l.log.Info("early answer not usable", logkey.Err, err) // the 2xx may bring a better one
		return false
	}
	return true
}

// prack acknowledges a reliable provisional response. Its client transaction
// sends it again until it is answered.
func (l *leg) prack(e *earlyDialog, rack string) {
	r := l.inEarly(e, gosip.PRACK)
	r.AppendHeader(gosip.NewHeader("RAck", rack))
	l.sendPRACK(e, r)
}

func (l *leg) sendPRACK(e *earlyDialog, r *gosip.Request) {
	l.attemptIn(&e.d, r, func(res *gosip.Response, _ bool) {
		switch {
		case res == nil || res.StatusCode < 300:
		case !e.tried && l.challenged(e, r, res):
		default: // the callee sends its response again, or gives up itself
			l.log.Debug("PRACK refused", slog.Int("status", res.StatusCode))
		}
	})
}

// challenged answers a trunk that wants credentials for a PRACK, once.
func (l *leg) challenged(e *earlyDialog, r *gosip.Request, res *gosip.Response) bool {
	if l.out.trunk == nil {
		return false
	}
	give, a := l.out.trunk.answer(res, string(r.Method), r.Recipient.String())
	if a == "" {
		return false
	}
	e.tried = true
	again := l.again(r)
	again.AppendHeader(gosip.NewHeader(give, a))
	l.sendPRACK(e, again)
	return true
}

// inEarly makes a request inside an early dialog.
func (l *leg) inEarly(e *earlyDialog, method gosip.RequestMethod) *gosip.Request {
	e.d.localCSeq = l.d.localCSeq
	r := e.d.request(method)
	l.d.localCSeq = e.d.localCSeq
	r.AppendHeader(l.server.contact(l.d.flow))
	return r
}

// earlyRequest serves a request of a callee who has not answered.
func (l *leg) earlyRequest(e *earlyDialog, q *request) {
	if q.CSeq().SeqNo <= e.d.remoteCSeq && e.d.remoteCSeq > 0 {
		q.refuse(refuse(500)) // RFC 3261 12.2.2
		return
	}
	e.d.remoteCSeq = q.CSeq().SeqNo
	switch q.Method {
	case gosip.UPDATE:
		l.earlyUpdate(e, q)
	case gosip.INFO:
		l.info(q)
	case gosip.OPTIONS:
		l.server.options(q)
	case gosip.REFER, gosip.INVITE, gosip.PRACK: // there is nothing yet to transfer, to change or to acknowledge
		q.refuse(refuse(481))
	default:
		q.refuse(refuse(405, gosip.NewHeader("Allow", allow)))
	}
}

// earlyUpdate takes a new offer of a callee whose answer came in a reliable
// response (RFC 3311 5.1); before that ours is open: 491.
func (l *leg) earlyUpdate(e *earlyDialog, q *request) {
	if len(q.Body()) > 0 && (e.answer == nil || l.state != legEarly) {
		q.refuse(refuse(491)) // RFC 3311 5.2
		return
	}
	e.d.refresh(q.Request)
	res := q.response(200)
	if len(q.Body()) > 0 {
		body, f := l.negotiate(q)
		if f != nil {
			q.refuse(f)
			return
		}
		e.renewed = true
		res.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
		res.SetBody(body)
	}
	l.sessionHeaders(q, res)
	q.respond(res)
}

// finalAnswer takes the answer of the branch that won. That of a reliable
// response stands, whatever its 2xx holds.
func (l *leg) finalAnswer(e *earlyDialog, res *gosip.Response) error {
	answer := res.Body()
	switch {
	case e != nil && e.renewed:
		return nil
	case e != nil && e.answer != nil:
		answer = e.answer
	}
	if err := l.media.Accept(answer); err != nil {
		return err
	}
	l.described(answer)
	return nil
}
