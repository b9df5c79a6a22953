package media

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pickup/internal/g711"
)

// earSite is a player in a talk with an agent, packet by packet.
type earSite struct {
	engine *Engine
	player *Leg
	agent  *Leg
	wire   *memorySocket // the agent's phone
	keys   strings.Builder
	left   []int16 // what the tap hears of the player
	codec  kind    // of the player's phone
	mouth  Encoder // of it
	hearer Decoder // of the agent's phone
	seq    uint16
	stamp  uint32
	clock  time.Duration
}

// eventType is the payload type of telephone-event where it is agreed on.
const eventType = 101

// newEarSite makes legs; events says whether the player's phone agrees on
// telephone-event.
func newEarSite(t testing.TB, events bool, inband InbandDTMF) *earSite {
	t.Helper()
	return newCodedEarSite(t, kindPCMA, kindPCMA, events, inband)
}

// newCodedEarSite is newEarSite with the codecs of the phones.
func newCodedEarSite(t testing.TB, player, agent kind, events bool, inband InbandDTMF) *earSite {
	t.Helper()
	net, here := NewMemoryNet(), netip.MustParseAddr("127.0.0.1")
	e, err := New(Config{
		FirstPort: 20000, LastPort: 20019, Listen: net.Listen, Shards: 1, InbandDTMF: inband, Codecs: []string{"pcma", "pcmu", "g722"},
		LocalAddr: func(netip.Addr) netip.Addr { return here },
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := &earSite{engine: e, clock: time.Second, stamp: 0xFFFFF000, codec: player}
	if s.mouth, err = e.newEncoder(player); err == nil {
		s.hearer, err = e.newDecoder(agent)
	}
	if err != nil {
		t.Fatal(err)
	}
	leg := func(port int, k kind, events bool) *Leg {
		l, err := e.NewLeg(LegOptions{Peer: here})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		lines := fmt.Sprint(formats[k].number)
		if events {
			lines += " 101\r\na=rtpmap:101 telephone-event/8000"
		}
		offer := fmt.Sprintf("v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n", port, lines)
		if _, err := l.Answer(t.Context(), []byte(offer)); err != nil {
			t.Fatal(err)
		}
		return l
	}
	s.player, s.agent = leg(4000, player, events), leg(4002, agent, true)
	socket, err := net.Listen(netip.AddrPortFrom(here, 4002))
	if err != nil {
		t.Fatal(err)
	}
	s.wire = socket.(*memorySocket)
	s.player.Bind(func(e Event) {
		if e.Kind == EventDTMF {
			s.keys.WriteRune(e.Digit)
		}
	})
	return s
}

// Packet implements Tap.
func (s *earSite) Packet(side int, law uint8, _ uint16, _ uint32, _ time.Duration, payload []byte) {
	if side == int(Player) {
		pcm := make([]int16, len(payload))
		s.left = append(s.left, pcm[:g711.Decode(law, pcm, payload)]...)
	}
}

// packet is the next one of the player's phone.
func (s *earSite) packet(payloadType byte, stamp uint32, payload []byte) {
	s.seq++
	p := make([]byte, headerSize, packetSize)
	putHeader(p, false, payloadType, s.seq, stamp, 7)
	s.clock += tickLength
	s.player.receive(append(p, payload...), netip.MustParseAddrPort("127.0.0.1:4000"), s.clock)
	s.engine.TickNow(uint64(s.clock / tickLength)) // a conference mixes
}

// say sends audio in packets of 20 ms.
func (s *earSite) say(pcm []int16) {
	for len(pcm) > 0 {
		n := min(frameSamples, len(pcm))
		payload := make([]byte, maxPayload)
		payload = payload[:s.mouth.Encode(payload, pcm[:n])]
		s.packet(formats[s.codec].number, s.stamp, payload)
		s.stamp += uint32(n)
		pcm = pcm[n:]
	}
}

// press sends a key as an event of 60 ms.
func (s *earSite) press(code byte) {
	for i := range 4 {
		p := make([]byte, 4)
		putEvent(p, telephoneEvent{code: code, end: i == 3, duration: uint16((i + 1) * frameSamples)})
		s.packet(eventType, s.stamp, p)
	}
	s.stamp += 4 * frameSamples
}

// heard empties the agent's phone: audio, and how many packets of events.
func (s *earSite) heard() (pcm []int16, events int) {
	for {
		select {
		case p := <-s.wire.in:
			h, _ := parseHeader(p.data)
			if h.payloadType == eventType {
				events++
				continue
			}
			var piece [maxDecoded]int16
			n, _ := s.hearer.Decode(piece[:], p.data[h.start:h.end])
			pcm = append(pcm, piece[:n]...)
		default:
			return pcm, events
		}
	}
}

// dialled are keys of 80 ms with pauses, the first after some samples.
func dialled(keys string, begin int, low, high float64, dice *rand.Rand) []int16 {
	pcm := silence(begin)
	for _, digit := range keys {
		code, _ := dtmfCode(digit)
		k := keyed{code: code, low: low, high: high, samples: 80 * ms}
		pcm = append(append(pcm, k.tones()...), silence(60*ms)...)
	}
	return asHeard(append(pcm, silence(600)...), g711.PCMA, 0, dice)
}

func loudest(pcm []int16) (most int16) {
	for _, v := range pcm {
		most = max(most, v, -v)
	}
	return most
}

func TestKeysInTheAudioAreToldWhereNoEventsAreAgreed(t *testing.T) {
	for name, c := range map[string]struct {
		events bool
		inband InbandDTMF
		want   string
	}{
		"no telephone-event":     {false, "", "4071*#"},
		"telephone-event":        {true, "", ""},
		"telephone-event, asked": {true, InbandAlways, "4071*#"},
		"switched off":           {false, InbandOff, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newEarSite(t, c.events, c.inband)
			b := NewBridge(s.player, s.agent, s, nil)
			defer b.Close()
			s.say(dialled("4071*#", 0, -10, -10, rand.New(rand.NewPCG(1, 1))))
			if got := s.keys.String(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if pcm, _ := s.heard(); detected(pcm) != "4071*#" || detected(s.left) != "4071*#" {
				t.Error("the agent or the tap does not hear the tones")
			}
		})
	}
}

// A peer that sends a key as a tone and as an event has pressed it once.
func TestAKeyThatComesTwiceIsToldOnce(t *testing.T) {
	s := newEarSite(t, true, InbandAlways)
	dice := rand.New(rand.NewPCG(1, 1))
	s.say(dialled("5", 0, -10, -10, dice)[:100*ms])
	s.press(5)
	s.say(make([]int16, 800*ms))
	s.press(6)
	s.say(dialled("6", 0, -10, -10, dice))
	s.press(6)
	if got := s.keys.String(); got != "566" {
		t.Errorf("got %q, want 566", got)
	}
}

// A masked key reaches neither the agent nor the tap, not a sample of it.
func TestMaskedTonesAreSilence(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 1))
	for name, join := range map[string]func(s *earSite) func(){
		"bridge": func(s *earSite) func() { return NewBridge(s.player, s.agent, s, nil).Close },
		"conference": func(s *earSite) func() {
			c := NewConference(s, nil)
			c.Join(s.player, Player, RoleTalk)
			c.Join(s.agent, Agent, RoleTalk)
			return c.Close
		},
	} {
		for begin := 0; begin < frameSamples; begin += 37 {
			for _, level := range [][2]float64{{0, 0}, {-10, -10}, {-25, -25}, {-8, -15}, {-13, -10}} {
				s := newEarSite(t, begin%2 == 0, "")
				leave := join(s)
				s.player.Mask(true)
				s.say(dialled("4071*#159D", begin, level[0], level[1], dice))
				if got := s.keys.String(); got != "4071*#159D" {
					t.Errorf("%s, %d, %v: told %q", name, begin, level, got)
				}
				pcm, _ := s.heard()
				if len(pcm) < 8000 || len(s.left) < 8000 {
					t.Fatalf("%s: the agent has %d samples, the tap %d", name, len(pcm), len(s.left))
				}
				if a, b := loudest(pcm), loudest(s.left); a > 8 || b > 8 {
					t.Errorf("%s, %d, %v: the agent hears %d, the tap %d", name, begin, level, a, b)
				}
				leave()
			}
		}
	}
}

