package call

// PartyKind says how far a calling party is known and by which way he can be
// reached again.
type PartyKind string

// The kinds of party.
const (
	PartyAnonymousSIP PartyKind = "sip"        // an unauthenticated SIP source
	PartyRegistered   PartyKind = "registered" // a SIP user who proved his password
	PartyTrunk        PartyKind = "trunk"      // a call from a configured trunk
	PartyBrowser      PartyKind = "browser"    // the player's page or widget
)

// Party is one end of a call as the signalling names it. Text that came from
// outside (User, Display) has its control characters removed by the edge.
type Party struct {
	Kind    PartyKind
	URI     string // canonical address, e.g. "sip:alice@198.51.100.7"; never empty
	User    string // user part, or "" if there is none
	Display string // display name, or ""
	// Source is the transport and address the first message came from, as
	// "udp:198.51.100.7:5060", or "ws:<flow>"; "" for a browser.
	Source string
	// ReachBack is where a callback may ring this party: for a SIP source
	// "<user>@<transport>:<address>", for a trunk the E.164 number, for a
	// browser the id of its call. Empty: he cannot be reached.
	ReachBack string
}

// Anonymous reports whether the party hides who he is (RFC 3323, or an empty
// user part). Every anonymous caller gets a contact of his own.
func (p Party) Anonymous() bool {
	return p.User == "" || p.User == "anonymous"
}

// Cause is how a leg ended: a SIP status or a reason of ours.
type Cause struct {
	Status int    // SIP status code, or 0 where no final response was seen
	Text   string // short English text for logs and the Reason header, or ""
}

// Outcome is what became of an offer at the agent's devices. With several
// devices the best counts, in the order of these constants.
type Outcome int

// The outcomes of an offer.
const (
	OutcomeNone        Outcome = iota
	OutcomeAnswered            // 2xx
	OutcomeRejected            // 603, 403: the agent pressed reject
	OutcomeDND                 // 480 within two seconds, or "do not disturb"
	OutcomeForwarded           // 3xx: the phone is forwarded; never followed
	OutcomeBusy                // 486, 600: a foreign call on the device
	OutcomeMissed              // rang for the ring time, nobody answered
	OutcomeGone                // 430: the flow is gone; its binding was dropped, the device's other flow is next
	OutcomeUnreachable         // no response, transport error, 408, 404, 410, 5xx
	OutcomeChallenged          // 401, 407: the phone asks us for a password, a fault of its configuration
	OutcomeMedia               // answered, but no media could be agreed
	OutcomeWithdrawn           // taken back by us: caller gone, other agent won
)

var outcomeNames = [...]string{
	"none", "answered", "rejected", "dnd", "forwarded", "busy", "missed", "flow_gone", "unreachable",
	"challenged", "media", "withdrawn",
}

// String returns the name of o as it stands in the journal and the API.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomeNames) {
		return "invalid"
	}
	return outcomeNames[o]
}
