package media_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"pickup/internal/g711"
	"pickup/internal/g722"
	"pickup/media"
)

// delta is a codec of the test in the place of Opus, which needs cgo: a payload
// is its number of samples, 20 ms, as one byte that counts the frames, then the
// samples. Lost frames come back from the next packet as 1, concealed ones as 2.
type delta struct{}

func (delta) Encoder() (media.Encoder, error) { return deltaCoder{}, nil }
func (delta) Decoder() (media.Decoder, error) { return deltaCoder{}, nil }

type deltaCoder struct{}

func (deltaCoder) Encode(payload []byte, pcm []int16) int {
	payload[0] = 'd'
	return 1 + g711.Encode(g711.PCMA, payload[1:], pcm)
}

func (deltaCoder) Decode(pcm []int16, payload []byte) (int, error) {
	if payload[0] != 'd' {
		return 0, fmt.Errorf("not of the test's codec: %x", payload[0])
	}
	return g711.Decode(g711.PCMA, pcm, payload[1:]), nil
}

func (deltaCoder) Recover(pcm []int16, next []byte) { fill(pcm, 1) }
func (deltaCoder) Conceal(pcm []int16)              { fill(pcm, 2) }

func fill(pcm []int16, v int16) {
	for i := range pcm {
		pcm[i] = v
	}
}

// allCodecs is a configuration that speaks all of them.
func allCodecs(t testing.TB, pairs int) media.Config {
	t.Helper()
	cfg := config(t, pairs)
	cfg.Codecs, cfg.Opus = []string{"pcma", "pcmu", "g722", "opus"}, delta{}
	return cfg
}

// wide is a phone of one codec of RTP clock 8 or 48 kHz.
type wide struct {
	*phone
	pt     uint8
	ticks  uint32 // of 20 ms
	encode func([]byte, []int16) int
}

const opusLines = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:101 telephone-event/8000\r\n"

func newOpusPhone(t testing.TB) *wide {
	return &wide{newPhone(t, 111), 111, 960, deltaCoder{}.Encode}
}

func newG722Phone(t testing.TB) *wide {
	return &wide{newPhone(t, 9), 9, 160, g722.NewEncoder().EncodeNarrow}
}

// join makes the leg of a phone that offers its codec alone.
func (w *wide) join(t testing.TB, e *media.Engine) *media.Leg {
	t.Helper()
	formats, lines := "9 101", "a=rtpmap:101 telephone-event/8000\r\n"
	if w.pt == 111 {
		formats, lines = "111 110 101", opusLines
	}
	l := newLeg(t, e)
	answer, err := l.Answer(t.Context(), fmt.Appendf(nil, "%sm=audio %d RTP/AVP %s\r\n%s", head, w.port(), formats, lines))
	if err != nil {
		t.Fatal(err)
	}
	w.to = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: portOf(t, answer)}
	return l
}

func (w *wide) speak(pcm []int16) {
	payload := make([]byte, 400)
	n := w.encode(payload, pcm)
	w.write(w.pt, false, w.at, payload[:n])
	w.at += w.ticks
}

// heardWide decodes what came in one codec.
func heardWide(packets []packet, pt uint8) []int16 {
	g := g722.NewDecoder()
	var out []int16
	for _, p := range packets {
		buf := make([]int16, 400)
		switch {
		case p.pt != pt:
			continue
		case pt == 111:
			n, _ := deltaCoder{}.Decode(buf, p.payload)
			out = append(out, buf[:n]...)
		case pt == 9:
			out = append(out, buf[:g.DecodeNarrow(buf, p.payload)]...)
		default:
			out = append(out, buf[:g711.Decode(pt, buf, p.payload)]...)
		}
	}
	return out
}

// continuous wants packets of one codec to follow each other by a step.
func continuous(t *testing.T, packets []packet, pt uint8, step uint32) {
	t.Helper()
	for i, p := range packets {
		if i == 0 || p.pt != pt || packets[i-1].pt != pt {
			continue
		}
		if d := p.stamp - packets[i-1].stamp; d != step || p.seq != packets[i-1].seq+1 || p.ssrc != packets[0].ssrc {
			t.Fatalf("packet %d: timestamp moved by %d, sequence %d after %d", i, d, p.seq, packets[i-1].seq)
		}
	}
}