// The same through another codec: what stays is the noise of coding silence, and
// packets that are relayed as they come while nothing is masked.
func TestMaskedTonesAreSilenceInOtherCodecs(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 1))
	for name, c := range map[string]struct{ player, agent kind }{
		"G.722 both":      {kindG722, kindG722},
		"G.722 to A-law":  {kindG722, kindPCMA},
		"mu-law to G.722": {kindPCMU, kindG722},
		"mu-law to A-law": {kindPCMU, kindPCMA},
	} {
		for _, conference := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", conference ", conference), func(t *testing.T) {
				s := newCodedEarSite(t, c.player, c.agent, false, "")
				if conference {
					room := NewConference(s, nil)
					defer room.Close()
					room.Join(s.player, Player, RoleTalk)
					room.Join(s.agent, Agent, RoleTalk)
				} else {
					defer NewBridge(s.player, s.agent, s, nil).Close()
				}
				keys := dialled("4071*#", 37, -10, -12, dice)
				s.say(keys)
				if pcm, _ := s.heard(); detected(pcm) != "4071*#" || detected(s.left) != "4071*#" {
					t.Errorf("not masked: the agent hears %q, the tap %q", detected(pcm), detected(s.left))
				}
				s.player.Mask(true)
				s.say(make([]int16, 10*frameSamples)) // the agent's decoder gets used to our encoder
				s.heard()
				s.left = nil
				s.say(keys)
				pcm, _ := s.heard()
				if a, b := loudest(pcm), loudest(s.left); a > 40 || b > 40 || len(pcm) < 7000 || len(s.left) < 7000 {
					t.Errorf("masked: the agent hears %d, the tap %d, in %d and %d samples", a, b, len(pcm), len(s.left))
				}
				s.player.Mask(false)
				s.say(make([]int16, 800))
				s.heard()
				s.say(keys)
				if pcm, _ := s.heard(); detected(pcm) != "4071*#" {
					t.Errorf("after it the agent hears %q", detected(pcm))
				}
				if got := s.keys.String(); got != "4071*#4071*#4071*#" {
					t.Errorf("told %q", got)
				}
			})
		}
	}
}

