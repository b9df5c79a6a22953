package callflow_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callflow"
	"pickup/queue"
)

// storm is a day of chance: agents and players who do anything, and a store
// that comes and goes.
type storm struct {
	*site
	dice    *rand.Rand
	phones  []*phone
	players []*line
	tokens  []string // of the pages
	open    func()   // lets a store go on that hangs; nil: it does not
}

// weather changes what the store does.
func (s *storm) weather() {
	if s.open != nil {
		s.open()
		s.open = nil
	}
	s.ledger.fail(nil)
	switch s.dice.IntN(5) {
	case 0, 1:
		s.ledger.fail(errStore)
	case 2:
		s.open = s.ledger.block()
	}
}

// any is what a phone does with the next INVITE.
func (s *storm) any() behaviour {
	after := time.Duration(s.dice.IntN(15000)) * time.Millisecond
	talk := time.Duration(s.dice.IntN(40000)) * time.Millisecond
	switch s.dice.IntN(10) {
	case 0:
		return rings
	case 1:
		return refuses([]int{486, 603, 480, 404, 500, 408}[s.dice.IntN(6)])
	case 2: // answers and is gone at once
		return func(l *line) { picksUp(after)(l); time.AfterFunc(after+wire, l.hangUp) }
	case 3: // hangs up after a while, whatever came
		return func(l *line) { picksUp(after / 4)(l); time.AfterFunc(talk, l.hangUp) }
	default: // answers, confirms, and talks until the other side ends
		return func(l *line) {
			picksUp(after / 4)(l)
			time.AfterFunc(after/4+time.Second, func() { l.press('1') })
			time.AfterFunc(talk+10*time.Second, l.hangUp)
		}
	}
}

// act is one thing that happens.
func (s *storm) act() {
	if s.dice.IntN(3) == 0 {
		s.phones[s.dice.IntN(len(s.phones))].now(s.any())
	}
	var l *line
	if len(s.players) > 0 {
		l = s.players[s.dice.IntN(len(s.players))]
	}
	switch n := s.dice.IntN(20); {
	case n > 14:
		s.something()
	case n == 12:
		s.tokens = append(s.tokens, fmt.Sprint("token", len(s.tokens)))
		s.players = append(s.players, s.browse("support", s.tokens[len(s.tokens)-1]))
	case n == 13 && l != nil:
		l.away()
	case n == 14:
		s.resume()
	case n < 4 || l == nil:
		who := fmt.Sprint("player", s.dice.IntN(12))
		s.mu.Lock()
		p := s.site.phones[who+"@udp:192.0.2.1:5060"]
		s.mu.Unlock()
		if p == nil {
			s.phones = append(s.phones, s.phone(who+"@udp:192.0.2.1:5060", s.any()))
		}
		if in, refusal := s.call("support", who); refusal == nil {
			s.players = append(s.players, in)
		}
	case n < 7:
		l.press([]rune("0123")[s.dice.IntN(4)])
	case n < 9:
		l.hangUp()
	case n == 9:
		s.weather()
	case n == 10:
		states := []queue.AgentState{queue.AgentReady, queue.AgentReady, queue.AgentNotReady}
		who := fmt.Sprint("agent-", 1001+s.dice.IntN(4))
		var refused *queue.RefusedError
		if err := s.queue.SetState(s.t.Context(), account.ID(who), states[s.dice.IntN(3)], ""); err != nil && !errors.As(err, &refused) {
			s.t.Error(err)
		}
	default:
		if v := s.live(); v.Record.ID != "" && s.dice.IntN(4) == 0 {
			_ = s.calls.Hangup(s.t.Context(), v.Record.ID, "agent-9") // it may be over
		}
	}
	s.noPhoneTwice()
}

// outside reports whether p is a number behind a trunk: it may be in two calls.
func (s *storm) outside(p *phone) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.site.phones["+33123456780"] == p || s.site.phones["+33123456781"] == p
}

