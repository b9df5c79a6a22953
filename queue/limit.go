package queue

import "pickup/call"

// Limit is what an agent takes of one text channel at a time (desk 1.3). Calls
// and callbacks are exclusive and have none.
type Limit struct {
	Max    int // active at a time; 0: none of this channel
	Parked int // set aside by himself at a time; what a call parks is not counted against it
	Weight int // of 100, the capacity of an agent; 0: that of DefaultLimit
}

// capacity is the most that the weights of an agent's active items add up to.
const capacity = 100

// DefaultLimit returns the limit of an agent who has none set: a chat weighs
// 33, at most three; an email, web form or ticket 34, one and three parked;
// social 25. The zero Limit for calls and callbacks.
func DefaultLimit(ch call.Channel) Limit {
	switch ch {
	case call.ChannelChat:
		return Limit{Max: 3, Weight: 33}
	case call.ChannelEmail, call.ChannelWebForm, call.ChannelTicket:
		return Limit{Max: 1, Parked: 3, Weight: 34}
	case call.ChannelSocial:
		return Limit{Max: 4, Parked: 4, Weight: 25}
	}
	return Limit{}
}

// lane is where an item is worked on: a channel of text, or the one voice lane.
type lane int8

const (
	laneVoice lane = iota - 1
	laneChat
	laneEmail
	laneSocial
	laneWebForm
	laneTicket
	lanes = 5 // of text
)

var laneChannels = [lanes]call.Channel{
	call.ChannelChat, call.ChannelEmail, call.ChannelSocial, call.ChannelWebForm, call.ChannelTicket,
}

func laneOf(ch call.Channel) lane {
	switch ch {
	case call.ChannelChat:
		return laneChat
	case call.ChannelEmail:
		return laneEmail
	case call.ChannelSocial:
		return laneSocial
	case call.ChannelWebForm:
		return laneWebForm
	case call.ChannelTicket:
		return laneTicket
	}
	return laneVoice
}

// text reports whether the work is done in the console.
func (l lane) text() bool { return l >= 0 }

// interruptible reports whether a call may take an agent from such an item.
// These are the deferred channels.
func (l lane) interruptible() bool { return l > laneChat }
