package media

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// browserCodecs are those of browsers: see DESIGN.md on why Opus is not among them.
var browserCodecs = [...]kind{kindPCMA, kindPCMU}

// maxCandidates is how many ICE candidates a browser may offer.
const maxCandidates = 64

// errGone is returned for what is sent before the connection exists.
var errGone = errors.New("media: no connection yet")

// browserPeer is the transport of a leg whose other end is a browser: a pion
// connection in the place of two sockets. The leg above is the same.
type browserPeer struct {
	leg *Leg

	negotiating sync.Mutex // one offer or answer at a time; held over pion's calls
	pc          *webrtc.PeerConnection
	sender      *webrtc.RTPSender
	offered     string // our offer that waits for its answer, as we sent it
	law         kind   // of the track

	states sync.Mutex // orders what pion tells of its connection
	track  atomic.Pointer[webrtc.TrackLocalStaticRTP]
	conn   atomic.Pointer[webrtc.PeerConnection]
}

// writeRTP sends one packet. pion sets SSRC and payload type, which are the
// ones that the header has already.
func (b *browserPeer) writeRTP(p []byte) error {
	track := b.track.Load()
	if track == nil {
		return errGone
	}
	_, err := track.Write(p)
	return err
}

// writeRTCP sends a compound packet.
func (b *browserPeer) writeRTCP(p []byte) {
	packets, err := rtcp.Unmarshal(p)
	if pc := b.conn.Load(); pc != nil && err == nil {
		_ = pc.WriteRTCP(packets) // lost like any packet
	}
}

func (b *browserPeer) close() {
	if pc := b.conn.Load(); pc != nil {
		_ = pc.Close()
	}
}

// guard turns a panic over outside bytes into an error.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", ErrBadSDP, r)
	}
}

// answer is Leg.Answer for a browser.
func (b *browserPeer) answer(ctx context.Context, offer []byte) (answer []byte, err error) {
	defer guard(&err)
	remote, err := parseBrowserSDP(offer)
	if err != nil {
		return nil, err
	}
	b.negotiating.Lock()
	defer b.negotiating.Unlock()
	law, _ := remote.first()
	if err := b.open(law.kind); err != nil {
		return nil, err
	}
	if b.offered != "" { // glare or an offer that nobody answered: the peer's goes first
		b.offered = ""
		if err := b.pc.SetLocalDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeRollback}); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBadSDP, err)
		}
	}
	err = b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(offer)})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadSDP, err)
	}
	ours, err := b.pc.CreateAnswer(nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadSDP, err)
	}
	text, err := b.settleLocal(ctx, ours)
	if err != nil {
		return nil, err
	}
	text = rewrite(text, remote.direction.answer(), b.candidate())
	mine, err := parseBrowserSDP([]byte(text))
	if err != nil {
		return nil, err
	}
	if err := b.useLaw(mine); err != nil {
		return nil, err
	}
	return []byte(text), b.agree(remote, mine)
}

// offer is Leg.Offer for a browser.
func (b *browserPeer) offer(ctx context.Context) (offer []byte, err error) {
	defer guard(&err)
	b.negotiating.Lock()
	defer b.negotiating.Unlock()
	if b.offered != "" {
		return []byte(b.offered), nil
	}
	if err := b.open(kindPCMA); err != nil {
		return nil, err
	}
	ours, err := b.pc.CreateOffer(nil)
	if err != nil {
		return nil, fmt.Errorf("make an offer: %w", err)
	}
	text, err := b.settleLocal(ctx, ours)
	if err != nil {
		return nil, err
	}
	b.offered = rewrite(text, sendrecv, b.candidate())
	return []byte(b.offered), nil
}

// accept is Leg.Accept for a browser.
func (b *browserPeer) accept(answer []byte) (err error) {
	defer guard(&err)
	remote, err := parseBrowserSDP(answer)
	if err != nil {
		return err
	}
	b.negotiating.Lock()
	defer b.negotiating.Unlock()
	if b.offered == "" {
		return fmt.Errorf("%w: an answer to no offer of ours", ErrBadSDP)
	}
	mine, err := parseBrowserSDP([]byte(b.offered))
	if err != nil {
		return err
	}
	err = b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadSDP, err)
	}
	b.offered = ""
	if err := b.useLaw(remote); err != nil {
		return err
	}
	return b.agree(remote, mine)
}

