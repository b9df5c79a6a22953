package media

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// description is our side of the negotiation of one leg, guarded by Leg.mu.
type description struct {
	sessionID uint64
	version   uint64
	last      string       // the newest description without its o= line
	lines     []mediaLine  // of the dialog; empty before the first offer of the peer
	audio     int          // index of the audio line
	mux       bool         // RTCP is multiplexed
	held      bool         // the peer has us on hold
	offered   bool         // our offer waits for its answer
	keys      []cryptoLine // of that offer
	tag       uint32       // of the key that was agreed on
}

// Answer applies the peer's offer and returns our answer (RFC 3264 6). Called
// again it is a new offer of the same dialog: it moves the RTP target, follows
// a change of direction (EventRemoteHold) and keeps our session id, version
// raised. Errors: ErrNoCommonCodec, ErrBadSDP, after which what was agreed
// before still holds, and ErrClosed.
func (l *Leg) Answer(ctx context.Context, offer []byte) ([]byte, error) {
	if l.browser != nil {
		return l.browser.answer(ctx, offer)
	}
	remote, err := parseSDP(offer, l.policy, l.engine.codecs)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, ErrClosed
	}
	codec := remote.choose(l.engine.codecs)
	t, err := l.agree(remote, codec)
	var keys []cryptoLine
	if err == nil && remote.crypto != nil {
		keys = []cryptoLine{l.ownKey(remote.crypto)}
		err = l.protect(t, remote.crypto, keys[0])
	}
	if err != nil {
		l.mu.Unlock()
		return nil, err
	}
	d := &l.desc
	d.lines, d.audio, d.mux, d.offered, d.keys = remote.lines, remote.audio, remote.mux, false, nil
	if remote.crypto != nil {
		d.tag = remote.crypto.tag
	}
	way := remote.direction.answer()
	if remote.held && way == sendrecv {
		way = recvonly // the peer takes nothing at 0.0.0.0
	}
	chosen := []payload{codec}
	if t.event != 0 {
		chosen = append(chosen, payload{t.event, formats[codec.kind].event})
	}
	d.version++
	answer := l.describe(chosen, way, d.version, keys)
	events := l.holdEvents(remote)
	l.adopt(t)
	l.mu.Unlock()
	l.settle(events)
	return answer, nil
}

