// Package simulate runs the shared queue in virtual time: the very queue.Core
// that serves calls, with agents and players who are numbers. A day takes a part
// of a second, and the same input gives the same outcome to the nanosecond.
//
// Run takes a Site, which is who works and by which rules, and Work, which is
// what comes. Work is drawn by chance from Streams, or is that of a past day
// (Replay). Nothing here is a second engine: order, offers, packing, interruption,
// reserve, wrap-up and places are decided by the Core alone.
//
// What it does not do: media, recordings, callbacks, transfers, missed and
// refused offers. Handling of a chat does not grow with the number of chats that
// its agent has. The package has no clock, socket, file or goroutine.
package simulate
