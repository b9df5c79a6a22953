package media

import (
	"log/slog"
	"sync/atomic"
	"time"

	"pickup/internal/logkey"
)

// player is what a leg plays of its own. The methods of Leg change it, the
// ticker of its shard reads it and owns what is not atomic.
type player struct {
	begun   atomic.Bool // there was something to play: from then on we always send
	music   atomic.Bool
	playing atomic.Pointer[playback]
	tone    atomic.Int32 // frames still to play
	keys    atomic.Int32 // keys in digits or being sent
	digits  chan byte    // event codes

	key    outgoingKey
	phase  uint64    // spreads the reports of the legs over time
	report [128]byte // space of the report being sent
}

// playback is one call of Play.
type playback struct {
	token string
	clips []*clip
	done  atomic.Bool // ended or cut: who sets it tells

	clip, frame int // place of the ticker
}

// outgoingKey is the key being sent. The zero value sends none.
type outgoingKey struct {
	active bool
	code   byte
	stamp  uint32
	ticks  int // since its start
}

// speaks reports whether the leg plays something of its own over a bridge.
func (p *player) speaks() bool {
	return p.playing.Load() != nil || p.tone.Load() > 0 || p.keys.Load() > 0
}

// waitForPeer is how long a prompt waits for the first packet of a peer whose
// address nobody vouches for yet.
const waitForPeer = 2 * time.Second

// Play plays prompts one after the other, whole sentences by id, in language,
// instead of music or silence; then what was playing before goes on and
// EventPlayed{Token} is sent. A new Play or Stop cuts the running one: its
// EventPlayed has Cut set. A leg that is bridged plays to its peer only what
// the bridge lets through: Play on a bridged leg is heard instead of the other
// side's audio, for short confirmations. A prompt begins when the leg is ready;
// ids that do not exist are passed over and logged.
func (l *Leg) Play(token string, language string, ids ...string) {
	next := &playback{token: token}
	for _, id := range ids {
		if c := l.engine.sounds.prompt(language, id); c != nil && c.frames > 0 {
			next.clips = append(next.clips, c)
		} else {
			l.log.Warn("prompt does not exist", slog.String("language", language), slog.String("prompt", id))
		}
	}
	l.player.begun.Store(true)
	l.prepare(next)
	l.cut(l.player.playing.Swap(next))
	l.prepare(next) // a new agreement may have come between
}

// prepare makes what a playback holds ready in the codec that is agreed.
func (l *Leg) prepare(p *playback) {
	t := l.terms.Load()
	if p == nil || t == nil {
		return
	}
	for _, c := range p.clips {
		if err := c.prepare(l.engine.newEncoder, t.codec, nil); err != nil {
			l.log.Error("prompt in a codec: silence is heard", slog.String("codec", t.codec.codecName()), slog.Any(logkey.Err, err))
		}
	}
}

// Stop cuts a running prompt.
func (l *Leg) Stop() { l.cut(l.player.playing.Swap(nil)) }

func (l *Leg) cut(p *playback) {
	if p != nil && p.done.CompareAndSwap(false, true) {
		l.events.put(Event{Kind: EventPlayed, Token: p.token, Cut: true})
	}
}

// Music starts or stops hold music as what plays when no prompt does; without
// music it is silence. All listeners of one tick hear the same sample.
func (l *Leg) Music(on bool) {
	l.player.begun.Store(true)
	l.player.music.Store(on)
}

// Tone plays a short confirmation tone (about 200 ms, 440 Hz), over whatever
// plays.
func (l *Leg) Tone() {
	l.player.begun.Store(true)
	l.player.tone.Store(toneFrames)
}

// SendDTMF sends one RFC 4733 event of 160 ms: 0-9, *, #, A-D. Keys follow
// each other; other runes, and keys for a peer without telephone-event, are
// ignored.
func (l *Leg) SendDTMF(digit rune) {
	code, ok := dtmfCode(digit)
	if !ok {
		return
	}
	l.player.begun.Store(true)
	l.player.keys.Add(1)
	select {
	case l.player.digits <- code:
	default:
		l.player.keys.Add(-1)
	}
}

// tick plays one frame. It is called by the leg's shard alone.
func (l *Leg) tick(t *tick) {
	if (t.number+l.player.phase)%rtcpEvery == 0 {
		l.report()
		l.rate(t.at)
	}
	if (t.number+l.player.phase)%lifeEvery == 0 {
		l.judge(t.at)
	}
	agreed := l.terms.Load()
	if agreed == nil || !l.ready.Load() {
		l.skipEmpty()
		return
	}
	p := &l.player
	switch {
	case p.keys.Load() > 0:
		l.tickKey(t, agreed)
	case p.tone.Load() > 0:
		left := p.tone.Add(-1)
		l.sendFrame(t, agreed, sourceTone, l.engine.sounds.tone.frame(max(0, toneFrames-1-int(left)), agreed.codec))
	case p.playing.Load() != nil:
		l.tickPrompt(t, agreed)
	default:
		l.tickGround(t, agreed)
	}
}

