package media

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/pion/interceptor"
)

// Ticks between two reports and between two judgements of a leg's life.
const (
	rtcpEvery = 5 * 50
	lifeEvery = 25
)

// Packet types of RTCP (RFC 3550 section 12.1).
const (
	rtcpSenderReport   = 200
	rtcpReceiverReport = 201
	rtcpDescription    = 202
)

// ntpEpoch is the start of NTP time before that of Unix time.
const ntpEpoch = 2208988800

// ntpTime returns a moment as NTP time (RFC 3550 section 4).
func ntpTime(t time.Time) uint64 {
	return uint64(t.Unix()+ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/1_000_000_000
}

// report sends a compound RTCP packet: a sender or receiver report and our
// name. It is called by the ticker, and allocates nothing.
func (l *Leg) report() {
	if l.terms.Load() == nil || !l.ready.Load() {
		return
	}
	p := l.putReport(l.player.report[:0])
	if l.browser != nil {
		l.browser.writeRTCP(p)
		return
	}
	t := l.terms.Load()
	if t.sealer != nil {
		var ok bool
		if p, ok = t.sealer.sealRTCP(p); !ok {
			return
		}
	}
	if t.mux {
		if to := l.target.Load(); to != nil {
			_ = l.sockets.rtp.Write(p, *to)
		}
		return
	}
	if to := l.targetRTCP.Load(); to != nil {
		_ = l.sockets.rtcp.Write(p, *to)
	}
}

// putReport appends the compound packet to p.
func (l *Leg) putReport(p []byte) []byte {
	blocks := 0
	if l.in.stats.received.Load() > 0 {
		blocks = 1
	}
	be := binary.BigEndian
	if sent := l.out.packets.Load(); sent > 0 {
		now := l.engine.now()
		stamp := l.out.lastStamp.Load() + samples(now-time.Duration(l.out.lastAt.Load()))*max(l.out.scale.Load(), 1)
		p = append(p, 0x80|byte(blocks), rtcpSenderReport, 0, byte(6+6*blocks))
		p = be.AppendUint32(p, l.out.ssrc)
		p = be.AppendUint64(p, ntpTime(l.engine.epoch.Add(now)))
		p = be.AppendUint32(p, stamp)
		p = be.AppendUint32(p, uint32(sent))
		p = be.AppendUint32(p, uint32(l.out.octets.Load()))
	} else {
		p = append(p, 0x80|byte(blocks), rtcpReceiverReport, 0, byte(1+6*blocks))
		p = be.AppendUint32(p, l.out.ssrc)
	}
	if blocks == 1 {
		p = l.putBlock(p)
	}
	// SDES with CNAME "pickup": SSRC, item, padding to a word.
	p = append(p, 0x81, rtcpDescription, 0, 4)
	p = be.AppendUint32(p, l.out.ssrc)
	return append(p, 1, 6, 'p', 'i', 'c', 'k', 'u', 'p', 0, 0, 0, 0)
}

// putBlock appends the report block on what we receive (RFC 3550 6.4.1).
func (l *Leg) putBlock(p []byte) []byte {
	s := &l.in.stats
	be := binary.BigEndian
	p = be.AppendUint32(p, s.peerSSRC.Load())
	p = be.AppendUint32(p, uint32(s.report())<<24|uint32(min(s.lost(), 0x7FFFFF)))
	p = be.AppendUint32(p, s.extMax.Load()-1<<16)
	p = be.AppendUint32(p, s.jitter.Load())
	lastSR := l.in.lastSR.Load()
	p = be.AppendUint32(p, lastSR)
	var delay uint32
	if lastSR != 0 {
		delay = uint32((l.engine.now() - time.Duration(l.in.lastSRAt.Load())) * 65536 / time.Second)
	}
	return be.AppendUint32(p, delay)
}

// receiveRTCP takes a compound packet. Only the host that we take RTP from, or
// that the signalling vouches for, is heard.
func (l *Leg) receiveRTCP(p []byte, from netip.AddrPort, now time.Duration) {
	t := l.terms.Load()
	if t == nil || !isRTCP(p) {
		return
	}
	if t.opener != nil {
		var ok bool
		if p, ok = t.opener.openRTCP(p); !ok {
			l.in.forged.Add(1)
			return
		}
	}
	if l.browser == nil {
		to := l.target.Load()
		known := to != nil && to.Addr() == from.Addr() || from.Addr() == t.remote.Addr() || from.Addr() == l.peer
		if !known {
			l.in.strangers.Add(1)
			return
		}
		if !t.mux && to != nil && to.Addr() == from.Addr() && l.targetRTCP.Load() == nil {
			learned := from
			l.targetRTCP.Store(&learned)
		}
	}
	l.in.life.Store(int64(now))
	if l.in.dead.CompareAndSwap(true, false) {
		l.events.put(Event{Kind: EventAlive})
	}
	r := parseRTCP(p, l.out.ssrc)
	if r.hasSR {
		l.in.lastSRAt.Store(int64(now))
		l.in.lastSR.Store(uint32(r.ntp >> 16))
	}
	if r.lastSR != 0 {
		middle := uint32(ntpTime(l.engine.epoch.Add(now)) >> 16)
		if trip := middle - r.lastSR - r.delay; trip < 10<<16 { // below 10 s: not a wrapped or invented one
			l.in.roundTrip.Store(int64(time.Duration(trip) * time.Second >> 16))
		}
	}
}

// peerReport is what we use of a peer's compound packet.
type peerReport struct {
	hasSR         bool
	ntp           uint64
	lastSR, delay uint32 // of its block about us
}

// parseRTCP walks a compound packet; what does not fit ends the walk.
func parseRTCP(p []byte, ours uint32) peerReport {
	var r peerReport
	be := binary.BigEndian
	for len(p) >= 8 && p[0]>>6 == 2 {
		size := 4 * (int(be.Uint16(p[2:])) + 1)
		if size > len(p) {
			break
		}
		body, blocks := p[:size], 8
		if p[1] == rtcpSenderReport && size >= 28 {
			r.hasSR, r.ntp, blocks = true, be.Uint64(body[8:]), 28
		}
		if p[1] == rtcpSenderReport || p[1] == rtcpReceiverReport {
			for i := range int(p[0] & 31) {
				b := blocks + 24*i
				if b+24 > size {
					break
				}
				if be.Uint32(body[b:]) == ours {
					r.lastSR, r.delay = be.Uint32(body[b+16:]), be.Uint32(body[b+20:])
				}
			}
		}
		p = p[size:]
	}
	return r
}

// judge tells once when the line went dead: a phone that sent before, that
// should send, and that sends neither RTP nor RTCP. A browser's line is judged
// by ICE.
func (l *Leg) judge(now time.Duration) {
	t := l.terms.Load()
	if l.browser != nil {
		l.judgeVoice(t, now)
		return
	}
	if t == nil || !t.judged || !l.in.sent.Load() {
		return
	}
	if now-time.Duration(l.in.life.Load()) > l.engine.cfg.LegDead && l.in.dead.CompareAndSwap(false, true) {
		l.events.put(Event{Kind: EventDead})
	}
}

// Watched reports whether the silence of the peer is noticed here: a browser's
// line is judged by ICE, that of a phone once it has sent a packet and while it
// is expected to send. Whether any other peer lives, only his signalling tells.
func (l *Leg) Watched() bool {
	t := l.terms.Load()
	return l.browser != nil || t != nil && t.judged && l.in.sent.Load()
}

// stampOf returns the timestamp of a packet whose header is written.
func stampOf(p []byte) uint32 { return binary.BigEndian.Uint32(p[4:]) }

// readRTCP reads what pion hands out of a browser's RTCP until it ends.
func (b *browserPeer) readRTCP(read func([]byte) (int, interceptor.Attributes, error)) {
	buf := make([]byte, packetSize)
	for {
		n, _, err := read(buf)
		if err != nil {
			return
		}
		b.leg.receiveRTCP(buf[:n], netip.AddrPort{}, b.leg.engine.now())
	}
}