func TestMaskedEventsAreNotPassedOn(t *testing.T) {
	s := newEarSite(t, true, "")
	b := NewBridge(s.player, s.agent, s, nil)
	defer b.Close()
	s.press(1)
	if _, events := s.heard(); events != 4 {
		t.Fatalf("%d packets of a key that is not masked", events)
	}
	s.player.Mask(true)
	s.say(make([]int16, 800))
	s.press(2)
	s.press(3)
	pcm, events := s.heard()
	if events != 0 || len(pcm) != 800 {
		t.Errorf("%d packets of masked keys, %d samples", events, len(pcm))
	}
	s.player.Mask(false)
	s.say(make([]int16, 800))
	s.press(4)
	if _, events := s.heard(); events != 4 || s.keys.String() != "1234" {
		t.Errorf("%d packets of a key after it; told %q", events, s.keys.String())
	}
}

// What is no key is heard, 30 ms later, and at once again after the mask.
func TestAMaskedVoiceIsHeard(t *testing.T) {
	s := newEarSite(t, true, "")
	b := NewBridge(s.player, s.agent, s, nil)
	defer b.Close()
	voice := readWAV(t, "../configs/prompts/en/consent.notice.wav")
	voice = asHeard(floats(voice), g711.PCMA, 0, rand.New(rand.NewPCG(1, 1)))
	s.player.Mask(true)
	var got []int16
	for from := 0; from < len(voice); from += 8000 { // as much as the phone's socket holds
		s.say(voice[from:min(from+8000, len(voice))])
		pcm, _ := s.heard()
		got = append(got, pcm...)
	}
	kept := 0
	for i := maskDelay; i < len(got); i++ {
		if got[i] == voice[i-maskDelay] {
			kept++
		}
	}
	if share := float64(kept) / float64(len(got)-maskDelay); share < 0.9 {
		t.Errorf("%.2f of the voice is heard", share)
	} else {
		t.Logf("%.3f of the voice is heard", share)
	}
	s.player.Mask(false)
	s.say(make([]int16, 1600)) // a pause: nothing is hidden any more
	s.heard()
	s.say(voice[:4000])
	after, _ := s.heard()
	for i, v := range after {
		if v != voice[i] {
			t.Fatalf("sample %d after the mask: %d, want %d", i, v, voice[i])
		}
	}
}

