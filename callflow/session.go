package callflow

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/internal/logkey"
	"pickup/internal/mailbox"
	"pickup/media"
	"pickup/queue"
	"pickup/recording"
)

// ErrEnded says that the call is over.
var ErrEnded = errors.New("callflow: the call has ended")

// Session is one live call: a goroutine that owns its legs, feeds the machine
// and does what it wants. Others send inputs, or read the latest View.
type Session struct {
	id     call.ID
	mgr    *Manager
	log    *slog.Logger
	box    *mailbox.Box[input]
	done   chan struct{}
	m      *machine
	inputs []input // answers of effects, taken before the mailbox
	timers [timerCount]*time.Timer
	fired  chan timerFire
	epochs [timerCount]uint64
	entry  *queue.Entry
	// adopted: entry was that of a consultation, and listen passes its notices on.
	adopted bool
	seeks   map[queue.ItemID]*queue.Entry // consultations of queues
	legs    map[call.LegID]Leg            // the agents'
	player  Leg
	joint   *media.Bridge
	two     pair // of joint
	// conf stands in place of joint while more than two are to hear each other.
	conf        *media.Conference
	confPrivate bool // without player and recorder
	members     map[call.LegID]*media.Member
	near        *media.Bridge            // of an agent's second line and who is consulted on it
	direct      map[queue.OfferID]direct // who is engaged for this call alone
	replies     map[uint64]func(error)   // who asked for an operation
	ticket      uint64
	tape        *recording.Recording
	ear         *ear               // of the message that is left
	wanted      []chan<- confirmed // who asked for a callback by API
	ended       bool
	suspect     bool   // the last audit found the talk without its agent's leg
	view        latest // read by others

	handedBack bool // the promise that this call keeps is the runner's again
}

// timerFire is a timer that ran out; a stale epoch is ignored (telephony E2).
type timerFire struct {
	kind  timerKind
	epoch uint64
}

// newSession makes a session; nothing runs before run.
func newSession(mgr *Manager, m *machine) *Session {
	s := &Session{
		id: m.rec.ID, mgr: mgr, m: m,
		log: mgr.log.With(logkey.Call, string(m.rec.ID)),
		box: mailbox.New[input](), done: make(chan struct{}),
		fired: make(chan timerFire, int(timerCount)*4),
		legs:  map[call.LegID]Leg{}, direct: map[queue.OfferID]direct{}, replies: map[uint64]func(error){},
		seeks: map[queue.ItemID]*queue.Entry{},
	}
	s.publish()
	return s
}

// send gives the session an input. It reports false when the call is over.
func (s *Session) send(in input) bool { return s.box.Put(in) }

// View returns what the call looks like now. It never waits.
func (s *Session) View() View { return s.view.get() }

// reachBack is where an inbound call's player is called back; "" for a call of
// ours, and once he is on his way out.
func (s *Session) reachBack() string { return s.view.reachBack() }

// promise is the callback that the call asked for, or keeps; "": none.
func (s *Session) promise() string { return s.view.promise() }

// run owns the call until nothing is outstanding.
func (s *Session) run(ctx context.Context) {
	defer close(s.done)
	defer s.release()
	s.feed(started{})
	var taken []input
	for !s.m.closed {
		var notices <-chan queue.Notice
		if s.entry != nil && !s.adopted {
			notices = s.entry.Notices()
		}
		select {
		case <-s.box.Ready():
			taken = s.box.Take(taken)
			for _, in := range taken {
				s.feed(in)
			}
		case n, ok := <-notices:
			if !ok {
				s.entry = nil
				continue
			}
			s.feed(noticed{n})
		case f := <-s.fired:
			if f.epoch == s.epochs[f.kind] {
				s.feed(expired{f.kind})
			}
		case <-ctx.Done():
			s.abandonShip()
			return
		}
	}
}

