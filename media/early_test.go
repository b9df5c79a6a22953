package media_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"pickup/media"
)

// The answer of a provisional response lets early media in and settles nothing:
// nobody is told, its silence is not judged, and the final answer may be another.
func TestEarlyAnswerLeavesTheOfferOpen(t *testing.T) {
	virtual(t, func(t *testing.T, e *media.Engine, n *media.MemoryNet) {
		first := newMemoryPhone(t, n, "127.0.0.1:4000")
		defer func() { _ = first.Close() }()
		l := newLeg(t, e)
		told := listen(l)
		if err := l.AcceptEarly(offerOf("127.0.0.1:4000")); !errors.Is(err, media.ErrBadSDP) {
			t.Errorf("before an offer: got %v", err)
		}
		offer, err := l.Offer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := l.AcceptEarly([]byte("v=0\r\n")); err == nil {
			t.Error("no description was accepted")
		}
		for range 2 { // another branch rings too
			if err := l.AcceptEarly(append(offerOf("127.0.0.1:4000"), "a=sendonly\r\n"...)); err != nil {
				t.Fatal(err)
			}
		}
		first.to = netip.AddrPortFrom(loopback, uint16(portOf(t, offer)))
		first.send()
		time.Sleep(time.Minute)
		if l.Codec() != "PCMA" || l.Ready() {
			t.Errorf("early: codec %q, ready %v", l.Codec(), l.Ready())
		}
		for _, kind := range []media.EventKind{media.EventReady, media.EventDead, media.EventRemoteHold} {
			if got := told.of(kind); len(got) != 0 {
				t.Errorf("told %v", got)
			}
		}
		final := bytes.Replace(offerOf("127.0.0.1:4002"), []byte("AVP 8"), []byte("AVP 0"), 1)
		if err := l.Accept(final); err != nil {
			t.Fatal(err)
		}
		if l.Codec() != "PCMU" || !l.Ready() || len(told.of(media.EventReady)) != 1 {
			t.Errorf("answered: codec %q, ready %v, told %v", l.Codec(), l.Ready(), told.of(media.EventReady))
		}
		if err := l.AcceptEarly(final); !errors.Is(err, media.ErrBadSDP) {
			t.Errorf("after the answer: got %v", err)
		}
	})
}
