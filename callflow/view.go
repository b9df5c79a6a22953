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
}

// latest holds the newest View. A mutex for one value inside one type.
type latest struct {
	mu    sync.Mutex
	rec   call.Record
	entry *queue.Entry
	login string
	away  bool
	story []call.TimelineEvent // appended to only
}

func (l *latest) tell(ev call.TimelineEvent) {
	l.mu.Lock()
	l.story = append(l.story, ev)
	l.mu.Unlock()
}

func (l *latest) set(rec call.Record, entry *queue.Entry, login string, away bool) {
	l.mu.Lock()
	l.rec, l.entry, l.login, l.away = rec, entry, login, away
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
	v := View{Record: l.rec, Timeline: l.story[:len(l.story):len(l.story)], AgentLogin: l.login, Away: l.away}
	entry := l.entry
	l.mu.Unlock()
	if entry != nil {
		v.Place = entry.Place()
	}
	return v
}
