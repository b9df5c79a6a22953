package sip

import (
	"context"
	"log/slog"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/call"
	"pickup/internal/logkey"
	"pickup/sip/locate"
)

// patienceTrunk is for the first response of an address of a trunk, where there
// is another to go to; without another the transaction decides (timer B, 32 s).
const patienceTrunk = 4 * time.Second

// elsewhere sends the call to the next address of its trunk, or by the next
// trunk, and reports whether it did (RFC 3263 4.3): after no answer, a transport
// that failed, or a 502, 503 or 504. Any other answer is one, and final. res is nil where
// none came. It runs in the leg's goroutine.
func (l *leg) elsewhere(res *gosip.Response) bool {
	w := l.out.ways
	if w == nil || l.state != legEarly || l.out.cancel || l.out.failed || l.out.ack != nil {
		return false
	}
	var wait time.Duration
	if res != nil {
		if res.StatusCode < 502 || res.StatusCode > 504 {
			return false
		}
		wait = secondsOf(res, "Retry-After")
	}
	if w.line != nil {
		w.line.blame(l.d.flow.addr, wait)
	}
	if !w.more() {
		return false
	}
	was, tx := l.out.invite, l.out.tx
	l.trunk = "" // next leaves it
	to, ok := w.next()
	if !ok {
		return false
	}
	l.trunk = w.line.Name
	if res == nil && tx != nil {
		l.server.disown(tx, was, l.d)
	}
	l.server.trunks.failovers.Add(1)
	l.log.Info("trunk failed, next way", slog.String("trunk", l.trunk), slog.String("address", describe(to)))
	l.redirect(w.destination(l.out.number, to))
	l.dial()
	return true
}

// redirect makes a new INVITE of the same call for another destination: another
// Call-ID, so that it is never merged with the one before (RFC 3261 8.2.2.2).
func (l *leg) redirect(to destination) {
	body := l.out.invite.Body()
	for _, e := range l.out.early {
		if e.answer != nil { // the offer has had its answer
			body = nil
		}
	}
	l.out.early, l.out.gone = nil, nil
	l.server.legs.remove(l, "")
	l.d.flow.users.Add(-1)
	l.d = l.server.dialogTo(to, l.out.from)
	l.d.flow.users.Add(1)
	l.server.legs.add(l, "")
	l.show()
	l.out.trunk, l.out.tried, l.out.heard, l.out.tx = to.trunk, false, false, nil
	l.out.invite = l.compose(to)
	if body != nil {
		l.out.invite.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
		l.out.invite.SetBody(body)
	}
}

// reach opens the connection that an INVITE to a trunk goes by.
func (l *leg) reach(ctx context.Context) error {
	if l.out.trunk == nil || !l.d.flow.stream() {
		return nil
	}
	f, err := l.server.connect(ctx, locate.Target{Transport: l.d.flow.transport, Addr: l.d.flow.addr, Name: l.d.flow.host})
	if err != nil {
		return err
	}
	if f != l.d.flow {
		f.users.Add(1)
		l.d.flow.users.Add(-1)
		l.d.flow = f
	}
	return nil
}

// disowned is an INVITE that nobody waits for any more, because its call went
// another way: what rings is cancelled, what answers hung up.
type disowned struct {
	server *Server
	invite *gosip.Request
	d      dialog

	mu        sync.Mutex
	cancelled bool
	ended     map[string]bool // To-tags
}

// disown takes care of what still comes of an INVITE.
func (s *Server) disown(tx *gosip.ClientTx, invite *gosip.Request, d dialog) {
	o := &disowned{server: s, invite: invite, d: d, ended: map[string]bool{}}
	s.disowned.Store(tx, o)
	s.wg.Go(func() {
		defer s.disowned.Delete(tx)
		select {
		case <-tx.Done():
		case <-s.life.Done():
		}
	})
}

// stray takes a response to an INVITE that is not its leg's any more.
func (s *Server) stray(tx *gosip.ClientTx, res *gosip.Response) {
	v, ok := s.disowned.Load(tx)
	if !ok {
		return
	}
	o := v.(*disowned)
	switch {
	case res.StatusCode < 200:
		o.cancel()
	case res.StatusCode < 300:
		o.hangUp(res)
	}
}

func (o *disowned) cancel() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cancelled {
		return
	}
	o.cancelled = true
	l := &leg{server: o.server, d: o.d, reason: call.Cause{Text: "went another way"}}
	l.out.invite = o.invite
	r := l.cancelRequest()
	o.send(r)
}

func (o *disowned) hangUp(res *gosip.Response) {
	o.mu.Lock()
	defer o.mu.Unlock()
	tag, _ := res.To().Params.Get("tag")
	fork := &leg{server: o.server, log: o.server.log, d: o.d}
	fork.d.adopt(res, tag)
	ack := fork.d.request(gosip.ACK)
	ack.CSeq().SeqNo = o.invite.CSeq().SeqNo
	_ = fork.d.write(ack)
	if o.ended[tag] {
		return
	}
	o.ended[tag] = true
	o.send(fork.d.request(gosip.BYE))
}

// send sends a request of which no answer matters.
func (o *disowned) send(r *gosip.Request) {
	d := o.d
	o.server.wg.Go(func() {
		if _, err := o.server.roundTrip(context.WithoutCancel(o.server.life), &d, r); err != nil {
			o.server.log.Debug("sip request not answered", logkey.Err, err)
		}
	})
}