// abandonShip: the process stops before the call could be ended in order.
func (s *Session) abandonShip() {
	s.feed(asked{want: wantAbandon})
	for _, l := range s.legs {
		l.End(call.Cause{Status: 503, Text: "Server stops"})
	}
	if s.player != nil {
		s.player.End(call.Cause{Status: 503, Text: "Server stops"})
	}
	if !s.ended {
		s.finish()
	}
}

// release frees what the session owns, whatever way it ends.
func (s *Session) release() {
	for _, t := range s.timers {
		if t != nil {
			t.Stop()
		}
	}
	s.disconnect()
	s.leaveNear()
	for o := range s.direct {
		s.disengage(o)
	}
	for _, reply := range s.replies {
		reply(ErrEnded)
	}
	for item := range s.seeks {
		s.leaveSeek(item)
	}
	if s.entry != nil {
		s.mgr.refuseOffers(s.entry)
	}
	for _, in := range s.box.Close() {
		switch in := in.(type) {
		case wanted:
			in.reply <- confirmed{err: ErrEnded}
		case operation:
			in.reply(ErrEnded)
		case secondCall:
			in.leg.End(call.Cause{Status: 404, Text: "Call ended"})
		case otherDevice:
			in.leg.End(call.Cause{Status: 481, Text: "Call ended"})
		case comeBack:
			in.leg.End(call.Cause{Status: 404, Text: "Call ended"})
		case attempted:
			if in.err == nil {
				s.mgr.callbacks.undo(s.id, in.callback.ID, in.attempt)
			}
		case confirmed:
			if in.err == nil {
				s.confirmedLate(in.callback)
			}
		}
	}
	s.tellWanted(confirmed{err: ErrEnded})
	s.mgr.forget(s)
}

// confirmedLate: a promise was stored while the call ended: it stands, unless an
// agent was faster.
func (s *Session) confirmedLate(c callback.Callback) {
	if s.m.answeredMeanwhile() {
		s.mgr.callbacks.cancel(s.id, c.ID)
		return
	}
	s.mgr.callbacks.add(c)
}

// feed gives the machine one input, and then the answers to its effects. A
// fault in here ends this call, never the server.
func (s *Session) feed(in input) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic in a call", logkey.Err, p, "stack", string(debug.Stack()))
			s.mgr.panics.Add(1)
			s.crash()
		}
	}()
	switch got := in.(type) {
	case wanted:
		s.wanted = append(s.wanted, got.reply)
		in = asked{wantCallback, got.by}
	case comeBack:
		in = s.swapPlayer(got.leg)
	case audited:
		if in = s.audit(); in == nil {
			return
		}
	case operation:
		s.ticket++
		s.replies[s.ticket] = got.reply
		in = operationAsked{got.Operation, s.ticket}
	case secondCall:
		in = s.takeSecond(got)
	case otherDevice:
		if in = s.moveTo(got); in == nil {
			return
		}
	case agentSaid:
		if got.Kind == LegRefer {
			if in = s.refer(got.LegEvent); in == nil {
				return
			}
		}
	case playerSaid:
		if got.Kind == LegRefer {
			s.refer(got.LegEvent)
			return
		}
	case confirmed:
		if got.err == nil && s.m.answeredMeanwhile() {
			got.err = callback.ErrState
		}
		s.tellWanted(got)
	}
	s.inputs = append(s.inputs, in)
	for len(s.inputs) > 0 {
		next := s.inputs[0]
		s.inputs = s.inputs[1:]
		for _, e := range s.m.step(time.Now(), next) {
			s.do(e)
		}
	}
	s.publish()
}