// open makes the connection, if there is none.
func (b *browserPeer) open(law kind) error {
	if b.pc != nil {
		return nil
	}
	e := b.leg.engine
	pc, err := e.browser.peer(e.cfg.WebRTCPort, e.cfg.LegDead)
	if err != nil {
		return err
	}
	track, err := webrtc.NewTrackLocalStaticRTP(audioCodec(law), "audio", "pickup")
	if err == nil {
		b.sender, err = pc.AddTrack(track)
	}
	if err != nil {
		_ = pc.Close()
		return fmt.Errorf("open a browser's connection: %w", err)
	}
	b.pc, b.law = pc, law
	b.leg.out.ssrc = uint32(b.sender.GetParameters().Encodings[0].SSRC)
	pc.OnConnectionStateChange(func(webrtc.PeerConnectionState) { b.stateChanged() })
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) { b.received(t, r) })
	b.start(func() { b.readRTCP(b.sender.Read) })
	b.track.Store(track)
	b.conn.Store(pc)
	b.leg.mu.Lock()
	closed := b.leg.closed
	b.leg.mu.Unlock()
	if closed { // Close came while we were building
		_ = pc.Close()
		return ErrClosed
	}
	return nil
}

// start runs f in a goroutine that the engine waits for.
func (b *browserPeer) start(f func()) {
	if b.leg.engine.begin() {
		go func() {
			defer b.leg.engine.live.Done()
			f()
		}()
	}
}

// settleLocal sets our description and returns it with its candidates, which
// come at once: the port is open already.
func (b *browserPeer) settleLocal(ctx context.Context, ours webrtc.SessionDescription) (string, error) {
	gathered := webrtc.GatheringCompletePromise(b.pc)
	if err := b.pc.SetLocalDescription(ours); err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadSDP, err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return b.pc.LocalDescription().SDP, nil
}

// useLaw makes the track speak the first law of a description.
func (b *browserPeer) useLaw(r *remoteSDP) error {
	law, _ := r.first()
	if law.kind == b.law {
		return nil
	}
	track, err := webrtc.NewTrackLocalStaticRTP(audioCodec(law.kind), "audio", "pickup")
	if err == nil {
		err = b.sender.ReplaceTrack(track)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoCommonCodec, err)
	}
	b.law = law.kind
	b.track.Store(track)
	return nil
}

