package callflow

import (
	"testing"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/media"
	"pickup/queue"
)

// Races of a call (telephony 1.9), each as the order of inputs in which it
// happens, on the real machine and the real core of the queue.

// ringingWorld returns a world in which the first agent's devices ring.
func ringingWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(faultNone)
	w.feed(heard{"p", media.Event{Kind: media.EventPlayed, Token: tokenNotice}})
	w.noticePlayed = true
	if len(w.devices) == 0 {
		t.Fatal("nobody rings")
	}
	return w
}

// answer lets a device answer and its media come up.
func (w *world) answer(d *device) {
	d.phase = up
	w.say(d, LegAnswered, 200)
	d.ready = true
	w.feed(heard{d.leg, media.Event{Kind: media.EventReady}})
}

// sound checks the invariants after a race.
func (w *world) sound(t *testing.T) {
	t.Helper()
	w.check(false)
	if w.broken != "" {
		t.Error(w.broken)
	}
}

func TestR1CallerLeavesWhilePhonesRing(t *testing.T) {
	w := ringingWorld(t)
	w.callerUp = false
	w.callerDone(true)
	if got := w.m.rec.EndReason; got != call.EndShortAbandoned && got != call.EndAbandonedRinging {
		t.Errorf("reason: got %s", got)
	}
	for _, d := range w.devices {
		if !d.cancelled {
			t.Errorf("device %s was not cancelled", d.phone)
		}
		d.phase = finalled
		w.say(d, LegFailed, 487)
		w.say(d, LegFinal, 0)
	}
	if !w.closed {
		t.Error("the session is open although every leg is final")
	}
	w.sound(t)
}

func TestR2ByeOfTheCallerCrossesThe200OfTheAgent(t *testing.T) {
	w := ringingWorld(t)
	d := w.devices[0]
	d.phase = sent200
	w.callerUp = false
	w.callerDone(true)
	d.phase = up
	w.say(d, LegAnswered, 200)
	if !d.bye {
		t.Error("the late answer got no BYE")
	}
	if w.bridges != 0 || w.wins != 0 {
		t.Errorf("%d bridges, %d wins after the caller left", w.bridges, w.wins)
	}
}

func TestR3AgentIsGoneBeforeTheBridge(t *testing.T) {
	w := ringingWorld(t)
	d := w.devices[0]
	d.phase = up
	w.say(d, LegAnswered, 200)
	d.phase = finalled
	w.say(d, LegHungUp, 0)
	w.say(d, LegFinal, 0)
	if !w.m.rec.State.InQueue() {
		t.Errorf("state: got %s, want back in the queue", w.m.rec.State)
	}
	w.sound(t)
}

func TestR4LostLineOfAWaitingPlayerKeepsHisPlace(t *testing.T) {
	w := ringingWorld(t)
	w.feed(heard{"p", media.Event{Kind: media.EventDead}})
	if !w.m.away || w.finished || !w.timers[timerPlace] {
		t.Fatalf("away %t, finished %t, timer %t", w.m.away, w.finished, w.timers[timerPlace])
	}
	w.feed(heard{"p", media.Event{Kind: media.EventAlive}})
	if w.m.away || w.timers[timerPlace] {
		t.Error("the line came back, but the player counts as away")
	}
	w.feed(heard{"p", media.Event{Kind: media.EventDead}})
	w.feed(expired{timerPlace})
	if !w.finished {
		t.Error("nobody came back, but the call goes on")
	}
}

func TestR4LostLineOfATalkingPlayerKeepsHisAgent(t *testing.T) {
	w := ringingWorld(t)
	w.answer(w.devices[0])
	if w.bridges != 1 {
		t.Fatal("no bridge")
	}
	w.feed(heard{"p", media.Event{Kind: media.EventDead}})
	if w.finished || w.bridges != 1 || !w.timers[timerPlace] {
		t.Fatalf("finished %t, %d bridges", w.finished, w.bridges)
	}
	w.now = w.now.Add(w.m.cfg.KeepAgent)
	w.feed(expired{timerPlace})
	if !w.finished || w.m.rec.EndReason != call.EndAnswered {
		t.Errorf("finished %t, reason %s", w.finished, w.m.rec.EndReason)
	}
}

func TestR5AndR6OnlyTheFirstOfTwoAnswersWins(t *testing.T) {
	w := ringingWorld(t)
	w.answer(w.devices[0])
	second := w.devices[1]
	second.phase = up
	w.say(second, LegAnswered, 200)
	if w.wins != 1 || !second.bye {
		t.Errorf("%d wins, BYE to the second %t", w.wins, second.bye)
	}
	w.sound(t)
}

func TestR7AndR8LateAnswerIsRescued(t *testing.T) {
	w := ringingWorld(t)
	first := w.devices[0]
	w.now = w.now.Add(12 * time.Second)
	w.feed(expired{timerRing})
	if len(w.devices) < 3 {
		t.Fatalf("the next agent was not rung: %d devices", len(w.devices))
	}
	w.answer(first) // its 200 crossed our CANCEL while the second agent rings
	if w.m.winnerLeg != first.leg || w.bridges != 1 {
		t.Errorf("winner %q, %d bridges", w.m.winnerLeg, w.bridges)
	}
	if !w.devices[2].cancelled {
		t.Error("the second agent still rings")
	}
}

