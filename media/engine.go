package media

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pickup/call"
	"pickup/internal/logkey"
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
	// PortQuarantine is how long a released pair is not used again; 0 means 5s,
	// below 0 not at all. At most 1min.
	PortQuarantine time.Duration
	WebRTCPort     int // one UDP port for every browser; 0 is any free port
	// LocalAddr returns the address to advertise to a peer (sip.advertise and
	// sip.local_nets decide; cmd makes it). The zero Addr stands for an unknown peer.
	LocalAddr func(peer netip.Addr) netip.Addr
	// Codecs are those of phones, the most wanted first: "pcma", "pcmu", "g722",
	// "opus". Of the two laws of G.711, between which nothing is lost, the peer's
	// order decides. Empty means pcma, pcmu.
	Codecs []string
	// BrowserCodecs are those of browsers, the most wanted first: "pcma", "pcmu",
	// "opus"; as in Codecs the browser's order decides between the laws of G.711.
	// Empty means pcma, pcmu.
	BrowserCodecs []string
	// Opus makes the coders of Opus; nil: Opus is not spoken.
	Opus    OpusCoders
	SRTP    SRTP          // encryption of phones' audio; empty means SRTPOffered
	LegDead time.Duration // no RTP and RTCP for so long where it is judged: EventDead; 0 means 10s
	// InbandDTMF says where keys are looked for as tones; empty means InbandAuto.
	InbandDTMF InbandDTMF
	Shards     int // tickers; 0 means GOMAXPROCS
	// Prompt returns a prompt as 8 kHz mono PCM16, or false. It is called once
	// for each prompt and language; the engine keeps the encoded form.
	Prompt func(language, id string) (pcm8k []int16, ok bool)
	// Music is the hold music, 8 kHz mono PCM16, a seamless loop.
	Music []int16
	// Listen opens the sockets of RTP legs, each read by a goroutine of its own.
	// nil means the engine's choice: on Linux few threads read all of them, with
	// epoll; elsewhere it is ListenUDP.
	Listen ListenFunc
}

// defaultLegDead is Config.LegDead when it is 0.
const defaultLegDead = 10 * time.Second

// defaultPortQuarantine is Config.PortQuarantine when it is 0: a phone sends for as
// long as its BYE, or ours, is on its way.
const defaultPortQuarantine = 5 * time.Second

// Check reports the first setting that cannot work, by its name in the
// configuration file.
func (c *Config) Check() error {
	switch {
	case c.FirstPort < 1 || c.LastPort > 65535 || c.LastPort-c.FirstPort-c.FirstPort%2 < 1:
		return fmt.Errorf("media.rtp_ports: %d-%d holds no pair of an even and an odd port within 1-65535", c.FirstPort, c.LastPort)
	case c.WebRTCPort < 0 || c.WebRTCPort > 65535:
		return fmt.Errorf("media.webrtc_port: %d is not a port", c.WebRTCPort)
	case c.LegDead < 0 || c.LegDead > 0 && c.LegDead < time.Second:
		return fmt.Errorf("media.leg_dead: %v is below 1s", c.LegDead)
	case c.SRTP != "" && c.SRTP != SRTPOffered && c.SRTP != SRTPRequired && c.SRTP != SRTPOff:
		return fmt.Errorf("media.srtp: %q is not one of offered, required, off", c.SRTP)
	case !c.InbandDTMF.valid():
		return fmt.Errorf("media.inband_dtmf: %q is not one of auto, always, off", c.InbandDTMF)
	case c.PortQuarantine > time.Minute:
		return fmt.Errorf("media: a quarantine of ports of %v is above 1m", c.PortQuarantine)
	case c.Shards < 0 || c.Shards > 1024:
		return fmt.Errorf("media: %d shards", c.Shards)
	case c.LocalAddr == nil:
		return errors.New("media: LocalAddr is not set")
	}
	if len(c.Codecs) > 0 {
		if _, err := readPhoneCodecs(c.Codecs, c.Opus); err != nil {
			return err
		}
	}
	_, err := readBrowserCodecs(c.BrowserCodecs, c.Opus)
	return err
}

