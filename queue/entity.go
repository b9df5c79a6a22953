package queue

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// itemState is where an item stands.
type itemState int

const (
	itemWaiting    itemState = iota + 1 // in the heaps
	itemParked                          // not to be offered before parkAt
	itemOffered                         // current is committing or offered
	itemConnecting                      // winner is set, no bridge
	itemTalking                         // bridged
	itemEnded                           // terminal
)

var itemStateNames = [...]string{"", "waiting", "parked", "offered", "connecting", "talking", "ended"}

// entry is a live item inside Core.
type entry struct {
	Item
	q       *line
	class   *needClass
	state   itemState
	current *reservation // committing, offered or accepted
	// others are live too while several agents are asked (ring.go).
	others []*reservation
	// tries counts the offers that each agent missed or refused; nil: none.
	tries    map[account.ID]int
	heldFor  *agent
	parkAt   int64
	preferAt int64
	overAt   int64
	waitPos  int // in class.waiting or heldFor.own
	slot     int // slotOf its channel
	agePos   int // in q.ages[slot]
	enqueued int64
	needs    Requirement // as it is now: relaxed, with what the queue requires
	ring     int64       // the delay of members that its wait has reached
	dueAt    int64       // of a deferred item
	stepAt   int64       // when more agents are asked
	most     int         // agents that may be asked at a time, as its owner reads; 0: any number
	opening  bool        // a round of asking several begins in this step
	round    int         // tries of who was asked first, since it waited last
	relaxAt  int64       // when needs or ring change next; 0: not any more
	lane     lane
	bridged  bool // was in talk, a mis-click apart
	overdue  bool // its maximum wait passed while it was offered
	counted  bool // in q.ages
	inHands  bool // in q.held
	held     bool // the agent holds the player
	promoted bool // a deferred item past its deadline
	promised promised
}

// onLine reports whether somebody is on the line for the item: a callback keeps
// the time of its call, but nobody waits in it, and text is counted by channel.
func (e *entry) onLine() bool { return e.Channel == call.ChannelCall }

// setAside reports whether its agent has parked the item.
func (e *entry) setAside() bool { return e.current != nil && e.current.parked }

// before is the order of items of one rank: class, key, id. Deferred items that
// were promoted at one moment, as after a restart, keep the order of their
// deadlines.
func (e *entry) before(o *entry) bool {
	if e.Class != o.Class {
		return e.Class < o.Class
	}
	if e.Key != o.Key {
		return e.Key < o.Key
	}
	if e.promoted != o.promoted {
		return o.promoted
	}
	if e.promoted && e.dueAt != o.dueAt {
		return e.dueAt < o.dueAt
	}
	return e.ID < o.ID
}

// line is one queue inside Core.
type line struct {
	QueueConfig
	key             string // lower-case name
	closed          bool   // disabled or removed: it drains
	removed         bool
	duty            int                         // members on duty
	live            int                         // every item that has not ended
	ages            [lanes + 2]indexHeap[entry] // by slotOf: waiting and offered, oldest first
	held            [lanes + 2]int              // by slotOf: agents have them
	tallies         [lanes + 2]Tally            // by slotOf
	text            int                         // live text items
	stats           lineStats                   // of calls
	rates           rates
	chats           lineStats
	chatted         rates
	calibration     calibration // of calls
	chatCalibration calibration
	kept            []kept
	promises        Promise
	promisesAt      int64
	dirty           bool
	members         map[account.ID]Member
	delays          []int64            // of members, sorted, each once, without 0
	turns           map[account.ID]int // round robin: when each was asked last
	turn            int
}

// Tally counts what entered and left a queue since the Core was made.
// Offered + Rejoined + MovedIn = sum of Ended + MovedOut + Live, always.
type Tally struct {
	Offered  int // entries that count as offered
	Rejoined int // entries that were counted before: after a restart, as callbacks
	MovedIn  int // by Transfer
	MovedOut int
	Live     int
	Ended    map[call.EndReason]int
	// Channels is the same for each channel that had an entry; nil inside it.
	Channels map[call.Channel]Tally
}

// slotOf is the index of a channel in the tallies of a line.
func slotOf(ch call.Channel) int {
	if ch == call.ChannelCallback {
		return callSlot + 1
	}
	if l := laneOf(ch); l.text() {
		return int(l)
	}
	return callSlot
}

func slotChannel(slot int) call.Channel {
	switch slot {
	case callSlot:
		return call.ChannelCall
	case callSlot + 1:
		return call.ChannelCallback
	}
	return laneChannels[slot]
}

func (e *entry) tally() *Tally { return &e.q.tallies[e.slot] }

// The slot of calls.
const callSlot = lanes

// waiting is how many calls wait or are offered.
func (q *line) waiting() int { return q.ages[callSlot].len() }

// lineLen is how many items of any channel wait or are offered.
func (q *line) lineLen() int {
	n := 0
	for slot := range q.ages {
		n += q.ages[slot].len()
	}
	return n
}

func (t *Tally) end(reason call.EndReason) {
	if t.Ended == nil {
		t.Ended = map[call.EndReason]int{}
	}
	t.Ended[reason]++
}

// resState is where a reservation stands.
type resState int

const (
	resCommitting resState = iota + 1 // decided, not told to anybody
	resOffered                        // the owner of the item rings
	resAccepted                       // won its item
	resReleasing                      // over, but a leg of the agent is not final
	resReleased                       // terminal
)

var resStateNames = [...]string{"", "committing", "offered", "accepted", "releasing", "released"}

