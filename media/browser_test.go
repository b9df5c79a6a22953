package media_test

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"pickup/internal/g711"
	"pickup/media"
)

// browser is a browser of the test: a full pion peer with the codecs of
// Chromium.
type browser struct {
	t      *testing.T
	pc     *webrtc.PeerConnection
	sender *webrtc.RTPSender
	track  *webrtc.TrackLocalStaticRTP
	wire   *net.UDPConn
	seq    uint16
	stamp  uint32

	mu  sync.Mutex
	got []packet
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	m := new(webrtc.MediaEngine)
	for number, c := range map[webrtc.PayloadType]webrtc.RTPCodecCapability{
		111: {MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2},
		9:   {MimeType: webrtc.MimeTypeG722, ClockRate: 8000},
		0:   {MimeType: webrtc.MimeTypePCMU, ClockRate: 8000},
		8:   {MimeType: webrtc.MimeTypePCMA, ClockRate: 8000},
		110: {MimeType: "audio/telephone-event", ClockRate: 48000},
		126: {MimeType: "audio/telephone-event", ClockRate: 8000},
	} {
		if err := m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: c, PayloadType: number}, webrtc.RTPCodecTypeAudio); err != nil {
			t.Fatal(err)
		}
	}
	wire, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	settings := webrtc.SettingEngine{}
	settings.SetICEUDPMux(webrtc.NewICEUDPMux(nil, wire))
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(net.IP.IsLoopback)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, pc: pc, wire: wire}
	t.Cleanup(func() { _ = pc.GracefulClose(); _ = wire.Close() })
	b.track, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000}, "mic", "mic")
	if err != nil {
		t.Fatal(err)
	}
	if b.sender, err = pc.AddTrack(b.track); err != nil {
		t.Fatal(err)
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		buf := make([]byte, 1500)
		for {
			n, _, err := track.Read(buf)
			if err != nil {
				return
			}
			b.mu.Lock()
			b.got = append(b.got, readPacket(buf[:n]))
			b.mu.Unlock()
		}
	})
	return b
}

// offer makes the browser's offer with its candidates.
func (b *browser) offer(o *webrtc.OfferOptions) string {
	b.t.Helper()
	offer, err := b.pc.CreateOffer(o)
	if err != nil {
		b.t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(b.pc)
	if err := b.pc.SetLocalDescription(offer); err != nil {
		b.t.Fatal(err)
	}
	<-done
	return b.pc.LocalDescription().SDP
}

func (b *browser) accept(answer []byte) {
	b.t.Helper()
	if err := b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) packets() []packet {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]packet(nil), b.got...)
}

// speak sends n frames of a tone.
func (b *browser) speak(hz float64, n int) {
	pcm := tone(hz, n*160)
	for i := range n {
		payload := make([]byte, 160)
		g711.Encode(g711.PCMU, payload, pcm[i*160:(i+1)*160])
		b.seq++
		b.stamp += 160
		_ = b.track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: b.seq, Timestamp: b.stamp}, Payload: payload})
	}
}

// connectBrowser makes a leg for a browser that offers.
func connectBrowser(t *testing.T, e *media.Engine, b *browser) (*media.Leg, string) {
	t.Helper()
	l, err := e.NewBrowserLeg(media.LegOptions{ID: "browser", Peer: loopback})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	answer, err := l.Answer(t.Context(), []byte(b.offer(nil)))
	if err != nil {
		t.Fatal(err)
	}
	b.accept(answer)
	return l, string(answer)
}