// skipEmpty ends a prompt that has nothing to play even where nobody listens.
func (l *Leg) skipEmpty() {
	if p := l.player.playing.Load(); p != nil && len(p.clips) == 0 {
		l.finish(p)
	}
}

// tickPrompt plays the next frame of the prompts.
func (l *Leg) tickPrompt(t *tick, agreed *terms) {
	p := l.player.playing.Load()
	if p == nil {
		return
	}
	if p.clip >= len(p.clips) {
		l.finish(p)
		l.tickGround(t, agreed)
		return
	}
	if !l.reach() && t.at-time.Duration(l.readyAt.Load()) < waitForPeer {
		return
	}
	c := p.clips[p.clip]
	l.sendFrame(t, agreed, sourcePrompt, c.frame(p.frame, agreed.codec))
	if p.frame++; p.frame == c.frames {
		p.clip, p.frame = p.clip+1, 0
	}
}

// finish ends a playback that was not cut.
func (l *Leg) finish(p *playback) {
	l.player.playing.CompareAndSwap(p, nil)
	if p.done.CompareAndSwap(false, true) {
		l.events.put(Event{Kind: EventPlayed, Token: p.token})
	}
}

// tickGround plays what is under the prompts: the bridge's other side, which
// needs no tick, or music, or silence.
func (l *Leg) tickGround(t *tick, agreed *terms) {
	music := l.player.music.Load()
	if r := l.route.Load(); r != nil {
		if !r.bridge.held.Load() {
			if level := r.other().comfort.Load(); level != 0 && !l.player.speaks() {
				l.sendFrame(t, agreed, sourceNoise, l.engine.sounds.comfort(level-1, t.number, agreed.codec))
			}
			return
		}
		music = music || r.side == Player
	}
	if m := l.member.Load(); m != nil && !m.own() {
		return // the conference's ticker plays to him
	}
	switch s := l.engine.sounds; {
	case music && s.music != nil:
		l.sendFrame(t, agreed, sourceMusic, s.music.frame(t.number, agreed.codec))
	case l.player.begun.Load():
		l.sendFrame(t, agreed, sourceSilence, s.silence.frame(0, agreed.codec))
	}
}

// sendFrame sends 20 ms of audio in the codec of the peer, if he takes any; nil
// is what is not ready in that codec, and he hears silence.
func (l *Leg) sendFrame(t *tick, agreed *terms, source sourceID, audio []byte) {
	if !agreed.send || !l.reach() {
		return
	}
	if audio == nil {
		audio = l.engine.sounds.silence.frame(0, agreed.codec)
	}
	packet := t.packet[:headerSize+len(audio)]
	copy(packet[headerSize:], audio)
	if l.out.frame(packet, agreed.audio, source, t.clock, frameSamples) {
		l.send(packet, stampOf(packet), t.at)
	}
}

// tickKey sends the next packet of a key, or begins one.
func (l *Leg) tickKey(t *tick, agreed *terms) {
	k := &l.player.key
	if !k.active {
		select {
		case code := <-l.player.digits:
			*k = outgoingKey{active: true, code: code}
		default:
			return // SendDTMF is about to put it there, or takes it back
		}
		if agreed.event == 0 || !agreed.send || !l.reach() {
			l.endKey()
			return
		}
		stamp, ok := l.out.eventStart(t.clock)
		if !ok {
			l.endKey()
			return
		}
		k.stamp = stamp
	}
	k.ticks++
	switch {
	case k.ticks < digitTicks:
		l.sendKey(t, agreed, false)
	case k.ticks == digitTicks:
		for range digitEnds {
			l.sendKey(t, agreed, true)
		}
	case k.ticks >= digitTicks+digitGap:
		l.endKey()
	}
}

func (l *Leg) endKey() {
	l.player.key = outgoingKey{}
	l.player.keys.Add(-1)
}

func (l *Leg) sendKey(t *tick, agreed *terms, end bool) {
	k := &l.player.key
	if agreed.event == 0 || !agreed.send {
		return // a new offer took it away
	}
	packet := t.packet[:headerSize+4]
	duration := uint16(k.ticks * frameSamples * int(agreed.codec.scale())) // at most 7,680
	putEvent(packet[headerSize:], telephoneEvent{code: k.code, end: end, duration: duration})
	if l.out.event(packet, agreed.event, k.stamp, uint32(duration), k.ticks == 1) {
		l.send(packet, k.stamp, t.at)
	}
}
