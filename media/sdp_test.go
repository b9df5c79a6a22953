package media_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pickup/internal/g711"
	"pickup/media"
)

// head is a session without a media line.
const head = "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"

func newLeg(t testing.TB, e *media.Engine) *media.Leg {
	t.Helper()
	l, err := e.NewLeg(media.LegOptions{ID: "l", Peer: loopback})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func TestOffersAreAnswered(t *testing.T) {
	e := start(t, config(t, 64))
	cases := map[string]struct {
		offer string
		want  []string // lines of the answer
		codec string
	}{
		"the peer's order decides": {
			head + "m=audio 4000 RTP/AVP 0 8\r\n",
			[]string{"a=rtpmap:0 PCMU/8000", "a=sendrecv", "a=ptime:20"},
			"PCMU",
		},
		"telephone-event keeps the peer's number": {
			head + "m=audio 4000 RTP/AVP 18 8 96\r\na=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-16\r\n",
			[]string{"a=rtpmap:96 telephone-event/8000", "a=rtpmap:8 PCMA/8000"},
			"PCMA",
		},
		"telephone-event of another clock is none": {
			head + "m=audio 4000 RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/48000\r\n",
			[]string{"m=audio PORT RTP/AVP 8"},
			"PCMA",
		},
		"a dynamic number for PCMA": {
			head + "m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 pcma/8000\r\na=ptime:30\r\n",
			[]string{"a=rtpmap:97 PCMA/8000"},
			"PCMA",
		},
		"sendonly is answered recvonly": {
			head + "m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n", []string{"a=recvonly"}, "PCMA",
		},
		"recvonly is answered sendonly": {
			head + "m=audio 4000 RTP/AVP 8\r\na=recvonly\r\n", []string{"a=sendonly"}, "PCMA",
		},
		"a direction of the session counts": {
			head + "a=inactive\r\nm=audio 4000 RTP/AVP 8\r\n", []string{"a=inactive"}, "PCMA",
		},
		"hold by address 0.0.0.0": {
			strings.Replace(head, "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0", 1) + "m=audio 4000 RTP/AVP 8\r\n",
			[]string{"a=recvonly"},
			"PCMA",
		},
		"further lines are refused": {
			head + "m=video 5000 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 8\r\nm=audio 4002 RTP/AVP 8\r\nm=image 6000 udptl t38\r\n",
			[]string{"m=video 0 RTP/AVP 31", "m=audio 0 RTP/AVP 8", "m=image 0 udptl t38", "m=audio PORT RTP/AVP 8"},
			"PCMA",
		},
		"the plain line next to a secured one": {
			head + "m=audio 5000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\nm=audio 4000 RTP/AVP 8\r\n",
			[]string{"m=audio 0 RTP/SAVP 8", "m=audio PORT RTP/AVP 8"},
			"PCMA",
		},
		"rtcp-mux is accepted": {
			head + "m=audio 4000 RTP/AVP 8\r\na=rtcp-mux\r\n", []string{"a=rtcp-mux"}, "PCMA",
		},
		"a session id beyond 64 bits": {
			strings.Replace(head, "o=x 1 1", "o=x 99999999999999999999999999 1", 1) + "m=audio 4000 RTP/AVP 8\r\n",
			[]string{"a=sendrecv"},
			"PCMA",
		},
		"a last line without its end": {
			head + "m=audio 4000 RTP/AVP 0 8\r\na=sendonly", []string{"a=recvonly"}, "PCMU",
		},
		"bare line feeds": {
			strings.ReplaceAll(head, "\r\n", "\n") + "m=audio 4000 RTP/AVP 8\na=inactive\n", []string{"a=inactive"}, "PCMA",
		},
		"a ptime that overflows is ignored": {
			head + "m=audio 4000 RTP/AVP 8\r\na=ptime:99999999999999999999\r\na=maxptime:-1\r\n", []string{"a=ptime:20"}, "PCMA",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLeg(t, e)
			answer, err := l.Answer(t.Context(), []byte(c.offer))
			if err != nil {
				t.Fatal(err)
			}
			port := portOf(t, []byte(strings.ReplaceAll(string(answer), "m=audio 0 ", "m=refused 0 ")))
			lines := strings.Split(strings.ReplaceAll(string(answer), fmt.Sprintf("m=audio %d ", port), "m=audio PORT "), "\r\n")
			for _, want := range c.want {
				found := false
				for _, line := range lines {
					found = found || line == want
				}
				if !found {
					t.Errorf("answer lacks %q:\n%s", want, answer)
				}
			}
			if l.Codec() != c.codec || !l.Ready() {
				t.Errorf("codec %q, ready %v", l.Codec(), l.Ready())
			}
		})
	}
}

