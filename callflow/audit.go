package callflow

import (
	"context"
	"sync/atomic"
	"time"

	"pickup/call"
	"pickup/internal/logkey"
	"pickup/queue"
	"pickup/recording"
)

// auditEvery is how often the reconciler looks (telephony 1.12).
const auditEvery = 5 * time.Second

// auditor compares what the parts of the server say of the same calls, and
// repairs what contradicts itself. Every repair is a fault of ours that would have
// cost somebody an agent, a place or a line: it is counted and logged. The parts
// change beside each other, so that only what two looks in a row have found is a
// violation; the queue alone, which is asked at one instant, is believed at once.
type auditor struct {
	mgr     *Manager
	edges   []Edge
	repairs atomic.Int64
	theirs  owned // of the last look, whose room is used again
}

// violation is one thing that must not be.
type violation struct {
	what   string
	key    string // names it over two looks
	detail []any  // for the log
	repair func()
}

// watch looks every auditEvery until ctx ends.
func (a *auditor) watch(ctx context.Context) {
	tick := time.NewTicker(auditEvery)
	defer tick.Stop()
	suspects := map[string]bool{}
	for {
		select {
		case <-tick.C:
			suspects = a.look(ctx, suspects)
		case <-ctx.Done():
			return
		}
	}
}

// look audits once and returns what it found for the first time.
func (a *auditor) look(ctx context.Context, suspects map[string]bool) map[string]bool {
	wrong, err := a.mgr.queue.Audit(ctx)
	if err != nil {
		return suspects
	}
	for _, what := range wrong {
		a.found(what)
	}
	found := map[string]bool{}
	for _, v := range a.violations() {
		if !suspects[v.key] {
			found[v.key] = true
			continue
		}
		a.found(v.what, v.detail...)
		v.repair()
	}
	for _, s := range a.mgr.all() {
		if s.view.isBroken() {
			s.send(audited{})
		}
	}
	return found
}

// found counts and tells a violation.
func (a *auditor) found(what string, detail ...any) {
	a.repairs.Add(1)
	a.mgr.log.Error("reconciler: "+what, append([]any{logkey.Event, "reconciled"}, detail...)...)
	a.mgr.cfg.OnChange("reconciled", what)
}

// owned is what the live calls say is theirs.
type owned struct {
	calls  map[call.ID]bool
	offers map[queue.OfferID]bool
	legs   map[call.LegID]bool
	tapes  map[*recording.Recording]call.ID
}

