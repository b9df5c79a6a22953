// Package logkey holds the names of the attributes in our logs, so that one
// search finds everything about one call.
package logkey

// The agreed keys. Values are ids and states, never a phone number, a name or
// an SDP above level Debug.
const (
	Call      = "call_id"
	Leg       = "leg_id"
	Agent     = "agent_id"
	Queue     = "queue"
	Ticket    = "ticket_id"
	SIPCall   = "sip_call_id"
	State     = "state"
	Event     = "event"
	Err       = "err"
	Item      = "item_id"
	Offer     = "offer_id"
	Callback  = "callback_id"
	Recording = "recording_id"
	Chat      = "chat_id"
	Source    = "source"
)

// MaskNumber hides the middle of a phone number or of any other address of a
// person: "+33612345678" becomes "+336****78". Short text is hidden whole.
func MaskNumber(s string) string {
	if len(s) < 8 {
		return "****"
	}
	return s[:4] + "****" + s[len(s)-2:]
}
