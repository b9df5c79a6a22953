package media

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pickup/internal/g711"
	"pickup/internal/logkey"
)

// Role is what a member of a conference hears, and who hears him.
type Role int32

// The roles.
const (
	RoleTalk    Role = iota + 1 // hears and is heard
	RoleMuted                   // hears, is heard by nobody
	RoleListen                  // hears all that is said aloud, is heard by nobody
	RoleWhisper                 // hears all that is said aloud; heard by the members of side Agent alone
	RoleHeld                    // hears his own music or silence; is heard by the tap alone
)

// conferenceMembers is how many may be in one conference.
const conferenceMembers = 32

// Conference joins any number of legs: each hears the sum of those he may hear,
// without himself (mix-minus), added in 32 bits and clipped to 16. Frames of
// 20 ms at 8 kHz are mixed by a shard's ticker; a jitter buffer for each member
// conceals what is lost. Its methods may be called from any goroutine.
type Conference struct {
	tap    Tap
	filter func(m *Member, digit rune) bool

	mu      sync.Mutex                // of writers of members
	members atomic.Pointer[[]*Member] // never changed in place
	shard   *shard                    // whose ticker mixes; nil until the first member
	closed  bool

	mixing section // the ticker is inside
	seq    uint16  // of the tap; of the ticker
	space  mixSpace
}

// mixSpace is the scratch of a mix.
type mixSpace struct {
	talk, whisper [2][frameSamples]int32 // sums by side: said aloud, and whispered
	out           [frameSamples]int16
	payload       [maxPayload]byte
}

// Member is one leg in a conference.
type Member struct {
	conference *Conference
	leg        *Leg
	side       Side
	role       atomic.Int32
	source     sourceID
	jitter     jitterBuffer
	pcm        [jitterRing / 4]int16 // of the reader

	encoder Encoder // of the ticker, where the leg's codec is not of G.711
	codec   kind    // of encoder

	frame [frameSamples]int16 // of the ticker: what he says now
	says  bool
}

// NewConference makes an empty conference. tap may be nil; its side 0 is the sum
// of the members of side Player, side 1 that of the members of side Agent;
// whispers are in neither. filter says which keys (RFC 4733) of a member are
// passed on to the members of the other side; nil: all. It must not block.
func NewConference(tap Tap, filter func(m *Member, digit rune) bool) *Conference {
	c := &Conference{tap: tap, filter: filter}
	c.members.Store(&[]*Member{})
	return c
}

