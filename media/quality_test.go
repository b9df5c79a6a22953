package media_test

import (
	"net/netip"
	"testing"
	"time"

	"pickup/media"
)

// The worst 5 s are seen in a talk that is good for the rest, and a peer who falls
// silent without a word of RTCP has a line as bad as can be.
func TestScoresOfFiveSeconds(t *testing.T) {
	virtual(t, func(t *testing.T, e *media.Engine, n *media.MemoryNet) {
		p := newMemoryPhone(t, n, "127.0.0.1:4000")
		defer func() { _ = p.Close() }()
		l := newLeg(t, e)
		answer, err := l.Answer(t.Context(), offerOf("127.0.0.1:4000"))
		if err != nil {
			t.Fatal(err)
		}
		p.to = netip.AddrPortFrom(loopback, uint16(portOf(t, answer)))
		talk := func(seconds, lostOf20 int) {
			for i := range seconds * 50 {
				if i%20 < lostOf20 {
					p.seq++
				} else {
					p.send()
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
		talk(2, 0)
		if q := l.Quality(); q.MOS == 0 || q.MOSMean != q.MOSLast || q.MOSLast != 0 && q.MOSLowest != q.MOSLast {
			t.Errorf("after 2 s: %+v", q)
		}
		talk(18, 0)
		good := l.Quality()
		if good.MOSLowest < 4.3 || good.MOSLast < 4.3 || good.MOSMean < 4.3 {
			t.Errorf("a perfect line: %+v", good)
		}
		talk(10, 1)
		talk(20, 0)
		q := l.Quality()
		if q.MOSLowest > 3 || q.MOSLowest < 1.5 || q.MOSLast < 4.3 || q.MOSMean <= q.MOSLowest || q.MOSMean >= q.MOSLast {
			t.Errorf("10 s with 5 %% of loss: %+v", q)
		}
		time.Sleep(10200 * time.Millisecond) // one whole stretch, wherever it begins, before the leg is dead
		if q := l.Quality(); q.MOSLast != 1 || q.MOSLowest != 1 {
			t.Errorf("silence: %+v", q)
		}
		time.Sleep(time.Minute) // a dead leg is not rated any more
		if again := l.Quality(); again.MOSMean < 3 {
			t.Errorf("a dead leg: %+v", again)
		}
	})
}
