package media

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Limits of a description from outside.
const (
	maxSDPSize  = 64 << 10
	maxSDPMedia = 20
	maxSDPLines = 2000
)

// direction of a media line (RFC 3264 section 5.1).
type direction string

const (
	sendrecv direction = "sendrecv"
	sendonly direction = "sendonly"
	recvonly direction = "recvonly"
	inactive direction = "inactive"
)

// sends reports whether the side that wrote d sends.
func (d direction) sends() bool { return d == sendrecv || d == sendonly }

// receives reports whether the side that wrote d receives.
func (d direction) receives() bool { return d == sendrecv || d == recvonly }

// answer is d as the other side sees it (RFC 3264 section 6.1).
func (d direction) answer() direction {
	switch d {
	case sendonly:
		return recvonly
	case recvonly:
		return sendonly
	}
	return d
}

// payload is one format of an audio line that we understand.
type payload struct {
	number uint8
	kind   kind
}

// mediaLine is what an answer must repeat of a line that it refuses.
type mediaLine struct{ media, proto, formats string }

// remoteSDP is what we use of a peer's description.
type remoteSDP struct {
	lines     []mediaLine
	audio     int // index of the audio line that we take
	addr      netip.Addr
	held      bool // c=0.0.0.0 (RFC 2543)
	port      uint16
	rtcpPort  uint16 // 0: none
	mux       bool
	direction direction
	payloads  []payload   // what we speak, in the peer's order
	crypto    *cryptoLine // the first of the peer's order that we speak; nil: the audio is plain
}

// first returns the first codec of the peer's order.
func (r *remoteSDP) first() (payload, bool) {
	for _, p := range r.payloads {
		if p.kind.speech() {
			return p, true
		}
	}
	return payload{}, false
}

// choose returns the codec of an offer that we want most. Of the two laws of
// G.711 it is the one that the peer wants more.
func (r *remoteSDP) choose(codecs []kind) payload {
	for _, want := range codecs {
		for _, p := range r.payloads {
			if p.kind == want || want.g711() && p.kind.g711() {
				return p
			}
		}
	}
	first, _ := r.first()
	return first
}

// event returns the payload type of the telephone-event that has the clock of a
// codec, 0 if there is none.
func (r *remoteSDP) event(codec kind) uint8 {
	for _, p := range r.payloads {
		if p.kind == formats[codec].event {
			return p.number
		}
	}
	return 0
}

// parseSDP reads a description of a phone and takes the first audio line that
// policy allows and that holds one of codecs. It returns ErrBadSDP for what is no usable description,
// ErrNoCommonCodec where it holds nothing that we speak.
func parseSDP(raw []byte, policy SRTP, codecs []kind) (*remoteSDP, error) {
	s, lines, err := unmarshalSDP(raw)
	if err != nil {
		return nil, err
	}
	r := &remoteSDP{audio: -1, lines: lines}
	fault := fmt.Errorf("%w: no audio line", ErrNoCommonCodec)
	for i, m := range s.MediaDescriptions {
		if r.audio >= 0 || m.MediaName.Media != "audio" {
			continue
		}
		if err := r.takeAudio(s, m, policy, codecs); err != nil {
			fault = err
			continue
		}
		r.audio = i
	}
	if r.audio < 0 {
		return nil, fault
	}
	return r, nil
}

// profiles are those that can stand in an audio line that we look at.
var profiles = map[string]bool{
	"RTP/AVP": true, "RTP/AVPF": true, "RTP/SAVP": true, "RTP/SAVPF": true,
	"UDP/TLS/RTP/SAVP": true, "UDP/TLS/RTP/SAVPF": true,
}

