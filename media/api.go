// Package media is the media plane: RTP ports, codecs, prompts and hold music,
// DTMF, browser peers, the bridge of two legs, taps for the recorder and the
// statistics of each leg (RFC 3550, RFC 3551, RFC 4733, RFC 3264, ITU-T G.711).
//
// It knows no call, queue or SIP message. It answers and makes session
// descriptions, and moves audio. DESIGN.md says how.
package media

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"pickup/call"
)

// Errors of the package, tested with errors.Is.
var (
	ErrNoPorts       = errors.New("media: no free RTP port")               // edge answers 503
	ErrNoCommonCodec = errors.New("media: no codec in common")             // edge answers 488
	ErrBadSDP        = errors.New("media: session description not usable") // edge answers 400 or 488
	ErrClosed        = errors.New("media: leg is closed")
)

// Config of an Engine. Check reports the first setting that cannot work.
type Config struct {
	FirstPort, LastPort int // RTP/RTCP pairs, inclusive
	WebRTCPort          int // one UDP port for every browser; 0 is any free port
	// LocalAddr returns the address to advertise to a peer (sip.advertise and
	// sip.local_nets decide; cmd makes it). The zero Addr stands for an unknown peer.
	LocalAddr func(peer netip.Addr) netip.Addr
	LegDead   time.Duration // no RTP and RTCP for so long where it is judged: EventDead; 0 means 10s
	Shards    int           // tickers; 0 means GOMAXPROCS
	// Prompt returns a prompt as 8 kHz mono PCM16, or false. It is called once
	// for each prompt and language; the engine keeps the encoded form.
	Prompt func(language, id string) (pcm8k []int16, ok bool)
	// Music is the hold music, 8 kHz mono PCM16, a seamless loop.
	Music []int16
}

// Engine owns ports, tickers and browser transport of one process.
type Engine struct{}

// New makes an Engine; nothing runs before Run.
func New(cfg Config, log *slog.Logger) (*Engine, error) { panic("unbuilt") }

// Run drives tickers and browser transport until ctx ends, then closes all legs.
func (e *Engine) Run(ctx context.Context) error { panic("unbuilt") }

// LegOptions for a new leg.
type LegOptions struct {
	ID   call.LegID
	Peer netip.Addr // address the signalling came from or goes to; chooses our address and guards the latch
}

// NewLeg opens an RTP leg for a SIP phone: it reserves a port pair.
// It returns ErrNoPorts when none is left.
func (e *Engine) NewLeg(o LegOptions) (*Leg, error) { panic("unbuilt") }

// NewBrowserLeg opens a leg for a browser (DTLS-SRTP, ICE, one UDP port).
func (e *Engine) NewBrowserLeg(o LegOptions) (*Leg, error) { panic("unbuilt") }

// Leg is the media of one dialog or browser peer. Its methods may be called
// from any goroutine; none blocks for the network except the SDP methods of a
// browser leg.
type Leg struct{}

// Bind sets who is told of events. Events that came before are delivered at
// once, in order. sink must not block. It is called once.
func (l *Leg) Bind(sink func(Event)) { panic("unbuilt") }

// Answer applies the peer's offer and returns our answer (RFC 3264 6). Called
// again it is a new offer of the same dialog: it moves the RTP target, follows
// a change of direction (EventRemoteHold) and keeps our session id, version
// raised. Errors: ErrNoCommonCodec, ErrBadSDP.
func (l *Leg) Answer(ctx context.Context, offer []byte) ([]byte, error) { panic("unbuilt") }

// Offer returns our offer; called again it repeats the current description
// (for a re-INVITE without SDP or a refresh).
func (l *Leg) Offer(ctx context.Context) ([]byte, error) { panic("unbuilt") }

// Accept applies the peer's answer to our offer.
func (l *Leg) Accept(answer []byte) error { panic("unbuilt") }