func TestCodecsThatDifferAreTranscoded(t *testing.T) {
	e := start(t, allCodecs(t, 8))
	law := &wide{newPhone(t, g711.PCMA), g711.PCMA, 160, func(b []byte, pcm []int16) int { return g711.Encode(g711.PCMA, b, pcm) }}
	joinLaw := func(t testing.TB, e *media.Engine) *media.Leg { return connect(t, e, law.phone) }
	opus, g722 := newOpusPhone(t), newG722Phone(t)
	cases := map[string]struct {
		player, agent         *wide
		joinPlayer, joinAgent func(testing.TB, *media.Engine) *media.Leg
	}{
		"Opus to A-law":  {opus, law, opus.join, joinLaw},
		"G.722 to A-law": {g722, law, g722.join, joinLaw},
		"G.722 to Opus":  {g722, opus, g722.join, opus.join},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.player.reset()
			c.agent.reset()
			tap := &recordTap{}
			b := media.NewBridge(c.joinPlayer(t, e), c.joinAgent(t, e), tap, nil)
			defer b.Close()
			one, two := tone(1000, 100*160), tone(2000, 100*160)
			for i := range 100 {
				c.player.speak(one[i*160:][:160])
				c.agent.speak(two[i*160:][:160])
				eventually(t, "both frames at the tap", func() bool { return tap.count() >= 2*i+2 })
			}
			eventually(t, "all frames", func() bool { return len(c.player.packets()) >= 98 && len(c.agent.packets()) >= 98 })
			for _, w := range []struct {
				*wide
				hz float64
			}{{c.player, 2000}, {c.agent, 1000}} {
				got := w.packets()
				if p := power(heardWide(got[20:], w.pt), w.hz); p < 0.95 {
					t.Errorf("payload type %d: %.3f of the energy at %.0f Hz", w.pt, p, w.hz)
				}
				continuous(t, got[2:], w.pt, w.ticks)
			}
			for side, hz := range []float64{1000, 2000} {
				if p := power(tap.pcm[side][2000:], hz); p < 0.95 {
					t.Errorf("tap, side %d: %.3f at %.0f Hz", side, p, hz)
				}
			}
		})
	}
}

// reset forgets what came.
func (p *phone) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = nil
}

func TestALostPacketIsRecovered(t *testing.T) {
	e := start(t, allCodecs(t, 8))
	opus, law := newOpusPhone(t), newPhone(t, g711.PCMA)
	tap := &recordTap{}
	b := media.NewBridge(opus.join(t, e), connect(t, e, law), tap, nil)
	defer b.Close()
	for i := range 30 {
		switch {
		case i == 10: // one is lost
			opus.seq++
			opus.at += 960
		case i >= 20 && i < 25: // more than is concealed
			opus.seq++
			opus.at += 960
		default:
			opus.speak(tone(1000, 160))
		}
	}
	eventually(t, "the frames", func() bool { return len(law.packets()) >= 25 })
	eventually(t, "the tap", func() bool { return tap.count() >= 25 })
	got := law.packets()
	pcm := make([]int16, 160)
	g711.Decode(g711.PCMA, pcm, got[10].payload)
	if pcm[0] > 40 || pcm[159] > 40 { // 1, as A-law has it
		t.Errorf("the lost frame is %v", pcm[:4])
	}
	tap.mu.Lock()
	defer tap.mu.Unlock()
	for i, p := range tap.got[1:] {
		want := uint32(160)
		if i+1 == 20 {
			want = 6 * 160 // a gap stays one
		}
		if d := p.stamp - tap.got[i].stamp; d != want {
			t.Errorf("frame %d of the tap: %d samples after the one before, want %d", i+1, d, want)
		}
	}
}

// Keys keep their length and their place where the clocks differ.
func TestKeysPassBetweenClocks(t *testing.T) {
	e := start(t, allCodecs(t, 8))
	opus, law := newOpusPhone(t), newPhone(t, g711.PCMA)
	lp := opus.join(t, e)
	told := listen(lp)
	b := media.NewBridge(lp, connect(t, e, law), nil, nil)
	defer b.Close()
	for range 5 {
		opus.speak(tone(1000, 160))
	}
	stamp := opus.at
	for i := range 5 {
		d := uint16((i + 1) * 960)
		opus.write(110, i == 0, stamp, []byte{5, 10, byte(d >> 8), byte(d)})
	}
	opus.write(110, false, stamp, []byte{5, 0x8a, 4800 >> 8, 4800 & 0xff})
	opus.at += 4800
	opus.speak(tone(1000, 160))
	eventually(t, "all packets", func() bool { return len(law.packets()) >= 12 })
	if told.digits() != "5" {
		t.Errorf("told %q", told.digits())
	}
	got := law.packets()
	for i := 1; i < len(got); i++ {
		if got[i].seq != got[i-1].seq+1 {
			t.Errorf("sequence %d after %d", got[i].seq, got[i-1].seq)
		}
	}
	end := got[10]
	if d := binary.BigEndian.Uint16(end.payload[2:]); end.pt != 101 || d != 800 {
		t.Errorf("the key ends with payload type %d, %d samples; want 101, 800", end.pt, d)
	}
	if d := end.stamp - got[4].stamp; d != 160 {
		t.Errorf("the key begins %d samples after the last frame, want 160", d)
	}
	if d := got[11].stamp - end.stamp; d != 800 {
		t.Errorf("speech goes on %d samples after the key began, want 800", d)
	}
}