// crash ends the call after a fault of ours: legs are hung up, the end is
// written as failed_system, agents are given back.
func (s *Session) crash() {
	s.inputs = nil
	for _, o := range s.m.offers {
		if o.direct {
			continue // release frees him
		}
		s.mgr.queue.AgentLost(o.offer.ID, call.OutcomeNone)
		s.mgr.queue.Final(o.offer.ID)
	}
	for _, l := range s.legs {
		s.drop(l)
	}
	if s.player != nil {
		s.drop(s.player)
	}
	if s.m.outbound() && !s.handedBack {
		s.mgr.callbacks.finished(s.id, finishAttempt{callback: s.m.callback.ID, result: callback.ResultUnknown}, s.entry)
		s.entry = nil
	}
	if s.entry != nil {
		_, _ = s.mgr.queue.Leave(context.Background(), s.entry.ID(), call.EndFailedSystem)
	}
	if s.m.owed != nil {
		s.mgr.callbacks.add(*s.m.owed)
	}
	s.m.rec.EndReason, s.m.rec.State, s.m.rec.EndedAt = call.EndFailedSystem, call.StateEnded, time.Now()
	s.m.closed = true
	if !s.ended {
		s.finish()
	}
}

// drop ends a leg of a call that had a fault; another fault in there keeps the
// other legs from nothing.
func (s *Session) drop(l Leg) {
	defer s.mgr.contain()
	l.End(call.Cause{Status: 500, Text: "Server Internal Error"})
}

func (s *Session) publish() {
	login := ""
	if o := s.m.offer(s.m.winner); o != nil {
		login = o.offer.AgentLogin
	}
	talk := s.m.talk()
	for i := range talk.Parties {
		talk.Parties[i].entry = s.seeks[talk.Parties[i].item]
	}
	s.view.set(s.m.rec, s.entry, login, s.m.away, s.m.priority, talk, s.m.offers, s.lacksLeg())
}

// tellWanted tells those who asked by API what became of the callback.
func (s *Session) tellWanted(c confirmed) {
	for _, reply := range s.wanted {
		reply <- c // buffered by who asked
	}
	s.wanted = nil
}

// swapPlayer makes a browser's new leg the player's; the old one ends.
func (s *Session) swapPlayer(l Leg) input {
	if s.m.finished {
		l.End(call.Cause{Status: 404, Text: "Call ended"})
		return playerSaid{} // nobody's leg: ignored
	}
	if old := s.player; old != nil {
		old.End(call.Cause{Status: 200, Text: "Resumed elsewhere"})
	}
	s.bindPlayer(l)
	l.Answer()
	return resumed{call.LegRecord{ID: l.ID(), Kind: "player", StartedAt: time.Now()}}
}

// answer queues an input that answers an effect.
func (s *Session) answer(in input) { s.inputs = append(s.inputs, in) }

// startTimer runs a timer of one kind; an older one of that kind is void.
func (s *Session) startTimer(k timerKind, after time.Duration) {
	s.stopTimer(k)
	epoch := s.epochs[k]
	s.timers[k] = time.AfterFunc(after, func() {
		select {
		case s.fired <- timerFire{k, epoch}:
		case <-s.done:
		}
	})
}

func (s *Session) stopTimer(k timerKind) {
	s.epochs[k]++
	if t := s.timers[k]; t != nil {
		t.Stop()
		s.timers[k] = nil
	}
}

// bindPlayer makes l the player's leg.
func (s *Session) bindPlayer(l Leg) {
	s.player = l
	leg := l.ID()
	s.view.owns(leg)
	l.Bind(func(e LegEvent) { s.send(playerSaid{e}) })
	l.Media().Bind(func(e media.Event) { s.send(heard{leg, e}) })
}

// connect bridges the two legs and starts the recorder at the same sample. A
// recorder that fails never ends a call: it says so in its row.
func (s *Session) connect(leg call.LegID) {
	agent := s.legs[leg]
	if agent == nil || s.player == nil {
		s.answer(recorded{})
		return
	}
	s.player.Media().Music(false)
	agent.Media().Music(false)
	if s.mgr.cfg.Record && s.tape == nil && s.m.inner == nil {
		s.tape = s.mgr.recorder.Start(recording.StartInfo{
			CallID: s.id, AgentID: s.m.rec.AgentID, Queue: s.m.rec.Queue, At: time.Now(),
		})
		s.mgr.taped(s.tape, s.id)
	}
	rec := ""
	if s.tape != nil {
		rec = string(s.tape.ID())
	}
	s.two = pair{agent: leg}
	s.joint = s.newBridge(s.two)
	s.answer(recorded{rec})
}

