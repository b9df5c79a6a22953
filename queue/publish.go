package queue

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"pickup/account"
	"pickup/call"
)

// index is the latest set of cells. The sets change with the configuration,
// the cells with each change of their object; readers copy what they find.
type index struct {
	agents []*agentCell // by login
	byID   map[account.ID]*agentCell
	queues []*queueCell // by name
	byName map[string]*queueCell
}

type agentCell struct{ view atomic.Pointer[AgentView] }

type queueCell struct{ view atomic.Pointer[queueState] }

// queueState is what the owner knows of a queue; the counts of agents are made
// by the reader from their cells.
type queueState struct {
	config    QueueConfig
	waiting   int
	oldest    time.Time // of who waits longest; zero: nobody waits
	low, high time.Duration
	promise   Promise
	servers   float64
	handling  time.Duration
	patience  time.Duration
	channels  [lanes + 2]channelState // by slotOf
}

// channelState is a ChannelView before it is read.
type channelState struct {
	waiting, held int
	oldest        time.Time
}

// Has reports whether a queue of that name is enabled (case-insensitive). It
// reads a copy and never waits.
func (d *Domain) Has(name string) (QueueConfig, bool) {
	cell := d.index.Load().byName[strings.ToLower(name)]
	if cell == nil {
		return QueueConfig{}, false
	}
	s := cell.view.Load()
	return s.config, s.config.Enabled
}

// Agents returns a copy, ordered by login. It never waits for the owner.
func (d *Domain) Agents() []AgentView {
	ix := d.index.Load()
	views := make([]AgentView, len(ix.agents))
	for i, cell := range ix.agents {
		views[i] = *cell.view.Load()
	}
	return views
}

// Queues returns a copy, ordered by name. It never waits for the owner.
func (d *Domain) Queues() []QueueView {
	ix := d.index.Load()
	states := make(map[account.ID]AgentState, len(ix.byID))
	for id, cell := range ix.byID {
		states[id] = cell.view.Load().State
	}
	views := make([]QueueView, len(ix.queues))
	for i, cell := range ix.queues {
		s := cell.view.Load()
		v := QueueView{
			Config: s.config, Waiting: s.waiting, EstimateLow: s.low, EstimateHigh: s.high, Promise: s.promise,
			Servers: s.servers, Handling: s.handling, Patience: s.patience,
		}
		if !s.oldest.IsZero() {
			v.LongestWait = max(0, time.Since(s.oldest))
		}
		for slot, ch := range s.channels {
			if ch.waiting == 0 && ch.held == 0 {
				continue
			}
			if v.Channels == nil {
				v.Channels = map[call.Channel]ChannelView{}
			}
			shown := ChannelView{Waiting: ch.waiting, Held: ch.held}
			if !ch.oldest.IsZero() {
				shown.LongestWait = max(0, time.Since(ch.oldest))
			}
			v.Channels[slotChannel(slot)] = shown
		}
		for _, m := range s.config.Members {
			switch states[m.Agent] {
			case AgentReady:
				v.AgentsReady++
			case AgentWrapUp:
				v.AgentsWrapUp++
			case AgentReserved, AgentConnecting, AgentTalking, AgentHolding, AgentConsulting, AgentConference, AgentDialing:
				v.AgentsBusy++
			}
		}
		views[i] = v
	}
	return views
}

// publishIndex makes new sets of cells after a change of configuration.
func (d *Domain) publishIndex() {
	old := d.index.Load()
	ix := &index{byID: map[account.ID]*agentCell{}, byName: map[string]*queueCell{}}
	for id, a := range d.core.agents {
		if a.removed {
			continue
		}
		cell := old.byID[id]
		if cell == nil {
			cell = &agentCell{}
		}
		v := d.core.agentView(a)
		cell.view.Store(&v)
		ix.byID[id] = cell
		ix.agents = append(ix.agents, cell)
	}
	slices.SortFunc(ix.agents, func(a, b *agentCell) int {
		x, y := a.view.Load(), b.view.Load()
		return cmp.Or(cmp.Compare(x.Login, y.Login), cmp.Compare(x.ID, y.ID))
	})
	for _, name := range slices.Sorted(maps.Keys(d.core.lines)) {
		q := d.core.lines[name]
		if q.removed {
			continue
		}
		cell := old.byName[name]
		if cell == nil {
			cell = &queueCell{}
		}
		cell.view.Store(d.snapshot(q, 0, 0))
		ix.byName[name] = cell
		ix.queues = append(ix.queues, cell)
	}
	d.index.Store(ix)
}

