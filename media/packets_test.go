package media

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pickup/internal/g711"
)

// repeating is a codec of the test that repeats in each packet the frame before it, as
// Opus does: a payload is two frames of A-law, the older first.
type repeating struct{ lawDecoder }

func (d *repeating) Decode(pcm []int16, payload []byte) (int, error) {
	return d.lawDecoder.Decode(pcm, payload[frameSamples:])
}

func (d *repeating) Recover(pcm []int16, next []byte) {
	var frame [frameSamples]int16
	g711.Decode(d.law, frame[:], next[:frameSamples])
	copy(pcm, frame[frameSamples-len(pcm):])
	d.take(pcm)
}

// repeated is packet i of a tone in that codec.
func repeated(i int) []byte {
	payload := make([]byte, 2*frameSamples)
	g711.Encode(g711.PCMA, payload, sine(400, (i-1)*frameSamples, 2*frameSamples))
	return payload
}

// wayward is a stream of packets of 20 ms on a bad way: the packet that arrives at a
// moment, by the delay of each, below 0: never.
type wayward struct {
	at, i int
}

func onTheWay(frames int, delay func(i int) int) []wayward {
	var all []wayward
	for i := range frames {
		if d := delay(i); d >= 0 {
			all = append(all, wayward{(i+1)*frameSamples + d, i})
		}
	}
	slices.SortStableFunc(all, func(a, b wayward) int { return a.at - b.at })
	return all
}

const packetsBase = uint32(4294960000) // timestamps wrap soon

func packetHeader(i int) *header {
	return &header{ssrc: 7, sequence: uint16(65500 + i), timestamp: packetsBase + uint32(i)*frameSamples*6}
}

// heardPackets plays such a stream through a buffer. It returns what is heard, and by how many
// samples what is heard is behind the moment it was said, in the mean of the second half.
func heardPackets(frames int, delay func(i int) int) (out []int16, behind float64, b *packetBuffer) {
	b = &packetBuffer{open: func(kind) Decoder { return &repeating{lawDecoder{law: g711.PCMA}} }}
	all := onTheWay(frames, delay)
	var frame [frameSamples]int16
	n := 0
	for clock := 0; clock < (frames+12)*frameSamples; clock += frameSamples {
		for len(all) > 0 && all[0].at <= clock {
			b.put(packetHeader(all[0].i), kindOpus, uint32(all[0].at), repeated(all[0].i))
			all = all[1:]
		}
		at, heard := playPackets(b, uint32(clock), &frame)
		if heard {
			out = append(out, frame[:]...)
			if clock > frames*frameSamples/2 {
				behind += float64(uint32(clock) - (at - packetsBase))
				n++
			}
		}
	}
	return out, behind / float64(max(n, 1)), b
}

// playPackets plays a tick, as route.playCoded does.
func playPackets(b *packetBuffer, clock uint32, frame *[frameSamples]int16) (at uint32, heard bool) {
	switch step := b.look(clock); step {
	case lookNothing:
		return 0, false
	case lookWait:
		return b.at, b.stretch(frame)
	case lookSkip:
		b.read(frame)
		b.shrunk++
	case lookHurry:
		if at, heard = b.read(frame); heard && loud(frame) {
			return at, heard
		}
		b.shrunk++
	}
	return b.read(frame)
}

// arrivalDecoded is what is heard without such a buffer: what was overtaken or is late is left out,
// one lost is recovered from the next.
func arrivalDecoded(frames int, delay func(i int) int) []int16 {
	out := make([]int16, frames*frameSamples)
	newest := -1
	for _, a := range onTheWay(frames, delay) {
		if a.i <= newest {
			continue
		}
		from := max(a.i-1, newest+1)
		pcm := make([]int16, 2*frameSamples)
		g711.Decode(g711.PCMA, pcm, repeated(a.i))
		copy(out[from*frameSamples:], pcm[(from-a.i+1)*frameSamples:])
		newest = a.i
	}
	return out
}

