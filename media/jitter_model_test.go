package media

import (
	"testing"

	"pgregory.net/rapid"
)

// naiveBuffer is what a jitter buffer must hold: every sample that came and is not
// played yet, by its timestamp.
type naiveBuffer struct {
	t     *rapid.T
	b     jitterBuffer
	held  map[uint32]int16
	clock uint32
}

// put gives a packet to both. A buffer that begins anew holds nothing older.
func (n *naiveBuffer) put(stamp uint32, pcm []int16) {
	begun, pos := n.b.begun, n.b.pos
	n.b.put(1, stamp, n.clock, pcm)
	if !begun || n.b.pos != pos {
		clear(n.held)
	}
	for i, v := range pcm {
		if at := stamp + uint32(i); int32(at-n.b.pos) >= 0 {
			n.held[at] = v
		}
	}
}

// get takes a frame and compares.
func (n *naiveBuffer) get() {
	b := &n.b
	begun, pos, grown, shrunk, losses, concealed := b.begun, b.pos, b.grown, b.shrunk, b.lost, b.conceal.lost
	var frame [frameSamples]int16
	b.get(&frame, n.clock)
	if d := b.target(); d < jitterLeast || d > jitterMost {
		n.t.Fatalf("delay of %d samples", d)
	}
	if !begun || !b.begun || b.grown > grown {
		if b.begun && b.pos != pos {
			n.t.Fatalf("at %d, was at %d, and nothing was played", b.pos, pos)
		}
		return
	}
	start := b.pos - frameSamples
	if skipped := start - pos; skipped != 0 && (skipped != frameSamples || b.shrunk == shrunk) {
		n.t.Fatalf("%d samples are left out", skipped)
	}
	missing := 0
	faded := 0
	if concealed > 0 { // the first samples after a loss flow out of what was made up
		faded = frameSamples / 2
	}
	lost := b.lost > losses
	for i := range frame {
		want, ok := n.held[start+uint32(i)]
		if !ok {
			missing++
		}
		if !lost && i >= faded && frame[i] != want {
			n.t.Fatalf("sample %d at %d: got %d, want %d", i, start, frame[i], want)
		}
	}
	if lost != (missing > frameSamples/2) {
		n.t.Fatalf("%d samples are missing at %d; lost: %t", missing, start, lost)
	}
	for at := range n.held {
		if int32(at-b.pos) < 0 {
			delete(n.held, at)
		}
	}
}

// Whatever comes, in whichever order, late, twice or not at all: what is played is
// what came for that moment, once, and nothing of another moment.
func TestTheJitterBufferPlaysWhatCame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := &naiveBuffer{t: t, held: map[uint32]int16{}, clock: rapid.Uint32().Draw(t, "clock")}
		span := rapid.SampledFrom([]int{80, 160, 240, 320, 480}).Draw(t, "samples a packet")
		stamp := rapid.Uint32().Draw(t, "first timestamp")
		quiet := rapid.Bool().Draw(t, "quiet") // its frames may be left out
		late := rapid.SliceOfN(rapid.IntRange(-2, 2600), 40, 160).Draw(t, "late")
		type arrival struct {
			at    int
			stamp uint32
		}
		var coming []arrival
		for i, d := range late {
			if d < 0 {
				continue // lost
			}
			if d > 1300 { // most packets are on time
				d = 0
			}
			coming = append(coming, arrival{(i+1)*span + d, stamp + uint32(i*span)})
			if d%7 == 3 { // and once more
				coming = append(coming, arrival{(i+1)*span + d + 100, stamp + uint32(i*span)})
			}
		}
		start := n.clock
		for now := 0; now < (len(late)+12)*span; now += frameSamples {
			for k := 0; k < len(coming); k++ {
				if coming[k].at > now {
					continue
				}
				pcm := make([]int16, span)
				for i := range pcm {
					pcm[i] = int16((coming[k].stamp+uint32(i))*2654435761>>17) % 100
					if !quiet {
						pcm[i] *= 100
					}
				}
				n.clock = start + uint32(coming[k].at)
				n.put(coming[k].stamp, pcm)
				coming = append(coming[:k], coming[k+1:]...)
				k--
			}
			n.clock = start + uint32(now)
			n.get()
		}
	})
}