// Join takes a leg into the conference, out of the bridge or conference in which
// it is: its stream goes on. A leg that is full or closed makes a member who
// hears nothing.
func (c *Conference) Join(leg *Leg, side Side, role Role) *Member {
	m := &Member{conference: c, leg: leg, side: side, source: sourceID(leg.engine.relays.Add(1))}
	m.role.Store(int32(role))
	if t := leg.terms.Load(); t != nil && !t.codec.g711() {
		m.tune(t.codec) // off the media path
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(*c.members.Load()) >= conferenceMembers {
		return m
	}
	members := append(slices.Clone(*c.members.Load()), m)
	c.members.Store(&members)
	if c.shard == nil {
		c.shard = leg.shard
		c.shard.addConference(c)
	}
	leg.member.Store(m)
	leg.route.Store(nil)
	leg.player.begun.Store(true)
	return m
}

// Side is the side that the member joined on.
func (m *Member) Side() Side { return m.side }

// Leg is the member's leg.
func (m *Member) Leg() *Leg { return m.leg }

// Set changes the role.
func (m *Member) Set(role Role) { m.role.Store(int32(role)) }

// Leave takes the leg out: it hears its own source again. It may be called twice.
func (m *Member) Leave() {
	c := m.conference
	c.mu.Lock()
	members := slices.DeleteFunc(slices.Clone(*c.members.Load()), func(x *Member) bool { return x == m })
	c.members.Store(&members)
	c.mu.Unlock()
	m.leg.member.CompareAndSwap(m, nil)
	m.leg.in.quiesce()
	c.mixing.quiesce()
}

// Close takes all legs out. The tap gets nothing after it has returned. It may be
// called twice.
func (c *Conference) Close() {
	c.mu.Lock()
	members := *c.members.Load()
	c.members.Store(&[]*Member{})
	c.closed = true
	s := c.shard
	c.mu.Unlock()
	for _, m := range members {
		m.leg.member.CompareAndSwap(m, nil)
	}
	for _, m := range members {
		m.leg.in.quiesce()
	}
	if s != nil {
		s.removeConference(c)
	}
	c.mixing.quiesce()
}

// audio takes one packet of the member's leg. It is called by the leg's reader.
func (m *Member) audio(payload []byte, h *header, k kind, now time.Duration) {
	if k.g711() {
		n := g711.Decode(k.law(), m.pcm[:], payload)
		m.jitter.put(h.ssrc, h.timestamp, samples(now), m.pcm[:n])
		return
	}
	pcm, at := m.leg.in.speech.take(m.leg, k, h, payload)
	for len(pcm) > 0 { // what was recovered is there too: no packet, so in frames
		n := min(len(pcm), frameSamples)
		m.jitter.put(h.ssrc, at, samples(now), pcm[:n])
		pcm, at = pcm[n:], at+uint32(n)
	}
}

// encode makes a payload of what the member is to hear.
func (m *Member) encode(k kind, payload []byte, pcm []int16) int {
	if k.g711() {
		return g711.Encode(k.law(), payload, pcm)
	}
	if !m.tune(k) {
		return 0
	}
	return m.encoder.Encode(payload, pcm)
}

// tune makes the encoder of a codec, if it is not there.
func (m *Member) tune(k kind) bool {
	if m.codec == k {
		return true
	}
	e, err := m.leg.engine.newEncoder(k)
	if err != nil {
		m.leg.log.Error("member hears nothing", slog.String("codec", k.codecName()), slog.Any(logkey.Err, err))
		return false
	}
	m.encoder, m.codec = e, k
	return true
}

// event passes a key on to the members of the other side.
func (m *Member) event(digit rune, first bool) {
	if !first || Role(m.role.Load()) != RoleTalk || m.conference.filter != nil && !m.conference.filter(m, digit) {
		return
	}
	for _, other := range *m.conference.members.Load() {
		if other.side != m.side && Role(other.role.Load()) != RoleHeld {
			other.leg.SendDTMF(digit)
		}
	}
}

// own reports whether the member hears his own source.
func (m *Member) own() bool { return Role(m.role.Load()) == RoleHeld }

// mix plays 20 ms. It is called by the ticker of the conference's shard.
func (c *Conference) mix(t *tick) {
	if !c.mixing.enter() {
		return
	}
	defer c.mixing.leave()
	s := &c.space
	clear(s.talk[0][:])
	clear(s.talk[1][:])
	clear(s.whisper[0][:])
	clear(s.whisper[1][:])
	members := *c.members.Load()
	for _, m := range members {
		m.says = m.jitter.get(&m.frame, t.clock)
		if !m.says {
			continue
		}
		switch Role(m.role.Load()) {
		case RoleTalk:
			add(&s.talk[m.side], &m.frame)
		case RoleWhisper:
			add(&s.whisper[m.side], &m.frame)
		case RoleHeld, RoleMuted, RoleListen:
		}
	}
	if c.tap != nil {
		c.tapped(t, members)
	}
	for _, m := range members {
		if !m.own() {
			c.send(t, m)
		}
	}
}

// add adds a frame to a sum.
func add(sum *[frameSamples]int32, frame *[frameSamples]int16) {
	for i, s := range frame {
		sum[i] += int32(s)
	}
}

// saturate is a sum as a sample.
func saturate(s int32) int16 { return int16(min(max(s, -32768), 32767)) }

// send plays to a member what he may hear.
func (c *Conference) send(t *tick, m *Member) {
	agreed := m.leg.terms.Load()
	if agreed == nil || !m.leg.ready.Load() || m.leg.player.speaks() {
		return
	}
	s, role := &c.space, Role(m.role.Load())
	hears := m.side == Agent && (role == RoleTalk || role == RoleMuted) // whispers
	for i := range s.out {
		sum := s.talk[0][i] + s.talk[1][i]
		if hears {
			sum += s.whisper[0][i] + s.whisper[1][i]
		}
		if m.says && role == RoleTalk {
			sum -= int32(m.frame[i])
		}
		s.out[i] = saturate(sum)
	}
	if n := m.encode(agreed.codec, s.payload[:], s.out[:]); n > 0 {
		m.leg.sendFrame(t, agreed, m.source, s.payload[:n])
	}
}

// tapped gives the tap what each side said. Who is held is heard by it too.
func (c *Conference) tapped(t *tick, members []*Member) {
	s := &c.space
	c.seq++
	for side := range s.talk {
		for i := range s.out {
			s.out[i] = saturate(s.talk[side][i])
		}
		for _, m := range members {
			if int(m.side) != side {
				continue
			}
			if m.says && Role(m.role.Load()) == RoleHeld {
				for i := range s.out {
					s.out[i] = saturate(int32(s.out[i]) + int32(m.frame[i]))
				}
			}
		}
		n := g711.Encode(g711.Linear, s.payload[:], s.out[:])
		c.tap.Packet(side, g711.Linear, c.seq, t.clock, t.at, s.payload[:n])
	}
}
