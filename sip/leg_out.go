package sip

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/call"
	"pickup/callflow"
	"pickup/internal/logkey"
	"pickup/media"
)

// outboundPart is what only a leg that we dial has.
type outboundPart struct {
	invite  *gosip.Request
	tx      *gosip.ClientTx
	aor     string // of the device; "" for others
	key     string // its binding
	trunk   *Trunk
	ways    *ways  // where else the call can go; nil: nowhere
	number  string // that was dialled by the trunk
	from    callflow.Invitation
	timeout time.Duration
	heard   bool // a 1xx came: CANCEL may be sent (RFC 3261 9.1)
	cancel  bool // End was called before that
	sent    bool // CANCEL is out
	failed  bool // LegFailed was told
	tried   bool // the trunk's challenge was answered
	settled bool // a final response came, or none will
	ack     *gosip.Request
	losers  map[string]bool         // To-tags of forks that lost
	gone    map[string]bool         // To-tags whose BYE was here before their 2xx
	early   map[string]*earlyDialog // by To-tag
}

// dial sends the INVITE. It runs in the leg's goroutine.
func (l *leg) dial() {
	ctx, cancel := context.WithTimeout(l.server.life, 5*time.Second)
	defer cancel()
	if l.out.invite.Body() == nil {
		offer, err := l.media.Offer(ctx)
		if err != nil {
			l.fail(mediaStatus(err), "no media offer")
			l.finish()
			return
		}
		l.out.invite.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
		l.out.invite.SetBody(offer)
	}
	var tx *gosip.ClientTx
	err := l.reach(ctx)
	if err == nil {
		tx, err = l.d.send(ctx, l.out.invite)
	}
	if err != nil {
		l.log.Debug("INVITE not sent", logkey.Err, err)
		if l.elsewhere(nil) {
			return
		}
		l.unreachable()
		l.fail(0, "not sent")
		l.finish()
		return
	}
	l.out.tx = tx
	if l.out.aor != "" {
		l.set(timerFirst1xx, patience1x)
	}
	if l.out.ways != nil && l.out.ways.more() {
		l.set(timerFirst1xx, patienceTrunk)
	}
	if l.out.timeout > 0 {
		l.set(timerRing, l.out.timeout)
	}
	tx.OnRetransmission(func(res *gosip.Response) {
		if !l.post(func() { l.response(tx, res) }) {
			l.server.stray(tx, res)
		}
	})
	l.server.wg.Go(func() { l.listen(tx) })
}

// listen carries the responses of one INVITE to the leg until its transaction
// ends: 32 s after a 2xx.
func (l *leg) listen(tx *gosip.ClientTx) {
	for {
		select {
		case res := <-tx.Responses():
			if !l.post(func() { l.response(tx, res) }) {
				l.server.stray(tx, res)
			}
		case <-tx.Done():
			err := tx.Err()
			l.post(func() { l.transactionEnded(tx, err) })
			return
		case <-l.server.life.Done():
			tx.Terminate()
			return
		}
	}
}

// response serves one response to the INVITE.
func (l *leg) response(tx *gosip.ClientTx, res *gosip.Response) {
	if tx != l.out.tx {
		l.server.stray(tx, res)
		return
	}
	if l.state == legFinal {
		return
	}
	if res.StatusCode < 300 {
		l.live()
	}
	switch {
	case res.StatusCode < 200:
		l.provisional(res)
	case res.StatusCode < 300:
		l.success(res)
	default:
		l.failure(res)
	}
}

func (l *leg) provisional(res *gosip.Response) {
	l.clear(timerFirst1xx)
	if l.out.settled || l.out.ack != nil {
		return // overtaken by the final response
	}
	news := l.reliable(res)
	first := !l.out.heard
	l.out.heard = true
	if first && l.out.cancel {
		l.sendCancel()
		return
	}
	if news && l.state == legEarly && res.StatusCode > 100 {
		l.tell(callflow.LegRinging, res.StatusCode, res.Reason)
	}
}

