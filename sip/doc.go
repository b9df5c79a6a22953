// Package sip is the SIP edge: UDP, TCP, TLS and WebSocket transports, the gate
// in front of every handler, dialogs, the registrar with digest, the devices of
// agents and trunks, the flood guard and the trace (RFC 3261, 3581, 5626, 7118,
// 7616).
//
// It takes the parser, the transactions and the transports from sipgo and does
// the rest itself. It makes callflow.Leg values, hands calls to a
// callflow.Handler and dials callflow.Address values; it knows neither queue
// nor ticket. Server.Serve owns all its goroutines; each dialog is owned by one
// goroutine of its own. DESIGN.md says how.
package sip