func TestOurKeysHaveTheClockOfTheCodec(t *testing.T) {
	e := start(t, allCodecs(t, 8))
	opus := newOpusPhone(t)
	l := opus.join(t, e)
	opus.speak(tone(1000, 160))
	l.SendDTMF('7')
	eventually(t, "the key", func() bool { return countType(opus.packets(), 110) >= 10 })
	for _, p := range opus.packets() {
		if p.pt == 110 && p.payload[1]&0x80 != 0 {
			if d := binary.BigEndian.Uint16(p.payload[2:]); d != 7680 {
				t.Errorf("160 ms are %d ticks, want 7680", d)
			}
		}
	}
}

func TestPromptsAndMusicAreInTheCodecOfTheLeg(t *testing.T) {
	cfg := allCodecs(t, 8)
	e := start(t, cfg)
	for name, w := range map[string]*wide{"Opus": newOpusPhone(t), "G.722": newG722Phone(t)} {
		t.Run(name, func(t *testing.T) {
			l := w.join(t, e)
			l.Play("p", "en", "long")
			w.speak(tone(1000, 160))
			eventually(t, "the prompt", func() bool { return len(w.packets()) >= 60 })
			if p := power(heardWide(w.packets()[:60], w.pt)[20*160:], 1100); p < 0.95 {
				t.Errorf("%.3f of the prompt", p)
			}
			continuous(t, w.packets()[:60], w.pt, w.ticks)
			l.Music(true)
			l.Stop()
			n := len(w.packets()) + 60
			eventually(t, "the music", func() bool { return len(w.packets()) >= n })
			pcm := heardWide(w.packets(), w.pt)
			if p := power(pcm[len(pcm)-30*160:], 700); p < 0.9 {
				t.Errorf("%.3f of the music", p)
			}
		})
	}
}

// RFC 3389: who stops sending is heard as noise, not as a dead line, until he speaks.
func TestComfortNoiseIsMade(t *testing.T) {
	e := start(t, allCodecs(t, 8))
	player, agent := newPhone(t, g711.PCMA), newPhone(t, g711.PCMU)
	lp, la := connect(t, e, player), connect(t, e, agent)
	b := media.NewBridge(lp, la, nil, nil)
	defer b.Close()
	agent.send(make([]int16, 160))
	player.send(tone(1000, 160))
	player.write(13, false, player.at, []byte{50})
	eventually(t, "noise", func() bool { return len(agent.packets()) >= 12 })
	pcm := agent.heard(10)
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	if level := 10*math.Log10(sum/float64(len(pcm))) - 20*math.Log10(32768); math.Abs(level+50) > 3 {
		t.Errorf("noise of %.1f dB, want -50", level)
	}
	player.at += 8000
	player.send(tone(1000, 160))
	eventually(t, "speech", func() bool {
		got := agent.packets()
		return power(agent.heard(1), 1000) > 0.9 && got[len(got)-1].marker
	})
	if c := e.Counters(); c.Malformed != 0 {
		t.Errorf("%d packets were no RTP of ours", c.Malformed)
	}
}

func TestTheTranscoderAllocatesNothing(t *testing.T) {
	told := make(chan struct{})
	w := newWires(t, told, func(c *media.Config) { c.Codecs, c.Opus = []string{"pcma", "g722", "opus"}, delta{} })
	for name, to := range map[string]string{"to A-law": "8", "to G.722": "9"} {
		t.Run(name, func(t *testing.T) {
			lp, player := w.leg(t, "111", opusLines)
			la, _ := w.leg(t, to)
			b := media.NewBridge(lp, la, &ringTap{}, nil)
			defer b.Close()
			p := make([]byte, 12, 200)
			p[0], p[1], p[11] = 0x80, 111, 7
			p = p[:12+deltaCoder{}.Encode(p[12:200], tone(1000, 160))]
			if got := leastAllocations(300, func() {
				binary.BigEndian.PutUint16(p[2:], binary.BigEndian.Uint16(p[2:])+1)
				binary.BigEndian.PutUint32(p[4:], binary.BigEndian.Uint32(p[4:])+960)
				player.in <- p
				<-told
			}); got != 0 {
				t.Errorf("%v allocations a packet", got)
			}
		})
	}
}