// Play plays prompts one after the other, whole sentences by id, in language,
// instead of music or silence; then what was playing before goes on and
// EventPlayed{Token} is sent. A new Play or Stop cuts the running one: its
// EventPlayed has Cut set. A leg that is bridged plays to its peer only what
// the bridge lets through: Play on a bridged leg is mixed instead of the other
// side's audio, for short confirmations.
func (l *Leg) Play(token string, language string, ids ...string) { panic("unbuilt") }

// Stop cuts a running prompt.
func (l *Leg) Stop() { panic("unbuilt") }

// Music starts or stops hold music as what plays when no prompt does; without
// music it is silence. All listeners of one tick hear the same sample.
func (l *Leg) Music(on bool) { panic("unbuilt") }

// Tone plays a short confirmation tone (about 200 ms, 440 Hz).
func (l *Leg) Tone() { panic("unbuilt") }

// SendDTMF sends one RFC 4733 event of 160 ms: 0-9, *, #, A-D.
func (l *Leg) SendDTMF(digit rune) { panic("unbuilt") }

// Ready reports whether audio can flow both ways: offer and answer complete,
// and for a browser DTLS connected.
func (l *Leg) Ready() bool { panic("unbuilt") }

// Codec returns "PCMA", "PCMU" or "" before the negotiation.
func (l *Leg) Codec() string { panic("unbuilt") }

// Quality returns what was measured so far.
func (l *Leg) Quality() call.Quality { panic("unbuilt") }

// Close frees ports and peers. It may be called twice.
func (l *Leg) Close() { panic("unbuilt") }

// EventKind says what happened to the media of a leg.
type EventKind int

// The kinds of event.
const (
	EventReady        EventKind = iota + 1 // audio can flow both ways; sent once, and again after a restart of ICE
	EventDTMF                              // one key was pressed: Digit; once per key (RFC 4733 2.5.1.4)
	EventPlayed                            // the prompts of Token ended, or were Cut
	EventDead                              // no RTP and RTCP for Config.LegDead, or ICE failed
	EventAlive                             // packets came again after EventDead
	EventRemoteHold                        // the peer put us on hold (sendonly, inactive, c=0.0.0.0)
	EventRemoteUnhold                      // the peer took us off hold
)

// Event of a leg's media.
type Event struct {
	Kind  EventKind
	Digit rune
	Token string
	Cut   bool
}

// Side tells the two sides of a bridge apart.
type Side int

// The sides: they are also the channels of a recording, left and right.
const (
	Player Side = 0
	Agent  Side = 1
)

// Tap receives a copy of the audio that two bridged legs send to us. Packet is
// called on the media path: it must not block, allocate or keep payload.
type Tap interface {
	// Packet: side is 0 for the player and 1 for the agent; law is the static
	// RTP payload type of the codec, 0 PCMU or 8 PCMA (RFC 3551 6); timestamp
	// is that of the RTP header (8 kHz); at is the arrival on the monotonic
	// clock, since an arbitrary start that all legs share.
	Packet(side int, law uint8, sequence uint16, timestamp uint32, at time.Duration, payload []byte)
}

// Bridge joins two legs. Payloads are relayed by header rewrite; where the laws
// differ they are converted by table.
type Bridge struct{}

// NewBridge joins player and agent from now on. tap may be nil. DTMF of the
// agent is passed to the player and the other way round, unless filter(side,
// digit) is false (filter may be nil: everything passes). filter must not block.
func NewBridge(player, agent *Leg, tap Tap, filter func(side Side, digit rune) bool) *Bridge {
	panic("unbuilt")
}

// Hold plays music to the player and mutes both directions while on is true.
// The tap still hears the player.
func (b *Bridge) Hold(on bool) { panic("unbuilt") }

// Close parts the legs; each goes back to its own source. Tap gets nothing
// after Close has returned.
func (b *Bridge) Close() { panic("unbuilt") }