func (s *Session) disconnect() {
	if s.joint != nil {
		s.joint.Close()
		s.joint = nil
	}
	if s.conf != nil {
		s.conf.Close()
		s.conf, s.members = nil, nil
	}
}

// callbackOf is the promise that this call asks for.
func (s *Session) callbackOf(e confirmCallback) callback.Callback {
	r := s.m.rec
	c := callback.Callback{
		CallID: r.ID, Queue: r.Queue, Language: r.Language, Player: r.From.User, Target: r.From.ReachBack,
		Kind: callback.KindKeepPlace, Priority: 1, EnqueuedAt: r.EnqueuedAt, ContactID: r.ContactID,
		TargetKind: targetKind(r.From.Kind), Proof: e.proof,
	}
	if e.number != "" {
		c.TargetKind, c.Target, c.Player = callback.TargetNumber, e.number, e.number
	}
	if s.entry != nil {
		item := s.entry.Item()
		c.Key, c.Priority = item.Key, item.Priority
	}
	if c.Key == 0 { // the queue did not take him: his place is at its end
		q, _ := s.mgr.queue.Has(r.Queue)
		c.EnqueuedAt = time.Now()
		c.Key = c.EnqueuedAt.Add(q.TargetOf(call.ChannelCall)).UnixMilli()
	}
	return c
}

// targetKind is how a party is called back.
func targetKind(k call.PartyKind) callback.TargetKind {
	switch k {
	case call.PartyBrowser:
		return callback.TargetBrowser
	case call.PartyTrunk:
		return callback.TargetNumber
	default:
		return callback.TargetSIPSource
	}
}

// finish hands the end of the call to the journal: recording closed, ticket
// opened or linked, all in one store act.
func (s *Session) finish() {
	s.ended = true
	s.disconnect()
	if s.tape != nil {
		s.tape.End() // the journal may be late
		s.mgr.untaped(s.tape)
	}
	rec := s.m.rec
	rec.Legs = append([]call.LegRecord(nil), rec.Legs...)
	for i := range rec.Legs {
		s.measure(&rec.Legs[i], s.legs[rec.Legs[i].ID])
	}
	for _, o := range s.m.offers {
		for _, leg := range o.order {
			r := o.legs[leg].record
			s.measure(&r, s.legs[leg])
			if r.EndedAt.IsZero() {
				r.EndedAt = rec.EndedAt
			}
			rec.Legs = append(rec.Legs, r)
		}
	}
	if s.player != nil {
		r := call.LegRecord{
			ID: s.player.ID(), Kind: "player", SIPCallID: rec.SIPCallID, Transport: transportOf(rec),
			StartedAt: rec.ArrivedAt, AnsweredAt: rec.MediaAt, EndedAt: rec.EndedAt, Cause: s.m.playerCause,
		}
		s.measure(&r, s.player)
		rec.Legs = append(rec.Legs, r)
	}
	s.mgr.journal.end(rec, s.tape)
}

// transportOf is how the player's signalling came.
func transportOf(r call.Record) string {
	if r.From.Kind == call.PartyBrowser {
		return "webrtc"
	}
	for i, c := range r.From.Source {
		if c == ':' {
			return r.From.Source[:i]
		}
	}
	return ""
}

// measure adds codec and quality of a leg's media.
func (s *Session) measure(r *call.LegRecord, l Leg) {
	if l == nil || l.Media() == nil {
		return
	}
	r.Codec = l.Media().Codec()
	r.Quality = l.Media().Quality()
}

// ask sends a request of somebody outside.
func (s *Session) ask(want request, by account.ID) error {
	if !s.send(asked{want, by}) {
		return ErrEnded
	}
	return nil
}