func TestR11HangUpFromBothSidesEndsOnce(t *testing.T) {
	w := ringingWorld(t)
	d := w.devices[0]
	w.answer(d)
	w.now = w.now.Add(10 * time.Second)
	w.say(d, LegHungUp, 0)
	w.callerDone(true)
	d.phase = finalled
	w.say(d, LegFinal, 0)
	if w.wins != 0 || w.bridges != 0 || w.m.rec.EndReason != call.EndAnswered {
		t.Errorf("wins %d, bridges %d, reason %s", w.wins, w.bridges, w.m.rec.EndReason)
	}
	if w.m.rec.Talk != 10*time.Second {
		t.Errorf("talk: got %s, want 10s", w.m.rec.Talk)
	}
}

func TestR25CallbackKeyAndAnswerInBothOrders(t *testing.T) {
	promise := callback.Callback{ID: "cb", Queue: "support"}
	t.Run("the answer is first", func(t *testing.T) {
		w := ringingWorld(t)
		w.m.rec.From.ReachBack = "u@udp:192.0.2.1:5060"
		w.answer(w.devices[0])
		w.feed(heard{"p", media.Event{Kind: media.EventDTMF, Digit: '1'}})
		if w.m.confirming || w.bridges != 1 {
			t.Errorf("confirming %t, %d bridges", w.m.confirming, w.bridges)
		}
	})
	t.Run("the key is first", func(t *testing.T) {
		w := ringingWorld(t)
		w.m.rec.From.ReachBack = "u@udp:192.0.2.1:5060"
		w.feed(heard{"p", media.Event{Kind: media.EventDTMF, Digit: '1'}})
		d := w.devices[0]
		d.phase = up
		w.say(d, LegAnswered, 200)
		if w.wins != 0 {
			t.Error("the answer won although a callback is being stored")
		}
		w.feed(confirmed{callback: promise})
		if !d.bye || w.m.rec.EndReason != call.EndCallbackRequested {
			t.Errorf("BYE %t, reason %s", d.bye, w.m.rec.EndReason)
		}
	})
	t.Run("the key is first, but the promise cannot be stored", func(t *testing.T) {
		w := ringingWorld(t)
		w.m.rec.From.ReachBack = "u@udp:192.0.2.1:5060"
		w.feed(heard{"p", media.Event{Kind: media.EventDTMF, Digit: '1'}})
		w.answer(w.devices[0])
		w.feed(confirmed{err: callback.ErrOpen})
		w.feed(heard{w.devices[0].leg, media.Event{Kind: media.EventReady}})
		if w.wins != 1 || w.bridges != 1 {
			t.Errorf("%d wins, %d bridges: the waiting answer was not taken", w.wins, w.bridges)
		}
	})
}

// Several agents ring at once: one answers, the phones of the others end as
// completed elsewhere, and nobody of them has missed a call.
func TestTheFirstOfSeveralAgentsWins(t *testing.T) {
	w := newWorldOf(faultNone, queue.StrategyRingAll)
	w.feed(heard{"p", media.Event{Kind: media.EventPlayed, Token: tokenNotice}})
	w.noticePlayed = true
	if len(w.devices) != 3 {
		t.Fatalf("%d devices ring, want all 3", len(w.devices))
	}
	last := w.devices[2]
	w.answer(last)
	if w.m.winnerLeg != last.leg || w.bridges != 1 {
		t.Fatalf("winner %q, %d bridges", w.m.winnerLeg, w.bridges)
	}
	for _, d := range w.devices[:2] {
		if !d.cancelled {
			t.Errorf("%s still rings", d.phone)
		}
		d.phase = finalled
		w.say(d, LegFailed, 487)
		w.say(d, LegFinal, 0)
	}
	v, _ := w.core.AgentView(agentA)
	if v.State != queue.AgentReady {
		t.Errorf("the loser is %s, want ready", v.State)
	}
	w.sound(t)
}

// The ring time of the one is over while the other goes on ringing.
func TestEachOfSeveralAgentsHasHisRingTime(t *testing.T) {
	w := newWorldOf(faultNone, queue.StrategyRingAll)
	w.now = w.now.Add(12 * time.Second)
	w.feed(expired{timerRing})
	if w.m.rec.State != call.StateOffered || !w.timers[timerRing] {
		t.Fatalf("state %s, timer %t: the second does not ring on", w.m.rec.State, w.timers[timerRing])
	}
	if !w.devices[0].cancelled || w.devices[2].cancelled {
		t.Errorf("cancelled %t and %t, want the first alone", w.devices[0].cancelled, w.devices[2].cancelled)
	}
	w.feed(expired{timerRing})
	if !w.devices[2].cancelled {
		t.Error("the second rings on")
	}
	w.sound(t)
}

// An offer that was on its way when another agent answered rings nobody.
func TestAnOfferAfterTheAnswerOfAnotherAgentRingsNobody(t *testing.T) {
	w := ringingWorld(t)
	w.answer(w.devices[0])
	rang := len(w.devices)
	w.feed(noticed{queue.Notice{Kind: queue.NoticeOffer, Offer: queue.Offer{ID: "late", Agent: agentB}}})
	if len(w.devices) != rang || w.m.offer("late") != nil {
		t.Errorf("%d devices, want %d", len(w.devices), rang)
	}
}