// Whatever comes in payloads, nothing panics, and who speaks well afterwards is heard.
func FuzzTranscode(f *testing.F) {
	f.Add([]byte("d\x00\x01"), uint16(3), uint32(960))
	f.Add([]byte{0xff}, uint16(1), uint32(1<<31))
	var once sync.Once
	var w *wires
	f.Fuzz(func(t *testing.T, payload []byte, step uint16, ticks uint32) {
		once.Do(func() {
			w = newWires(t, nil, func(c *media.Config) { c.Codecs, c.Opus = []string{"pcma", "opus"}, delta{} })
		})
		lp, player := w.leg(t, "111", opusLines)
		la, _ := w.leg(t, "8")
		defer lp.Close()
		defer la.Close()
		b := media.NewBridge(lp, la, &ringTap{}, nil)
		defer b.Close()
		p := append([]byte{0x80, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, payload[:min(len(payload), 1400)]...)
		for range 4 {
			binary.BigEndian.PutUint16(p[2:], binary.BigEndian.Uint16(p[2:])+step)
			binary.BigEndian.PutUint32(p[4:], binary.BigEndian.Uint32(p[4:])+ticks)
			player.in <- slices.Clone(p)
		}
	})
}

func TestOffersAndAnswersNameWhatIsSpoken(t *testing.T) {
	e := start(t, allCodecs(t, 16))
	answers := map[string]struct{ formats, lines, want string }{
		"G.711 goes first, in the peer's order": {
			"111 9 0 8 101", opusLines, "0 101 PCMU/8000 telephone-event/8000",
		},
		"G.722 before Opus": {"111 9 110 101", opusLines, "9 101 G722/8000 telephone-event/8000"},
		"the clock of Opus": {"111 110 101", opusLines, "111 110 opus/48000/2 telephone-event/48000"},
		"no event of that clock": {
			"111 101", "a=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n", "111 opus/48000/2",
		},
		"comfort noise is not asked for": {"8 13", "", "8 PCMA/8000"},
	}
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			l := newLeg(t, e)
			answer, err := l.Answer(t.Context(), []byte(head+"m=audio 4000 RTP/AVP "+c.formats+"\r\n"+c.lines))
			if err != nil {
				t.Fatal(err)
			}
			if got := spoken(answer); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	all := "8 0 9 107 101 102 PCMA/8000 PCMU/8000 G722/8000 opus/48000/2 telephone-event/8000 telephone-event/48000"
	offers := map[string]string{
		"":     all,
		"PCMA": all,
		"opus": "107 8 0 9 102 101 opus/48000/2 PCMA/8000 PCMU/8000 G722/8000 telephone-event/48000 telephone-event/8000",
		"G722": "9 8 0 107 101 102 G722/8000 PCMA/8000 PCMU/8000 opus/48000/2 telephone-event/8000 telephone-event/48000",
	}
	for prefer, want := range offers {
		l, err := e.NewLeg(media.LegOptions{Peer: loopback, Prefer: prefer})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		offer, err := l.Offer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := spoken(offer); got != want {
			t.Errorf("to prefer %q: got %q, want %q", prefer, got, want)
		}
	}
}

// spoken is the formats of the audio line and what a=rtpmap calls them.
func spoken(sdp []byte) string {
	var out []string
	for line := range strings.SplitSeq(string(sdp), "\r\n") {
		if f := strings.Fields(line); strings.HasPrefix(line, "m=audio") {
			out = append(out, f[3:]...)
		} else if strings.HasPrefix(line, "a=rtpmap:") {
			out = append(out, f[1])
		}
	}
	return strings.Join(out, " ")
}

// A number that the dialog has given away keeps its meaning (RFC 3264 8.3.2).
func TestANewOfferKeepsTheNumbersOfTheDialog(t *testing.T) {
	e := start(t, allCodecs(t, 4))
	l := newLeg(t, e)
	if _, err := l.Answer(t.Context(), []byte(head+"m=audio 4000 RTP/AVP 101 107\r\na=rtpmap:101 opus/48000/2\r\na=rtpmap:107 telephone-event/48000\r\n")); err != nil {
		t.Fatal(err)
	}
	if l.Codec() != "opus" {
		t.Fatalf("codec %q", l.Codec())
	}
	offer, err := l.Offer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const want = "101 8 0 9 107 96 opus/48000/2 PCMA/8000 PCMU/8000 G722/8000 telephone-event/48000 telephone-event/8000"
	if got := spoken(offer); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCodecsThatCannotBeAreRefused(t *testing.T) {
	for name, codecs := range map[string][]string{
		"unknown": {"pcma", "g729"}, "twice": {"pcmu", "pcmu"}, "no G.711": {"opus"},
	} {
		cfg := config(t, 1)
		cfg.Codecs, cfg.Opus = codecs, delta{}
		if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "media.codecs") {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := config(t, 1)
	cfg.Codecs = []string{"pcma", "opus"}
	if err := cfg.Check(); err == nil {
		t.Error("Opus without coders is accepted")
	}
}
