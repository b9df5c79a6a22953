package media

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

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
	codec       kind   // of the track

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
	remote, err := parseBrowserSDP(offer, b.leg.engine.browserCodecs)
	if err != nil {
		return nil, err
	}
	b.negotiating.Lock()
	defer b.negotiating.Unlock()
	codec := b.choose(remote)
	if err := b.open(codec.kind); err != nil {
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
	text, mine, err := b.describe(text, remote.direction.answer(), lawful(codec.kind)...)
	if err != nil {
		return nil, err
	}
	if err := b.use(codec.kind); err != nil {
		return nil, err
	}
	return []byte(text), b.agree(remote, mine, codec)
}

// offer is Leg.Offer for a browser.
func (b *browserPeer) offer(ctx context.Context) (offer []byte, err error) {
	defer guard(&err)
	b.negotiating.Lock()
	defer b.negotiating.Unlock()
	if b.offered != "" {
		return []byte(b.offered), nil
	}
	wanted := b.wanted()
	if err := b.open(wanted[0]); err != nil {
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
	if b.offered, _, err = b.describe(text, sendrecv, wanted...); err != nil {
		return nil, err
	}
	return []byte(b.offered), nil
}

// accept is Leg.Accept for a browser.
func (b *browserPeer) accept(answer []byte) (err error) {
	defer guard(&err)
	remote, err := parseBrowserSDP(answer, b.leg.engine.browserCodecs)
	if err != nil {
		return err
	}
	b.negotiating.Lock()
	defer b.negotiating.Unlock()
	if b.offered == "" {
		return fmt.Errorf("%w: an answer to no offer of ours", ErrBadSDP)
	}
	mine, err := parseBrowserSDP([]byte(b.offered), b.leg.engine.browserCodecs)
	if err != nil {
		return err
	}
	err = b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadSDP, err)
	}
	b.offered = ""
	codec, _ := remote.first() // RFC 3264 section 7: the answer's order
	if err := b.use(codec.kind); err != nil {
		return err
	}
	return b.agree(remote, mine, codec)
}

// open makes the connection, if there is none.
func (b *browserPeer) open(codec kind) error {
	if b.pc != nil {
		return nil
	}
	e := b.leg.engine
	pc, err := e.browser.peer(e)
	if err != nil {
		return err
	}
	track, err := webrtc.NewTrackLocalStaticRTP(audioCodec(codec), "audio", "pickup")
	if err == nil {
		b.sender, err = pc.AddTrack(track)
	}
	if err != nil {
		_ = pc.Close()
		return fmt.Errorf("open a browser's connection: %w", err)
	}
	b.pc, b.codec = pc, codec
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

// use makes the track speak a codec.
func (b *browserPeer) use(codec kind) error {
	if codec == b.codec {
		return nil
	}
	track, err := webrtc.NewTrackLocalStaticRTP(audioCodec(codec), "audio", "pickup")
	if err == nil {
		err = b.sender.ReplaceTrack(track)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoCommonCodec, err)
	}
	b.codec = codec
	b.track.Store(track)
	return nil
}

// agree puts what was negotiated into force: codec is what we send. mine holds the
// numbers by which the browser sends.
func (b *browserPeer) agree(remote, mine *remoteSDP, codec payload) error {
	l := b.leg
	t := &terms{
		mux: true, codec: codec.kind, audio: codec.number,
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
		if errors.Is(err, webrtc.ErrCodecNotFound) { // of no agreed codec: counted below
			err = nil
		}
		if err != nil {
			return
		}
		b.leg.receive(buf[:n], netip.AddrPort{}, e.now())
	}
}