// Engine owns ports, tickers and browser transport of one process. It is made
// by New; its methods may be called from any goroutine.
type Engine struct {
	cfg    Config
	log    *slog.Logger
	epoch  time.Time // start of every media clock
	ports  *ports
	sounds *sounds
	codecs []kind // of phones, the most wanted first
	// browserCodecs are those of browsers, the most wanted first.
	browserCodecs []kind
	shards        []*shard
	browser       browserTransport
	poller        poller // nil: each socket has a goroutine

	unsent    atomic.Uint64 // packets that the kernel did not take
	relays    atomic.Uint32 // source ids given out
	nextShard atomic.Uint32

	mu     sync.Mutex
	legs   map[*Leg]struct{}
	closed bool
	live   sync.WaitGroup // readers of legs
}

// New makes an Engine; nothing runs before Run. It opens the browsers' port.
func New(cfg Config, log *slog.Logger) (*Engine, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cfg.LegDead == 0 {
		cfg.LegDead = defaultLegDead
	}
	if cfg.PortQuarantine == 0 {
		cfg.PortQuarantine = defaultPortQuarantine
	}
	if len(cfg.Codecs) == 0 {
		cfg.Codecs = defaultCodecs()
	}
	if len(cfg.BrowserCodecs) == 0 {
		cfg.BrowserCodecs = defaultCodecs()
	}
	codecs, err := readPhoneCodecs(cfg.Codecs, cfg.Opus)
	if err != nil {
		return nil, err
	}
	browserCodecs, err := readBrowserCodecs(cfg.BrowserCodecs, cfg.Opus)
	if err != nil {
		return nil, err
	}
	if cfg.SRTP == "" {
		cfg.SRTP = SRTPOffered
	}
	if cfg.Shards == 0 {
		cfg.Shards = runtime.GOMAXPROCS(0)
	}
	var browsers *muxConn
	var reader poller
	open := pulled(cfg.Listen)
	if cfg.Listen == nil { // else no socket of the kernel before a browser comes
		if reader, err = newPoller(max(1, runtime.GOMAXPROCS(0)-1)); err != nil {
			return nil, err
		}
		open = pulled(ListenUDP)
		if reader != nil {
			open = reader.open
		}
		if browsers, err = listenBrowsers(cfg.WebRTCPort); err != nil {
			if reader != nil {
				reader.close()
			}
			return nil, err
		}
	}
	e := &Engine{
		cfg:    cfg,
		log:    log,
		epoch:  time.Now(),
		ports:  newPorts(cfg.FirstPort, cfg.LastPort, cfg.PortQuarantine, open),
		codecs: codecs,
		legs:   make(map[*Leg]struct{}),
	}
	e.poller, e.browserCodecs = reader, browserCodecs
	heard := slices.Concat(codecs, browserCodecs)
	slices.Sort(heard)
	if e.sounds, err = newSounds(e.cfg, slices.Compact(heard), e.newEncoder); err != nil {
		if reader != nil {
			reader.close()
		}
		return nil, err
	}
	e.browser.conn = browsers
	e.relays.Store(uint32(firstRelay))
	for range cfg.Shards {
		e.shards = append(e.shards, newShard(e))
	}
	return e, nil
}

// Run drives tickers and browser transport until ctx ends, then closes all
// legs and returns nil.
func (e *Engine) Run(ctx context.Context) error {
	var tickers sync.WaitGroup
	for _, s := range e.shards {
		tickers.Go(func() { s.run(ctx) })
	}
	var readers sync.WaitGroup
	if e.poller != nil {
		readers.Go(e.poller.run)
	}
	tickers.Go(func() {
		if err := e.sounds.encodeMusic(ctx); err != nil {
			e.log.Error("hold music in a codec: its listeners hear silence", slog.Any(logkey.Err, err))
		}
	})
	<-ctx.Done()
	e.mu.Lock()
	e.closed = true
	legs := make([]*Leg, 0, len(e.legs))
	for l := range e.legs {
		legs = append(legs, l)
	}
	e.mu.Unlock()
	for _, l := range legs {
		l.Close()
	}
	tickers.Wait()
	e.live.Wait()
	if e.poller != nil {
		e.poller.close()
	}
	readers.Wait()
	return e.browser.close()
}