// unmarshalSDP parses what peers really send: any line end, a last line without
// one, an o= line whose numbers overflow, which we do not use, and media that
// the parser does not know, which we only refuse. It returns every media line
// as the peer wrote it.
func unmarshalSDP(raw []byte) (*sdp.SessionDescription, []mediaLine, error) {
	if len(raw) > maxSDPSize {
		return nil, nil, fmt.Errorf("%w: %d bytes", ErrBadSDP, len(raw))
	}
	if bytes.IndexByte(raw, 0) >= 0 { // RFC 8866 section 9: byte-string
		return nil, nil, fmt.Errorf("%w: a NUL", ErrBadSDP)
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(raw))
	var b strings.Builder
	var media []mediaLine
	lines := 0
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, " \t")
		switch {
		case line == "":
			continue
		case strings.HasPrefix(line, "o="):
			line = "o=- 0 0 IN IP4 0.0.0.0"
		case strings.HasPrefix(line, "m="):
			m, known := splitMedia(line)
			if !m.printable() {
				return nil, nil, fmt.Errorf("%w: characters of a media line", ErrBadSDP)
			}
			if media = append(media, m); !known {
				line = "m=application 0 RTP/AVP 0"
			}
		}
		if lines++; lines > maxSDPLines || len(media) > maxSDPMedia {
			return nil, nil, fmt.Errorf("%w: too many lines", ErrBadSDP)
		}
		b.WriteString(line)
		b.WriteString("\r\n")
	}
	if lines == 0 {
		return nil, nil, fmt.Errorf("%w: it is empty", ErrBadSDP)
	}
	s := new(sdp.SessionDescription)
	if err := s.UnmarshalString(b.String()); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrBadSDP, err)
	}
	if len(s.MediaDescriptions) != len(media) {
		return nil, nil, fmt.Errorf("%w: media lines", ErrBadSDP)
	}
	return s, media, nil
}

// splitMedia takes a media line apart. known is set for audio of a profile that
// we look at.
func splitMedia(line string) (m mediaLine, known bool) {
	fields := strings.Fields(line[2:])
	for len(fields) < 4 {
		fields = append(fields, "0")
	}
	m = mediaLine{media: fields[0], proto: fields[2], formats: strings.Join(fields[3:], " ")}
	return m, m.media == "audio" && profiles[strings.ToUpper(m.proto)]
}

// printable reports whether m holds nothing but visible ASCII, as its tokens must
// (RFC 8866 section 9): an answer repeats them.
func (m *mediaLine) printable() bool {
	foreign := func(r rune) bool { return r < ' ' || r > '~' }
	return strings.IndexFunc(m.media+m.proto+m.formats, foreign) < 0
}

// takeAudio fills r from one audio line, or says why it cannot be used.
func (r *remoteSDP) takeAudio(s *sdp.SessionDescription, m *sdp.MediaDescription, policy SRTP, codecs []kind) error {
	crypto, err := chooseCrypto(m, policy)
	if err != nil {
		return err
	}
	port := m.MediaName.Port.Value
	switch {
	case port == 0:
		return fmt.Errorf("%w: audio is refused", ErrNoCommonCodec)
	case port < 0 || port > 65535:
		return fmt.Errorf("%w: port %d", ErrBadSDP, port)
	}
	info := m.ConnectionInformation
	if info == nil {
		info = s.ConnectionInformation
	}
	addr, held, err := connectionAddr(info)
	if err != nil {
		return err
	}
	next := remoteSDP{
		lines: r.lines, addr: addr, held: held, port: uint16(port), payloads: readPayloads(m, codecs), crypto: crypto,
	}
	if _, ok := next.first(); !ok {
		return fmt.Errorf("%w: none of %s", ErrNoCommonCodec, codecNames(codecs))
	}
	next.direction = readDirection(s.Attributes, m.Attributes)
	_, next.mux = m.Attribute("rtcp-mux")
	next.rtcpPort = readRTCPPort(m, port)
	*r = next
	return nil
}

// chooseCrypto returns the key that the peer's audio line is taken with, nil for
// plain audio, or why the line is not taken. The order of an offer is the
// peer's preference and decides (RFC 4568 section 7.1.2). RTP/AVP with keys is
// what phones send that want SRTP where they can have it.
func chooseCrypto(m *sdp.MediaDescription, policy SRTP) (*cryptoLine, error) {
	proto := strings.ToUpper(strings.Join(m.MediaName.Protos, "/"))
	secured := proto == "RTP/SAVP" || proto == "RTP/SAVPF"
	if !secured && proto != "RTP/AVP" && proto != "RTP/AVPF" {
		return nil, fmt.Errorf("%w: profile of the audio line", ErrNoCommonCodec)
	}
	if _, ok := m.Attribute("crypto"); secured && !ok {
		return nil, fmt.Errorf("%w: %s without a key", ErrBadSDP, proto)
	}
	if policy != SRTPOff {
		if line := firstCrypto(m); line != nil {
			return line, nil
		}
	}
	if secured || policy == SRTPRequired {
		return nil, fmt.Errorf("%w: %s without a key of a suite that is allowed (media.srtp: %s)", ErrNoCommonCodec, proto, policy)
	}
	return nil, nil
}

