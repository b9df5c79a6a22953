package media_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"pickup/media"
)

// However the packets of keys come, a key is told by one packet of its event:
// the same timestamp, code and no newer one between never tell it twice.
func FuzzDigits(f *testing.F) {
	f.Add([]byte{5, 10, 0, 160, 5, 10, 1, 64, 5, 0x8a, 1, 224}, uint32(160))
	f.Add([]byte{11, 0x80, 255, 255, 0, 0, 0, 0}, uint32(0xfffffff0))
	f.Fuzz(func(t *testing.T, packets []byte, step uint32) {
		see := media.NewDigits()
		stamp, at, told := uint32(1), time.Duration(0), 0
		for ; len(packets) >= 4; packets = packets[4:] {
			first, stale := see(stamp, packets[1]&1 != 0, packets[:4], at)
			if first && stale {
				t.Error("both the first of a key and late")
			}
			if first {
				told++
			}
			if again, _ := see(stamp, false, packets[:4], at); again {
				t.Errorf("packet % x was told twice", packets[:4])
			}
			stamp += step
			at += 20 * time.Millisecond
		}
	})
}

// Whatever packets come, in whatever order and of whatever source, the path of a
// leg neither panics nor takes anything of a stranger.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{12, 0x80, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 28, 0x81, 200, 0, 6}, true)
	f.Add(append([]byte{16, 0x80, 101, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 5, 10, 0, 160}, 8, 0x81, 201, 0, 7, 0, 0, 0, 1), false)
	cfg := config(f, 8)
	cfg.PortQuarantine = -1
	cfg.Listen = media.NewMemoryNet().Listen // its readers get nothing: Receive is the only one
	e := start(f, cfg)
	phone, stranger := netip.MustParseAddrPort("127.0.0.1:4000"), netip.MustParseAddrPort("192.0.2.66:4000")
	f.Fuzz(func(t *testing.T, stream []byte, known bool) {
		l := newLeg(t, e)
		defer l.Close()
		if _, err := l.Answer(t.Context(), []byte(head+"m=audio 4000 RTP/AVP 8 101\r\na=rtcp-mux\r\na=rtpmap:101 telephone-event/8000\r\n")); err != nil {
			t.Fatal(err)
		}
		from := stranger
		if known {
			from = phone
		}
		for at := time.Duration(0); len(stream) > 0; at += 20 * time.Millisecond {
			n := min(int(stream[0])+1, len(stream)) // a byte of length, then the packet
			p := make([]byte, 1600)
			copy(p, stream[1:n])
			l.Receive(p[:n-1], from, at)
			l.ReceiveRTCP(p[:n-1], from, at)
			stream = stream[n:]
		}
		if got := l.Quality(); !known && got.PacketsIn != 0 {
			t.Errorf("%d packets of a stranger", got.PacketsIn)
		}
	})
}

// What was encrypted for nobody opens for nobody.
func FuzzSRTP(f *testing.F) {
	f.Add([]byte{0x80, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	cfg := config(f, 8)
	cfg.PortQuarantine = -1
	cfg.Listen = media.NewMemoryNet().Listen
	e := start(f, cfg)
	phone := netip.MustParseAddrPort("127.0.0.1:4000")
	offers := []string{"AES_CM_128_HMAC_SHA1_80 inline:" + key30, "AEAD_AES_256_GCM inline:" + key44}
	f.Fuzz(func(t *testing.T, packet []byte) {
		for _, suite := range offers {
			l := newLeg(t, e)
			if _, err := l.Answer(t.Context(), []byte(head+"m=audio 4000 RTP/SAVP 8\r\na=crypto:1 "+suite+"\r\n")); err != nil {
				t.Fatal(err)
			}
			p := make([]byte, max(1600, len(packet)))
			n := copy(p, packet)
			l.Receive(p[:n], phone, time.Millisecond)
			n = copy(p, packet)
			l.ReceiveRTCP(p[:n], phone, time.Millisecond)
			if got := l.Quality(); got.PacketsIn != 0 {
				t.Errorf("%d packets were opened, sequence %d", got.PacketsIn, binary.BigEndian.Uint16(append(packet, 0, 0, 0, 0)[2:]))
			}
			l.Close()
		}
	})
}
