package queue

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// AgentView is a copy of an agent for screens.
type AgentView struct {
	ID          account.ID
	Login, Name string
	State       AgentState
	Reason      string
	Since       time.Time
	Devices     int
	CallID      call.ID
	Offer       OfferID
	WrapUpUntil time.Time
	NextState   AgentState // applied after wrap-up; "" when none
}

// QueueView is what a queue looks like now.
type QueueView struct {
	Config                                QueueConfig
	Waiting                               int // waiting and offered; callbacks, in which nobody is on the line, are not counted
	LongestWait                           time.Duration
	AgentsReady, AgentsBusy, AgentsWrapUp int
	EstimateLow, EstimateHigh             time.Duration
}
