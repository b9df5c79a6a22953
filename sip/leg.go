package sip

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/call"
	"pickup/callflow"
	"pickup/internal/logkey"
	"pickup/internal/mailbox"
	"pickup/media"
)

// legState is where the signalling of a leg stands.
type legState int

const (
	legEarly   legState = iota // INVITE without a final response
	legUp                      // 2xx sent or received
	legClosing                 // our CANCEL or BYE is out, or a failed INVITE is still open
	legFinal                   // terminal
)

// The timers of a leg.
type legTimer int

const (
	timerRetransmit legTimer = iota // 2xx again (RFC 3261 13.3.1.4)
	timerACK                        // 64*T1 without ACK
	timerFirst1xx                   // an agent's device must answer something
	timerRing                       // Invitation.Timeout
	timerGiveUp                     // 64*T1 for the answer to our CANCEL or BYE
	timerEarlyBye                   // the 2xx that belongs to a BYE
	timerRefresh                    // our refresh of the session is due
	timerExpiry                     // the session was not refreshed
	timerProbe                      // to be asked by OPTIONS, if need be
	timerProgress                   // 180 to a caller who waits for our answer
	timerPRACK                      // 64*T1 without PRACK (RFC 3262 3)
	timerRefer                      // the session says nothing to a REFER, or its subscription is to be renewed
	timerCount
)

// Times of RFC 3261 17.1.1.1.
const (
	t1         = 500 * time.Millisecond
	t2         = 4 * time.Second
	lifetime   = 64 * t1
	patience1x = 3 * time.Second // first 1xx of a device

	patience2xx = 4 * t1 // for a 2xx that its own BYE overtook
)

// leg implements callflow.Leg for one SIP dialog. Everything but told and box
// belongs to the goroutine run.
type leg struct {
	id      call.LegID
	server  *Server
	log     *slog.Logger
	inbound bool
	media   *media.Leg
	told    teller
	box     *mailbox.Box[func()]

	d         dialog
	login     string      // of the agent who proved to be the peer; "": nobody did
	device    bindingName // whose dialog this is; zero: no registered device's
	bound     string      // where that was, when it was last looked at
	entered   bool        // the registrar counts the dialog
	silent    bool        // it ends without a word of the peer
	trunk     string      // counts it as a call; "": none does
	state     legState
	deadlines [timerCount]time.Time
	reason    call.Cause // of our End

	in  inboundPart
	out outboundPart
	rel reliable   // the provisional response that waits for its PRACK
	acc acceptance // the 2xx that waits for its ACK

	session session
	probe   probe
	ref     referral
	face    atomic.Pointer[face]

	offerPending bool // our offer is out: the answer comes in the ACK, or in the PRACK
	exchanged    bool // the first offer was answered reliably before the 2xx
	confirmed    bool // LegAnswered was told
	held         bool // the peer's last description has us on hold
	heldTold     bool // and that was told
}

var _ callflow.Leg = (*leg)(nil)

func (s *Server) newLeg(id call.LegID, inbound bool, m *media.Leg, d dialog) *leg {
	return &leg{
		id: id, server: s, inbound: inbound, media: m, d: d, box: mailbox.New[func()](),
		log: s.log.With(logkey.Leg, string(id), logkey.SIPCall, clean(d.callID)),
	}
}

// start enters l in the table and runs it.
func (l *leg) start(branch string) {
	l.in.branch = branch
	if l.device != (bindingName{}) {
		b, _ := l.server.reg.route(l.device.aor, l.device.key)
		l.bound = b.Received
	}
	l.d.flow.users.Add(1)
	l.show()
	l.server.legs.add(l, branch)
	l.server.calls.Go(l.run)
}

// ID implements callflow.Leg.
func (l *leg) ID() call.LegID { return l.id }

// Media implements callflow.Leg.
func (l *leg) Media() *media.Leg { return l.media }

// Bind implements callflow.Leg.
func (l *leg) Bind(sink func(callflow.LegEvent)) { l.told.bind(sink) }

// Answer implements callflow.Leg.
func (l *leg) Answer() { l.post(l.accept) }

// End implements callflow.Leg.
func (l *leg) End(cause call.Cause) { l.post(func() { l.end(cause) }) }

// Referred implements callflow.Leg.
func (l *leg) Referred(status int, text string) { l.post(func() { l.referred(status, text) }) }

// live tells the registrar once that the device of this leg is in a dialog.
// Before run, or in the leg's goroutine.
func (l *leg) live() {
	if !l.entered && l.device != (bindingName{}) {
		l.entered = true
		l.server.reg.enter(l.device)
	}
}