// now is the time since the engine's epoch, monotonic.
func (e *Engine) now() time.Duration { return time.Since(e.epoch) }

// samples converts a time since the epoch into the media clock.
func samples(at time.Duration) uint32 { return uint32(at / (time.Second / clockRate)) } // it must not overflow after 13 days

// LegOptions for a new leg.
type LegOptions struct {
	ID   call.LegID
	Peer netip.Addr // address the signalling came from or goes to; chooses our address and guards the latch
	// Local is our address as the peer is told; the zero value: by Config.LocalAddr.
	Local netip.Addr
	SRTP  SRTP // of its listener; "": Config.SRTP
	// Prefer is the codec, by the name that Leg.Codec told of another leg, that our
	// offer begins with: what that one sends needs no transcoding then.
	Prefer string
	// InbandDTMF is where keys of the peer are looked for in his audio; "": as
	// Config says.
	InbandDTMF InbandDTMF
}

// NewLeg opens an RTP leg for a SIP phone: it reserves a port pair.
// It returns ErrNoPorts when none is left, ErrClosed after Run has ended.
func (e *Engine) NewLeg(o LegOptions) (*Leg, error) {
	local := o.Local
	if !local.IsValid() {
		local = e.cfg.LocalAddr(o.Peer.Unmap())
	}
	sockets, err := e.ports.open(local.Unmap().Is6())
	if err != nil {
		return nil, err
	}
	l := newLeg(e, o)
	l.sockets = sockets
	l.local = local
	if !e.add(l) {
		e.ports.close(sockets)
		return nil, ErrClosed
	}
	if err := errors.Join(e.receive(sockets.rtp, l.receive), e.receive(sockets.rtcp, l.receiveRTCP)); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// NewBrowserLeg opens a leg for a browser (DTLS-SRTP, ICE, one UDP port). What
// pion needs is made at its first offer or answer.
func (e *Engine) NewBrowserLeg(o LegOptions) (*Leg, error) {
	l := newLeg(e, o)
	l.local = e.cfg.LocalAddr(l.peer)
	l.browser = &browserPeer{leg: l}
	if !e.add(l) {
		return nil, ErrClosed
	}
	return l, nil
}

// WebRTCPort returns the UDP port of the browsers; with Config.Listen set it
// is 0 until the first browser came.
func (e *Engine) WebRTCPort() int { return e.browser.port() }

// begin counts a goroutine that Run must wait for, or reports false when the
// engine is closing.
func (e *Engine) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.live.Add(1)
	return true
}

// add registers a leg with the engine and with a ticker.
func (e *Engine) add(l *Leg) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.legs[l] = struct{}{}
	l.shard = e.shards[int(e.nextShard.Add(1))%len(e.shards)]
	l.shard.add(l)
	return true
}

func (e *Engine) remove(l *Leg) {
	l.shard.remove(l)
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.legs, l)
}

// Counters of an Engine since its start.
type Counters struct {
	Legs      int    // open now
	Strangers uint64 // packets from sources that no description or signalling vouches for
	Forged    uint64 // SRTP packets that failed their check or came twice
	Malformed uint64 // packets that are no RTP, or of no agreed codec
	Unsent    uint64 // packets that the kernel did not take, of all legs so far
	Unread    uint64 // reads of phones' sockets that failed, of all legs so far
}

// Counters returns what happened so far: in the legs that are open, where it
// does not say otherwise.
func (e *Engine) Counters() Counters {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := Counters{Legs: len(e.legs), Unsent: e.unsent.Load()}
	if e.poller != nil {
		c.Unread = e.poller.failed()
	}
	for l := range e.legs {
		c.Strangers += l.in.strangers.Load()
		c.Forged += l.in.forged.Load()
		c.Malformed += l.in.malformed.Load()
	}
	return c
}