// success takes a 2xx: the first is the answer, one with another To-tag is a
// fork that lost, the same again is a lost ACK.
func (l *leg) success(res *gosip.Response) {
	tag, _ := res.To().Params.Get("tag")
	l.out.settled = true
	if l.out.ack != nil {
		if tag == l.d.remoteTag {
			_ = l.d.write(l.out.ack.Clone())
			return
		}
		l.hangUpFork(res, tag)
		return
	}
	l.clear(timerFirst1xx)
	l.clear(timerRing)
	l.clear(timerGiveUp)
	l.clear(timerEarlyBye)
	early := l.out.early[tag]
	if early != nil {
		l.d.remoteCSeq = early.d.remoteCSeq
	}
	l.d.adopt(res, tag)
	ack := l.d.request(gosip.ACK)
	ack.CSeq().SeqNo = l.out.invite.CSeq().SeqNo // a PRACK may have gone out since
	l.out.ack = ack
	if err := l.d.write(ack.Clone()); err != nil {
		l.log.Debug("ACK not sent", logkey.Err, err)
	}
	if l.out.gone[tag] {
		l.answeredAndGone(res)
		return
	}
	if l.out.failed { // LegFailed was told: nobody wants this answer any more
		l.reason = call.Cause{Status: 408, Text: "answered too late"}
		l.bye()
		return
	}
	if err := l.finalAnswer(early, res); err != nil {
		l.log.Info("answer not usable", logkey.Err, err)
		l.reason = call.Cause{Status: 488, Text: "no usable answer"}
		l.fail(488, "no usable answer")
		l.bye()
		return
	}
	l.state = legUp // also after our CANCEL: the session decides (R7)
	l.show()
	l.takeSession(res)
	l.watch()
	l.answered(res.StatusCode, res.Reason)
}

// byeBeforeAnswer takes a BYE of a device whose 2xx was not seen yet: it was
// lost, or was overtaken on the way or inside this process. Refused with 481 the
// device would be content and the 2xx would open a dialog that nobody ends.
func (l *leg) byeBeforeAnswer(q *request, tag string) {
	q.respond(q.response(200))
	if l.out.gone == nil {
		l.out.gone = map[string]bool{}
	}
	if len(l.out.gone) < maxForks {
		l.out.gone[tag] = true
	}
	l.set(timerEarlyBye, patience2xx)
}

// maxForks bounds what is remembered of early answers of one INVITE.
const maxForks = 16

// answeredAndGone tells of a device that hung up before its answer was seen.
func (l *leg) answeredAndGone(res *gosip.Response) {
	if !l.out.failed {
		l.tell(callflow.LegAnswered, res.StatusCode, res.Reason)
		l.tell(callflow.LegHungUp, 0, "")
	}
	l.finish()
}

// no2xx: the answer that belongs to a BYE does not come any more. A fork that
// still rings is cancelled; a device that knows nothing of the INVITE says so.
func (l *leg) no2xx() {
	if l.out.settled || l.state == legFinal {
		return
	}
	l.fail(0, "hung up before its answer came")
	l.clear(timerRing)
	l.clear(timerFirst1xx)
	l.state = legClosing
	l.out.cancel = true
	l.sendCancel()
}

// adopt fills the dialog from a response (RFC 3261 12.1.2).
func (d *dialog) adopt(res *gosip.Response, tag string) {
	d.remoteTag = tag
	d.remote = gosip.ToHeader{Address: *res.To().Address.Clone(), Params: res.To().Params.Clone(), DisplayName: res.To().DisplayName}
	d.routes = nil
	hs := res.GetHeaders("Record-Route")
	for i := len(hs) - 1; i >= 0; i-- {
		if r, ok := hs[i].(*gosip.RecordRouteHeader); ok {
			d.routes = append(d.routes, *r.Address.Clone())
		}
	}
	d.refresh(res)
}

// hangUpFork gives ACK and BYE to a second answer (R27).
func (l *leg) hangUpFork(res *gosip.Response, tag string) {
	fork := &leg{id: l.id, server: l.server, log: l.log, d: l.d}
	fork.d.adopt(res, tag)
	ack := fork.d.request(gosip.ACK)
	ack.CSeq().SeqNo = l.out.invite.CSeq().SeqNo
	_ = fork.d.write(ack)
	if l.out.losers[tag] {
		return
	}
	if l.out.losers == nil {
		l.out.losers = map[string]bool{}
	}
	l.out.losers[tag] = true
	bye := fork.d.request(gosip.BYE)
	bye.AppendHeader(reasonHeader(call.Cause{Status: 200, Text: "Call completed elsewhere"}))
	l.transact(bye, func(*gosip.Response) {})
}

func (l *leg) failure(res *gosip.Response) {
	if l.retryWithCredentials(res) || l.retryWithLongerSession(res) || l.elsewhere(res) {
		return
	}
	l.out.settled = true
	if l.state == legEarly {
		switch {
		case res.StatusCode == 408 || res.StatusCode == 404 || res.StatusCode == 410 || res.StatusCode >= 500 && res.StatusCode < 600:
			l.unreachable()
		case res.StatusCode == 430:
			l.server.reg.drop(l.out.aor, l.out.key)
		}
	}
	l.fail(res.StatusCode, cmp.Or(reasonText(res), res.Reason))
	l.finish()
}

