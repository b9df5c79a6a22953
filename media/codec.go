package media

import (
	"fmt"
	"slices"
	"strings"

	"pickup/internal/g711"
	"pickup/internal/g722"
)

// Encoder turns linear audio at 8 kHz into the payloads of one stream. It
// belongs to one goroutine at a time and allocates nothing.
type Encoder interface {
	// Encode encodes one frame of 20 ms and returns the size of its payload, 0 if
	// it could not. payload has room for maxPayload bytes.
	Encode(payload []byte, pcm []int16) int
}

// Decoder turns the payloads of one stream into linear audio at 8 kHz. It
// belongs to one goroutine at a time and allocates nothing. Any bytes may be
// given to it.
type Decoder interface {
	// Decode decodes a packet and returns how many samples it held.
	Decode(pcm []int16, payload []byte) (int, error)
	// Recover fills pcm, whose packet was lost, from what the packet after it
	// repeats of it, else as Conceal.
	Recover(pcm []int16, next []byte)
	// Conceal fills pcm, which was lost, from what came before.
	Conceal(pcm []int16)
}

// OpusCoders makes coders of Opus at 8 kHz. They need cgo, and are handed in.
type OpusCoders interface {
	Encoder() (Encoder, error)
	Decoder() (Decoder, error)
}

// kind of a payload type.
type kind uint8

const (
	kindNone kind = iota
	kindPCMU
	kindPCMA
	kindG722
	kindOpus
	kindComfort   // comfort noise (RFC 3389)
	kindEvent     // telephone-event at 8 kHz
	kindEventOpus // telephone-event at the clock of Opus
	kinds
)

// format is what the standards say of a kind of payload.
type format struct {
	name    string // of a=rtpmap, with clock and channels
	setting string // of media.codecs; empty: no codec
	number  uint8  // payload type of our offers
	scale   uint32 // ticks of the RTP clock in a sample at 8 kHz
	fmtp    string // a=fmtp of ours
	event   kind   // the telephone-event of the same clock
}

// formats by kind. Static numbers are those of RFC 3551 section 6; Opus is RFC
// 7587, whose clock is 48 kHz whatever the audio is, and G.722's is 8 kHz by an
// old error (RFC 3551 section 4.5.2).
var formats = [kinds]format{
	kindPCMU:      {name: "PCMU/8000", setting: "pcmu", number: g711.PCMU, scale: 1, event: kindEvent},
	kindPCMA:      {name: "PCMA/8000", setting: "pcma", number: g711.PCMA, scale: 1, event: kindEvent},
	kindG722:      {name: "G722/8000", setting: "g722", number: 9, scale: 1, event: kindEvent},
	kindOpus:      {name: "opus/48000/2", setting: "opus", number: 107, scale: 6, fmtp: "useinbandfec=1", event: kindEventOpus},
	kindComfort:   {name: "CN/8000", number: 13, scale: 1},
	kindEvent:     {name: "telephone-event/8000", number: 101, scale: 1, fmtp: "0-15"},
	kindEventOpus: {name: "telephone-event/48000", number: 102, scale: 6, fmtp: "0-15"},
}

// speech reports whether k is audio that can be heard.
func (k kind) speech() bool { return k >= kindPCMU && k <= kindOpus }

// isEvent reports whether k is a telephone-event.
func (k kind) isEvent() bool { return k == kindEvent || k == kindEventOpus }

// scale is the ticks of k's RTP clock in a sample at 8 kHz.
func (k kind) scale() uint32 { return formats[k].scale }

// g711 reports whether k is one of the two laws.
func (k kind) g711() bool { return k == kindPCMU || k == kindPCMA }

// law of an audio kind of G.711; that of anything else is linear.
func (k kind) law() uint8 {
	switch k {
	case kindPCMA:
		return g711.PCMA
	case kindPCMU:
		return g711.PCMU
	}
	return g711.Linear
}

// codecName is what Leg.Codec tells.
func (k kind) codecName() string {
	name, _, _ := strings.Cut(formats[k].name, "/")
	return name
}

// kindOfCodec returns the kind of a name that Leg.Codec told.
func kindOfCodec(name string) kind {
	for k := kindPCMU; name != "" && k <= kindOpus; k++ {
		if k.codecName() == name {
			return k
		}
	}
	return kindNone
}

// kindOfFormat returns the kind of the value of an a=rtpmap, in upper case.
func kindOfFormat(name string) kind {
	name = strings.TrimSuffix(name, "/1")
	for k := range kinds {
		if formats[k].name != "" && strings.EqualFold(formats[k].name, name) {
			return k
		}
	}
	return kindNone
}

// kindOfNumber returns the kind of a static payload type without a=rtpmap.
func kindOfNumber(number uint8) kind {
	for k := range kinds {
		if formats[k].name != "" && number < 35 && formats[k].number == number {
			return k
		}
	}
	return kindNone
}

