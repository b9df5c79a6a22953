package queue

// AgentState is where an agent stands.
type AgentState string

// The states of an agent.
const (
	AgentOffline     AgentState = "offline"
	AgentNotReady    AgentState = "not_ready"
	AgentReady       AgentState = "ready"
	AgentReserved    AgentState = "reserved"
	AgentConnecting  AgentState = "connecting"
	AgentTalking     AgentState = "talking"
	AgentHolding     AgentState = "holding"
	AgentConsulting  AgentState = "consulting"
	AgentConference  AgentState = "conference"
	AgentDialing     AgentState = "dialing"
	AgentWrapUp      AgentState = "wrap_up"
	AgentUnreachable AgentState = "unreachable"
)