func TestPacketBuffer(t *testing.T) {
	for name, c := range map[string]struct {
		delay  func(dice *rand.Rand, i int) int
		share  float64 // of the tone in what is heard, at least
		behind float64 // ms at the most, beside the 20 of the packet itself
	}{
		"a steady stream":              {func(*rand.Rand, int) int { return 5 }, 0.99, 40},
		"pairs out of order":           {func(_ *rand.Rand, i int) int { return 170 * (i % 2) }, 0.97, 70},
		"jitter of 60 ms":              {func(d *rand.Rand, _ int) int { return d.IntN(480) }, 0.93, 110},
		"one in ten is lost":           {func(d *rand.Rand, _ int) int { return 5 - 10*(1-min(1, d.IntN(10))) }, 0.95, 60},
		"10 % loss and 60 ms jitter":   {func(d *rand.Rand, _ int) int { return d.IntN(480) - 1000*(1-min(1, d.IntN(10))) }, 0.90, 130},
		"30 % loss and 60 ms jitter":   {func(d *rand.Rand, _ int) int { return d.IntN(480) - 1000*(1-min(1, d.IntN(10)/3)) }, 0.70, 130},
		"a stall of 150 ms in between": {func(_ *rand.Rand, i int) int { return max(0, 1200-(i-100)*160) * min(1, max(0, i-99)) }, 0.80, 200},
	} {
		t.Run(name, func(t *testing.T) {
			const frames = 500
			dice := rand.New(rand.NewPCG(1, 2))
			way := make([]int, frames)
			for i := range way {
				way[i] = c.delay(dice, i)
			}
			delay := func(i int) int { return way[i] }
			out, behind, b := heardPackets(frames, delay)
			ms := behind / 8
			t.Logf("tone %.3f (decoded as it comes %.3f), %.1f ms behind, received %d, late %d, recovered %d, concealed %d, grown %d, shrunk %d, broken %d",
				share(out), share(arrivalDecoded(frames, delay)), ms, b.received, b.late, b.recovered/frameSamples, b.concealed/frameSamples, b.grown, b.shrunk, b.broken)
			if got := share(out); got < c.share {
				t.Errorf("tone: got %.3f of the energy, want %.2f", got, c.share)
			}
			if ms > c.behind+20 {
				t.Errorf("%.1f ms behind what was said, want %.0f at most", ms, c.behind+20)
			}
			if n := len(out) / frameSamples; n < frames*9/10 {
				t.Errorf("%d frames are heard of %d", n, frames)
			}
		})
	}
}

// numbered is a codec whose packets are the number of their frame: what is heard says
// which it was.
type numbered struct{}

func (numbered) Decode(pcm []int16, payload []byte) (int, error) {
	n := int(payload[2]) * opusStep
	for i := range n {
		pcm[i] = int16(binary.BigEndian.Uint16(payload))
	}
	return n, nil
}
func (numbered) Recover(pcm []int16, _ []byte) { setAll(pcm, -1) }
func (numbered) Conceal(pcm []int16)           { setAll(pcm, -2) }

func setAll(pcm []int16, v int16) {
	for i := range pcm {
		pcm[i] = v
	}
}

// Whatever the way does, what is heard of a moment is what was said then, or made up;
// a moment comes once, and the buffer never stops.
func TestAPacketBufferPlaysWhatWasSaid(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const frames = 120
		steps := rapid.SampledFrom([]int{4, 8, 16, 24}).Draw(rt, "of 2.5 ms")
		size := steps * opusStep
		way := rapid.SliceOfN(rapid.IntRange(-200, 2000), frames, frames).Draw(rt, "delay")
		keys := rapid.SliceOfN(rapid.IntRange(0, 9), frames, frames).Draw(rt, "no speech")
		b := &packetBuffer{open: func(kind) Decoder { return numbered{} }}
		var all []wayward
		for i, d := range way {
			if d >= 0 {
				all = append(all, wayward{(i+1)*size + d, i})
			}
		}
		slices.SortStableFunc(all, func(a, b wayward) int { return a.at - b.at })
		last, first := int64(-1<<40), -1
		var frame [frameSamples]int16
		for clock := 0; clock < (frames+2)*size+9600; clock += frameSamples {
			for ; len(all) > 0 && all[0].at <= clock; all = all[1:] {
				i := all[0].i
				h := &header{ssrc: 7, sequence: uint16(i), timestamp: packetsBase + uint32(i*size*6)}
				if keys[i] == 0 {
					b.pass(h)
				} else {
					if first < 0 {
						first = i
					}
					b.put(h, kindOpus, uint32(all[0].at), []byte{byte(i >> 8), byte(i), byte(steps)})
				}
			}
			step := b.look(uint32(clock))
			if step == lookNothing || step == lookWait {
				continue
			}
			at, heard := b.read(&frame)
			from := int64(first*size) + int64(int32(at-packetsBase-uint32(first*size*6)))
			if heard && from < last && from > last-jitterGapLimit {
				rt.Fatalf("%d comes after %d", from, last)
			}
			last = from + frameSamples
			for i, v := range frame {
				if want := (from + int64(i)) / int64(size); heard && v > 0 && int64(v) != want {
					rt.Fatalf("at %d: frame %d is heard, want %d", from+int64(i), v, want)
				}
			}
		}
		if got := b.look(uint32((frames+2)*size + 9600)); got != lookNothing {
			rt.Fatalf("a peer who stopped is still played: %d", got)
		}
	})
}

func BenchmarkPacketBuffer(bench *testing.B) {
	b := &packetBuffer{open: func(kind) Decoder { return numbered{} }}
	var frame [frameSamples]int16
	payload := []byte{0, 1, 8}
	h := header{ssrc: 7}
	clock := uint32(0)
	bench.ReportAllocs()
	for bench.Loop() {
		h.sequence++
		h.timestamp += 960
		clock += frameSamples
		b.put(&h, kindOpus, clock, payload)
		playPackets(b, clock, &frame)
	}
}
