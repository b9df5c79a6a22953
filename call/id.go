package call

// ID names one call for its whole life: a UUIDv7 in text, so that ids sort by
// the time they were made. The zero value names no call.
type ID string

// LegID names one leg of a call: one SIP dialog or one browser peer.
type LegID string

// Channel is the way by which a contact reached support. Items of every
// channel wait in the same queue.
type Channel string

// The channels.
const (
	ChannelCall     Channel = "call"     // a live call that waits
	ChannelCallback Channel = "callback" // a promise to call back
	ChannelChat     Channel = "chat"
	ChannelEmail    Channel = "email"
	ChannelSocial   Channel = "social"
	ChannelWebForm  Channel = "web_form"
	ChannelTicket   Channel = "ticket" // a ticket that waits for work
)

// Live reports whether somebody is waiting at this moment for an item of the
// channel: calls, due callbacks and chats are live, written messages are not.
func (c Channel) Live() bool {
	return c == ChannelCall || c == ChannelCallback || c == ChannelChat
}

// Direction says who started a call.
type Direction string

// The directions.
const (
	Inbound  Direction = "in"       // a player called us
	Outbound Direction = "out"      // we called the player
	Internal Direction = "internal" // an agent called another: no player, no queue, no ticket
)
