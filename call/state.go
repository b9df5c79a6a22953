package call

import "fmt"

// State is where a call stands. Only Next changes it.
type State string

// The states of a call.
const (
	StateNew          State = "new"          // the INVITE or the offer of a browser arrived; nothing was answered
	StateMenu         State = "menu"         // answered; the caller chooses in a menu
	StateWaiting      State = "waiting"      // in a queue; no agent is being rung
	StateOffered      State = "offered"      // in a queue; an agent's devices ring
	StateConnecting   State = "connecting"   // an agent picked up; the bridge waits for media or for the notice
	StateTalking      State = "talking"      // bridged
	StateHeld         State = "held"         // bridged; the agent put the player on hold
	StateDialing      State = "dialing"      // outbound: the player's phone rings
	StateHumanCheck   State = "human_check"  // outbound: the player answered and is asked to press 1
	StateTransferring State = "transferring" // hears music while who he is given to is rung
	StateParked       State = "parked"       // hears music until somebody takes him from his orbit
	StateVoicemail    State = "voicemail"    // leaves a message
	StateAnnouncing   State = "announcing"   // a last sentence plays before we hang up
	StateEnded        State = "ended"        // terminal
)

// Event is what happened to a call.
type Event string

// The events of a call.
const (
	EventMenuEntered    Event = "menu_entered"
	EventJoined         Event = "joined"          // entered a queue
	EventOffered        Event = "offered"         // an agent's devices are being rung
	EventOfferEnded     Event = "offer_ended"     // no answer, reject, busy: back to the same place
	EventPicked         Event = "picked"          // an agent's device won the offer
	EventBridged        Event = "bridged"         // both directions are joined
	EventHeld           Event = "held"            // the agent holds the player
	EventRetrieved      Event = "retrieved"       // the agent took him off hold
	EventAgentLost      Event = "agent_lost"      // the agent's leg failed before or after the bridge
	EventTransferred    Event = "transferred"     // given away: who he is given to is rung, or takes over at once
	EventParked         Event = "parked"          // put into an orbit
	EventRequeued       Event = "requeued"        // waits in a queue again, by a transfer or because nobody took him
	EventVoicemail      Event = "voicemail"       // asked to leave a message
	EventAnnounced      Event = "announced"       // a closing sentence started
	EventResumed        Event = "resumed"         // he came back with his token
	EventDialed         Event = "dialed"          // outbound: INVITE sent to the player
	EventPlayerAnswered Event = "player_answered" // outbound: the player picked up
	EventEnded          Event = "ended"           // everything is released
)

// transitions is the whole machine. A pair that is absent is refused.
var transitions = map[State]map[Event]State{
	StateNew: {
		EventMenuEntered: StateMenu, EventJoined: StateWaiting, EventDialed: StateDialing, EventVoicemail: StateVoicemail,
		EventTransferred: StateTransferring, EventAnnounced: StateAnnouncing, EventEnded: StateEnded,
	},
	StateMenu: {
		EventJoined: StateWaiting, EventVoicemail: StateVoicemail, EventAnnounced: StateAnnouncing, EventEnded: StateEnded,
	},
	StateDialing: {EventPlayerAnswered: StateHumanCheck, EventPicked: StateConnecting, EventEnded: StateEnded},
	StateHumanCheck: {
		EventOffered: StateOffered, EventJoined: StateWaiting, EventAnnounced: StateAnnouncing, EventEnded: StateEnded,
	},
	StateWaiting: {
		EventOffered: StateOffered, EventPicked: StateConnecting, EventRequeued: StateWaiting, EventVoicemail: StateVoicemail,
		EventAnnounced: StateAnnouncing, EventEnded: StateEnded,
	},
	StateOffered: {
		EventOfferEnded: StateWaiting, EventPicked: StateConnecting, EventRequeued: StateWaiting, EventVoicemail: StateVoicemail,
		EventAnnounced: StateAnnouncing, EventEnded: StateEnded,
	},
	StateConnecting: {EventBridged: StateTalking, EventAgentLost: StateWaiting, EventEnded: StateEnded},
	StateTalking: {
		EventHeld: StateHeld, EventAgentLost: StateWaiting, EventResumed: StateConnecting, EventTransferred: StateTransferring,
		EventParked: StateParked, EventRequeued: StateWaiting, EventAnnounced: StateAnnouncing, EventEnded: StateEnded,
	},
	StateHeld: {
		EventRetrieved: StateTalking, EventAgentLost: StateWaiting, EventResumed: StateConnecting, EventTransferred: StateTransferring,
		EventParked: StateParked, EventRequeued: StateWaiting, EventAnnounced: StateAnnouncing, EventEnded: StateEnded,
	},
	StateTransferring: {
		EventBridged: StateTalking, EventParked: StateParked, EventRequeued: StateWaiting, EventAgentLost: StateWaiting,
		EventAnnounced: StateAnnouncing, EventEnded: StateEnded,
	},
	StateParked: {
		EventTransferred: StateTransferring, EventRequeued: StateWaiting, EventAnnounced: StateAnnouncing, EventEnded: StateEnded,
	},
	StateVoicemail:  {EventAnnounced: StateAnnouncing, EventEnded: StateEnded},
	StateAnnouncing: {EventEnded: StateEnded},
}

// Next returns the state that follows s after e.
// It returns s unchanged and a *TransitionError if s does not accept e.
func (s State) Next(e Event) (State, error) {
	to, ok := transitions[s][e]
	if !ok {
		return s, &TransitionError{From: s, Event: e}
	}
	return to, nil
}

// InQueue reports whether a call in s holds a place in a queue.
func (s State) InQueue() bool { return s == StateWaiting || s == StateOffered }

// TransitionError says that a state does not accept an event. Late events, such
// as a BYE that crosses ours, end here: they are logged and never fatal.
type TransitionError struct {
	From  State
	Event Event
}

// Error implements error.
func (e *TransitionError) Error() string {
	return fmt.Sprintf("call: state %s does not accept event %s", e.From, e.Event)
}
