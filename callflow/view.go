package callflow

import (
	"sync"

	"pickup/call"
	"pickup/queue"
)

// View is what a live call looks like to others.
type View struct {
	Record     call.Record
	Timeline   []call.TimelineEvent
	Place      queue.Place
	AgentLogin string
	Away       bool
	Priority   int // 0 to 3, since it joined its queue; 1 is normal
	Talk
}

// Talk is who hears whom in a live call.
type Talk struct {
	Muted   bool // nobody hears the agent
	Paused  bool // the recording
	Masked  bool // the player's keys reach nobody
	Aside   bool // the agent talks to who is consulted
	Orphan  bool // the player left; people of ours still talk
	Parties []PartyView
}

// PartyView is somebody in a call beside the player and the agent who has him.
type PartyView struct {
	Kind    string        // "consult", "transfer", "return", "pick_up", "conference" or "monitor"
	Target                // who he is; Queue: the queue that gave him, or is asked for him
	Talking bool          // false: he is rung
	Listens OperationKind // of a monitor: OpListen, OpWhisper or OpBarge

	item  queue.ItemID
	entry *queue.Entry
}

// Place is where the consultation of a queue stands that nobody has answered; the
// zero value for all others. It never waits.
func (p *PartyView) Place() queue.Place {
	if p.entry == nil || p.Talking {
		return queue.Place{}
	}
	return p.entry.Place()
}

// latest holds the newest View. A mutex for one value inside one type.
type latest struct {
	mu    sync.Mutex
	rec   call.Record
	entry *queue.Entry
	login string
	away  bool
	prio  int
	talk  Talk
	story []call.TimelineEvent // appended to only
	// What the reconciler asks for.
	offers []queue.OfferID // whose legs are not final
	broken bool            // a talk without its agent's leg
	legs   []call.LegID    // every one that the call had; appended to only
}

func (l *latest) tell(ev call.TimelineEvent) {
	l.mu.Lock()
	l.story = append(l.story, ev)
	l.mu.Unlock()
}

func (l *latest) set(rec call.Record, entry *queue.Entry, login string, away bool, priority int, talk Talk, offers []*offerLegs, broken bool) {
	l.mu.Lock()
	l.broken = broken
	l.offers = l.offers[:0]
	for _, o := range offers {
		l.offers = append(l.offers, o.offer.ID)
	}
	l.rec, l.entry, l.login, l.away, l.prio, l.talk = rec, entry, login, away, priority, talk
	l.mu.Unlock()
}

func (l *latest) reachBack() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rec.Direction == call.Outbound || l.rec.State == call.StateEnded {
		return ""
	}
	return l.rec.From.ReachBack
}

// promise is the callback that the call asked for, or keeps; "": none.
func (l *latest) promise() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rec.CallbackID
}

func (l *latest) get() View {
	l.mu.Lock()
	v := View{Record: l.rec, Timeline: l.story[:len(l.story):len(l.story)], AgentLogin: l.login, Away: l.away, Priority: l.prio, Talk: l.talk}
	entry := l.entry
	l.mu.Unlock()
	if entry != nil {
		v.Place = entry.Place()
	}
	return v
}