// follow takes the dialog to where its device is now, when that has registered
// again from another address or by another connection (RFC 5626 5.3).
func (l *leg) follow() {
	if l.device == (bindingName{}) {
		return
	}
	b, f := l.server.reg.route(l.device.aor, l.device.key)
	if f == nil || b.Received == l.bound {
		return
	}
	f.users.Add(1)
	l.d.flow.users.Add(-1)
	l.d.flow, l.bound = f, b.Received
}

// post hands f to the leg's goroutine; false: the leg is final.
func (l *leg) post(f func()) bool { return l.box.Put(f) }

func (l *leg) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var got []func()
	for l.state != legFinal {
		timer.Reset(l.next())
		select {
		case <-timer.C:
			l.guarded(l.expire)
		case <-l.box.Ready():
			got = l.box.Take(got)
			for i, f := range got {
				if l.state == legFinal {
					l.late(got[i:])
					break
				}
				l.guarded(f)
			}
		}
	}
	l.late(l.box.Close())
	l.dropRefer()
	l.giveUp()
	if l.entered {
		l.server.reg.leave(l.device, l.silent, time.Now())
	}
	l.server.legs.remove(l, l.in.branch)
	l.server.trunks.leave(l.trunk)
	l.d.flow.users.Add(-1)
	l.told.tell(l.event(callflow.LegFinal, 0, ""))
	l.media.Close()
}

// late runs what came after the end, so that requests get their answer.
func (l *leg) late(fs []func()) {
	for _, f := range fs {
		l.guarded(f)
	}
}

func (l *leg) guarded(f func()) {
	defer func() {
		if p := recover(); p != nil {
			l.server.panicked(p)
		}
	}()
	f()
}

// set starts a timer; clear stops it.
func (l *leg) set(t legTimer, d time.Duration) { l.deadlines[t] = time.Now().Add(d) }
func (l *leg) clear(t legTimer)                { l.deadlines[t] = time.Time{} }

func (l *leg) next() time.Duration {
	wait := time.Hour
	for _, at := range l.deadlines {
		if !at.IsZero() {
			wait = min(wait, max(0, time.Until(at)))
		}
	}
	return wait
}

func (l *leg) expire() {
	now := time.Now()
	for t := range l.deadlines {
		if at := l.deadlines[t]; at.IsZero() || at.After(now) {
			continue
		}
		l.clear(legTimer(t))
		switch legTimer(t) {
		case timerRetransmit:
			if l.rel.waiting {
				l.againReliable()
			} else {
				l.retransmit()
			}
		case timerACK:
			l.noACK()
		case timerFirst1xx:
			l.no1xx()
		case timerRing:
			l.end(call.Cause{Status: 487, Text: "no answer"})
		case timerGiveUp:
			l.silent = true
			l.finish()
		case timerEarlyBye:
			l.no2xx()
		case timerRefresh:
			l.refresh()
		case timerExpiry:
			l.vanished("session expired")
		case timerProbe:
			l.ask()
		case timerProgress:
			l.progress()
		case timerPRACK:
			l.noPRACK()
		case timerRefer:
			l.referWaits()
		}
	}
}

func (l *leg) event(kind callflow.LegEventKind, status int, text string) callflow.LegEvent {
	return callflow.LegEvent{Leg: l.id, Kind: kind, Status: status, Text: clean(text), At: time.Now()}
}

func (l *leg) tell(kind callflow.LegEventKind, status int, text string) {
	l.told.tell(l.event(kind, status, text))
}

// finish makes the leg final; run does the rest.
func (l *leg) finish() { l.state = legFinal }

// abandon ends the leg when the server stops: a BYE where there is a call, and
// no waiting for its answer.
func (l *leg) abandon() {
	l.end(call.Cause{Status: 503, Text: "server stops"})
	l.finish()
}

// end is callflow.Leg.End.
func (l *leg) end(cause call.Cause) {
	l.reason = cause
	switch {
	case l.state == legFinal || l.state == legClosing:
		return
	case l.state == legEarly && l.inbound:
		l.reject(cause)
	case l.state == legEarly:
		l.cancel(cause)
	case !l.acc.closedOrNone():
		l.acc.thenBye = true // RFC 3261 15: no BYE before the ACK came or cannot come
	default:
		l.bye()
	}
}

// bye sends BYE and waits for its end.
func (l *leg) bye() {
	l.state = legClosing
	l.set(timerGiveUp, lifetime+time.Second)
	l.follow()
	r := l.d.request(gosip.BYE)
	if h := reasonHeader(l.reason); h != nil {
		r.AppendHeader(h)
	}
	l.transact(r, func(res *gosip.Response) {
		l.silent = res == nil
		l.finish()
	})
}

