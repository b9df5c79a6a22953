// Package chat holds the conversations between visitors of a page and agents.
//
// A conversation is an interaction of channel chat. Everything that is said or
// happens in it is an event with a number, without gaps, durable before anybody
// is told: messages, who answers, the state, how far each side has read, the
// offer of a call. Who comes back says the last number he has and gets the
// rest; a message sent twice with one client id is one message. Typing, the
// place in the queue and who is online are told and forgotten.
//
// One goroutine owns each live conversation (a room). It never waits for SQL:
// what it decides is written by a child, one write at a time and in order, and
// is told when it is durable. The package opens no socket: a Link is the end of
// a connection, whatever carries it.
package chat