// agree puts what was negotiated into force. mine holds the numbers by which
// the browser sends.
func (b *browserPeer) agree(remote, mine *remoteSDP) error {
	l := b.leg
	law, _ := mine.first()
	t := &terms{
		mux: true, codec: b.law, audio: law.number,
		send: remote.direction.receives(), receive: remote.direction.sends(),
	}
	for _, p := range mine.payloads {
		t.kinds[p.number] = p.kind
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	events := l.holdEvents(remote)
	l.adopt(t)
	l.mu.Unlock()
	for _, e := range events {
		l.events.put(e)
	}
	b.stateChanged()
	return nil
}

// stateChanged follows pion's connection: it reads the state rather than being
// told it, since pion tells from a goroutine for each change.
func (b *browserPeer) stateChanged() {
	b.states.Lock()
	defer b.states.Unlock()
	l := b.leg
	pc := b.conn.Load()
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if pc == nil || l.terms.Load() == nil || closed {
		return
	}
	switch pc.ConnectionState() {
	case webrtc.PeerConnectionStateConnected:
		if l.in.dead.CompareAndSwap(true, false) {
			l.events.put(Event{Kind: EventAlive})
		}
		l.setReady()
	case webrtc.PeerConnectionStateConnecting:
		l.ready.Store(false) // ICE restarts
	case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed: // closed by us, or by a DTLS alert of the browser
		l.ready.Store(false)
		if l.in.dead.CompareAndSwap(false, true) {
			l.events.put(Event{Kind: EventDead})
		}
	}
}

// received reads a track of the browser until it ends.
func (b *browserPeer) received(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	e := b.leg.engine
	if !e.begin() {
		return
	}
	defer e.live.Done()
	b.start(func() { b.readRTCP(receiver.Read) })
	buf := newPacket()
	for {
		n, _, err := track.Read(buf)
		if err != nil {
			return
		}
		b.leg.receive(buf[:n], netip.AddrPort{}, e.now())
	}
}

// candidate is what we tell a browser of how to reach us: the address for its
// peer. A browser on this machine may send from a socket that is bound to
// another interface than loopback; our answer would then leave from that one
// and be taken for a stranger's, so it is told of that address too.
func (b *browserPeer) candidate() string {
	port := b.leg.engine.WebRTCPort()
	text := fmt.Sprintf("a=candidate:1 1 udp 2130706431 %s %d typ host", b.leg.local, port)
	if b.leg.local.IsLoopback() {
		if outer := b.leg.engine.cfg.LocalAddr(netip.Addr{}); outer.IsValid() && !outer.IsLoopback() {
			text += fmt.Sprintf("\r\na=candidate:2 1 udp 2130706175 %s %d typ host", outer, port)
		}
	}
	return text
}

// rewrite corrects pion's description: the direction of the audio line, which
// it gets wrong on hold, and the candidates, which are the one address that
// the site advertises to this peer.
func rewrite(text string, way direction, candidate string) string {
	var b strings.Builder
	inAudio, placed := false, false
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if strings.HasPrefix(line, "m=") {
			inAudio = strings.HasPrefix(line, "m=audio ") && !strings.HasPrefix(line, "m=audio 0 ")
		}
		switch {
		case strings.HasPrefix(line, "a=candidate:"):
			if placed {
				continue
			}
			line, placed = candidate, true
		case inAudio && (line == "a=sendrecv" || line == "a=sendonly" || line == "a=recvonly" || line == "a=inactive"):
			line = "a=" + string(way)
		}
		b.WriteString(line + "\r\n")
	}
	return b.String()
}

// parseBrowserSDP reads what we need to know of a browser's description; the
// rest is pion's. It asks for what a plain phone's offer lacks.
func parseBrowserSDP(raw []byte) (*remoteSDP, error) {
	s, _, err := unmarshalSDP(raw)
	if err != nil {
		return nil, err
	}
	fault := fmt.Errorf("%w: no audio line", ErrNoCommonCodec)
	for i, m := range s.MediaDescriptions {
		if m.MediaName.Media != "audio" || m.MediaName.Port.Value == 0 {
			continue
		}
		if err := checkBrowserLine(s, m); err != nil {
			return nil, err
		}
		r := &remoteSDP{audio: i, direction: readDirection(s.Attributes, m.Attributes)}
		r.payloads = readPayloads(m, browserCodecs[:])
		if _, ok := r.first(); !ok {
			fault = fmt.Errorf("%w: neither PCMA nor PCMU", ErrNoCommonCodec)
			continue
		}
		return r, nil
	}
	return nil, fault
}

func checkBrowserLine(s *sdp.SessionDescription, m *sdp.MediaDescription) error {
	if !strings.Contains(strings.ToUpper(strings.Join(m.MediaName.Protos, "/")), "TLS/RTP/SAVP") {
		return fmt.Errorf("%w: profile of the audio line", ErrNoCommonCodec)
	}
	candidates := 0
	for _, a := range m.Attributes {
		if a.Key == "candidate" {
			candidates++
		}
	}
	if candidates > maxCandidates {
		return fmt.Errorf("%w: %d candidates", ErrBadSDP, candidates)
	}
	for _, key := range []string{"fingerprint", "ice-ufrag", "ice-pwd"} {
		_, inMedia := m.Attribute(key)
		_, inSession := s.Attribute(key)
		if !inMedia && !inSession {
			return fmt.Errorf("%w: no a=%s", ErrBadSDP, key)
		}
	}
	return nil
}
