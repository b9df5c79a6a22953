package media

import (
	"log/slog"
	"net/netip"
	"strconv"
	"testing"
)

// What a tick of a conference costs, with all of its members talking, in ns a
// member; the packets go to a network in memory.
func BenchmarkConference(bench *testing.B) {
	for _, n := range []int{3, 10} {
		bench.Run(strconv.Itoa(n)+" members", func(bench *testing.B) {
			net := NewMemoryNet()
			e, err := New(Config{
				FirstPort: 20000, LastPort: 20199, Listen: net.Listen, Shards: 1,
				LocalAddr: func(netip.Addr) netip.Addr { return netip.MustParseAddr("127.0.0.1") },
			}, slog.New(slog.DiscardHandler))
			if err != nil {
				bench.Fatal(err)
			}
			c := NewConference(nil, nil)
			offer := []byte("v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n")
			var members []*Member
			for range n {
				l, err := e.NewLeg(LegOptions{Peer: netip.MustParseAddr("127.0.0.1")})
				if err != nil {
					bench.Fatal(err)
				}
				if _, err := l.Answer(bench.Context(), offer); err != nil {
					bench.Fatal(err)
				}
				defer l.Close()
				members = append(members, c.Join(l, Agent, RoleTalk))
			}
			payload := make([]byte, frameSamples)
			t := tick{packet: newPacket()}
			bench.ReportAllocs()
			for bench.Loop() {
				t.number++
				t.at += tickLength
				t.clock += frameSamples
				for _, m := range members {
					m.audio(payload, &header{timestamp: t.clock, sequence: uint16(t.number)}, kindPCMA, t.at)
				}
				c.mix(&t)
			}
			bench.ReportMetric(float64(bench.Elapsed().Nanoseconds())/float64(bench.N)/float64(n), "ns/member")
		})
	}
}