func TestBrowserAndPhoneHearEachOther(t *testing.T) {
	e := start(t, config(t, 8))
	b, p := newBrowser(t), newPhone(t, g711.PCMA)
	lb, answer := connectBrowser(t, e, b)
	told := listen(lb)
	for _, want := range []string{"a=ice-lite", "a=setup:passive", "typ host"} {
		if !strings.Contains(answer, want) {
			t.Errorf("answer lacks %q:\n%s", want, answer)
		}
	}
	if strings.Count(answer, "a=candidate") != 1 {
		t.Errorf("answer has not one candidate:\n%s", answer)
	}
	eventually(t, "browser ready", lb.Ready)
	eventually(t, "ready told", func() bool { return len(told.of(media.EventReady)) == 1 })

	lp := connect(t, e, p)
	bridge := media.NewBridge(lb, lp, nil, nil)
	defer bridge.Close()
	pcm := tone(2000, 60*160)
	// Our side is ready before the browser has started its sender and its
	// receiver: what it says until then is dropped there, by pion.
	eventually(t, "both relayed", func() bool {
		b.speak(1000, 1)
		p.send(pcm[:160])
		return len(p.packets()) > 0 && len(b.packets()) > 0
	})
	atPhone, atBrowser := len(p.packets()), len(b.packets())
	for i := range 60 {
		b.speak(1000, 1)
		p.send(pcm[i*160 : (i+1)*160])
		eventually(t, "relayed", func() bool { return len(p.packets()) > atPhone+i && len(b.packets()) > atBrowser+i })
	}
	var heard []int16
	for _, k := range b.packets() {
		s := make([]int16, len(k.payload))
		g711.Decode(k.pt, s, k.payload)
		heard = append(heard, s...)
	}
	if got := power(heard[len(heard)-8000:], 2000); got < 0.9 {
		t.Errorf("browser hears %.3f of the phone's tone", got)
	}
	q := lb.Quality()
	if q.PacketsIn == 0 || q.PacketsOut == 0 || q.MOS < 4 {
		t.Errorf("quality %+v", q)
	}
}

func TestBrowserHearsPromptsWhenItIsConnected(t *testing.T) {
	e := start(t, config(t, 8))
	b := newBrowser(t)
	l, err := e.NewBrowserLeg(media.LegOptions{Peer: loopback})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	told := listen(l)
	l.Play("hello", "en", "short")
	answer, err := l.Answer(t.Context(), []byte(b.offer(nil)))
	if err != nil {
		t.Fatal(err)
	}
	b.accept(answer)
	eventually(t, "played", func() bool { return len(told.of(media.EventPlayed)) == 1 })
	eventually(t, "prompt heard", func() bool { return len(b.packets()) >= 10 })
	checkContinuous(t, b.packets())
}

func TestHoldOfABrowserIsAnsweredWithTheRightDirection(t *testing.T) {
	e := start(t, config(t, 8))
	b := newBrowser(t)
	l, _ := connectBrowser(t, e, b)
	told := listen(l)
	eventually(t, "ready", l.Ready)
	for _, c := range []struct{ offered, want string }{
		{"sendonly", "recvonly"}, {"inactive", "inactive"}, {"recvonly", "sendonly"}, {"sendrecv", "sendrecv"},
	} {
		offer := strings.ReplaceAll(b.offer(nil), "a=sendrecv", "a="+c.offered)
		answer, err := l.Answer(t.Context(), []byte(offer))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(answer), "a="+c.want+"\r\n") {
			t.Errorf("offer %s is not answered %s:\n%s", c.offered, c.want, answer)
		}
		if !strings.Contains(string(answer), "a=setup:passive") {
			t.Errorf("the DTLS role changed:\n%s", answer)
		}
		b.accept(answer)
	}
	if holds, frees := len(told.of(media.EventRemoteHold)), len(told.of(media.EventRemoteUnhold)); holds != 1 || frees != 1 {
		t.Errorf("held %d times and freed %d times", holds, frees)
	}
}

func TestIceRestartGoesOnWithTheSameStream(t *testing.T) {
	e := start(t, config(t, 8))
	b := newBrowser(t)
	l, first := connectBrowser(t, e, b)
	eventually(t, "ready", l.Ready)
	l.Music(true)
	eventually(t, "music", func() bool { return len(b.packets()) > 5 })
	answer, err := l.Answer(t.Context(), []byte(b.offer(&webrtc.OfferOptions{ICERestart: true})))
	if err != nil {
		t.Fatal(err)
	}
	if attribute(first, "ice-ufrag") == attribute(string(answer), "ice-ufrag") {
		t.Error("our ICE credentials did not change")
	}
	b.accept(answer)
	eventually(t, "ready again", l.Ready)
	n := len(b.packets())
	eventually(t, "music goes on", func() bool { return len(b.packets()) > n+10 })
	if ssrc := b.packets()[0].ssrc; b.packets()[n+5].ssrc != ssrc {
		t.Error("the stream changed its SSRC")
	}
}

