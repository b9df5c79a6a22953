package media

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// maxCandidates is how many ICE candidates a browser may offer.
const maxCandidates = 64

// browserNumbers are the payload types of our offers to browsers: Chromium's own.
var browserNumbers = map[kind]uint8{kindPCMU: 0, kindPCMA: 8, kindEventOpus: 110, kindOpus: 111, kindEvent: 126}

// audioCodec is a kind of payload in pion's words. Without an a=fmtp, so that
// pion matches a browser's whatever its parameters are.
func audioCodec(k kind) webrtc.RTPCodecCapability {
	c := webrtc.RTPCodecCapability{MimeType: "audio/" + k.codecName(), ClockRate: clockRate * k.scale()}
	if k == kindOpus {
		c.Channels = 2 // RFC 7587 section 7
	}
	return c
}

// newMediaEngine knows codecs and the telephone-event of their clocks, nothing else.
func newMediaEngine(codecs []kind) (*webrtc.MediaEngine, error) {
	m := new(webrtc.MediaEngine)
	for _, k := range withEvents(codecs) {
		c := webrtc.RTPCodecParameters{RTPCodecCapability: audioCodec(k), PayloadType: webrtc.PayloadType(browserNumbers[k])}
		if err := m.RegisterCodec(c, webrtc.RTPCodecTypeAudio); err != nil {
			return nil, fmt.Errorf("browser codecs: %w", err)
		}
	}
	return m, nil
}

// withEvents appends the telephone-event of each clock.
func withEvents(codecs []kind) []kind {
	out := slices.Clone(codecs)
	for _, k := range codecs {
		if e := formats[k].event; !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// wanted are the codecs of our offers: the one in use, or the one that the leg is
// to prefer, then those of the configuration.
func (b *browserPeer) wanted() []kind {
	first := b.leg.prefer
	if b.pc != nil {
		first = b.codec
	}
	all := b.leg.engine.browserCodecs
	if !slices.Contains(all, first) {
		return all
	}
	out := []kind{first}
	for _, k := range all {
		if k != first {
			out = append(out, k)
		}
	}
	return out
}

// choose returns the codec of a browser's offer that we answer with: the one in
// use, so that hold and a restart of ICE change nothing; else the one that the leg
// is to prefer; else the first of the configuration, where of the two laws of G.711
// the browser's order decides.
func (b *browserPeer) choose(offer *remoteSDP) payload {
	first := b.leg.prefer
	if b.pc != nil {
		first = b.codec
	}
	for _, p := range offer.payloads {
		if p.kind == first && p.kind.speech() {
			return p
		}
	}
	return offer.choose(b.leg.engine.browserCodecs)
}

// lawful are the codecs of an answer: the one chosen, and beside a law of G.711 the
// other one, between which nothing is lost.
func lawful(k kind) []kind {
	switch k {
	case kindPCMA:
		return []kind{kindPCMA, kindPCMU}
	case kindPCMU:
		return []kind{kindPCMU, kindPCMA}
	}
	return []kind{k}
}

// describe makes what leaves of pion's description: the codecs given, with the
// telephone-event of their clocks, by pion's numbers; the direction of the audio
// line, which pion gets wrong on hold; and the candidates that the site advertises
// to this peer.
func (b *browserPeer) describe(text string, way direction, codecs ...kind) (string, *remoteSDP, error) {
	all := b.leg.engine.browserCodecs
	pions, err := parseBrowserSDP([]byte(text), all)
	if err != nil {
		return "", nil, err
	}
	var out []payload
	for _, k := range withEvents(codecs) {
		if i := slices.IndexFunc(pions.payloads, func(p payload) bool { return p.kind == k }); i >= 0 {
			out = append(out, pions.payloads[i])
		}
	}
	text = rewrite(text, way, out, b.candidate())
	mine, err := parseBrowserSDP([]byte(text), all)
	return text, mine, err
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

// rewrite puts formats, direction and candidate into a description of pion.
func rewrite(text string, way direction, payloads []payload, candidate string) string {
	var b strings.Builder
	inAudio, placed := false, false
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if strings.HasPrefix(line, "m=") {
			if inAudio = strings.HasPrefix(line, "m=audio ") && !strings.HasPrefix(line, "m=audio 0 "); inAudio {
				line = audioLine(line, payloads)
			}
		}
		switch {
		case strings.HasPrefix(line, "a=candidate:"):
			if placed {
				continue
			}
			line, placed = candidate, true
		case inAudio && hasPrefix(line, "a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"):
			continue // ours stand under the m= line
		case inAudio && (line == "a=sendrecv" || line == "a=sendonly" || line == "a=recvonly" || line == "a=inactive"):
			line = "a=" + string(way) + formatLines(payloads)
		}
		b.WriteString(line + "\r\n")
	}
	return b.String()
}

func hasPrefix(line string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(line, p) })
}

// audioLine is pion's m= line with other formats.
func audioLine(line string, payloads []payload) string {
	fields := strings.Fields(line)
	if len(fields) < 3 {
		return line
	}
	out := strings.Join(fields[:3], " ")
	for _, p := range payloads {
		out += " " + strconv.Itoa(int(p.number))
	}
	return out
}

// formatLines are a=rtpmap and a=fmtp of formats, each after a line end.
func formatLines(payloads []payload) string {
	var b strings.Builder
	for _, p := range payloads {
		fmt.Fprintf(&b, "\r\na=rtpmap:%d %s", p.number, formats[p.kind].name)
		if f := formats[p.kind].fmtp; f != "" {
			fmt.Fprintf(&b, "\r\na=fmtp:%d %s", p.number, f)
		}
	}
	return b.String()
}

// parseBrowserSDP reads what we need to know of a browser's description; the
// rest is pion's. It asks for what a plain phone's offer lacks.
func parseBrowserSDP(raw []byte, codecs []kind) (*remoteSDP, error) {
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
		r.payloads = readPayloads(m, codecs)
		if _, ok := r.first(); !ok {
			fault = fmt.Errorf("%w: none of %s", ErrNoCommonCodec, codecNames(codecs))
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