// something is done with one of the calls, whether it fits or not.
func (s *storm) something() {
	all := s.calls.AllLive()
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b callflow.View) int { return cmp.Compare(a.Record.ID, b.Record.ID) })
	v := all[s.dice.IntN(len(all))]
	by := fmt.Sprint(1001 + s.dice.IntN(4))
	if s.dice.IntN(12) == 0 { // from his phone: a colleague, a queue, a number; a second line where he talks
		to := []string{"1001", "1002", "1003", "1004", "support", "+33123456780"}[s.dice.IntN(6)]
		if l, refusal := s.dials(by, to); refusal == nil {
			s.players = append(s.players, l)
		}
		return
	}
	if v.AgentLogin != "" && s.dice.IntN(4) > 0 {
		by = v.AgentLogin
	}
	to := toAgent(fmt.Sprint(1001 + s.dice.IntN(4)))
	switch s.dice.IntN(5) {
	case 0:
		to = callflow.Target{Queue: "support"}
	case 1:
		to = callflow.Target{Number: fmt.Sprint("+3312345678", s.dice.IntN(2))}
	}
	kinds := []callflow.OperationKind{
		callflow.OpHold, callflow.OpRetrieve, callflow.OpMute, callflow.OpUnmute, callflow.OpMask, callflow.OpUnmask, callflow.OpTransfer, callflow.OpTransfer, callflow.OpConsult,
		callflow.OpConsult, callflow.OpConsult, callflow.OpToggle, callflow.OpComplete, callflow.OpCancel, callflow.OpConference, callflow.OpConference,
		callflow.OpPark, callflow.OpPickUp, callflow.OpListen, callflow.OpWhisper, callflow.OpBarge, callflow.OpTakeOver, callflow.OpLeave,
	}
	_ = s.calls.Operate(s.t.Context(), v.Record.ID, callflow.Operation{
		Kind: kinds[s.dice.IntN(len(kinds))], To: to, By: account.ID("agent-" + by), ByLogin: by,
	})
}

// resume lets a page come back, if its call is not over.
func (s *storm) resume() {
	if len(s.tokens) == 0 {
		return
	}
	l := s.line(true)
	_, err := l.media.Answer(s.t.Context(), description)
	s.must(err)
	if _, err := s.calls.Resume(s.tokens[s.dice.IntN(len(s.tokens))], l); err != nil {
		l.media.Close()
		return
	}
	s.players = append(s.players, l)
}

// noPhoneTwice holds that no phone rings or talks in two of our calls.
func (s *storm) noPhoneTwice() {
	s.t.Helper()
	for _, p := range s.phones {
		p.mu.Lock()
		open := 0
		for _, l := range p.lines {
			if !l.gone() {
				open++
			}
		}
		p.mu.Unlock()
		if open > 1 && !s.outside(p) {
			s.t.Errorf("%d dialogs are open on one phone", open)
		}
	}
}

// calm ends everything and waits until every promise is kept or given up.
func (s *storm) calm() {
	if s.open != nil {
		s.open()
	}
	s.ledger.fail(nil)
	time.Sleep(20 * time.Second)
	for _, l := range s.players {
		l.hangUp()
	}
	for _, p := range s.phones {
		p.now(refuses(404))
		if l := p.last(); l != nil {
			l.hangUp()
		}
	}
	for i := range 4 {
		s.must(s.queue.SetState(s.t.Context(), account.ID(fmt.Sprint("agent-", 1001+i)), queue.AgentReady, ""))
	}
	time.Sleep(3 * time.Hour)
}

// newStorm is a site with four agents of two phones each.
func newStorm(t *testing.T, seed uint64) *storm {
	w := &storm{site: newSite(t, options{agents: 4}), dice: rand.New(rand.NewPCG(seed, 7))}
	for i := range 4 {
		w.phones = append(w.phones, w.agent(fmt.Sprint(1001+i), w.any(), w.any())...)
	}
	for i := range 2 {
		w.phones = append(w.phones, w.phone(fmt.Sprint("+3312345678", i), w.any()))
	}
	return w
}