// firstCrypto returns the first usable a=crypto line, or nil.
func firstCrypto(m *sdp.MediaDescription) *cryptoLine {
	seen := 0
	for _, a := range m.Attributes {
		if a.Key != "crypto" {
			continue
		}
		if seen++; seen > maxCryptoLines {
			return nil
		}
		if line, ok := parseCrypto(a.Value); ok {
			return &line
		}
	}
	return nil
}

// connectionAddr returns the address of a c= line; held for 0.0.0.0 and ::. Names
// are not looked up, and nobody is sent audio at a group's address.
func connectionAddr(c *sdp.ConnectionInformation) (addr netip.Addr, held bool, err error) {
	if c == nil || c.Address == nil {
		return addr, false, fmt.Errorf("%w: no c= line", ErrBadSDP)
	}
	if c.NetworkType != "IN" || (c.AddressType != "IP4" && c.AddressType != "IP6") {
		return addr, false, fmt.Errorf("%w: network of the c= line", ErrBadSDP)
	}
	addr, err = netip.ParseAddr(c.Address.Address)
	if err != nil || addr.Is4() != (c.AddressType == "IP4") || addr.Is4In6() || addr.Zone() != "" {
		return netip.Addr{}, false, fmt.Errorf("%w: address of the c= line", ErrBadSDP)
	}
	bad := addr.IsMulticast() || addr.Is6() && addr.IsLinkLocalUnicast() // which link is not said
	if addr.Is4() {
		first := addr.As4()[0]
		bad = first == 0 || first >= 224 // this net, multicast, reserved, broadcast
	}
	switch {
	case addr.IsUnspecified():
		return addr, true, nil
	case bad || c.Address.TTL != nil || c.Address.Range != nil:
		return netip.Addr{}, false, fmt.Errorf("%w: nothing is sent to the address of the c= line", ErrBadSDP)
	}
	return addr, false, nil
}

// readPayloads returns the formats that we understand, of the codecs given, in
// the peer's order. Of each telephone-event the first number counts.
func readPayloads(m *sdp.MediaDescription, codecs []kind) (payloads []payload) {
	names := make(map[string]string)
	for _, a := range m.Attributes {
		if a.Key != "rtpmap" {
			continue
		}
		number, name, _ := strings.Cut(a.Value, " ")
		names[number] = strings.ToUpper(strings.TrimSpace(name))
	}
	for _, format := range m.MediaName.Formats {
		number, err := strconv.ParseUint(format, 10, 7)
		if err != nil {
			continue
		}
		p := payload{uint8(number), kindOfNumber(uint8(number))}
		if name, mapped := names[format]; mapped {
			p.kind = kindOfFormat(name)
		}
		switch k := p.kind; {
		case k == kindNone, k.speech() && !slices.Contains(codecs, k):
			continue
		case k.isEvent() && (number < 35 || slices.ContainsFunc(payloads, func(o payload) bool { return o.kind == k })):
			continue
		}
		payloads = append(payloads, p)
	}
	return payloads
}

// readDirection returns the direction of the media line, else of the session.
func readDirection(session, media []sdp.Attribute) direction {
	found := sendrecv
	for _, attributes := range [][]sdp.Attribute{session, media} {
		for _, a := range attributes {
			switch d := direction(a.Key); d {
			case sendrecv, sendonly, recvonly, inactive:
				found = d
			}
		}
	}
	return found
}

// readRTCPPort returns the port of a=rtcp (RFC 3605), else the one after RTP's.
// An address there is not followed: RTCP goes to the host of the audio.
func readRTCPPort(m *sdp.MediaDescription, rtp int) uint16 {
	if value, ok := m.Attribute("rtcp"); ok {
		number, _, _ := strings.Cut(value, " ")
		if port, err := strconv.ParseUint(number, 10, 16); err == nil && port != 0 {
			return uint16(port)
		}
	}
	if rtp == 65535 {
		return 0
	}
	return uint16(rtp + 1)
}
