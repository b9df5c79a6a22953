package report

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"pickup/account"
	"pickup/call"
)

// Line is one line of the event log: what the owner of the queue decided. Its
// kinds are those of queue.Decision, and "recovered": the server started after a
// crash, and every offer is void.
type Line struct {
	Seq        int64
	At         time.Time
	Kind       string
	CallID     call.ID
	Item       string
	Agent      account.ID
	Offer      string
	Queue      string
	Channel    call.Channel
	CallbackID string
	TicketID   string
	EnteredAt  time.Time // of enqueue and update
	Again      bool      // of enqueue and update: it is in no figure (Entry.Again)
	Outcome    string    // of release
	Reason     string    // of end: the end reason; of agent_state: why
	State      string    // of agent_state
	Why        string    // of offer
	Key        int64
	Class      int
	Priority   int
}

// Facts are those of a stretch of time.
type Facts struct {
	Entries   []Entry
	Offers    []Offer
	Handlings []Handling
	Spans     []Span
}

// openState is a state that lasts.
type openState struct {
	at  int // in spans
	has string
}

// log replays lines.
type log struct {
	entries   map[string]*Entry
	offers    map[string]*Offer
	accepted  map[account.ID]string // his voice offer that was accepted and is not over
	taken     map[string]bool       // offers that were accepted and are not over
	handlings map[string]*Handling
	now       map[account.ID]openState
	spans     []Span
	order     []string // ids of entries, by first line
	offered   []string
	handled   []string
}

// Replay makes the facts of the lines of the event log, oldest first, and nothing
// else: the tables of the store must say the same. What lasts at the end of the
// log has no end; waits that run end at now. Lines of what began before the log
// does are passed over, but for states: a state that is left without having been
// entered is unknown.
func Replay(lines []Line, now time.Time) Facts {
	l := log{
		entries: map[string]*Entry{}, offers: map[string]*Offer{}, accepted: map[account.ID]string{},
		taken: map[string]bool{}, handlings: map[string]*Handling{}, now: map[account.ID]openState{},
	}
	for i := range lines {
		l.add(&lines[i])
	}
	return l.facts(now)
}

func (l *log) add(n *Line) {
	switch n.Kind {
	case "agent_state":
		l.state(n)
	case "offer", "accept", "releasing", "release", "recovered":
		l.offer(n)
	default:
		l.entry(n)
	}
}

// entry is a line about an entry alone.
func (l *log) entry(n *Line) {
	e := l.entries[n.Item]
	if n.Kind == "enqueue" {
		if e == nil {
			e = &Entry{
				ID: n.Item, Queue: n.Queue, Channel: n.Channel, CallbackID: n.CallbackID, EnteredAt: n.EnteredAt, Again: n.Again,
			}
			if e.EnteredAt.IsZero() { // logged by a version that did not say so
				e.EnteredAt = n.At
			}
			l.entries[n.Item] = e
			l.order = append(l.order, n.Item)
		}
		e.CallID, e.TicketID, e.Agent, e.EndedAt, e.Reason = n.CallID, n.TicketID, "", time.Time{}, ""
		return
	}
	if e == nil {
		return
	}
	switch n.Kind {
	case "requeue":
		e.Agent = ""
		if e.BridgedAt.After(n.At.Add(-EarlyHangUp)) {
			e.BridgedAt = time.Time{}
		}
	case "bridged":
		if e.BridgedAt.IsZero() {
			e.BridgedAt = n.At
		}
	case "update":
		if e.Reason == "" {
			e.Queue, e.EnteredAt, e.Again = n.Queue, n.EnteredAt, n.Again
		}
	case "end":
		e.EndedAt, e.Reason = n.At, call.EndReason(n.Reason)
	}
}

// EarlyHangUp is the time after a bridge in which an agent's hang-up is taken as a
// mis-click: the wait of the player goes on.
const EarlyHangUp = 2 * time.Second

// offer is a line about an offer.
func (l *log) offer(n *Line) {
	o := l.offers[n.Offer]
	switch n.Kind {
	case "recovered":
		for _, id := range l.offered {
			outcome := call.OutcomeWithdrawn
			if l.taken[id] {
				outcome = call.OutcomeAnswered
			}
			l.end(l.offers[id], n.At, outcome.String())
		}
		clear(l.accepted)
		clear(l.taken)
	case "offer":
		l.offers[n.Offer] = &Offer{ID: n.Offer, Item: n.Item, Queue: n.Queue, Channel: n.Channel, Agent: n.Agent, At: n.At}
		l.offered = append(l.offered, n.Offer)
	case "accept":
		if e := l.entries[n.Item]; e != nil {
			e.Agent = n.Agent
		}
		l.taken[n.Offer] = true
		if voice(n.Channel) {
			l.accepted[n.Agent] = n.Offer
		}
	case "releasing", "release":
		delete(l.taken, n.Offer)
		if l.accepted[n.Agent] == n.Offer {
			delete(l.accepted, n.Agent)
		}
		if n.Kind == "release" {
			l.end(o, n.At, n.Outcome)
		}
	}
}

