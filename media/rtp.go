package media

import "encoding/binary"

// headerSize is the size of an RTP header without sources and extension
// (RFC 3550 section 5.1): all that we ever send.
const headerSize = 12

// frameSamples is what we send in one packet: 20 ms at 8 kHz.
const frameSamples = 160

// clockRate is the RTP clock of PCMA, PCMU, G.722 and their telephone-event, and
// the rate of all linear audio, in Hz.
const clockRate = 8000

// header is what we read of an RTP header.
type header struct {
	marker      bool
	payloadType uint8
	sequence    uint16
	timestamp   uint32
	ssrc        uint32
	start, end  int // of the payload in the packet
}

// parseHeader reads the RTP header of p (RFC 3550 section 5.1). It reports
// false for what is no RTP packet, or one without payload.
func parseHeader(p []byte) (header, bool) {
	if len(p) < headerSize || p[0]>>6 != 2 {
		return header{}, false
	}
	h := header{
		marker:      p[1]&0x80 != 0,
		payloadType: p[1] & 0x7F,
		sequence:    binary.BigEndian.Uint16(p[2:]),
		timestamp:   binary.BigEndian.Uint32(p[4:]),
		ssrc:        binary.BigEndian.Uint32(p[8:]),
		start:       headerSize + 4*int(p[0]&15),
		end:         len(p),
	}
	if p[0]&0x10 != 0 { // extension: profile, length in words, words
		if h.start+4 > len(p) {
			return header{}, false
		}
		h.start += 4 + 4*int(binary.BigEndian.Uint16(p[h.start+2:]))
	}
	if p[0]&0x20 != 0 { // padding: its length is the last byte
		h.end -= int(p[len(p)-1])
	}
	return h, h.start < h.end
}

// putHeader writes a header over the first bytes of p.
func putHeader(p []byte, marker bool, payloadType uint8, sequence uint16, timestamp, ssrc uint32) {
	p[0], p[1] = 0x80, payloadType
	if marker {
		p[1] |= 0x80
	}
	binary.BigEndian.PutUint16(p[2:], sequence)
	binary.BigEndian.PutUint32(p[4:], timestamp)
	binary.BigEndian.PutUint32(p[8:], ssrc)
}

// isRTCP tells RTCP from RTP on one port (RFC 5761 section 4).
func isRTCP(p []byte) bool { return len(p) >= 8 && p[0]>>6 == 2 && p[1] >= 192 && p[1] <= 223 }