// cancelKind is what is applied to a committing reservation on its return.
type cancelKind int

const (
	cancelNone    cancelKind = iota
	cancelEnded              // its item is gone or has another winner
	cancelRequeue            // the agent went away: the item waits again
)

// reservation is one offer inside Core: agent x item.
type reservation struct {
	id            OfferID
	item          *entry
	agent         *agent
	state         resState
	cancel        cancelKind
	final         bool // every leg of the agent is final
	won           bool // was accepted once: cannot win again
	talked        bool // bridged: wrap-up follows
	rang          bool
	bridgedBefore bool
	auto          bool // text: the agent's without a choice, as soon as it is stored
	active        bool // text: counted in his load
	parked        bool // text
	byCall        bool // text: parked by a call, resumes after wrap-up
	counted       bool // text: as promoted
	outcome       call.Outcome
	judged        *judgement // what a rescue takes back
	why           string
	ring          time.Duration
	lease         time.Duration
	deadline      time.Time
	leaseAt       int64
	commitAt      int64
	reapAt        int64
	offeredAt     int64
	wonAt         int64
	bridgeAt      int64

	branch int // among the live offers of its item

	// Of text alone.
	slot   int // among the text items of its agent
	weight int // counted in his load while active
}

// judgement remembers an agent as he was before an outcome was held against
// him; a late answer that wins shows that he was there.
type judgement struct {
	chosen           AgentState
	reason           string
	person           bool
	unreachable      string
	missed, rejected int
	delayAt, idle    int64
}

// agent is one agent inside Core. chosen is what a person or a rule decided;
// what he does at the moment (shown) follows from it and from his reservation.
type agent struct {
	AgentConfig
	profile     *profile
	chosen      AgentState // ready, not_ready or offline
	reason      string
	person      bool   // a person chose it: it stands until all devices are gone
	unreachable string // "" or why his devices cannot be rung although they are registered
	next        AgentState
	nextReason  string
	nextPerson  bool
	devices     int    // that can be rung
	silent      int    // registered, but they cannot be rung now
	silentWhy   string // why not, of the silent ones
	backAt      int64  // when unreachable is tried again; 0: not by time
	fails       int    // in a row, of ways to him
	occupied    bool
	engaged     AgentState // "" or what he is shown as in a talk that no queue gave him
	engagedIn   call.ID
	removed     bool
	res         *reservation
	wrapping    bool
	wrapAt      int64
	delayAt     int64 // not offered before; 0: no delay
	missed      int
	rejected    int
	dropped     int
	idle        int64 // since when he is idle, ns on the Core's clock
	idlePos     int
	fresh       bool              // became available in this step
	own         *indexHeap[entry] // items that wait for him alone
	shown       AgentState
	shownReason string
	counted     bool // in the duty of his queues
	since       time.Time
	dirty       bool
	work        []handling
	took        []int64 // when he answered a call, in the last hour
	talkFrom    int64   // pick-up of the call whose wrap-up runs
	talkOffered int64   // and its offer
	talkLine    *line
	workTag     string // "chosen" when last stored
	floor       floorMark
	working     bool // has active text: a call interrupts; as it is in the idle heap
	textDesk
}

// before is the order of idle agents of one profile: who has no text work
// first, then the longest idle.
func (a *agent) before(o *agent) bool {
	if a.working != o.working {
		return o.working
	}
	if a.idle != o.idle {
		return a.idle < o.idle
	}
	return a.ID < o.ID
}

// inCall reports whether a choice of state has to wait for the end of a call.
func (a *agent) inCall() bool {
	return a.wrapping || a.engaged != "" || a.res != nil && (a.res.state == resAccepted || a.res.state == resReleasing && a.res.talked)
}

// available reports whether he can be offered a call now (telephony 1.4). A
// chat, or a text item that is on its way to him, keeps him from it.
func (a *agent) available() bool {
	return a.chosen == AgentReady && a.res == nil && !a.wrapping && !a.elsewhere() && !a.removed &&
		a.devices > 0 && a.unreachable == "" && a.delayAt == 0 && a.open == nil && a.chats() == 0 && (!a.keeps || a.load == 0)
}

// onDuty reports whether he may serve within foreseeable time.
func (a *agent) onDuty() bool {
	return !a.removed && a.shown != AgentOffline && a.shown != AgentUnreachable && a.shown != ""
}

// display returns the state and reason that screens show.
func (a *agent) display() (AgentState, string) {
	if r := a.res; r != nil {
		switch {
		case r.state == resCommitting || r.state == resOffered:
			return AgentReserved, ""
		case r.state == resAccepted && !r.talked:
			return AgentConnecting, ""
		case r.state == resAccepted && r.item.held:
			return AgentHolding, ""
		case r.state == resAccepted:
			return AgentTalking, ""
		case r.talked:
			return AgentWrapUp, ""
		default:
			return AgentReserved, ""
		}
	}
	switch {
	case a.engaged != "":
		return a.engaged, ""
	case a.wrapping:
		return AgentWrapUp, ""
	case a.occupied:
		return AgentDialing, ""
	case a.chosen == AgentReady && a.registered() == 0 && !a.console:
		return AgentOffline, ""
	case a.chosen == AgentReady && a.devices == 0 && a.silent > 0:
		return AgentUnreachable, a.silentWhy
	case a.chosen == AgentReady && a.unreachable != "":
		return AgentUnreachable, a.unreachable
	case a.chosen == AgentReady:
		return AgentReady, ""
	}
	return a.chosen, a.reason
}
