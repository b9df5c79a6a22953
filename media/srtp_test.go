package media_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"pickup/internal/g711"
	"pickup/media"
)

// suiteOf is a suite as the test's phones know it.
type suiteOf struct {
	profile   srtp.ProtectionProfile
	key, salt int
}

var suitesOf = map[string]suiteOf{
	"AEAD_AES_256_GCM":        {srtp.ProtectionProfileAeadAes256Gcm, 32, 12},
	"AEAD_AES_128_GCM":        {srtp.ProtectionProfileAeadAes128Gcm, 16, 12},
	"AES_CM_128_HMAC_SHA1_80": {srtp.ProtectionProfileAes128CmHmacSha1_80, 16, 14},
	"AES_CM_128_HMAC_SHA1_32": {srtp.ProtectionProfileAes128CmHmacSha1_32, 16, 14},
}

// keyOf is a key of a phone: bytes that begin with first.
func keyOf(name string, first byte) []byte {
	s := suitesOf[name]
	key := make([]byte, s.key+s.salt)
	for i := range key {
		key[i] = first + byte(i)
	}
	return key
}

// line is an a=crypto line.
func line(tag int, name string, key []byte, more string) string {
	return fmt.Sprintf("a=crypto:%d %s inline:%s%s", tag, name, base64.StdEncoding.EncodeToString(key), more)
}

// keyContext makes a pion context of a key.
func keyContext(t testing.TB, name string, key []byte, options ...srtp.ContextOption) *srtp.Context {
	t.Helper()
	s := suitesOf[name]
	c, err := srtp.CreateContext(key[:s.key], key[s.key:], s.profile, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cryptoOf returns the tags, suites and keys of a description's a=crypto lines.
func cryptoOf(t testing.TB, sdp []byte) (tags, names []string, keys [][]byte) {
	t.Helper()
	for l := range strings.SplitSeq(string(sdp), "\r\n") {
		rest, ok := strings.CutPrefix(l, "a=crypto:")
		if !ok {
			continue
		}
		f := strings.Fields(rest)
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(f[2], "inline:"))
		if err != nil {
			t.Fatal(err)
		}
		tags, names, keys = append(tags, f[0]), append(names, f[1]), append(keys, key)
	}
	return tags, names, keys
}

// securePhone is a phone that speaks SRTP.
type securePhone struct {
	*phone
	suite   string
	seal    *srtp.Context
	ours    []byte // the key that the server chose
	packet0 int    // packets before this one are of another key
}

// securely is the phone's description with keys.
func (p *phone) securely(profile string, more ...string) []byte {
	return []byte(strings.Replace(p.sdp(more...), "RTP/AVP", profile, 1))
}

// connectSecurely makes a leg for a phone that offers RTP/SAVP.
func connectSecurely(t testing.TB, e *media.Engine, law uint8, suite string, first byte) (*securePhone, *media.Leg) {
	t.Helper()
	p := &securePhone{phone: newPhone(t, law), suite: suite}
	l := newLeg(t, e)
	p.offer(t, l, first)
	return p, l
}

// offer offers a key, again.
func (p *securePhone) offer(t testing.TB, l *media.Leg, first byte) {
	t.Helper()
	key := keyOf(p.suite, first)
	answer, err := l.Answer(t.Context(), p.securely("RTP/SAVP", line(7, p.suite, key, "")))
	if err != nil {
		t.Fatal(err)
	}
	tags, names, keys := cryptoOf(t, answer)
	if len(keys) != 1 || tags[0] != "7" || names[0] != p.suite || !strings.Contains(string(answer), " RTP/SAVP ") {
		t.Fatalf("answer:\n%s", answer)
	}
	p.seal, p.ours = keyContext(t, p.suite, key), keys[0]
	p.to = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: portOf(t, answer)}
}

