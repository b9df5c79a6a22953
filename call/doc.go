// Package call is the vocabulary of a call: identities, states and the
// transition table, end reasons, causes, parties, and the call record.
//
// It holds values and pure functions only. It starts no goroutine, opens no
// socket and imports the standard library alone, so every other package may
// import it. Names follow RFC 3261 and contact-center practice.
package call
