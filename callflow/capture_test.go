package callflow_test

import (
	"slices"
	"testing"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/callflow"
	"pickup/queue"
)

// fromLandline calls a queue through a trunk.
func (s *site) fromLandline(number string) *line {
	s.t.Helper()
	l, refusal := s.callAs("support", call.Party{Kind: call.PartyTrunk, URI: "sip:" + number + "@carrier", User: number, ReachBack: number}, "")
	if refusal != nil {
		s.t.Fatal(refusal)
	}
	return l
}

// keys presses one key after the other.
func (l *line) keys(all string) {
	for _, k := range all {
		l.press(k)
		time.Sleep(200 * time.Millisecond)
	}
}

func french(c *callflow.Config) { c.Country = "FR" }

// byRules has the book follow the rules.
func byRules(r callback.Rules) func(*callback.Config) {
	return func(c *callback.Config) { c.Rules = func() *callback.Rules { return &r } }
}

func TestANumberIsReadBackAndConfirmed(t *testing.T) {
	const own, other = "+33612345678", "+33145678900"
	for name, c := range map[string]struct {
		from    string
		keys    []string // each after what was said before it
		target  string   // "": no callback
		proof   callback.Proof
		refused []string
	}{
		"the caller ID, confirmed":            {own, []string{"1", "1"}, own, callback.ProofConfirmed, nil},
		"another number of the country":       {own, []string{"1", "2", "0145678900#", "1"}, other, callback.ProofKeyed, nil},
		"without # it counts after a silence": {own, []string{"1", "2", "0145678900", "", "1"}, other, callback.ProofKeyed, nil},
		"a number of another country":         {own, []string{"1", "2", "00442079460000#", "1"}, "+442079460000", callback.ProofKeyed, nil},
		"begun again with *":                  {own, []string{"1", "2", "99*", "0145678900#", "1"}, other, callback.ProofKeyed, nil},
		"corrected after it was read back":    {own, []string{"1", "2", "0145678901#", "2", "0145678900#", "1"}, other, callback.ProofKeyed, nil},
		"who stays in line":                   {own, []string{"1", "3"}, "", "", nil},
		"a key that means nothing":            {own, []string{"1", "7", "1"}, own, callback.ProofConfirmed, nil},
		"who says nothing stays in line":      {own, []string{"1", "", "", "", ""}, "", "", nil},
		"no caller ID: he enters one":         {"anonymous", []string{"1", "0145678900#", "1"}, other, callback.ProofKeyed, nil},
		"a blocked caller ID is not proposed": {"+33698765432", []string{"1", "0145678900#", "1"}, other, callback.ProofKeyed, []string{"blocked"}},
		"a premium number is refused, an own": {
			own, []string{"1", "2", "0899123456#", "0145678900#", "1"}, other, callback.ProofKeyed, []string{"premium_number"},
		},
		"three that are none: he stays in line": {
			own, []string{"1", "2", "123#", "456#", "789#"}, "", "", []string{"invalid_number", "invalid_number", "invalid_number"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{calls: french, book: byRules(callback.Rules{Blocked: []callback.Block{{Number: "+33698765432"}}})})
				player := s.fromLandline(c.from)
				time.Sleep(8 * time.Second)
				key := s.live().Record.EnqueuedAt.Add(30 * time.Second).UnixMilli()
				for _, keys := range c.keys {
					player.keys(keys)
					if keys == "" {
						time.Sleep(16 * time.Second)
					}
					time.Sleep(6 * time.Second)
					if v := s.calls.AllLive(); len(v) > 0 && v[0].Record.State == call.StateWaiting && v[0].Place.Position != 1 {
						t.Fatalf("he lost his place: %+v", v[0].Place)
					}
				}
				if c.target == "" {
					if v := s.live(); v.Record.State != call.StateWaiting || len(s.promises()) != 0 {
						t.Errorf("%s, callbacks %+v", v.Record.State, s.promises())
					}
					player.hangUp()
					time.Sleep(time.Second)
				} else {
					got := s.promise()
					if got.Target != c.target || got.TargetKind != callback.TargetNumber || got.Proof != c.proof || got.Key != key {
						t.Errorf("callback %+v, want %s (%s) with key %d", got, c.target, c.proof, key)
					}
				}
				var refused []string
				for _, e := range s.events(s.one().ID) {
					if e.Kind == "callback_number_refused" {
						refused = append(refused, e.Detail["reason"])
					}
				}
				if !slices.Equal(refused, c.refused) {
					t.Errorf("refused %v, want %v", refused, c.refused)
				}
			})
		})
	}
}

// events are those of a call.
func (s *site) events(id call.ID) []call.TimelineEvent {
	s.t.Helper()
	_, events, err := s.ledger.Call(s.t.Context(), id)
	s.must(err)
	return events
}

// An answer during the dialog wins (R25), whichever came first.
func TestAnAnswerDuringTheDialogWins(t *testing.T) {
	for name, keys := range map[string]string{
		"while his number is read back": "1",
		"while he enters one":           "120145",
		"before he confirms":            "120145678900#",
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{calls: french})
				player := s.fromLandline("+33612345678")
				time.Sleep(8 * time.Second)
				player.keys(keys)
				agent := s.agent("1001", picksUp(time.Second))[0]
				time.Sleep(4 * time.Second)
				if v := s.live(); v.Record.State != call.StateTalking || agent.rung() != 1 {
					t.Fatalf("%s", v.Record.State)
				}
				player.keys("1") // what he says now is said to his agent
				time.Sleep(30 * time.Second)
				if v := s.live(); v.Record.State != call.StateTalking || len(s.promises()) != 0 {
					t.Errorf("%s, callbacks %+v", v.Record.State, s.promises())
				}
				player.hangUp()
				time.Sleep(time.Second)
				if s.state("1001") != queue.AgentReady {
					t.Errorf("agent: %s", s.state("1001"))
				}
			})
		})
	}
}

// The other order of R25: his confirmation came first.
func TestAConfirmationBeforeTheAnswerWins(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{calls: french})
		player := s.fromLandline("+33612345678")
		agent := s.agent("1001", rings)[0]
		time.Sleep(5 * time.Second)
		player.keys("1")
		time.Sleep(5 * time.Second)
		open := s.ledger.block()
		player.press('1')
		time.Sleep(100 * time.Millisecond)
		agent.last().pickUp()
		time.Sleep(100 * time.Millisecond)
		open()
		time.Sleep(8 * time.Second)
		if got := s.promise(); got.Target != "+33612345678" {
			t.Errorf("callback %+v", got)
		}
		if _, ended, _ := agent.last().state(); !ended {
			t.Error("the agent's line is open")
		}
	})
}
