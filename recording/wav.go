package recording

import (
	"encoding/binary"
	"math"
)

// The one format that is written: PCM16, 8 kHz, stereo, as the multimedia
// programming interface of IBM and Microsoft (RIFF WAVE, 1991) lays it out.
const (
	sampleRate  = 8000 // Hz
	frameBytes  = 4    // two channels of 16 bits
	headerBytes = 44
	// maxData is what the 32-bit sizes can say: 37 hours.
	maxData = math.MaxUint32 - headerBytes - frameBytes
)

// header returns the 44 bytes in front of size bytes of audio.
func header(size int64) [headerBytes]byte {
	var h [headerBytes]byte
	le := binary.LittleEndian
	copy(h[0:], "RIFF")
	le.PutUint32(h[4:], uint32(size+headerBytes-8)) //nolint:gosec // at most maxData
	copy(h[8:], "WAVEfmt ")
	le.PutUint32(h[16:], 16) // length of what follows
	le.PutUint16(h[20:], 1)  // PCM
	le.PutUint16(h[22:], 2)  // channels
	le.PutUint32(h[24:], sampleRate)
	le.PutUint32(h[28:], sampleRate*frameBytes)
	le.PutUint16(h[32:], frameBytes)
	le.PutUint16(h[34:], 16) // bits
	copy(h[36:], "data")
	le.PutUint32(h[40:], uint32(size)) //nolint:gosec // at most maxData
	return h
}

// dataSize returns the size of the audio that a header says, or false when it
// is no header of ours.
func dataSize(h []byte) (int64, bool) {
	if len(h) < headerBytes {
		return 0, false
	}
	size := int64(binary.LittleEndian.Uint32(h[40:]))
	if size > maxData || size%frameBytes != 0 {
		return 0, false
	}
	return size, header(size) == [headerBytes]byte(h)
}
