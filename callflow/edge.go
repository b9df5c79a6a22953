// Package callflow is the life of a call: from the first INVITE or browser
// offer to the ticket it leaves. A goroutine for each call (Session) owns its
// legs; a pure step decides; the Manager starts sessions, refuses, drains and
// recovers after a crash; one runner owns the offers of callbacks that wait.
//
// It composes queue, media, recording, callback and ticket, and reaches phones
// and browsers through the interfaces of this file. DESIGN.md says how.
package callflow

import (
	"context"
	"fmt"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/media"
)

// Leg is the signalling of one dialog or browser peer, as its edge (sip, web)
// makes it. No method waits for the network; what comes of them is told by
// LegEvents. They may be called from any goroutine, and in any state: what is
// too late is ignored.
type Leg interface {
	ID() call.LegID
	// Bind sets who is told; events that came before are delivered at once, in
	// order. sink never blocks. Called once.
	Bind(sink func(LegEvent))
	// Answer accepts an inbound leg: 200 OK with the media answer.
	Answer()
	// End finishes the leg whatever its state: a final response before the
	// answer (cause.Status, 4xx to 6xx; 0 is 480), CANCEL for an outbound leg
	// that rings, BYE after the answer, with Reason from cause.Text.
	// LegFinal follows when nothing is outstanding any more.
	End(cause call.Cause)
	// Referred answers the LegRefer that is open. 1xx: accepted, 202 and a
	// NOTIFY that it is being tried; 2xx: done. 300 and above: refused with that
	// status, or, after 1xx, a NOTIFY that it failed; text is for the phone's
	// screen. Ignored when no LegRefer is open; only SIP tells LegRefer.
	Referred(status int, text string)
	// Media is the leg's audio; closed by the edge after LegFinal.
	Media() *media.Leg
}

// LegEventKind says what happened to a leg's signalling.
type LegEventKind int

// The kinds of leg event. After Answered an outbound leg was ACKed already;
// it may come after End (the 200 crossed our CANCEL): the session decides, and
// calls End again if the answer is not wanted.
const (
	LegRinging    LegEventKind = iota + 1 // outbound: 18x
	LegAnswered                           // outbound: 2xx, answer applied, ACK sent. Inbound: ACK came (or media)
	LegFailed                             // outbound: final response 3xx-6xx, transport error or no 1xx in time: Status (0: nothing came), Text. Terminal but for LegFinal
	LegHungUp                             // the peer ended it: BYE or CANCEL (inbound, before the answer); Status 408: he vanished, Text says how that was seen
	LegDTMF                               // INFO with a key: Digit (deduplicated against RFC 4733 by the session)
	LegAway                               // browser: the page was left; it may come back with its token
	LegHeld                               // the peer put us on hold: re-INVITE or UPDATE with a=sendonly, a=inactive or c=0.0.0.0; told on the change only
	LegRetrieved                          // and took us back (sendrecv)
	LegRefer                              // REFER in this dialog (RFC 3515): Refer says whom to; the session answers with Leg.Referred
	LegMicrophone                         // browser: the page says that its microphone is gone (Text: MicrophoneLost) or back (MicrophoneBack)
	LegFinal                              // no request or response is outstanding; always the last event
)

// What LegMicrophone tells, in its Text; events of the timeline bear these names.
const (
	MicrophoneLost = "microphone_lost"
	MicrophoneBack = "microphone_back"
)

// LegEvent of a leg.
type LegEvent struct {
	Leg    call.LegID
	Kind   LegEventKind
	Status int
	Text   string
	Digit  rune
	Refer  *Refer // LegRefer: whom to; else nil
	At     time.Time
}

// Refer is what a REFER asks for (RFC 3515): a blind transfer to Target, or,
// with Replaces, an attended one to the other end of a dialog (RFC 3891).
type Refer struct {
	Target      string     // user part of Refer-To, lower case; a number or a name
	Replaces    *DialogID  // nil: blind
	ReplacesLeg call.LegID // the leg of ours that Replaces names; "": it is none of ours
}

// DialogID names a SIP dialog (RFC 3261 12), its tags as we see it: of a dialog
// of ours LocalTag is the one that we gave.
type DialogID struct {
	CallID    string
	LocalTag  string
	RemoteTag string
}