// Offer returns our offer; called again it repeats the current description
// (for a re-INVITE without SDP or a refresh).
func (l *Leg) Offer(ctx context.Context) ([]byte, error) {
	if l.browser != nil {
		return l.browser.offer(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	d := &l.desc
	if len(d.lines) == 0 {
		d.lines = []mediaLine{{media: "audio", proto: "RTP/AVP"}}
		if l.policy == SRTPRequired {
			d.lines[0].proto = "RTP/SAVP"
		}
	}
	d.offered, d.keys = true, l.offeredKeys(d.secured() || l.policy == SRTPRequired)
	all := l.offeredPayloads()
	before := d.last
	offer := l.describe(all, sendrecv, d.version, d.keys)
	if d.last != before {
		d.version++
		offer = l.describe(all, sendrecv, d.version, d.keys)
	}
	return offer, nil
}

// offeredPayloads are the formats of our offers: the codec in use, or the one
// that the leg is to prefer, then those of the configuration; and a
// telephone-event for each clock. A format keeps the number that the dialog has
// for it (RFC 3264 section 8.3.2).
func (l *Leg) offeredPayloads() []payload {
	first, t := l.prefer, l.terms.Load()
	if t != nil {
		first = t.codec
	}
	var wanted []kind
	if slices.Contains(l.engine.codecs, first) {
		wanted = append(wanted, first)
	}
	for _, k := range l.engine.codecs {
		if k != first {
			wanted = append(wanted, k)
		}
	}
	for _, k := range wanted[:len(wanted):len(wanted)] {
		if e := formats[k].event; !slices.Contains(wanted, e) {
			wanted = append(wanted, e)
		}
	}
	out := make([]payload, 0, len(wanted))
	taken := map[uint8]bool{}
	for _, k := range wanted {
		n := numberOf(t, k, taken)
		taken[n] = true
		out = append(out, payload{n, k})
	}
	return out
}

// numberOf returns the payload type for a kind in a dialog: the one it has, else
// ours, else a free dynamic one.
func numberOf(t *terms, k kind, taken map[uint8]bool) uint8 {
	free := func(n uint8) bool { return !taken[n] && (t == nil || t.kinds[n] == kindNone) }
	if t != nil {
		for n, other := range t.kinds {
			if other == k && !taken[uint8(n)] {
				return uint8(n)
			}
		}
	}
	n := formats[k].number
	for next := uint8(96); !free(n) && next < 128; next++ {
		n = next
	}
	return n
}

// Accept applies the peer's answer to our offer.
func (l *Leg) Accept(answer []byte) error {
	if l.browser != nil {
		return l.browser.accept(answer)
	}
	events, err := l.accept(answer, false)
	if err == nil {
		l.settle(events)
	}
	return err
}

// AcceptEarly applies the answer of a provisional response (RFC 3261 13.2.1,
// RFC 3262 5): early media flows, nobody is told and silence is not judged. Our
// offer stays open: the 2xx, of this phone or of another branch of the same
// INVITE, brings the answer that Accept takes. A browser's is not applied.
func (l *Leg) AcceptEarly(answer []byte) error {
	if l.browser != nil {
		return nil
	}
	_, err := l.accept(answer, true)
	return err
}

func (l *Leg) accept(answer []byte, early bool) ([]Event, error) {
	remote, err := parseSDP(answer, l.answerPolicy(), l.engine.codecs)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	if !l.desc.offered || remote.audio != l.desc.audio {
		return nil, fmt.Errorf("%w: an answer to no offer of ours", ErrBadSDP)
	}
	codec, _ := remote.first() // RFC 3264 section 7: the answer's order
	t, err := l.agree(remote, codec)
	if err == nil {
		err = l.takeKey(t, remote.crypto)
	}
	if err != nil {
		return nil, err
	}
	for _, p := range l.offeredPayloads() { // the peer sends by the numbers of our offer
		if t.kinds[p.number] == kindNone {
			t.kinds[p.number] = p.kind
		}
	}
	if remote.mux && !l.desc.mux {
		t.mux = false // not offered
	}
	if early {
		t.judged = false
		l.adopt(t)
		return nil, nil
	}
	l.desc.offered, l.desc.keys = false, nil
	events := l.holdEvents(remote)
	l.adopt(t)
	return events, nil
}

// secured reports whether the dialog's audio line has a profile of SRTP.
func (d *description) secured() bool {
	return strings.HasPrefix(strings.ToUpper(d.lines[d.audio].proto), "RTP/SAVP")
}

// answerPolicy says what an answer to our offer may hold.
func (l *Leg) answerPolicy() SRTP {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch d := &l.desc; {
	case len(d.keys) == 0:
		return SRTPOff // no key of ours was offered
	case d.secured():
		return SRTPRequired
	}
	return l.policy
}

// takeKey puts the key that an answer chose into t (RFC 4568 section 7.1.3).
// The caller holds l.mu.
func (l *Leg) takeKey(t *terms, theirs *cryptoLine) error {
	if theirs == nil {
		return nil
	}
	for _, ours := range l.desc.keys {
		if ours.tag == theirs.tag && ours.suite == theirs.suite {
			l.desc.tag = ours.tag
			return l.protect(t, theirs, ours)
		}
	}
	return fmt.Errorf("%w: crypto tag %d with %s was not offered", ErrBadSDP, theirs.tag, theirs.suite.name)
}

// settle tells what an agreement means. It runs without the lock.
func (l *Leg) settle(events []Event) {
	l.setReady()
	for _, e := range events {
		l.events.put(e)
	}
}

// agree makes terms of a peer's description and the codec that we send.
func (l *Leg) agree(r *remoteSDP, codec payload) (*terms, error) {
	if l.peer.IsValid() && r.addr.IsLoopback() && !l.peer.IsLoopback() {
		return nil, fmt.Errorf("%w: a loopback address from outside", ErrBadSDP)
	}
	if r.addr.Is4() != l.local.Unmap().Is4() && !r.held {
		return nil, fmt.Errorf("%w: the c= line is of the other IP version than the signalling", ErrBadSDP)
	}
	t := &terms{
		codec:   codec.kind,
		audio:   codec.number,
		event:   r.event(codec.kind),
		mux:     r.mux,
		send:    r.direction.receives() && !r.held,
		receive: r.direction.sends() || r.held,
		judged:  r.direction == sendrecv && !r.held,
	}
	for _, p := range r.payloads {
		t.kinds[p.number] = p.kind
	}
	if n := formats[kindComfort].number; t.kinds[n] == kindNone { // some send it without asking
		t.kinds[n] = kindComfort
	}
	if !r.held {
		t.remote = netip.AddrPortFrom(r.addr, r.port)
		if r.rtcpPort != 0 {
			t.remoteRTCP = netip.AddrPortFrom(r.addr, r.rtcpPort)
		}
	} else if old := l.terms.Load(); old != nil {
		t.remote, t.remoteRTCP = old.remote, old.remoteRTCP // the phone is still where it was
	}
	return t, nil
}

// holdEvents compares with what was before. The caller holds l.mu.
func (l *Leg) holdEvents(r *remoteSDP) []Event {
	held := r.held || !r.direction.receives()
	if held == l.desc.held {
		return nil
	}
	l.desc.held = held
	if held {
		return []Event{{Kind: EventRemoteHold}}
	}
	return []Event{{Kind: EventRemoteUnhold}}
}

// describe writes our description. The caller holds l.mu.
func (l *Leg) describe(payloads []payload, way direction, version uint64, keys []cryptoLine) []byte {
	d := &l.desc
	addr := "IP4 " + l.local.String()
	if l.local.Unmap().Is6() {
		addr = "IP6 " + l.local.WithZone("").String() // RFC 4566 5.7
	}
	var b strings.Builder
	b.WriteString("s=-\r\nc=IN " + addr + "\r\nt=0 0\r\n")
	for i, line := range d.lines {
		if i != d.audio {
			b.WriteString("m=" + line.media + " 0 " + line.proto + " " + line.formats + "\r\n")
			continue
		}
		l.describeAudio(&b, line.proto, payloads, way)
		for k := range keys {
			b.WriteString(keys[k].String())
		}
	}
	d.last = b.String()
	return []byte(fmt.Sprintf("v=0\r\no=pickup %d %d IN %s\r\n", d.sessionID, version, addr) + d.last)
}

func (l *Leg) describeAudio(b *strings.Builder, proto string, payloads []payload, way direction) {
	port := int(l.sockets.rtp.LocalAddr().Port())
	b.WriteString("m=audio " + strconv.Itoa(port) + " " + proto)
	for _, p := range payloads {
		b.WriteString(" " + strconv.Itoa(int(p.number)))
	}
	b.WriteString("\r\n")
	for _, p := range payloads {
		n := strconv.Itoa(int(p.number))
		b.WriteString("a=rtpmap:" + n + " " + formats[p.kind].name + "\r\n")
		if f := formats[p.kind].fmtp; f != "" {
			b.WriteString("a=fmtp:" + n + " " + f + "\r\n")
		}
	}
	b.WriteString("a=ptime:20\r\na=" + string(way) + "\r\n")
	if l.desc.mux {
		b.WriteString("a=rtcp-mux\r\n")
		return
	}
	b.WriteString("a=rtcp:" + strconv.Itoa(port+1) + "\r\n")
}