// sendSealed sends one frame, and returns it as it was sent.
func (p *securePhone) sendSealed(pcm []int16) []byte {
	payload := make([]byte, len(pcm))
	g711.Encode(p.law, payload, pcm)
	raw, err := p.seal.EncryptRTP(nil, p.raw(p.law, false, p.at, payload), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.at += uint32(len(pcm))
	p.again(raw)
	return raw
}

// again sends raw bytes.
func (p *phone) again(raw []byte) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDP(raw, p.to); err != nil {
		p.t.Fatal(err)
	}
}

// opened returns the audio of what came under the server's key.
func (p *securePhone) opened() []int16 {
	p.t.Helper()
	c := keyContext(p.t, p.suite, p.ours)
	var pcm []int16
	for _, k := range p.packets()[p.packet0:] {
		b := make([]byte, 12, 12+len(k.payload))
		b[0], b[1] = 0x80, k.pt
		if k.marker {
			b[1] |= 0x80
		}
		binary.BigEndian.PutUint16(b[2:], k.seq)
		binary.BigEndian.PutUint32(b[4:], k.stamp)
		binary.BigEndian.PutUint32(b[8:], k.ssrc)
		plain, err := c.DecryptRTP(nil, append(b, k.payload...), nil)
		if err != nil {
			p.t.Errorf("packet %d: %v", k.seq, err)
			continue
		}
		s := make([]int16, len(plain)-12)
		g711.Decode(k.pt, s, plain[12:])
		pcm = append(pcm, s...)
	}
	return pcm
}

func TestSRTPBothWays(t *testing.T) {
	cases := map[string]struct{ player, agent string }{
		"GCM with a long key to plain": {"AEAD_AES_256_GCM", ""},
		"GCM to plain":                 {"AEAD_AES_128_GCM", ""},
		"counter mode to plain":        {"AES_CM_128_HMAC_SHA1_80", ""},
		"a short tag to plain":         {"AES_CM_128_HMAC_SHA1_32", ""},
		"one suite to another":         {"AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"},
		"one key to another":           {"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := start(t, config(t, 8))
			player, lp := connectSecurely(t, e, g711.PCMA, c.player, 1)
			var agent *securePhone
			var la *media.Leg
			if c.agent == "" {
				agent = &securePhone{phone: newPhone(t, g711.PCMU)}
				la = connect(t, e, agent.phone)
			} else {
				agent, la = connectSecurely(t, e, g711.PCMU, c.agent, 100)
			}
			tap := &recordTap{}
			defer media.NewBridge(lp, la, tap, nil).Close()
			const frames = 60 // the phones' numbers wrap among them
			a, b := tone(1000, frames*160), tone(2000, frames*160)
			for i := range frames {
				before := len(player.packets())
				player.sendSealed(a[i*160 : (i+1)*160])
				if c.agent == "" {
					agent.send(b[i*160 : (i+1)*160])
				} else {
					agent.sendSealed(b[i*160 : (i+1)*160])
				}
				eventually(t, "frame relayed", func() bool { return len(player.packets()) > before })
			}
			eventually(t, "all frames relayed", func() bool {
				return len(player.packets()) >= frames && len(agent.packets()) >= frames && tap.count() == 2*frames
			})
			if got := power(player.opened(), 2000); got < 0.95 {
				t.Errorf("player hears %.3f of the agent's tone", got)
			}
			heard := agent.heard(frames)
			if c.agent != "" {
				if got := power(heard, 1000); got > 0.1 {
					t.Errorf("%.3f of the player's tone is on the wire", got)
				}
				heard = agent.opened()
			}
			if got := power(heard, 1000); got < 0.95 {
				t.Errorf("agent hears %.3f of the player's tone", got)
			}
			for side, hz := range []float64{1000, 2000} {
				if got := power(tap.pcm[side], hz); got < 0.95 {
					t.Errorf("side %d of the tap holds %.3f of its tone", side, got)
				}
			}
			if got := e.Counters().Forged; got != 0 {
				t.Errorf("%d packets taken for forged", got)
			}
		})
	}
}