func attribute(sdp, key string) string {
	for line := range strings.SplitSeq(sdp, "\r\n") {
		if v, ok := strings.CutPrefix(line, "a="+key+":"); ok {
			return v
		}
	}
	return ""
}

func TestWeOfferToABrowser(t *testing.T) {
	e := start(t, config(t, 8))
	b := newBrowser(t)
	l, err := e.NewBrowserLeg(media.LegOptions{Peer: loopback})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	offer, err := l.Offer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, err := l.Offer(t.Context())
	if err != nil || string(again) != string(offer) {
		t.Errorf("the offer changed before it was answered: %v", err)
	}
	if err := b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(offer)}); err != nil {
		t.Fatal(err)
	}
	answer, err := b.pc.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(b.pc)
	if err := b.pc.SetLocalDescription(answer); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := l.Accept([]byte(b.pc.LocalDescription().SDP)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "ready", l.Ready)
	l.Music(true)
	eventually(t, "music", func() bool { return len(b.packets()) > 5 })
}

func TestABrowserThatGoesIsToldDead(t *testing.T) {
	cfg := config(t, 8)
	cfg.LegDead = time.Second
	e := start(t, cfg)
	b := newBrowser(t)
	l, _ := connectBrowser(t, e, b)
	told := listen(l)
	eventually(t, "ready", l.Ready)
	_ = b.wire.Close() // the network is gone: nothing says goodbye
	eventually(t, "dead", func() bool { return len(told.of(media.EventDead)) == 1 })
	if l.Ready() {
		t.Error("a dead leg is ready")
	}
}

func TestABrowserThatSaysGoodbyeIsToldDead(t *testing.T) {
	e := start(t, config(t, 8))
	b := newBrowser(t)
	l, _ := connectBrowser(t, e, b)
	told := listen(l)
	eventually(t, "ready", l.Ready)
	eventually(t, "ready there too", func() bool { return b.pc.ConnectionState() == webrtc.PeerConnectionStateConnected })
	_ = b.pc.GracefulClose()
	eventually(t, "dead", func() bool { return len(told.of(media.EventDead)) == 1 })
}

func TestDescriptionsThatAreNoBrowsers(t *testing.T) {
	e := start(t, config(t, 8))
	phoneOffer := newPhone(t, g711.PCMA).sdp()
	browserOffer := newBrowser(t).offer(nil)
	cases := map[string]struct {
		offer string
		want  error
	}{
		"a phone's plain offer":           {phoneOffer, media.ErrNoCommonCodec},
		"no fingerprint":                  {strings.ReplaceAll(browserOffer, "a=fingerprint", "a=x-finger"), media.ErrBadSDP},
		"no credentials of ICE":           {strings.ReplaceAll(browserOffer, "a=ice-ufrag", "a=x-ufrag"), media.ErrBadSDP},
		"opus alone":                      {strings.NewReplacer("PCMA/8000", "A/8000", "PCMU/8000", "U/8000").Replace(browserOffer), media.ErrNoCommonCodec},
		"nothing":                         {"", media.ErrBadSDP},
		"an answer's role where we serve": {strings.ReplaceAll(browserOffer, "a=setup:actpass", "a=setup:passive"), nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l, err := e.NewBrowserLeg(media.LegOptions{Peer: loopback})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if _, err := l.Answer(t.Context(), []byte(c.offer)); c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestABrowserThatSaysNothingInATalkIsTold(t *testing.T) {
	e := start(t, config(t, 8))
	b, p := newBrowser(t), newPhone(t, g711.PCMA)
	lb, _ := connectBrowser(t, e, b)
	told := listen(lb)
	eventually(t, "browser ready", lb.Ready)
	lp := connect(t, e, p)
	if lb.Silent() {
		t.Error("silent before the talk")
	}
	bridge := media.NewBridge(lb, lp, nil, nil)
	defer bridge.Close()
	eventually(t, "silence told", func() bool { return len(told.of(media.EventSilent)) == 1 && lb.Silent() })
	eventually(t, "voice told", func() bool { b.speak(1000, 1); return len(told.of(media.EventHeard)) == 1 && !lb.Silent() })
	if got := len(told.of(media.EventSilent)); got != 1 {
		t.Errorf("silence told %d times", got)
	}
}