// Inbound is a call that an edge hands over. Media is negotiated already (the
// answer is ready to be sent), nothing but 100 was answered.
type Inbound struct {
	Leg       Leg
	From      call.Party
	To        call.Party // To.User is the dialled name, lower case
	Account   account.ID // who proved himself by digest, or ""
	Login     string     // of Account
	SIPCallID string
	Language  string // asked for by a browser or the Accept-Language header: "fr", "en" or ""
	// Replaces is the leg of the same agent whose place this one takes
	// (RFC 3891), whatever the name that was dialled; "": none.
	Replaces call.LegID
	// DivertedFrom is the number or name from which a trunk's call was diverted
	// to us last; "": it came straight, or that is not said.
	DivertedFrom string
	ResumeSHA256 string // of the token given to a browser, else ""
	ArrivedAt    time.Time
	Transport    string
	// A call that goes on with a conversation names its ticket and its contact,
	// and who should answer, for at most 20 s; "": nothing of that is known.
	TicketID, ContactID string
	Preferred           account.ID
}

// Refusal is why a call was not taken: the status for the caller.
type Refusal struct {
	Status     int // 404, 403, 486, 503
	Text       string
	RetryAfter time.Duration // with 503
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("callflow: refused %d %s", r.Status, r.Text) }

// AddressKind says which Dialer reaches an address.
type AddressKind int

// The kinds of address.
const (
	AddressDevice    AddressKind = iota + 1 // a registered device of an agent: AOR and Key of its binding
	AddressSIPSource                        // callback.TargetSIPSource
	AddressNumber                           // callback.TargetNumber
	AddressBrowser                          // callback.TargetBrowser
)

// Address is something to ring.
type Address struct {
	Kind    AddressKind
	AOR     string // AddressDevice: login of the agent
	Key     string // AddressDevice: binding key
	Value   string // the others: the callback's target
	Display string // for logs and screens: contact URI; never a number
}

// Invitation is one leg to be dialled.
type Invitation struct {
	LegID       call.LegID
	CallID      call.ID
	To          Address
	FromUser    string // user part of From: the caller's
	CallerID    string // number that a trunk shows the called, E.164; "": FromUser, or the trunk's own
	FromDisplay string // "<player> (support)"
	Queue       string
	Language    string
	AutoAnswer  bool          // the device is asked to answer by itself: its agent waits for the call
	Codec       string        // of the other side, by the name of media.Leg.Codec: to be offered first. Empty: none is known
	Timeout     time.Duration // give up without a final answer; the edge CANCELs. 0: the session does
}

// Dialer rings addresses of one kind. Route says of an address, without dialling
// it, that nothing could: ErrNoTrunk for a number that no trunk takes now.
// Dial returns at once; ErrNoTrunk too, ErrNoRoute when the address cannot be
// reached at all (no such binding, its flow is gone).
type Dialer interface {
	Route(to Address) error
	Dial(ctx context.Context, inv Invitation) (Leg, error)
}

// Devices knows the reachable devices of an agent: his registered contacts
// that answer, and his browser phone.
type Devices interface {
	Devices(agent account.ID) []Address
}

// Presence is how an agent's devices stand (telephony 1.4). One is rung while it
// is registered, has answered within the last 30 s (10 s for a browser), and says
// that its microphone works, where it says anything of it.
type Presence struct {
	Devices int    // can be rung
	Silent  int    // registered, but cannot be
	Why     string // why not, of the silent ones: CauseNoResponse, CauseMicrophone
}

// Why a registered device cannot be rung.
const (
	CauseNoResponse = "no_response"
	CauseMicrophone = "microphone"
)

// Handler is what an edge needs of this package; *Manager is it.
type Handler interface {
	// Routable says whether a dialled name leads anywhere for a caller who did
	// or did not prove who he is; feature codes need an account.
	Routable(user string, account account.ID) bool
	// Accept starts the call's session, which binds in.Leg, or refuses; then
	// the edge answers with the Refusal and closes the leg.
	Accept(in Inbound) *Refusal
	// Presence says which devices of an agent can be rung now.
	Presence(agent account.ID, p Presence)
}
