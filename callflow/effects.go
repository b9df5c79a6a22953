package callflow

import (
	"cmp"
	"context"
	"errors"

	"pickup/call"
	"pickup/internal/logkey"
)

// ErrNoRoute says that an address cannot be reached at all: no such binding,
// its flow is gone, or no dialer for its kind.
var ErrNoRoute = errors.New("callflow: no route to that address")

// ErrNoTrunk says that no enabled trunk that can be dialled takes a number. One
// that is added later may.
var ErrNoTrunk = errors.New("callflow: no enabled trunk takes that number")

// do does one effect. Only the queue's owner is waited for here, and he never
// waits for the store; what is slow runs beside and answers by an input.
func (s *Session) do(e effect) {
	if s.doDirect(e) || s.doLegs(e) || s.doQueue(e) || s.doSound(e) {
		return
	}
	switch e := e.(type) {
	case setTimer:
		s.startTimer(e.timer, e.after)
	case stopTimer:
		s.stopTimer(e.timer)
	case save:
		s.log.Info(e.event.Kind, logkey.State, string(s.m.rec.State))
		s.view.tell(e.event)
		s.mgr.journal.save(s.m.rec, e.event)
	case finish:
		s.finish()
	case confirmCallback:
		c := s.callbackOf()
		s.mgr.aside(func(ctx context.Context) {
			got, err := s.mgr.book.Confirm(ctx, c)
			if !s.send(confirmed{got, err}) && err == nil {
				s.confirmedLate(got)
			}
		})
	case beginAttempt:
		s.mgr.aside(func(ctx context.Context) {
			c, a, err := s.mgr.book.Begin(ctx, e.callback, e.agent)
			if !s.send(attempted{c, a.ID, err}) && err == nil {
				s.mgr.callbacks.undo(s.id, e.callback, a.ID)
			}
		})
	case advance:
		s.mgr.journal.do(s.id, func(ctx context.Context) error {
			_, err := s.mgr.book.Advance(ctx, e.callback, e.to)
			return err
		})
	case undoAttempt:
		s.mgr.callbacks.undo(s.id, e.callback, e.attempt)
	case finishAttempt:
		s.handedBack = true
		s.mgr.callbacks.finished(s.id, e, s.entry)
		s.entry = nil
	case queueCallback:
		s.mgr.callbacks.add(e.callback)
	case giveBack:
		s.handedBack = true
		s.mgr.callbacks.giveBack(s.id, e, s.entry)
		s.entry = nil
	case supersede:
		s.answer(superseded{s.mgr.callbacks.supersede(e.callback)})
	case dropCallback:
		s.mgr.callbacks.cancel(s.id, e.callback)
	case blamePhone:
		s.mgr.phoneFaults.Add(1)
		s.log.Warn("an agent's phone cannot take our calls: look at its settings", "device", e.device, "status", e.status)
	case complain:
		s.log.Debug("refused", logkey.Err, e.err)
	case closeSession:
	}
}

// doLegs does what concerns the signalling.
func (s *Session) doLegs(e effect) bool {
	switch e := e.(type) {
	case answerPlayer:
		s.player.Answer()
	case endPlayer:
		if s.player != nil {
			s.player.End(e.cause)
		}
	case endLeg:
		if l := s.legs[e.leg]; l != nil {
			l.End(e.cause)
		}
	case dialDevices:
		s.dial(e.offer)
	case dialPlayer:
		s.dialPlayer(e.target)
	default:
		return false
	}
	return true
}

// doQueue does what concerns the queue.
func (s *Session) doQueue(e effect) bool {
	q := s.mgr.queue
	switch e := e.(type) {
	case joinQueue:
		entry, err := q.Join(context.Background(), e.item)
		if err == nil {
			s.entry = entry
			e.item = entry.Item()
		}
		s.answer(joined{e.item, err})
	case leaveQueue:
		s.answer(left{s.leave(e.reason)})
	case askWin:
		ok, err := q.Answered(context.Background(), e.offer)
		s.answer(won{e.offer, e.leg, ok && err == nil})
	case tellRinging:
		q.Ringing(e.offer)
	case tellMissed:
		if e.front { // the player is on the line by our doing
			q.AgentLost(e.offer, e.outcome)
		} else {
			q.Missed(e.offer, e.outcome)
		}
	case tellDefer:
		q.Defer(e.offer, e.notBefore)
	case tellFinal:
		q.Final(e.offer)
	case tellBridged:
		q.Bridged(e.offer)
	case tellHeld:
		q.Held(e.offer, e.on)
	case tellLost:
		q.AgentLost(e.offer, e.outcome)
	case tellRelease:
		q.Release(e.offer, e.reason)
	default:
		return false
	}
	return true
}

// leave takes the item out of the queue and returns why it ended.
func (s *Session) leave(reason call.EndReason) call.EndReason {
	if s.entry == nil {
		return cmp.Or(reason, call.EndAbandoned)
	}
	got, err := s.mgr.queue.Leave(context.Background(), s.entry.ID(), reason)
	if err != nil {
		s.log.Debug("leave", logkey.Err, err)
	}
	return cmp.Or(got, reason, call.EndAbandoned)
}

// doSound does what concerns the audio.
func (s *Session) doSound(e effect) bool {
	if s.player == nil {
		return isSound(e)
	}
	sound, language := s.player.Media(), s.m.rec.Language
	switch e := e.(type) {
	case bridge:
		s.connect(e.leg)
	case unbridge:
		s.disconnect()
	case arrange:
		s.arrange(e)
	case joinNear:
		s.joinNear(e)
	case tone:
		if l := s.mediaOf(e.leg); l != nil && e.leg != "" {
			l.Tone()
		}
	case legMusic:
		if l := s.mediaOf(e.leg); l != nil {
			l.Music(e.on)
		}
	case pause:
		if s.tape != nil {
			s.tape.Pause(e.on)
		}
	case maskKeys:
		sound.Mask(e.on)
	case play:
		sound.Play(e.token, language, e.ids...)
	case playAgent:
		if l := s.legs[e.leg]; l != nil {
			l.Media().Play(tokenKey, s.mgr.cfg.Language, e.ids...)
		}
	case sayPlace:
		if s.entry != nil {
			if ids := placePrompts(s.entry.Place(), s.m.rec.From.ReachBack != "" && !s.m.outbound()); len(ids) > 0 {
				sound.Play(e.token, language, ids...)
			}
		}
	case stopPlay:
		sound.Stop()
	case music:
		sound.Music(e.on)
	case sendDTMF:
		if l := s.mediaOf(e.leg); l != nil {
			l.SendDTMF(e.digit)
		}
	default:
		return false
	}
	return true
}

// isSound says whether e is about audio, for a call that has no player leg yet.
func isSound(e effect) bool {
	switch e.(type) {
	case bridge, unbridge, arrange, joinNear, tone, legMusic, pause, maskKeys, play, playAgent, sayPlace, stopPlay, music, sendDTMF:
		return true
	}
	return false
}
