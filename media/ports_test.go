package media_test

import (
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"pickup/media"
)

// A released pair is used by nobody for 5 s, and then the one first that is idle
// for the longest time; until then there is none.
func TestReleasedPortsAreInQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := media.New(media.Config{
			FirstPort: 20000, LastPort: 20005, Listen: media.NewMemoryNet().Listen, Shards: 1,
			LocalAddr: func(netip.Addr) netip.Addr { return loopback },
		}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		open := func() *media.Leg {
			t.Helper()
			l, err := e.NewLeg(media.LegOptions{Peer: loopback})
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		port := func(l *media.Leg) int {
			offer, err := l.Offer(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return portOf(t, offer)
		}
		none := func() {
			t.Helper()
			if _, err := e.NewLeg(media.LegOptions{Peer: loopback}); !errors.Is(err, media.ErrNoPorts) {
				t.Errorf("got %v, want ErrNoPorts", err)
			}
		}
		legs := []*media.Leg{open(), open(), open()}
		second := port(legs[1])
		none()
		legs[1].Close()
		time.Sleep(time.Second)
		legs[0].Close()
		time.Sleep(4*time.Second - time.Millisecond)
		none()
		time.Sleep(time.Millisecond)
		l := open()
		if got := port(l); got != second {
			t.Errorf("port %d, want %d", got, second)
		}
		none() // the other is released for 4 s only
		time.Sleep(time.Second)
		for _, l := range []*media.Leg{l, open(), legs[2]} {
			l.Close()
		}
		synctest.Wait()
	})
}