func (l *log) end(o *Offer, at time.Time, outcome string) {
	if o != nil && o.Outcome == "" {
		o.EndedAt, o.Outcome = at, outcome
	}
}

// state is a line about an agent.
func (l *log) state(n *Line) {
	open, known := l.now[n.Agent]
	before := ""
	if known {
		s := &l.spans[open.at]
		s.To, before = n.At, s.State
		if h := l.handlings[open.has]; h != nil && !h.Goes(s.State, s.From, n.State, n.At) {
			open.has = ""
		}
	}
	if Begins(before, n.State) {
		open.has = l.begin(n)
	}
	l.spans = append(l.spans, Span{Agent: n.Agent, State: n.State, Reason: n.Reason, From: n.At, Handling: open.has})
	l.now[n.Agent] = openState{len(l.spans) - 1, open.has}
}

// voice reports whether an agent has one of a channel at a time.
func voice(ch call.Channel) bool {
	return ch == "" || ch == call.ChannelCall || ch == call.ChannelCallback
}

func (l *log) begin(n *Line) string {
	h := Begin(n.Agent, n.State, n.At)
	if o := l.offers[l.accepted[n.Agent]]; o != nil {
		h.Item, h.Queue, h.Channel = o.Item, o.Queue, o.Channel
		if e := l.entries[o.Item]; e != nil {
			h.CallID = e.CallID
		}
	}
	if l.handlings[h.ID] == nil {
		l.handlings[h.ID] = &h
		l.handled = append(l.handled, h.ID)
	}
	return h.ID
}

func (l *log) facts(now time.Time) Facts {
	f := Facts{Spans: l.spans}
	for _, id := range l.order {
		e := *l.entries[id]
		e.Wait = Waited(e.EnteredAt, e.BridgedAt, e.EndedAt, now)
		f.Entries = append(f.Entries, e)
	}
	for _, id := range l.offered {
		f.Offers = append(f.Offers, *l.offers[id])
	}
	for _, id := range l.handled {
		f.Handlings = append(f.Handlings, *l.handlings[id])
	}
	slices.SortStableFunc(f.Entries, func(a, b Entry) int {
		return cmp.Or(a.EnteredAt.Compare(b.EnteredAt), cmp.Compare(a.ID, b.ID))
	})
	return f
}

// Fault is one thing in which the event log and the tables, or a sum and its
// parts, differ.
type Fault struct {
	What  string // "entry", "sum" or "open"
	ID    string // of the entry; of a sum its queue and channel
	Table string // what the tables say
	Log   string // what the log says, or the sum of the parts
}

// Conservation holds the entries of the tables to each other and to the log, both
// of one stretch of time and as they stood at its end: for each queue and channel
// offered = the sum of the end reasons + those that are open; each entry has the
// same end in the log; and none is open whose call is over (over says so).
// It returns what is wrong, and how many entries were offered.
func Conservation(table, fromLog []Entry, over func(Entry) bool) (faults []Fault, offered int) {
	type kind struct {
		queue   string
		channel call.Channel
	}
	sums := map[kind]*Sums{}
	for i := range table {
		e := &table[i]
		k := kind{e.Queue, e.Channel}
		if sums[k] == nil {
			sums[k] = &Sums{}
		}
		sums[k].AddEntry(e, 0)
		if e.Reason == "" && over != nil && over(*e) {
			faults = append(faults, Fault{"open", e.ID, "has not ended, although its call is over", ""})
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(sums), func(a, b kind) int {
		return cmp.Or(cmp.Compare(a.queue, b.queue), cmp.Compare(a.channel, b.channel))
	}) {
		s := sums[k]
		offered += int(s.N[Offered])
		if parts := Parts(s); parts != s.N[Offered] {
			faults = append(faults, Fault{
				"sum", k.queue + " " + string(k.channel), "offered " + count(s.N[Offered]), "end reasons and open " + count(parts),
			})
		}
	}
	return append(faults, differences(table, fromLog)...), offered
}

// Parts is the sum of the end reasons and of what has not ended: what Offered
// must be.
func Parts(s *Sums) int64 {
	n := s.N[Open]
	for _, r := range call.Reasons {
		n += s.N[EndedAs(r)]
	}
	return n
}