func TestForgedAndRepeatedPacketsAreDropped(t *testing.T) {
	e := start(t, config(t, 8))
	p, l := connectSecurely(t, e, g711.PCMA, "AES_CM_128_HMAC_SHA1_80", 1)
	agent := newPhone(t, g711.PCMA)
	tap := &recordTap{}
	defer media.NewBridge(l, connect(t, e, agent), tap, nil).Close()
	forged := func(n uint64) func() bool { return func() bool { return e.Counters().Forged == n } }

	right := p.seal
	p.seal = keyContext(t, p.suite, keyOf(p.suite, 50))
	for range 3 {
		p.sendSealed(tone(1000, 160))
	}
	p.send(tone(1000, 160)) // plain
	eventually(t, "a wrong key and no key counted", forged(4))
	stranger := newPhone(t, g711.PCMA)
	stranger.to = p.to
	stranger.send(tone(1000, 160))
	eventually(t, "a stranger counted", forged(5))
	if q := l.Quality(); q.PacketsIn != 0 || tap.count() != 0 || len(agent.packets()) != 0 {
		t.Errorf("%d packets taken, %d taped, %d relayed", q.PacketsIn, tap.count(), len(agent.packets()))
	}

	p.seal = right
	first := p.sendSealed(tone(1000, 160))
	p.sendSealed(tone(1000, 160))
	eventually(t, "the right key heard", func() bool { return tap.count() == 2 && len(agent.packets()) == 2 })
	p.again(first)
	eventually(t, "the repeated packet counted", forged(6))
	p.sendSealed(tone(1000, 160))
	eventually(t, "the next packet heard", func() bool { return tap.count() == 3 && len(agent.packets()) == 3 })
	if got := e.Counters().Strangers; got != 0 {
		t.Errorf("%d strangers", got)
	}
}

// A number that was sent is never encrypted again: the relayed peer repeats one
// with another payload.
func TestNoSequenceNumberIsEncryptedTwice(t *testing.T) {
	e := start(t, config(t, 8))
	p, l := connectSecurely(t, e, g711.PCMA, "AEAD_AES_128_GCM", 1)
	agent := newPhone(t, g711.PCMA)
	defer media.NewBridge(l, connect(t, e, agent), nil, nil).Close()
	for _, seq := range []uint16{10, 11, 12, 11, 10, 14, 13, 13} {
		agent.seq = seq
		agent.at = uint32(seq) * 160
		agent.send(tone(float64(500+100*len(p.packets())), 160))
	}
	agent.seq, agent.at = 15, 15*160
	agent.send(tone(700, 160))
	last := func() (n uint16) {
		got := p.packets()
		if len(got) > 0 {
			n = got[len(got)-1].seq - got[0].seq
		}
		return n
	}
	eventually(t, "the last packet", func() bool { return last() == 5 })
	seen := map[uint16]bool{}
	for _, k := range p.packets() {
		if seen[k.seq] {
			t.Errorf("number %d twice", k.seq)
		}
		seen[k.seq] = true
	}
	if len(seen) != 6 {
		t.Errorf("%d numbers, want 6", len(seen))
	}
}

func TestKeysChangeByANewOffer(t *testing.T) {
	e := start(t, config(t, 8))
	p, l := connectSecurely(t, e, g711.PCMA, "AES_CM_128_HMAC_SHA1_80", 1)
	agent := newPhone(t, g711.PCMA)
	tap := &recordTap{}
	defer media.NewBridge(l, connect(t, e, agent), tap, nil).Close()
	heard := func(n int) {
		t.Helper()
		p.sendSealed(tone(1000, 160))
		eventually(t, fmt.Sprintf("packet %d heard", n), func() bool { return tap.count() == n })
	}
	heard(1)
	ours, right := p.ours, p.seal
	p.seq = 65535
	heard(2)
	p.offer(t, l, 1) // the same key: its counters go on
	p.seal = right
	heard(3) // number 0, under the next rollover
	if string(p.ours) != string(ours) {
		t.Error("our key changed with a refresh")
	}
	p.offer(t, l, 2) // a new one: they begin anew
	heard(4)
	if string(p.ours) != string(ours) {
		t.Error("our key changed with that of the phone")
	}
	agent.send(tone(2000, 160))
	eventually(t, "the agent heard", func() bool { return len(p.packets()) > 0 })
	p.opened()
	p.packet0 = len(p.packets())
	p.suite = "AEAD_AES_256_GCM"
	p.offer(t, l, 3)
	if len(p.ours) == len(ours) {
		t.Error("our key stayed with another suite")
	}
	heard(6)
	agent.send(tone(2000, 160))
	eventually(t, "the agent heard again", func() bool { return len(p.packets()) > p.packet0 })
	p.opened()
}

