package media_test

import (
	"strings"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"pickup/internal/g711"
	"pickup/media"
)

// newOpusBrowser is a browser that speaks with the test's codec in the place of
// Opus.
func newOpusBrowser(t *testing.T) *browser {
	t.Helper()
	b := newBrowser(t)
	var err error
	b.track, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "mic", "mic")
	if err == nil {
		err = b.sender.ReplaceTrack(b.track)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// speakOpus sends a frame of pcm.
func (b *browser) speakOpus(pcm []int16) {
	payload := make([]byte, 400)
	n := deltaCoder{}.Encode(payload, pcm)
	b.seq++
	b.stamp += 960
	_ = b.track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: b.seq, Timestamp: b.stamp}, Payload: payload[:n]})
}

// browserCodecs is a configuration with codecs of browsers.
func browserCodecs(t *testing.T, codecs ...string) media.Config {
	cfg := allCodecs(t, 8)
	cfg.BrowserCodecs = codecs
	return cfg
}

// formatsOf returns the formats of the audio line of a description.
func formatsOf(sdp string) string {
	_, line, _ := strings.Cut(sdp, "m=audio ")
	line, _, _ = strings.Cut(line, "\r\n")
	return strings.Join(strings.Fields(line)[2:], " ")
}

func TestABrowserIsAnsweredWithTheCodecOfTheSettings(t *testing.T) {
	for name, c := range map[string]struct {
		codecs []string
		prefer string
		want   []string // formats, any of
	}{
		"G.711 first":                          {[]string{"pcma", "pcmu", "opus"}, "", []string{"8 0 126", "0 8 126"}},
		"Opus first":                           {[]string{"opus", "pcma", "pcmu"}, "", []string{"111 110"}},
		"the other side has Opus":              {[]string{"pcma", "pcmu", "opus"}, "opus", []string{"111 110"}},
		"the other side has mu-law":            {[]string{"opus", "pcma", "pcmu"}, "PCMU", []string{"0 8 126"}},
		"the other side has what is not asked": {[]string{"pcma", "pcmu", "opus"}, "G722", []string{"8 0 126", "0 8 126"}},
		"Opus alone":                           {[]string{"opus"}, "PCMA", []string{"111 110"}},
		"mu-law alone":                         {[]string{"pcmu"}, "", []string{"0 126"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, browserCodecs(t, c.codecs...))
			l, err := e.NewBrowserLeg(media.LegOptions{Peer: loopback, Prefer: c.prefer})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			b := newBrowser(t)
			if c.want[0] == "111 110" {
				b = newOpusBrowser(t)
			}
			answer, err := l.Answer(t.Context(), []byte(b.offer(nil)))
			if err != nil {
				t.Fatal(err)
			}
			got := formatsOf(string(answer))
			if got != c.want[0] && got != c.want[len(c.want)-1] {
				t.Errorf("answered with %s, want one of %q", got, c.want)
			}
			if n, want := strings.Count(string(answer), "a=rtpmap:"), len(strings.Fields(got)); n != want {
				t.Errorf("%d a=rtpmap, want %d:\n%s", n, want, answer)
			}
			if strings.Contains(got, "111") != strings.Contains(string(answer), "a=fmtp:111 useinbandfec=1\r\n") {
				t.Errorf("error correction is asked for where Opus is, and only there:\n%s", answer)
			}
			b.accept(answer)
			eventually(t, "ready", l.Ready)
		})
	}
}

func TestCodecsOfBrowsersAreChecked(t *testing.T) {
	for name, codecs := range map[string][]string{
		`media.browser_codecs: "g722" is not one of pcma, pcmu, opus`: {"pcma", "g722"},
		`media.browser_codecs: "opus" is there twice`:                 {"opus", "opus"},
	} {
		cfg := browserCodecs(t, codecs...)
		if err := cfg.Check(); err == nil || err.Error() != name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
	cfg := browserCodecs(t, "opus")
	cfg.Opus, cfg.Codecs = nil, nil
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "not in this build") {
		t.Errorf("got %v, want that Opus is not in this build", err)
	}
}

// A browser with Opus and a phone with A-law hear each other; the tap hears both.
func TestABrowserWithOpusAndAPhoneHearEachOther(t *testing.T) {
	e := start(t, browserCodecs(t, "opus"))
	b, p := newOpusBrowser(t), newPhone(t, g711.PCMA)
	lb, _ := connectBrowser(t, e, b)
	eventually(t, "browser ready", lb.Ready)
	if got := lb.Codec(); got != "opus" {
		t.Fatalf("agreed on %s, want opus", got)
	}
	lp := connect(t, e, p)
	bridge := media.NewBridge(lb, lp, nil, nil)
	defer bridge.Close()
	fromBrowser, fromPhone := tone(1000, 160), tone(2000, 160)
	eventually(t, "both hear a second", func() bool {
		b.speakOpus(fromBrowser)
		p.send(fromPhone)
		return len(p.packets()) > 50 && len(b.packets()) > 50
	})
	if got := p.packets(); got[len(got)-1].pt != 8 {
		t.Errorf("the phone gets payload type %d", got[len(got)-1].pt)
	}
	heard := heardWide(p.packets(), 8)
	if got := power(heard[len(heard)-4000:], 1000); got < 0.8 {
		t.Errorf("the phone hears %.3f of the browser's tone", got)
	}
	heard = heardWide(b.packets(), 111)
	if got := power(heard[len(heard)-4000:], 2000); got < 0.8 {
		t.Errorf("the browser hears %.3f of the phone's tone", got)
	}
	checkContinuousBy(t, b.packets(), 960)
}

// checkContinuousBy wants timestamps that grow in whole steps.
func checkContinuousBy(t *testing.T, packets []packet, step uint32) {
	t.Helper()
	for i := 1; i < len(packets); i++ {
		before, k := packets[i-1], packets[i]
		if k.ssrc != before.ssrc || k.seq != before.seq+1 || k.stamp == before.stamp || (k.stamp-before.stamp)%(step/160) != 0 {
			t.Fatalf("packet %d: %d at %d after %d at %d", i, k.seq, k.stamp, before.seq, before.stamp)
		}
	}
}

// What was agreed on outlives hold and a restart of ICE, whatever comes first in
// the settings.
func TestABrowserKeepsItsCodec(t *testing.T) {
	e := start(t, browserCodecs(t, "pcma", "pcmu", "opus"))
	l, err := e.NewBrowserLeg(media.LegOptions{Peer: loopback, Prefer: "opus"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := newOpusBrowser(t)
	offer, err := l.Offer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := formatsOf(string(offer)); got != "111 8 0 110 126" {
		t.Errorf("offered %s, want Opus first", got)
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
	for _, name := range []string{"hold", "a restart of ICE"} {
		offer := b.offer(&webrtc.OfferOptions{ICERestart: name != "hold"})
		if name == "hold" {
			offer = strings.ReplaceAll(offer, "a=sendrecv", "a=sendonly")
		}
		answer, err := l.Answer(t.Context(), []byte(offer))
		if err != nil {
			t.Fatal(err)
		}
		if got := formatsOf(string(answer)); got != "111 110" || l.Codec() != "opus" {
			t.Errorf("%s: answered with %s, speaks %s; want Opus as before", name, got, l.Codec())
		}
		b.accept(answer)
	}
	l.Music(true)
	eventually(t, "music in Opus", func() bool { p := b.packets(); return len(p) > 5 && p[len(p)-1].pt == 111 })
}
