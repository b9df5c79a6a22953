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

// minSE is the least session interval, in seconds (RFC 4028 5).
const minSE = 90

// maxSE bounds what a peer may make us ask for, in seconds.
const maxSE = 24 * 3600

// retryRefresh is the pause after a refresh that was refused for the moment.
const retryRefresh = 10 * time.Second

// session is the session timer of one dialog (RFC 4028). Each 2xx to an INVITE
// or UPDATE sets it anew. It belongs to the goroutine of its leg.
type session struct {
	seconds int  // interval; 0: the session does not expire
	ours    bool // we refresh it
	minimum int  // the highest Min-SE that the peer asked for, in seconds; 0: none
	updates bool // the peer takes UPDATE

	refreshing bool            // our refresh waits for its response
	reinvite   *gosip.ClientTx // a refresh by INVITE without final response, else nil
	tried      bool            // the trunk's challenge to this refresh was answered
}

// sessionExpires reads Session-Expires or its compact form (RFC 4028 4).
func sessionExpires(m gosip.Message) (seconds int, refresher string, ok bool) {
	hs := append(m.GetHeaders("Session-Expires"), m.GetHeaders("x")...)
	if len(hs) == 0 {
		return 0, "", false
	}
	value, params, _ := strings.Cut(hs[0].Value(), ";")
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
	if err != nil {
		return 0, "", true
	}
	for _, p := range strings.Split(params, ";") {
		if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(strings.TrimSpace(k), "refresher") {
			refresher = strings.ToLower(strings.TrimSpace(v))
		}
	}
	return int(n), refresher, true
}