// transactionEnded: timer B or the transport ended the INVITE, or its 2xx has
// been out for 32 s.
func (l *leg) transactionEnded(tx *gosip.ClientTx, err error) {
	if tx != l.out.tx || l.out.ack != nil || l.state == legFinal {
		return
	}
	if l.elsewhere(nil) {
		return
	}
	l.silent, l.out.settled = true, true
	l.unreachable()
	if errors.Is(err, gosip.ErrTransactionTimeout) {
		l.fail(408, "no response")
	} else {
		l.fail(0, "transport error")
	}
	l.finish()
}

// no1xx: a device that says nothing for 3 s cannot be reached. Its INVITE stays
// open: what still comes is cancelled or hung up.
func (l *leg) no1xx() {
	if l.out.heard || l.state != legEarly || l.elsewhere(nil) || l.out.trunk != nil {
		return
	}
	l.unreachable()
	l.fail(408, "no response in 3 s")
	l.state = legClosing
	l.out.cancel = true
}

// fail tells LegFailed once, and not after our own End.
func (l *leg) fail(status int, text string) {
	if l.out.failed {
		return
	}
	l.out.failed = true
	l.tell(callflow.LegFailed, status, text)
}

// unreachable marks the device as out until it registers or answers OPTIONS.
func (l *leg) unreachable() {
	if l.out.aor != "" {
		l.server.reg.failed(l.out.aor, l.out.key)
	}
}

// cancel is End of an outbound leg without an answer.
func (l *leg) cancel(cause call.Cause) {
	l.reason = cause
	l.state = legClosing
	l.out.cancel = true
	l.clear(timerRing)
	if l.out.tx == nil { // not even dialled
		l.finish()
		return
	}
	if l.out.heard {
		l.sendCancel()
	}
}

// sendCancel sends CANCEL with the branch of the INVITE (RFC 3261 9.1).
func (l *leg) sendCancel() {
	if l.out.sent {
		return
	}
	l.out.sent = true
	l.set(timerGiveUp, lifetime)
	l.transact(l.cancelRequest(), func(res *gosip.Response) {
		if res != nil && res.StatusCode == 481 && len(l.out.gone) > 0 && !l.out.settled {
			l.finish() // it hung up and has forgotten the INVITE: no final response comes
		}
	})
}

// cancelRequest makes the CANCEL of the INVITE.
func (l *leg) cancelRequest() *gosip.Request {
	invite := l.out.invite
	r := gosip.NewRequest(gosip.CANCEL, *invite.Recipient.Clone())
	r.AppendHeader(invite.Via().Clone())
	for _, h := range invite.GetHeaders("Route") {
		r.AppendHeader(gosip.HeaderClone(h))
	}
	hops := gosip.MaxForwardsHeader(70)
	r.AppendHeader(&hops)
	for _, h := range []gosip.Header{invite.From(), invite.To(), invite.CallID()} {
		r.AppendHeader(gosip.HeaderClone(h))
	}
	r.AppendHeader(&gosip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: gosip.CANCEL})
	if h := reasonHeader(l.reason); h != nil {
		r.AppendHeader(h)
	}
	l.server.direct(r, l.d.flow)
	return r
}

// giveUp ends the transaction of an INVITE that never had a final response: a
// device that rang once and is gone would keep it for ever (RFC 3261 17.1.1.2
// has no timer for that state).
func (l *leg) giveUp() {
	if l.out.tx != nil && !l.out.settled {
		l.out.tx.Terminate()
	}
	if l.session.reinvite != nil {
		l.session.reinvite.Terminate()
	}
}

// retryWithCredentials answers the challenge of a trunk, once, and only of the
// realm that is configured (digest leak).
func (l *leg) retryWithCredentials(res *gosip.Response) bool {
	t := l.out.trunk
	if t == nil || l.out.tried || l.state != legEarly {
		return false
	}
	give, a := t.answer(res, "INVITE", l.out.invite.Recipient.String())
	if a == "" {
		return false
	}
	l.out.tried = true
	again := l.again(l.out.invite)
	again.AppendHeader(gosip.NewHeader(give, a))
	l.out.invite, l.out.tx, l.out.early = again, nil, nil
	l.dial()
	return true
}

func mediaStatus(err error) int {
	if errors.Is(err, media.ErrNoPorts) {
		return 503
	}
	return 488
}

// numberUser keeps the digits and the plus of a number.
func numberUser(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '+' || (r >= '0' && r <= '9') {
			return r
		}
		return -1
	}, s)
}
