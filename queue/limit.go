package queue

import (
	"fmt"
	"slices"
	"strconv"

	"pickup/call"
)

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

// MaxParked is the most that an agent may be let set aside of one channel.
const MaxParked = 50

// LimitError says which part of a limit cannot be.
type LimitError struct {
	Field string // "chat.max", "email.weight", or a channel that has no limit
	Limit string
	Value string
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("queue: limits.%s: limit %s, got %s", e.Field, e.Limit, e.Value)
}

// Check returns a *LimitError for a limit that cannot be an agent's. As many as
// Max have to fit into his hundred at once.
func (l Limit) Check(ch call.Channel) error {
	def := DefaultLimit(ch)
	weight, parked := l.Weight, MaxParked
	if weight == 0 {
		weight = def.Weight
	}
	if ch == call.ChannelChat {
		parked = 0 // somebody waits for each word
	}
	if def.Weight == 0 {
		return &LimitError{string(ch), "chat, email, social, web_form or ticket (a call is exclusive)", string(ch)}
	}
	for _, f := range [...]struct {
		name               string
		value, least, most int
		why                string
	}{
		{"weight", weight, 1, capacity, ""},
		{"max", l.Max, 0, capacity / max(weight, 1), fmt.Sprintf(" at weight %d of %d", weight, capacity)},
		{"parked", l.Parked, 0, parked, ""},
	} {
		if f.value < f.least || f.value > f.most {
			return &LimitError{string(ch) + "." + f.name, fmt.Sprintf("%d to %d%s", f.least, f.most, f.why), strconv.Itoa(f.value)}
		}
	}
	return nil
}

// TextChannels are those that have a limit.
func TextChannels() []call.Channel { return slices.Clone(laneChannels[:]) }

// EffectiveLimits returns the limit of each text channel of an agent who has some set:
// what holds, with the defaults.
func (a *AgentConfig) EffectiveLimits() map[call.Channel]Limit {
	all := make(map[call.Channel]Limit, lanes)
	for _, ch := range laneChannels {
		def := DefaultLimit(ch)
		limit, ok := a.Limits[ch]
		if !ok {
			limit = def
		}
		if limit.Weight <= 0 {
			limit.Weight = def.Weight
		}
		all[ch] = limit
	}
	return all
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