func TestHostileDescriptionsAreRefused(t *testing.T) {
	e := start(t, config(t, 64))
	audio := "m=audio 4000 RTP/AVP 8\r\n"
	connection := func(c string) string { return strings.Replace(head, "IN IP4 127.0.0.1\r\nt", c+"\r\nt", 1) + audio }
	cases := map[string]struct {
		offer string
		want  error
	}{
		"empty":                        {"", media.ErrBadSDP},
		"no description":               {"hello", media.ErrBadSDP},
		"no audio":                     {head + "m=video 4000 RTP/AVP 31\r\n", media.ErrNoCommonCodec},
		"no media":                     {head, media.ErrNoCommonCodec},
		"no codec of ours":             {head + "m=audio 4000 RTP/AVP 18 111\r\na=rtpmap:111 opus/48000/2\r\n", media.ErrNoCommonCodec},
		"a number of ours for another": {head + "m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 opus/48000/2\r\n", media.ErrNoCommonCodec},
		"only keys":                    {head + "m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n", media.ErrNoCommonCodec},
		"port 0":                       {head + "m=audio 0 RTP/AVP 8\r\n", media.ErrNoCommonCodec},
		"port 70000":                   {head + "m=audio 70000 RTP/AVP 8\r\n", media.ErrBadSDP},
		"a negative port":              {head + "m=audio -5 RTP/AVP 8\r\n", media.ErrBadSDP},
		"secured without a key":        {head + "m=audio 4000 RTP/SAVP 8\r\n", media.ErrBadSDP},
		"secured with a key":           {head + "m=audio 4000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n", media.ErrNoCommonCodec},
		"a browser's profile":          {head + "m=audio 4000 UDP/TLS/RTP/SAVPF 8\r\n", media.ErrNoCommonCodec},
		"multicast":                    {connection("IN IP4 224.1.1.1/127"), media.ErrBadSDP},
		"multicast without ttl":        {connection("IN IP4 239.0.0.1"), media.ErrBadSDP},
		"broadcast":                    {connection("IN IP4 255.255.255.255"), media.ErrBadSDP},
		"an address that is none":      {connection("IN IP4 999.1.1.1"), media.ErrBadSDP},
		"a name":                       {connection("IN IP4 pbx.example.com"), media.ErrBadSDP},
		"another network":              {connection("ATM NSAP 47.0091"), media.ErrBadSDP},
		"IPv6 to an IPv4 socket":       {connection("IN IP6 ::1"), media.ErrBadSDP},
		"an address of the other kind": {connection("IN IP6 127.0.0.1"), media.ErrBadSDP},
		"a group of IPv6":              {connection("IN IP6 ff02::1"), media.ErrBadSDP},
		"a link of IPv6":               {connection("IN IP6 fe80::1"), media.ErrBadSDP},
		"IPv4 in IPv6":                 {connection("IN IP6 ::ffff:127.0.0.1"), media.ErrBadSDP},
		"no connection line":           {"v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" + audio, media.ErrBadSDP},
		"100 media lines":              {head + strings.Repeat(audio, 100), media.ErrBadSDP},
		"100 kB":                       {head + audio + strings.Repeat("a=x:y\r\n", 20000), media.ErrBadSDP},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := newLeg(t, e).Answer(t.Context(), []byte(c.offer)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	t.Run("loopback from outside", func(t *testing.T) {
		l, err := e.NewLeg(media.LegOptions{Peer: netip.MustParseAddr("198.51.100.7")})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if _, err := l.Answer(t.Context(), []byte(head+audio)); !errors.Is(err, media.ErrBadSDP) {
			t.Errorf("got %v", err)
		}
	})
}

// A bad new offer leaves what was agreed as it was.
func TestABadNewOfferChangesNothing(t *testing.T) {
	e := start(t, config(t, 8))
	p := newPhone(t, g711.PCMA)
	l := connect(t, e, p)
	if _, err := l.Answer(t.Context(), []byte(head+"m=audio 4000 RTP/AVP 18\r\n")); !errors.Is(err, media.ErrNoCommonCodec) {
		t.Fatal(err)
	}
	l.Music(true)
	eventually(t, "music at the old address", func() bool { return len(p.packets()) > 3 })
}

func TestOfferAndAnswerOfAPhoneWeCall(t *testing.T) {
	e := start(t, config(t, 8))
	p := newPhone(t, g711.PCMU)
	l := newLeg(t, e)
	told := listen(l)
	offer, err := l.Offer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"RTP/AVP 8 0 101\r\n", "a=rtpmap:101 telephone-event/8000", "a=sendrecv", "a=ptime:20", "a=rtcp:"} {
		if !strings.Contains(string(offer), want) {
			t.Errorf("offer lacks %q:\n%s", want, offer)
		}
	}
	if again, err := l.Offer(t.Context()); err != nil || string(again) != string(offer) {
		t.Errorf("a second offer differs: %v\n%s", err, again)
	}
	if l.Ready() || l.Codec() != "" {
		t.Error("ready before the answer")
	}
	if err := l.Accept([]byte(p.sdp())); err != nil {
		t.Fatal(err)
	}
	if l.Codec() != "PCMU" || len(told.of(media.EventReady)) != 1 {
		t.Errorf("codec %q, told %v", l.Codec(), told.all)
	}
	if err := l.Accept([]byte(p.sdp())); !errors.Is(err, media.ErrBadSDP) {
		t.Errorf("an answer without offer: %v", err)
	}
	l.Music(true)
	eventually(t, "music in the phone's law", func() bool { return countType(p.packets(), g711.PCMU) > 5 })
}

func TestANewOfferKeepsTheSessionAndRaisesItsVersion(t *testing.T) {
	e := start(t, config(t, 8))
	p := newPhone(t, g711.PCMA)
	l := newLeg(t, e)
	var ids, versions []uint64
	for range 3 {
		answer, err := l.Answer(t.Context(), []byte(p.sdp()))
		if err != nil {
			t.Fatal(err)
		}
		var id, version uint64
		_, _ = fmt.Sscanf(strings.Split(string(answer), "\r\n")[1], "o=pickup %d %d IN IP4", &id, &version)
		ids, versions = append(ids, id), append(versions, version)
	}
	if ids[0] != ids[2] || versions[1] != versions[0]+1 || versions[2] != versions[0]+2 {
		t.Errorf("ids %v, versions %v", ids, versions)
	}
}

func TestHoldAndUnholdByANewOffer(t *testing.T) {
	e := start(t, config(t, 8))
	p := newPhone(t, g711.PCMA)
	l := connect(t, e, p)
	told := listen(l)
	l.Music(true)
	eventually(t, "music", func() bool { return len(p.packets()) > 3 })
	if _, err := l.Answer(t.Context(), []byte(p.sdp("a=sendonly"))); err != nil {
		t.Fatal(err)
	}
	if len(told.of(media.EventRemoteHold)) != 1 {
		t.Fatal("hold was not told")
	}
	l.Play("p", "en", "short") // its time goes by although nobody hears it
	eventually(t, "played", func() bool { return len(told.of(media.EventPlayed)) == 1 })
	n := len(p.packets())
	l.Play("q", "en", "short")
	eventually(t, "played", func() bool { return len(told.of(media.EventPlayed)) == 2 })
	if got := len(p.packets()); got != n {
		t.Errorf("%d packets to a phone that holds us", got-n)
	}
	if _, err := l.Answer(t.Context(), []byte(p.sdp())); err != nil {
		t.Fatal(err)
	}
	if len(told.of(media.EventRemoteUnhold)) != 1 {
		t.Error("the end of hold was not told")
	}
	eventually(t, "music again", func() bool { return len(p.packets()) > n+5 })
}

func TestANewOfferMovesTheAudio(t *testing.T) {
	e := start(t, config(t, 8))
	p := newPhone(t, g711.PCMA)
	l := connect(t, e, p)
	p.send(make([]int16, 160))
	l.Music(true)
	eventually(t, "music", func() bool { return len(p.packets()) > 3 })
	q := newPhone(t, g711.PCMA)
	if _, err := l.Answer(t.Context(), []byte(q.sdp())); err != nil {
		t.Fatal(err)
	}
	eventually(t, "music at the new port", func() bool { return len(q.packets()) > 5 })
	n := len(p.packets())
	m := len(q.packets())
	eventually(t, "more music", func() bool { return len(q.packets()) > m+5 })
	if got := len(p.packets()); got > n {
		t.Errorf("%d packets still went to the old port", got-n)
	}
	if a, b := p.packets()[0], q.packets()[0]; a.ssrc != b.ssrc {
		t.Error("the stream changed its SSRC")
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(head + "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendonly\r\n"))
	f.Add([]byte(head + "m=video 0 RTP/AVP 31\nm=audio 4000/2 RTP/AVP 8\na=rtcp:1 IN IP4 1.2.3.4"))
	f.Add([]byte("v=0\r\n"))
	cfg := config(f, 8)
	cfg.PortQuarantine = -1
	e := start(f, cfg)
	f.Fuzz(func(t *testing.T, offer []byte) {
		l := newLeg(t, e)
		answer, err := l.Answer(t.Context(), offer)
		if err != nil {
			if !errors.Is(err, media.ErrBadSDP) && !errors.Is(err, media.ErrNoCommonCodec) {
				t.Errorf("an error of no class: %v", err)
			}
			return
		}
		if strings.Contains(strings.ReplaceAll(string(answer), "\r\n", ""), "\n") {
			t.Errorf("a line end from outside in %q", answer)
		}
		other := newLeg(t, e)
		if _, err := other.Answer(t.Context(), answer); err != nil {
			t.Errorf("our own answer is refused: %v\n%s", err, answer)
		}
	})
}

func TestSettingsThatCannotWork(t *testing.T) {
	cases := map[string]struct {
		change func(*media.Config)
		name   string
	}{
		"no pair of ports":        {func(c *media.Config) { c.FirstPort, c.LastPort = 20001, 20002 }, "media.rtp_ports"},
		"ports beyond the end":    {func(c *media.Config) { c.FirstPort, c.LastPort = 65000, 66000 }, "media.rtp_ports"},
		"a browser port too high": {func(c *media.Config) { c.WebRTCPort = 70000 }, "media.webrtc_port"},
		"no policy of SRTP":       {func(c *media.Config) { c.SRTP = "maybe" }, "media.srtp"},
		"too little patience":     {func(c *media.Config) { c.LegDead = time.Millisecond }, "media.leg_dead"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, 8)
			c.change(&cfg)
			if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), c.name) {
				t.Errorf("got %v, want %s named", err, c.name)
			}
		})
	}
}
