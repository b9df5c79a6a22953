// Package queue is the shared queue and the agents who serve it: items of every
// channel, order, offers, presence, wrap-up, capacity and the estimate.
//
// One goroutine (Domain.Run) owns all of it; Core, the engine inside, is pure:
// events in, effects out, no clock, no I/O. The package opens no socket and
// knows no SQL. DESIGN.md says how.
package queue