func floats(pcm []int16) []float64 {
	out := make([]float64, len(pcm))
	for i, v := range pcm {
		out[i] = float64(v)
	}
	return out
}

// A key over a lost packet is one, and a packet that comes late is silence while
// the leg is masked.
func TestKeysOverLossAndDisorder(t *testing.T) {
	s := newEarSite(t, false, "")
	b := NewBridge(s.player, s.agent, s, nil)
	defer b.Close()
	k := keyed{code: 8, low: -10, high: -10, samples: 200 * ms}
	pcm := asHeard(append(k.tones(), silence(800)...), g711.PCMA, 0, rand.New(rand.NewPCG(1, 1)))
	s.say(pcm[:640])
	s.seq, s.stamp = s.seq+1, s.stamp+frameSamples
	s.say(pcm[800:])
	if got := s.keys.String(); got != "8" {
		t.Errorf("got %q, want one 8", got)
	}
	s.heard()
	s.player.Mask(true)
	s.say(make([]int16, 480))
	late := s.stamp
	s.stamp += frameSamples
	s.say(make([]int16, frameSamples))
	payload := make([]byte, frameSamples)
	g711.Encode(g711.PCMA, payload, pcm)
	s.packet(g711.PCMA, late, payload)
	if heard, _ := s.heard(); loudest(heard) > 8 {
		t.Errorf("a late packet is heard: %d", loudest(heard))
	}
}

func TestAnEarAllocatesNothing(t *testing.T) {
	s := newEarSite(t, false, "")
	s.player.Mask(true)
	p := make([]byte, headerSize+frameSamples, packetSize)
	putHeader(p, false, g711.PCMA, 1, 1, 7)
	from := netip.MustParseAddrPort("127.0.0.1:4000")
	if got := testing.AllocsPerRun(500, func() {
		binary.BigEndian.PutUint16(p[2:], binary.BigEndian.Uint16(p[2:])+1)
		binary.BigEndian.PutUint32(p[4:], binary.BigEndian.Uint32(p[4:])+frameSamples)
		s.clock += tickLength
		s.player.receive(p, from, s.clock)
	}); got != 0 {
		t.Errorf("%v allocations a packet", got)
	}
}

// What it costs to listen to 20 ms, and to mask them.
func BenchmarkEar(b *testing.B) {
	for name, masked := range map[string]bool{"listen": false, "mask": true} {
		b.Run(name, func(b *testing.B) {
			e := &ear{}
			e.inband.Store(true)
			e.masked.Store(masked)
			payload := make([]byte, frameSamples)
			voice := dialled("19", 0, -10, -10, rand.New(rand.NewPCG(1, 1)))
			var h header
			b.ReportAllocs()
			for b.Loop() {
				g711.Encode(g711.PCMA, payload, voice)
				e.hear(payload, &h, g711.PCMA, &digitDetector{}, time.Second)
				h.timestamp += frameSamples
			}
		})
	}
}

// Whatever comes, an ear neither fails nor tells keys out of noise.
func FuzzEar(f *testing.F) {
	f.Add([]byte{0xD5, 1, 2, 3}, uint32(160), true)
	f.Fuzz(func(t *testing.T, payload []byte, stamp uint32, masked bool) {
		if len(payload) == 0 || len(payload) > packetSize {
			return
		}
		e := &ear{}
		e.inband.Store(true)
		e.masked.Store(masked)
		for i := range uint32(20) {
			p := append([]byte(nil), payload...)
			e.hear(p, &header{timestamp: i * stamp}, g711.PCMA, &digitDetector{}, time.Second)
		}
	})
}