// leastSession reads Min-SE; 0: there is none.
func leastSession(m gosip.Message) int {
	hs := m.GetHeaders("Min-SE")
	if len(hs) == 0 {
		return 0
	}
	value, _, _ := strings.Cut(hs[0].Value(), ";")
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

// lists reports whether a header that holds a list names a token.
func lists(m gosip.Message, token string, names ...string) bool {
	for _, name := range names {
		for _, h := range m.GetHeaders(name) {
			for v := range strings.SplitSeq(h.Value(), ",") {
				if strings.EqualFold(strings.TrimSpace(v), token) {
					return true
				}
			}
		}
	}
	return false
}

// expires is the interval that we ask for, in seconds.
func (s *Server) expires() int { return int(s.cfg.SessionExpires / time.Second) }

// knows notes what a message of the peer says of his abilities.
func (n *session) knows(m gosip.Message) {
	if len(m.GetHeaders("Allow")) > 0 {
		n.updates = lists(m, "UPDATE", "Allow")
	}
}

// grantSession puts the session timer into a 2xx of ours (RFC 4028 9). Who
// refreshes is for the caller to say; who does not know of timers has us to do
// it where a proxy wants one, and else none: he is asked by OPTIONS.
func (l *leg) grantSession(r *gosip.Request, res *gosip.Response) {
	if l.state == legEarly {
		return // an UPDATE before the answer
	}
	l.session.knows(r)
	seconds, refresher, asked := sessionExpires(r)
	able := lists(r, "timer", "Supported", "k")
	wanted := max(l.server.expires(), leastSession(r))
	switch {
	case !asked && !able:
		l.expireAfter(0, false)
		return
	case !asked: // RFC 4028 9: we may ask for one
		seconds, refresher = wanted, "uas"
	default:
		seconds = min(seconds, wanted)
	}
	switch {
	case !able:
		refresher = "uas"
	case refresher != "uas":
		refresher = "uac"
	}
	if able {
		res.AppendHeader(gosip.NewHeader("Require", "timer"))
	}
	res.AppendHeader(gosip.NewHeader("Session-Expires", strconv.Itoa(seconds)+";refresher="+refresher))
	l.expireAfter(seconds, refresher == "uas")
}

// takeSession reads the session timer of a 2xx to a request of ours
// (RFC 4028 7.2). Without one the session does not expire.
func (l *leg) takeSession(res *gosip.Response) {
	l.session.knows(res)
	seconds, refresher, ok := sessionExpires(res)
	if !ok {
		l.expireAfter(0, false)
		return
	}
	l.expireAfter(max(seconds, minSE), refresher != "uas")
}

// expireAfter starts the session anew; 0 seconds: it does not expire. It is
// refreshed at its half, and given up a little before its end (RFC 4028 10).
func (l *leg) expireAfter(seconds int, ours bool) {
	l.session.seconds, l.session.ours = seconds, ours
	l.clear(timerExpiry)
	l.clear(timerRefresh)
	if seconds == 0 {
		return
	}
	interval := time.Duration(seconds) * time.Second
	l.set(timerExpiry, interval-min(32*time.Second, interval/3))
	if ours {
		l.set(timerRefresh, interval/2)
	}
}

// askSession puts our wish for a session timer into a request.
func (l *leg) askSession(r *gosip.Request, refresher string) {
	seconds := max(l.server.expires(), l.session.minimum)
	if l.session.seconds > 0 { // a refresh keeps what was agreed on
		seconds = max(l.session.seconds, l.session.minimum)
	}
	r.RemoveHeader("Session-Expires")
	r.RemoveHeader("Min-SE")
	r.AppendHeader(gosip.NewHeader("Session-Expires", strconv.Itoa(seconds)+refresher))
	if l.session.minimum > 0 {
		r.AppendHeader(gosip.NewHeader("Min-SE", strconv.Itoa(l.session.minimum)))
	}
}

// tooSmall takes a 422; false: it says nothing that helps.
func (l *leg) tooSmall(res *gosip.Response) bool {
	least := leastSession(res)
	asked := max(l.server.expires(), l.session.minimum)
	if l.session.seconds > 0 {
		asked = max(l.session.seconds, l.session.minimum)
	}
	if least <= asked || least > maxSE {
		return false
	}
	l.session.minimum = least
	return true
}

// refresh sends UPDATE, or a re-INVITE to who does not take that
// (RFC 4028 7.4): the session goes on as it is.
func (l *leg) refresh() {
	switch {
	case l.state != legUp || l.session.refreshing:
		return
	case l.acc.waiting || l.offerPending: // an offer of his, or of ours, is open
		l.set(timerRefresh, 2*time.Second)
		return
	}
	l.follow()
	method := gosip.INVITE
	if l.session.updates {
		method = gosip.UPDATE
	}
	r := l.d.request(method)
	r.AppendHeader(l.server.contact(l.d.flow))
	r.AppendHeader(gosip.NewHeader("Allow", allow))
	r.AppendHeader(gosip.NewHeader("Supported", supported))
	l.askSession(r, ";refresher=uac")
	if method == gosip.INVITE {
		ctx, cancel := context.WithTimeout(l.server.life, 5*time.Second)
		defer cancel()
		body, err := l.media.Offer(ctx)
		if err != nil {
			l.log.Warn("no media offer for a refresh", logkey.Err, err)
			l.set(timerRefresh, retryRefresh)
			return
		}
		r.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
		r.SetBody(body)
	}
	l.sendRefresh(r)
}

func (l *leg) sendRefresh(r *gosip.Request) {
	l.session.refreshing = true
	if r.Method != gosip.INVITE {
		l.attempt(r, func(res *gosip.Response, sent bool) { l.refreshed(r, res, sent) })
		return
	}
	ctx, cancel := context.WithTimeout(l.server.life, 5*time.Second)
	defer cancel()
	tx, err := l.d.send(ctx, r)
	if err != nil {
		l.refreshed(r, nil, false)
		return
	}
	l.session.reinvite = tx
	var ack *gosip.Request // set in the leg's goroutine
	final := func(res *gosip.Response) {
		switch {
		case l.session.reinvite != tx:
			return
		case res != nil && res.StatusCode < 200:
			return
		}
		l.session.reinvite = nil
		if res != nil && res.StatusCode < 300 {
			ack = l.acknowledge(r)
		}
		l.refreshed(r, res, true)
	}
	tx.OnRetransmission(func(*gosip.Response) {
		l.post(func() {
			if ack != nil {
				_ = l.d.write(ack.Clone())
			}
		})
	})
	l.server.wg.Go(func() {
		for {
			select {
			case res := <-tx.Responses():
				l.post(func() { final(res) })
			case <-tx.Done():
				l.post(func() { final(nil) })
				return
			case <-l.server.life.Done():
				tx.Terminate()
				return
			}
		}
	})
}

// acknowledge sends the ACK of a re-INVITE of ours that got a 2xx.
func (l *leg) acknowledge(r *gosip.Request) *gosip.Request {
	ack := l.d.request(gosip.ACK)
	ack.CSeq().SeqNo = r.CSeq().SeqNo // others may have gone out since
	if err := l.d.write(ack.Clone()); err != nil {
		l.log.Debug("ACK not sent", logkey.Err, err)
	}
	return ack
}

// refreshed takes the outcome of a refresh of ours; nil: there was no answer.
func (l *leg) refreshed(r *gosip.Request, res *gosip.Response, sent bool) {
	l.session.refreshing = false
	if l.state != legUp {
		return
	}
	switch {
	case res == nil && !sent: // the connection is gone: it may come back in time
		l.set(timerRefresh, retryRefresh)
	case res == nil, res.StatusCode == 408, res.StatusCode == 481: // RFC 4028 10
		l.vanished("session refresh not answered")
	case res.StatusCode < 300:
		l.session.tried = false
		l.heard()
		l.d.refresh(res)
		if r.Method == gosip.INVITE {
			if err := l.media.Accept(res.Body()); err != nil {
				l.log.Info("answer to a refresh not usable", logkey.Err, err)
			} else {
				l.described(res.Body())
			}
		}
		l.takeSession(res)
	case res.StatusCode == 422 && l.tooSmall(res):
		l.refresh()
	case res.StatusCode == 491: // RFC 3261 14.1
		l.set(timerRefresh, l.glarePause())
	case (res.StatusCode == 401 || res.StatusCode == 407) && l.refreshWithCredentials(r, res):
	case r.Method == gosip.UPDATE && (res.StatusCode == 405 || res.StatusCode == 420 || res.StatusCode == 501):
		l.session.updates = false
		l.refresh()
	default: // the session lives on until it expires
		l.set(timerRefresh, retryRefresh)
	}
}

// glarePause is how long to wait after a 491 (RFC 3261 14.1): longer where the
// Call-ID is ours.
func (l *leg) glarePause() time.Duration {
	if l.inbound {
		return rand.N(2 * time.Second) //nolint:gosec // spreads, hides nothing
	}
	return 2100*time.Millisecond + rand.N(1900*time.Millisecond) //nolint:gosec // see above
}

// refreshWithCredentials answers the challenge of a trunk to a refresh, once.
func (l *leg) refreshWithCredentials(r *gosip.Request, res *gosip.Response) bool {
	if l.out.trunk == nil || l.session.tried {
		return false
	}
	give, a := l.out.trunk.answer(res, string(r.Method), r.Recipient.String())
	if a == "" {
		return false
	}
	l.session.tried = true
	again := l.again(r)
	again.AppendHeader(gosip.NewHeader(give, a))
	l.sendRefresh(again)
	return true
}

// again makes the same request anew: another branch, the next CSeq.
func (l *leg) again(r *gosip.Request) *gosip.Request {
	n := r.Clone()
	via := r.Via().Clone()
	n.RemoveHeader("Via")
	via.Params.Add("branch", newBranch())
	n.PrependHeader(via)
	l.d.localCSeq++
	n.CSeq().SeqNo = l.d.localCSeq
	l.server.direct(n, l.d.flow)
	return n
}

// retryWithLongerSession answers a 422 to our INVITE (RFC 4028 7.3).
func (l *leg) retryWithLongerSession(res *gosip.Response) bool {
	if res.StatusCode != 422 || l.state != legEarly || !l.tooSmall(res) {
		return false
	}
	again := l.again(l.out.invite)
	l.askSession(again, "")
	l.out.invite, l.out.tx, l.out.early = again, nil, nil
	l.dial()
	return true
}

// vanished ends a call whose peer shows no life any more: a BYE for what may be
// left of it, and a cause that is stored with the leg.
func (l *leg) vanished(why string) {
	if l.state != legUp {
		return
	}
	l.server.counters.dead.Add(1)
	l.log.Info("peer has vanished", logkey.Event, why)
	for _, t := range []legTimer{timerExpiry, timerRefresh, timerProbe} {
		l.clear(t)
	}
	cause := call.Cause{Status: 408, Text: why}
	l.tell(callflow.LegHungUp, cause.Status, cause.Text)
	l.end(cause)
}