func (d *Domain) snapshot(q *line, low, high time.Duration) *queueState {
	s := &queueState{config: q.QueueConfig, waiting: q.waiting(), low: low, high: high, promise: d.core.promisesOf(q)}
	s.servers, s.handling, s.patience = d.core.measured(q).means()
	for slot := range q.ages {
		s.channels[slot] = channelState{waiting: q.ages[slot].len(), held: q.held[slot]}
		if e := q.ages[slot].head(); e != nil {
			s.channels[slot].oldest = e.EnqueuedAt
		}
	}
	if e := q.oldest(); e != nil {
		s.oldest = e.EnqueuedAt
	}
	return s
}

// publish shows what the last event changed, before anybody is answered: who
// made a change reads it afterwards.
func (d *Domain) publish() {
	ix := d.index.Load()
	changes := make([]Change, 0, 4)
	for _, a := range d.core.dirtyAgents {
		a.dirty = false
		if cell := ix.byID[a.ID]; cell != nil {
			v := d.core.agentView(a)
			cell.view.Store(&v)
			changes = append(changes, Change{Topic: "agent", ID: string(a.ID)})
		}
	}
	clear(d.core.dirtyAgents)
	d.core.dirtyAgents = d.core.dirtyAgents[:0]
	now := time.Now()
	for _, q := range d.core.dirtyLines {
		q.dirty = false
		d.publishLine(ix, q, now)
		changes = append(changes, Change{Topic: "queue", ID: q.key})
	}
	clear(d.core.dirtyLines)
	d.core.dirtyLines = d.core.dirtyLines[:0]
	if d.onChange != nil {
		for _, ch := range changes {
			d.onChange(ch)
		}
	}
}

// placeClock says when the places of a queue are computed again: for a short
// line at each change, for a long one at a rate that its length allows, and
// every few seconds because estimates grow old.
type placeClock struct {
	timer *time.Timer
	next  map[string]time.Time // earliest next time, by queue
	due   time.Time            // when timer fires; zero: not armed
}

const (
	shortLine     = 64
	placesPerItem = 20 * time.Microsecond
	placesIdle    = 5 * time.Second
)

// publishLine stores the counts of a queue at once and its places when due.
func (d *Domain) publishLine(ix *index, q *line, now time.Time) {
	cell := ix.byName[q.key]
	var low, high time.Duration
	if cell != nil {
		s := cell.view.Load()
		low, high = s.low, s.high
	}
	n := q.lineLen()
	if n <= shortLine || !now.Before(d.places.next[q.key]) {
		low, high = d.core.places(now, q, d.tellPlace)
		d.places.next[q.key] = now.Add(time.Duration(n) * placesPerItem)
		if n > 0 {
			d.armPlaces(now.Add(placesIdle), now)
		}
	} else {
		d.armPlaces(d.places.next[q.key], now)
	}
	if cell != nil {
		cell.view.Store(d.snapshot(q, low, high))
	}
}

func (d *Domain) armPlaces(at, now time.Time) {
	if d.places.timer != nil && (d.places.due.IsZero() || at.Before(d.places.due)) {
		d.places.due = at
		d.places.timer.Reset(max(0, at.Sub(now)))
	}
}

// refreshPlaces computes the places of every queue in which somebody waits.
func (d *Domain) refreshPlaces() {
	d.places.due = time.Time{}
	ix, now := d.index.Load(), time.Now()
	for _, q := range d.core.lines {
		if q.lineLen() > 0 {
			d.publishLine(ix, q, now)
		}
	}
}

func (d *Domain) tellPlace(item ItemID, p Place) {
	if en := d.entries[item]; en != nil {
		en.place.Store(&p)
	}
}
