package sip

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/call"
	"pickup/callflow"
	"pickup/internal/logkey"
)

// Times of what a caller hears before the answer.
const (
	firstProgress = time.Second // without an answer: 180
	nextProgress  = time.Minute // and again, so that no proxy gives up (RFC 3261 13.3.1.1)
)

// maxRSeq is the highest first RSeq (RFC 3262 3).
const maxRSeq = 1<<31 - 1

// reliable is the reliable provisional response of ours to an INVITE
// (RFC 3262 3). It always carries a description, so the 2xx waits for its PRACK.
type reliable struct {
	asked    bool // the caller requires that provisional responses be reliable
	rseq     uint32
	res      *gosip.Response // nil: none was sent
	interval time.Duration
	waiting  bool // no PRACK yet
	offer    bool // it carries our offer: the answer comes in the PRACK
	answer   bool // Leg.Answer was called meanwhile
}

// progress tells the caller that his call is being offered. It runs where no
// answer came within a second.
func (l *leg) progress() {
	if l.state != legEarly || l.rel.waiting {
		return
	}
	l.set(timerProgress, nextProgress)
	if l.rel.asked {
		if l.rel.res == nil {
			l.sendReliable()
		}
		return // once it was acknowledged the transaction sends it to who asks again
	}
	res := l.in.invite.response(180)
	res.AppendHeader(l.server.contact(l.d.flow))
	res.AppendHeader(gosip.NewHeader("Allow", allow))
	res.AppendHeader(gosip.NewHeader("Supported", supported))
	l.in.invite.respond(res)
}

// sendReliable sends 183 with our description (RFC 3262 3): the answer, or our
// offer where the INVITE had none (RFC 3261 13.2.1). false: the call is over.
func (l *leg) sendReliable() bool {
	body, ok := l.description()
	if !ok {
		return false
	}
	l.rel.offer = l.offerPending
	l.rel.rseq = 1 + rand.Uint32N(maxRSeq-1) //nolint:gosec // hides nothing
	res := l.in.invite.response(183)
	res.AppendHeader(l.server.contact(l.d.flow))
	res.AppendHeader(gosip.NewHeader("Allow", allow))
	res.AppendHeader(gosip.NewHeader("Supported", supported))
	res.AppendHeader(gosip.NewHeader("Require", "100rel"))
	res.AppendHeader(gosip.NewHeader("RSeq", strconv.FormatUint(uint64(l.rel.rseq), 10)))
	res.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
	res.SetBody(body)
	l.rel.res, l.rel.waiting, l.rel.interval = res, true, t1
	l.in.invite.respond(res)
	l.set(timerRetransmit, t1) // over TCP too (RFC 3262 3)
	l.set(timerPRACK, lifetime)
	return true
}

// description is ours for the first INVITE; false: there is none, and the call
// was refused.
func (l *leg) description() ([]byte, bool) {
	if l.in.answer != nil {
		return l.in.answer, true
	}
	ctx, cancel := context.WithTimeout(l.server.life, 5*time.Second)
	defer cancel()
	body, err := l.media.Offer(ctx) // the INVITE had no offer (RFC 3261 13.2.1)
	if err != nil {
		l.log.Warn("no media offer", logkey.Err, err)
		l.refuseInvite(500, "no media offer")
		return nil, false
	}
	l.offerPending = true
	return body, true
}

// refuseInvite ends a call of which the session thinks that it goes on.
func (l *leg) refuseInvite(status int, why string) {
	l.in.invite.refuse(refuse(status))
	l.tell(callflow.LegHungUp, status, why)
	l.finish()
}

// againReliable sends the provisional response again: after 0.5, 1, 2, 4, 8 and
// 16 seconds (RFC 3262 3).
func (l *leg) againReliable() {
	_ = l.in.invite.tx.Respond(l.rel.res)
	l.rel.interval *= 2
	l.set(timerRetransmit, l.rel.interval)
}

// noPRACK gives the call up (RFC 3262 3: a 5xx after 64*T1).
func (l *leg) noPRACK() {
	if l.rel.waiting && l.state == legEarly {
		l.reason = call.Cause{Status: 504, Text: "no PRACK"}
		l.refuseInvite(504, "no PRACK")
	}
}

// pracked serves PRACK (RFC 3262 3, 5).
func (l *leg) pracked(q *request) {
	rseq, cseq, method, ok := parseRAck(q.Request)
	switch {
	case !ok:
		q.refuse(refuse(400))
		return
	case !l.inbound || !l.rel.waiting || l.state != legEarly || rseq != l.rel.rseq || cseq != l.in.invite.CSeq().SeqNo || method != "INVITE":
		q.refuse(refuse(481))
		return
	}
	l.rel.waiting = false
	l.clear(timerRetransmit)
	l.clear(timerPRACK)
	l.exchanged = true
	if !l.answerToPRACK(q) {
		return
	}
	if l.rel.answer {
		l.accept()
	}
}

// answerToPRACK takes the description of a PRACK: the answer to our offer, or a
// new offer, which does not undo the acknowledgement when it is refused.
func (l *leg) answerToPRACK(q *request) bool {
	if l.rel.offer {
		l.offerPending = false
		q.respond(q.response(200))
		if err := l.media.Accept(q.Body()); err != nil {
			l.log.Info("answer in PRACK not usable", logkey.Err, err)
			l.refuseInvite(488, "no usable answer")
			return false
		}
		l.described(q.Body())
		return true
	}
	if len(q.Body()) == 0 {
		q.respond(q.response(200))
		return true
	}
	body, f := l.negotiate(q)
	if f != nil {
		q.refuse(f)
		return true
	}
	res := q.response(200)
	res.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
	res.SetBody(body)
	q.respond(res)
	return true
}

// parseRAck reads RAck (RFC 3262 7.2): RSeq, CSeq number and method.
func parseRAck(m gosip.Message) (rseq, cseq uint32, method string, ok bool) {
	hs := m.GetHeaders("RAck")
	if len(hs) != 1 {
		return 0, 0, "", false
	}
	f := strings.Fields(hs[0].Value())
	if len(f) != 3 {
		return 0, 0, "", false
	}
	a, errA := strconv.ParseUint(f[0], 10, 32)
	b, errB := strconv.ParseUint(f[1], 10, 31)
	if errA != nil || errB != nil || a == 0 {
		return 0, 0, "", false
	}
	return uint32(a), uint32(b), f[2], true
}

// parseRSeq reads RSeq (RFC 3262 7.1); 0: there is none.
func parseRSeq(m gosip.Message) uint32 {
	hs := m.GetHeaders("RSeq")
	if len(hs) != 1 {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimSpace(hs[0].Value()), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