// transact sends r and calls done in the leg's goroutine with its final
// response, or nil where none came.
func (l *leg) transact(r *gosip.Request, done func(*gosip.Response)) {
	l.attempt(r, func(res *gosip.Response, _ bool) { done(res) })
}

// attempt is transact for who wants to know whether r was sent.
func (l *leg) attempt(r *gosip.Request, done func(res *gosip.Response, sent bool)) {
	l.attemptIn(&l.d, r, done)
}

// attemptIn is attempt in a dialog that may be an early one.
func (l *leg) attemptIn(d *dialog, r *gosip.Request, done func(res *gosip.Response, sent bool)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.server.life), 5*time.Second) // the BYE of a stop too
	defer cancel()
	tx, err := d.send(ctx, r)
	if err != nil {
		l.log.Debug("sip request not sent", logkey.Err, err, slog.String("method", string(r.Method)))
		l.post(func() { done(nil, false) })
		return
	}
	l.server.wg.Go(func() {
		defer tx.Terminate()
		for {
			select {
			case res := <-tx.Responses():
				if res.StatusCode >= 200 {
					l.post(func() { done(res, true) })
					return
				}
			case <-tx.Done():
				l.post(func() { done(nil, true) })
				return
			case <-l.server.life.Done():
				return
			}
		}
	})
}

// reasonHeader is RFC 3326: a SIP cause, or our own text.
func reasonHeader(c call.Cause) gosip.Header {
	if c.Status == 0 && c.Text == "" {
		return nil
	}
	status := c.Status
	if status == 0 {
		status = 200
	}
	v := "SIP;cause=" + strconv.Itoa(status)
	if c.Text != "" {
		v += `;text="` + quoteDisplay(c.Text) + `"`
	}
	return gosip.NewHeader("Reason", v)
}

// request serves a request inside the dialog.
func (l *leg) request(q *request) {
	defer func() {
		if p := recover(); p != nil {
			l.server.panicked(p)
			q.refuse(refuse(500))
		}
	}()
	tag, _ := q.From().Params.Get("tag")
	if q.Method == gosip.BYE && !l.inbound && l.out.ack == nil && tag != "" && l.state != legFinal && l.mayCome(q) {
		l.byeBeforeAnswer(q, tag)
		return
	}
	if e := l.out.early[tag]; e != nil && l.out.ack == nil && l.state != legFinal && l.mayCome(q) {
		l.earlyRequest(e, q)
		return
	}
	if l.state == legFinal || tag != l.d.remoteTag || !l.mayCome(q) {
		q.refuse(refuse(481))
		return
	}
	if q.CSeq().SeqNo < l.d.remoteCSeq || (q.CSeq().SeqNo == l.d.remoteCSeq && l.d.remoteCSeq > 0) {
		q.refuse(refuse(500)) // RFC 3261 12.2.2
		return
	}
	l.d.remoteCSeq = q.CSeq().SeqNo
	l.heard()
	switch q.Method {
	case gosip.BYE:
		l.gotBye(q)
	case gosip.INVITE:
		l.reinvited(q)
	case gosip.UPDATE:
		l.updated(q)
	case gosip.PRACK:
		l.pracked(q)
	case gosip.REFER:
		l.refer(q)
	case gosip.INFO:
		l.info(q)
	case gosip.OPTIONS:
		l.server.options(q)
	default:
		q.refuse(refuse(405, gosip.NewHeader("Allow", allow)))
	}
}

// mayCome reports whether a request comes from where the dialog lives: the
// same address, or for a device another flow of the same user.
func (l *leg) mayCome(q *request) bool {
	if q.source.Addr() == l.d.flow.addr.Addr() {
		return true
	}
	if l.trunk != "" { // any of its addresses
		if t := l.server.trunks.of(q.source); t != nil && t.Name == l.trunk {
			return true
		}
	}
	return l.device.aor != "" && l.server.reg.usesAddress(l.device.aor, q.source.Addr())
}

func (l *leg) gotBye(q *request) {
	q.respond(q.response(200))
	if l.state == legClosing { // BYE crossed ours: R11
		return
	}
	if l.state == legEarly && l.inbound {
		l.in.invite.refuse(refuse(487)) // RFC 3261 15.1.2
	}
	l.tell(callflow.LegHungUp, 0, reasonText(q.Request))
	l.finish()
}

// reasonText is the Reason of a message (RFC 3326), whatever its protocol.
func reasonText(m gosip.Message) string {
	if hs := m.GetHeaders("Reason"); len(hs) > 0 {
		return hs[0].Value()
	}
	return ""
}
