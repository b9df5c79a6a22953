// Package media is the media plane: RTP ports, codecs, prompts and hold music,
// DTMF, browser peers, the bridge of two legs, taps for the recorder and the
// statistics of each leg (RFC 3550, RFC 3551, RFC 4733, RFC 3264, ITU-T G.711).
//
// It knows no call, queue or SIP message. It answers and makes session
// descriptions, and moves audio. DESIGN.md says how.
//
// Goroutines: an Engine's Run owns one ticker for each shard; each leg has a
// reader for each of its sockets, which ends at Close. Nothing on the path of
// a packet locks, allocates, logs or waits.
package media