func TestAKeyWithAnIdentifierInEachPacket(t *testing.T) {
	e := start(t, config(t, 8))
	for name := range suitesOf {
		t.Run(name, func(t *testing.T) {
			p := &securePhone{phone: newPhone(t, g711.PCMA), suite: name}
			l := newLeg(t, e)
			key := keyOf(name, 9)
			answer, err := l.Answer(t.Context(), p.securely("RTP/SAVPF", line(1, name, key, "|2^31|258:4")))
			if err != nil || !strings.Contains(string(answer), " RTP/SAVPF ") {
				t.Fatalf("%v\n%s", err, answer)
			}
			p.to = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: portOf(t, answer)}
			p.seal = keyContext(t, name, key, srtp.MasterKeyIndicator([]byte{0, 0, 1, 2}))
			for range 3 {
				p.sendSealed(tone(1000, 160))
			}
			eventually(t, "packets taken", func() bool { return l.Quality().PacketsIn == 3 })
		})
	}
}

func TestPolicyOfSRTP(t *testing.T) {
	cm := line(1, "AES_CM_128_HMAC_SHA1_80", keyOf("AES_CM_128_HMAC_SHA1_80", 1), "")
	gcm := line(2, "AEAD_AES_256_GCM", keyOf("AEAD_AES_256_GCM", 1), "")
	audio := func(profile string, lines ...string) string {
		return "m=audio 4000 " + profile + " 8\r\n" + strings.Join(append(lines, ""), "\r\n")
	}
	const refused = "refused"
	cases := map[string]struct {
		offer                   string
		offered, required, none string // answer's profile and suite, or refused
	}{
		"plain":                             {audio("RTP/AVP"), "RTP/AVP", refused, "RTP/AVP"},
		"secured":                           {audio("RTP/SAVP", cm), "RTP/SAVP AES_CM_128_HMAC_SHA1_80", "RTP/SAVP AES_CM_128_HMAC_SHA1_80", refused},
		"plain or secured, as we like":      {audio("RTP/AVP", cm), "RTP/AVP AES_CM_128_HMAC_SHA1_80", "RTP/AVP AES_CM_128_HMAC_SHA1_80", "RTP/AVP"},
		"the peer's order decides":          {audio("RTP/SAVP", cm, gcm), "RTP/SAVP AES_CM_128_HMAC_SHA1_80", "RTP/SAVP AES_CM_128_HMAC_SHA1_80", refused},
		"GCM first":                         {audio("RTP/SAVP", gcm, cm), "RTP/SAVP AEAD_AES_256_GCM", "RTP/SAVP AEAD_AES_256_GCM", refused},
		"a suite of ours after others":      {audio("RTP/SAVP", "a=crypto:5 F8_128_HMAC_SHA1_80 inline:x", gcm), "RTP/SAVP AEAD_AES_256_GCM", "RTP/SAVP AEAD_AES_256_GCM", refused},
		"a secured line before a plain one": {audio("RTP/SAVP", cm) + audio("RTP/AVP"), "RTP/SAVP AES_CM_128_HMAC_SHA1_80", "RTP/SAVP AES_CM_128_HMAC_SHA1_80", "RTP/AVP"},
		"a secured line after a plain one":  {audio("RTP/AVP") + audio("RTP/SAVP", cm), "RTP/AVP", "RTP/SAVP AES_CM_128_HMAC_SHA1_80", "RTP/AVP"},
		"only unencrypted audio":            {audio("RTP/SAVP", cm+" UNENCRYPTED_SRTP"), refused, refused, refused},
		"best effort without a usable key":  {audio("RTP/AVP", "a=crypto:1 NONE inline:x"), "RTP/AVP", refused, "RTP/AVP"},
		"the 17th key":                      {audio("RTP/SAVP", strings.Repeat("a=crypto:1 NONE inline:x\r\n", 16)+cm), refused, refused, refused},
	}
	for _, policy := range []media.SRTP{media.SRTPOffered, media.SRTPRequired, media.SRTPOff} {
		cfg := config(t, 32)
		cfg.SRTP = policy
		e := start(t, cfg)
		for name, c := range cases {
			t.Run(string(policy)+": "+name, func(t *testing.T) {
				want := map[media.SRTP]string{media.SRTPOffered: c.offered, media.SRTPRequired: c.required, media.SRTPOff: c.none}[policy]
				answer, err := newLeg(t, e).Answer(t.Context(), []byte(head+c.offer))
				if want == refused {
					if !errors.Is(err, media.ErrNoCommonCodec) {
						t.Errorf("got %v\n%s", err, answer)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				got := ""
				for l := range strings.SplitSeq(string(answer), "\r\n") {
					if f := strings.Fields(l); len(f) > 2 && f[0] == "m=audio" && f[1] != "0" {
						got = f[2]
					}
				}
				if _, names, _ := cryptoOf(t, answer); len(names) > 0 {
					got += " " + strings.Join(names, " ")
				}
				if got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			})
		}
	}
}

func TestAPlainNewOfferAfterSRTP(t *testing.T) {
	for policy, refused := range map[media.SRTP]bool{media.SRTPOffered: false, media.SRTPRequired: true} {
		t.Run(string(policy), func(t *testing.T) {
			cfg := config(t, 8)
			cfg.SRTP = policy
			e := start(t, cfg)
			p, l := connectSecurely(t, e, g711.PCMA, "AEAD_AES_128_GCM", 1)
			ours := p.ours
			if _, err := l.Answer(t.Context(), []byte(p.sdp())); errors.Is(err, media.ErrNoCommonCodec) != refused {
				t.Fatalf("got %v", err)
			}
			l.Music(true)
			eventually(t, "music", func() bool { return len(p.packets()) >= 50 })
			if refused {
				if got := power(p.opened(), 700); got < 0.95 {
					t.Errorf("%.3f of the music under the old key", got)
				}
				return
			}
			if got := power(p.heard(50), 700); got < 0.95 {
				t.Errorf("%.3f of the music, plain", got)
			}
			if p.offer(t, l, 1); string(p.ours) == string(ours) {
				t.Error("a key that was in use before is used again from its beginning")
			}
		})
	}
}

func TestOurOffersWithSRTPRequired(t *testing.T) {
	cfg := config(t, 8)
	cfg.SRTP = media.SRTPRequired
	e := start(t, cfg)
	p := &securePhone{phone: newPhone(t, g711.PCMA), suite: "AEAD_AES_128_GCM"}
	l := newLeg(t, e)
	offer, err := l.Offer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tags, names, keys := cryptoOf(t, offer)
	if got := strings.Join(names, " "); !strings.Contains(string(offer), " RTP/SAVP 8 0 101\r\n") ||
		got != "AEAD_AES_256_GCM AEAD_AES_128_GCM AES_CM_128_HMAC_SHA1_80 AES_CM_128_HMAC_SHA1_32" || strings.Join(tags, "") != "1234" {
		t.Fatalf("offer:\n%s", offer)
	}
	if again, err := l.Offer(t.Context()); err != nil || string(again) != string(offer) {
		t.Errorf("a second offer differs: %v\n%s", err, again)
	}
	key := keyOf(p.suite, 1)
	for name, bad := range map[string][]byte{
		"plain":             []byte(p.sdp()),
		"another tag":       p.securely("RTP/SAVP", line(3, p.suite, key, "")),
		"a tag of nowhere":  p.securely("RTP/SAVP", line(9, p.suite, key, "")),
		"secured, no key":   p.securely("RTP/SAVP"),
		"an unusable suite": p.securely("RTP/SAVP", "a=crypto:1 NONE inline:x"),
	} {
		if err := l.Accept(bad); !errors.Is(err, media.ErrBadSDP) && !errors.Is(err, media.ErrNoCommonCodec) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := l.Accept(p.securely("RTP/SAVP", line(2, p.suite, key, ""))); err != nil {
		t.Fatal(err)
	}
	p.ours, p.seal = keys[1], keyContext(t, p.suite, key)
	p.to = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: portOf(t, offer)}
	l.Music(true)
	p.sendSealed(tone(1000, 160))
	eventually(t, "the phone heard", func() bool { return l.Quality().PacketsIn == 1 })
	eventually(t, "music", func() bool { return len(p.packets()) >= 50 })
	if got := power(p.opened(), 700); got < 0.95 {
		t.Errorf("the phone hears %.3f of the music", got)
	}
	again, err := l.Offer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if tags, _, later := cryptoOf(t, again); len(later) != 1 || tags[0] != "2" || string(later[0]) != string(keys[1]) {
		t.Errorf("an offer in the dialog:\n%s", again)
	}
	if err := l.Accept(p.securely("RTP/SAVP", line(2, p.suite, key, ""))); err != nil {
		t.Fatal(err)
	}
	p.sendSealed(tone(1000, 160))
	eventually(t, "the phone heard after a refresh", func() bool { return l.Quality().PacketsIn == 2 })
}

func TestAPlainOfferOfOursTakesNoKeys(t *testing.T) {
	e := start(t, config(t, 8))
	p := newPhone(t, g711.PCMA)
	l := newLeg(t, e)
	offer, err := l.Offer(t.Context())
	if err != nil || strings.Contains(string(offer), "crypto") || !strings.Contains(string(offer), " RTP/AVP ") {
		t.Fatalf("%v\n%s", err, offer)
	}
	key := line(1, "AEAD_AES_128_GCM", keyOf("AEAD_AES_128_GCM", 1), "")
	if err := l.Accept(p.securely("RTP/SAVP", key)); !errors.Is(err, media.ErrNoCommonCodec) {
		t.Errorf("got %v", err)
	}
	if err := l.Accept(p.securely("RTP/AVP", key)); err != nil {
		t.Fatal(err)
	}
	l.Music(true)
	eventually(t, "music", func() bool { return len(p.packets()) >= 50 })
	if got := power(p.heard(50), 700); got < 0.95 {
		t.Errorf("%.3f of the music", got)
	}
}

// Reports are encrypted both ways: only those under the key keep the line alive.
func TestReportsUnderSRTP(t *testing.T) {
	for suite := range suitesOf {
		t.Run(suite, func(t *testing.T) {
			virtual(t, func(t *testing.T, e *media.Engine, n *media.MemoryNet) {
				p := newMemoryPhone(t, n, "127.0.0.1:4000")
				l := newLeg(t, e)
				told := listen(l)
				key := keyOf(suite, 1)
				offer := strings.Replace(string(offerOf("127.0.0.1:4000")), "RTP/AVP", "RTP/SAVP", 1) + "a=rtcp-mux\r\n" + line(1, suite, key, "") + "\r\n"
				answer, err := l.Answer(t.Context(), []byte(offer))
				if err != nil {
					t.Fatal(err)
				}
				_, _, keys := cryptoOf(t, answer)
				p.to = netip.AddrPortFrom(loopback, uint16(portOf(t, answer)))
				open, seal := keyContext(t, suite, keys[0]), keyContext(t, suite, key)
				reports := make(chan uint32, 100)
				done := make(chan struct{})
				go func() {
					defer close(done)
					batch := []media.Datagram{{Buf: make([]byte, 1500)}}
					for {
						if _, err := p.ReadBatch(batch); err != nil {
							return
						}
						if b := batch[0].Buf[:batch[0].N]; b[1] >= 192 && b[1] <= 223 {
							plain, err := open.DecryptRTCP(nil, b, nil)
							if err != nil {
								t.Errorf("report: %v", err)
								continue
							}
							reports <- binary.BigEndian.Uint32(plain[4:])
						}
					}
				}()
				packet := audioPacket(8)
				sealed, err := seal.EncryptRTP(nil, packet, nil)
				if err != nil {
					t.Fatal(err)
				}
				_ = p.Write(sealed, p.to)
				l.Music(true)
				receiverReport := []byte{0x80, 201, 0, 1, 0, 0, 0, 7}
				for range 6 {
					time.Sleep(5 * time.Second)
					b, err := seal.EncryptRTCP(nil, receiverReport, nil)
					if err != nil {
						t.Fatal(err)
					}
					_ = p.Write(b, p.to)
				}
				if got := len(told.of(media.EventDead)); got != 0 {
					t.Error("dead while its reports came")
				}
				if len(reports) < 5 {
					t.Errorf("%d reports of ours", len(reports))
				}
				for range 6 {
					time.Sleep(5 * time.Second)
					_ = p.Write(receiverReport, p.to)
				}
				time.Sleep(time.Second)
				if got := len(told.of(media.EventDead)); got != 1 {
					t.Error("kept alive by reports without a key")
				}
				if got := e.Counters().Forged; got != 6 {
					t.Errorf("%d forged, want 6", got)
				}
				_ = p.Close()
				<-done
			})
		})
	}
}

// secure makes a leg with a phone of SRTP on wires.
func (w *wires) secure(t testing.TB, codec, suite string) (*media.Leg, *wire, *srtp.Context) {
	t.Helper()
	l := newLeg(t, w.engine)
	key := keyOf(suite, 1)
	answer, err := l.Answer(t.Context(), []byte(head+"m=audio 4000 RTP/SAVP "+codec+"\r\n"+line(1, suite, key, "")+"\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := w.byPort[uint16(portOf(t, answer))]
	s.from = netip.AddrPortFrom(loopback, 4000)
	return l, s, keyContext(t, suite, key)
}

func TestTheBridgeOfSRTPAllocatesNothing(t *testing.T) {
	for suite := range suitesOf {
		t.Run(suite, func(t *testing.T) {
			told := make(chan struct{})
			w := newWires(t, told)
			lp, player, seal := w.secure(t, "8", suite)
			la, _, _ := w.secure(t, "0", suite)
			bridge := media.NewBridge(lp, la, &ringTap{}, nil)
			defer bridge.Close()
			var sealed [][]byte
			p := audioPacket(8)
			for range 5 * 501 {
				next(p)
				b, err := seal.EncryptRTP(nil, p, nil)
				if err != nil {
					t.Fatal(err)
				}
				sealed = append(sealed, b)
			}
			if got := leastAllocations(500, func() {
				player.in <- sealed[0]
				sealed = sealed[1:]
				<-told
			}); got != 0 {
				t.Errorf("%v allocations a packet", got)
			}
		})
	}
}

// A plain leg is relayed to one of SRTP: what encryption adds to a packet.
func BenchmarkBridgeToSRTP(b *testing.B) {
	b.Run("plain", func(b *testing.B) { benchmarkBridge(b, "8", nil) })
	for suite := range suitesOf {
		b.Run(suite, func(b *testing.B) {
			told := make(chan struct{})
			w := newWires(b, told)
			lp, player := w.leg(b, "8")
			la, _, _ := w.secure(b, "8", suite)
			defer media.NewBridge(lp, la, nil, nil).Close()
			p := audioPacket(8)
			b.ReportAllocs()
			for b.Loop() {
				next(p)
				player.in <- p
				<-told
			}
		})
	}
}