// defaultCodecs is Config.Codecs when it is empty.
func defaultCodecs() []string { return []string{"pcma", "pcmu"} }

// phoneCodecs and browserKinds are what may stand in media.codecs and in
// media.browser_codecs.
var (
	phoneCodecs  = []kind{kindPCMA, kindPCMU, kindG722, kindOpus}
	browserKinds = []kind{kindPCMA, kindPCMU, kindOpus}
)

// readCodecs returns the kinds of a list of codecs, each of allowed. setting is the
// list's name.
func readCodecs(setting string, names []string, allowed []kind, opus OpusCoders) ([]kind, error) {
	var out []kind
	for _, name := range names {
		i := slices.IndexFunc(allowed, func(k kind) bool { return formats[k].setting == name })
		switch {
		case i < 0:
			return nil, fmt.Errorf("%s: %q is not one of %s", setting, name, settingNames(allowed))
		case slices.Contains(out, allowed[i]):
			return nil, fmt.Errorf("%s: %q is there twice", setting, name)
		case allowed[i] == kindOpus && opus == nil:
			return nil, fmt.Errorf("%s: %q is not in this build", setting, name)
		}
		out = append(out, allowed[i])
	}
	return out, nil
}

// readPhoneCodecs returns the kinds of Config.Codecs.
func readPhoneCodecs(names []string, opus OpusCoders) ([]kind, error) {
	out, err := readCodecs("media.codecs", names, phoneCodecs, opus)
	if err == nil && !slices.ContainsFunc(out, kind.g711) {
		return nil, fmt.Errorf("media.codecs: %v holds neither pcma nor pcmu, which trunks need", names)
	}
	return out, err
}

// readBrowserCodecs returns the kinds of Config.BrowserCodecs.
func readBrowserCodecs(names []string, opus OpusCoders) ([]kind, error) {
	return readCodecs("media.browser_codecs", names, browserKinds, opus)
}

// settingNames are the names of kinds in a list of codecs.
func settingNames(codecs []kind) string {
	names := make([]string, len(codecs))
	for i, k := range codecs {
		names[i] = formats[k].setting
	}
	return strings.Join(names, ", ")
}

// codecNames are the names of kinds in an error.
func codecNames(codecs []kind) string {
	names := make([]string, len(codecs))
	for i, k := range codecs {
		names[i] = k.codecName()
	}
	return strings.Join(names, ", ")
}

// newEncoder makes an encoder of a kind.
func (e *Engine) newEncoder(k kind) (Encoder, error) {
	switch k {
	case kindOpus:
		return e.cfg.Opus.Encoder()
	case kindG722:
		return g722Encoder{g722.NewEncoder()}, nil
	}
	return lawEncoder(k.law()), nil
}

// newDecoder makes a decoder of a kind.
func (e *Engine) newDecoder(k kind) (Decoder, error) {
	switch k {
	case kindOpus:
		return e.cfg.Opus.Decoder()
	case kindG722:
		return &g722Decoder{coder: g722.NewDecoder()}, nil
	}
	return &lawDecoder{law: k.law()}, nil
}

type lawEncoder uint8

func (e lawEncoder) Encode(payload []byte, pcm []int16) int {
	return g711.Encode(uint8(e), payload, pcm)
}

type g722Encoder struct{ coder *g722.Encoder }

func (e g722Encoder) Encode(payload []byte, pcm []int16) int {
	return e.coder.EncodeNarrow(payload, pcm)
}

type lawDecoder struct {
	law uint8
	concealed
}

func (d *lawDecoder) Decode(pcm []int16, payload []byte) (int, error) {
	n := g711.Decode(d.law, pcm, payload)
	d.take(pcm[:n])
	return n, nil
}

type g722Decoder struct {
	coder *g722.Decoder
	concealed
}

func (d *g722Decoder) Decode(pcm []int16, payload []byte) (int, error) {
	n := d.coder.DecodeNarrow(pcm, payload)
	d.take(pcm[:n])
	return n, nil
}

// concealed makes up what was lost of a codec that does not know how.
type concealed struct {
	concealer
	frame [frameSamples]int16
}

// take keeps what was heard; after a loss its beginning is faded in.
func (c *concealed) take(pcm []int16) {
	for len(pcm) >= frameSamples {
		c.heard((*[frameSamples]int16)(pcm))
		pcm = pcm[frameSamples:]
	}
	copy(c.past[:], c.past[len(pcm):])
	copy(c.past[concealKeeps-len(pcm):], pcm)
}

// Conceal implements Decoder.
func (c *concealed) Conceal(pcm []int16) {
	for len(pcm) > 0 {
		c.missing(&c.frame)
		pcm = pcm[copy(pcm, c.frame[:]):]
	}
}

// Recover implements Decoder: these codecs repeat nothing.
func (c *concealed) Recover(pcm []int16, _ []byte) { c.Conceal(pcm) }