// owned asks every session's view, the feature codes and the runner.
func (a *auditor) owned() owned {
	o := a.theirs
	if o.calls == nil {
		o = owned{map[call.ID]bool{}, map[queue.OfferID]bool{}, map[call.LegID]bool{}, map[*recording.Recording]call.ID{}}
		a.theirs = o
	}
	clear(o.calls)
	clear(o.offers)
	clear(o.legs)
	clear(o.tapes)
	m := a.mgr
	for _, s := range m.all() {
		o.calls[s.id] = true
		s.view.holds(&o)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for leg := range m.features {
		o.legs[leg] = true
	}
	for tape, id := range m.tapes {
		o.tapes[tape] = id
	}
	return o
}

// violations lists what two parts say differently. What others hold is read first:
// whatever begins meanwhile is known to its call by then.
func (a *auditor) violations() []violation {
	var legs [][]call.LegID
	for _, e := range a.edges {
		legs = append(legs, e.Legs())
	}
	agents, waiting := a.mgr.queue.Agents(), a.mgr.queue.Waiting("", 0)
	o := a.owned()
	var list []violation
	for _, v := range agents {
		list = append(list, a.ofAgent(v, o)...)
	}
	for _, it := range waiting {
		if it.Channel == call.ChannelCall && it.Offered == "" && !o.calls[it.CallID] {
			id := it.ID
			list = append(list, violation{
				"a call that is over waits in a queue", "item " + string(it.ID),
				[]any{logkey.Call, string(it.CallID), logkey.Item, string(it.ID)},
				func() { _, _ = a.mgr.queue.Leave(context.Background(), id, call.EndFailedSystem) },
			})
		}
	}
	for i, e := range a.edges {
		for _, leg := range legs[i] {
			if !o.legs[leg] {
				lost := leg
				list = append(list, violation{"a leg belongs to no call", "leg " + string(leg), []any{logkey.Leg, string(leg)}, func() { e.EndLeg(lost) }})
			}
		}
	}
	for tape, id := range o.tapes {
		if !o.calls[id] {
			lost := tape
			list = append(list, violation{
				"a recording of a call that is over runs", "tape " + string(tape.ID()),
				[]any{logkey.Call, string(id)},
				func() { lost.End(); a.mgr.untaped(lost) },
			})
		}
	}
	return list
}

// ofAgent looks at whom an agent has, by the queue.
func (a *auditor) ofAgent(v queue.AgentView, o owned) []violation {
	switch {
	case v.Offer != "" && !o.offers[v.Offer]:
		offer := v.Offer // not v: what a repair keeps is made only where it is needed
		return []violation{{
			"an agent is held by an offer that no call knows", "offer " + string(v.Offer),
			[]any{logkey.Agent, string(v.ID), logkey.Offer, string(v.Offer), logkey.State, string(v.State)},
			func() { a.mgr.queue.Free(offer) },
		}}
	case v.Offer == "" && v.CallID != "" && !o.calls[v.CallID]:
		id := v.ID
		return []violation{{
			"an agent is held by a call that is over", "engaged " + string(v.ID) + string(v.CallID),
			[]any{logkey.Agent, string(v.ID), logkey.Call, string(v.CallID), logkey.State, string(v.State)},
			func() { a.mgr.queue.Disengage(id, 0) },
		}}
	}
	return nil
}

// holds adds what a call has to o.
func (l *latest) holds(o *owned) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.offers {
		o.offers[id] = true
	}
	for _, id := range l.legs {
		o.legs[id] = true
	}
}

// owns notes that a leg is the call's.
func (l *latest) owns(leg call.LegID) {
	l.mu.Lock()
	l.legs = append(l.legs, leg)
	l.mu.Unlock()
}

func (m *Manager) setFeature(leg call.LegID, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if on {
		m.features[leg] = true
	} else {
		delete(m.features, leg)
	}
}

func (m *Manager) taped(r *recording.Recording, id call.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tapes[r] = id
}

func (m *Manager) untaped(r *recording.Recording) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tapes, r)
}

// audited asks a session to look at itself; agentVanished is what it may find.
type (
	audited       struct{}
	agentVanished struct{}
)

func (audited) isInput()       {}
func (agentVanished) isInput() {}

// audit looks whether who talks has an agent's leg to talk to. nil: all is well,
// or it is looked at once more.
func (s *Session) audit() input {
	if !s.lacksLeg() {
		s.suspect = false
		return nil
	}
	if !s.suspect {
		s.suspect = true
		return nil
	}
	s.suspect = false
	s.mgr.auditor.found("a player talks to no leg", logkey.Call, string(s.id), logkey.Leg, string(s.m.winnerLeg))
	return agentVanished{}
}

// lacksLeg reports whether a talk has no leg of its agent.
func (s *Session) lacksLeg() bool {
	m := s.m
	if m.rec.State != call.StateTalking && m.rec.State != call.StateHeld || m.winner == "" || m.orphan || m.finished {
		return false
	}
	_, l := m.legOf(m.winnerLeg)
	return l == nil || l.final || s.legs[m.winnerLeg] == nil
}

// isBroken reports whether the last input left a talk without its agent's leg.
func (l *latest) isBroken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

// onAgentVanished gives the player another agent, or ends a talk of which nothing
// is left to be mended.
func (m *machine) onAgentVanished() {
	o := m.offer(m.winner)
	m.note("reconciled", "what", "no leg of the agent")
	if o == nil {
		m.hangUpPlayer(call.Cause{Status: 500, Text: "Server Internal Error"})
		return
	}
	m.agentLost(o, call.OutcomeUnreachable)
}