// rage lets n things happen.
func (s *storm) rage(n int) {
	for range n {
		s.act()
		time.Sleep(time.Duration(s.dice.IntN(4000)) * time.Millisecond)
	}
}

// Whatever people and the store do, every call ends with one reason, every
// promise ends, and every agent is free again.
func TestStorm(t *testing.T) {
	for seed := range uint64(callflow.Storms) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newStorm(t, seed)
				w.rage(150)
				w.calm()
				w.settled()
			})
		})
	}
}

// A crash in the middle of a storm: what was stored as live is ended by the next
// server, everybody who waited or talked has a ticket, and no promise is left.
func TestCrashInAStorm(t *testing.T) {
	for seed := range uint64(callflow.CrashStorms) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newStorm(t, 1000+seed)
				w.rage(60)
				if w.open != nil {
					w.open()
				}
				live, err := w.ledger.LiveCalls(t.Context())
				w.must(err)
				next := newSite(t, options{agents: 4, memory: w.crash()})
				next.must(next.calls.Recover(t.Context(), nil))
				for _, r := range live {
					got, _, err := next.ledger.Call(t.Context(), r.ID)
					next.must(err)
					waited := r.Direction == call.Inbound && (r.State.InQueue() || !r.BridgedAt.IsZero())
					if got.EndReason == "" || waited && got.TicketID == "" {
						t.Errorf("%s was %s: ended %q, ticket %q", r.ID, r.State, got.EndReason, got.TicketID)
					}
				}
				for at := range w.site.phones {
					next.phone(at, refuses(404))
				}
				next.agent("1001", rings)
				time.Sleep(4 * time.Hour)
				if left, err := next.ledger.LiveCalls(t.Context()); err != nil || len(left) != 0 {
					t.Errorf("%d calls are live, %v", len(left), err)
				}
				(&storm{site: next}).promisesOver()
			})
		})
	}
}

func (s *storm) settled() {
	s.t.Helper()
	if c := s.calls.Counts(); c.Live != 0 || c.Panics != 0 || c.Repaired != 0 {
		s.t.Errorf("counts: %+v; live: %+v", c, s.live())
	}
	if c := s.queue.Counters(); c.Reaped != 0 || c.LostNotices != 0 {
		s.t.Errorf("the reaper had to help: %+v", c)
	}
	for _, a := range s.queue.Agents() {
		switch a.State {
		case queue.AgentReserved, queue.AgentConnecting, queue.AgentTalking, queue.AgentHolding, queue.AgentDialing, queue.AgentConsulting,
			queue.AgentConference:
			s.t.Errorf("agent %s is stuck %s", a.Login, a.State)
		}
	}
	reasons := map[call.EndReason]int{}
	for _, r := range s.ended() {
		reasons[r.EndReason]++
		if r.State != call.StateEnded || r.EndedAt.IsZero() {
			s.t.Errorf("%+v", r)
		}
	}
	n := 0
	for _, k := range reasons {
		n += k
	}
	if started := s.calls.Counts().Started; int64(n) != started {
		s.t.Errorf("%d calls are stored as ended, %d began: %v", n, started, reasons)
	}
	s.promisesOver()
	for _, l := range s.players {
		if !l.gone() {
			s.t.Error("a line is open")
		}
	}
	for _, q := range s.queue.Queues() {
		if q.Waiting != 0 {
			s.t.Errorf("%d wait", q.Waiting)
		}
	}
}

// promisesOver holds that no callback is open.
func (s *storm) promisesOver() {
	s.t.Helper()
	for _, c := range s.promises() {
		if c.Open() {
			s.t.Errorf("a promise is open: %+v", c)
		}
	}
}
