// Package relay_test measures what it costs to relay RTP: two bare baselines,
// and the bridge on both engines, bare, with the real recorder, and with hold
// music in its place, by turns in one run.
package relay_test

import (
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pickup/media"
)

// The load of BenchmarkRelay: streams of 50 packets a second from a process of
// its own, so that the CPU time of this one is the relay's. PICKUP_RELAY_STREAMS
// is another number of streams, an even one.
const (
	relayWarm   = time.Second // not measured: files are made, addresses learnt
	relayTime   = 3 * time.Second
	relayRounds = 3
	relayDriver = "PICKUP_RELAY_DRIVER"
)

// relayStreams is how many streams there are, two for each call.
var relayStreams = streamsOf(os.Getenv("PICKUP_RELAY_STREAMS"))

func streamsOf(setting string) int {
	if n, err := strconv.Atoi(setting); err == nil && n > 0 && n%2 == 0 {
		return n
	}
	return 100
}

var loopback = netip.MustParseAddr("127.0.0.1")

// TestMain is the driver's main function too.
func TestMain(m *testing.M) {
	if os.Getenv(relayDriver) != "" {
		driveRelay()
		return
	}
	os.Exit(m.Run())
}

// relayMode sets up one way to relay: it gets the phones' ports, of which 2i and
// 2i+1 talk, and returns its own ports in the same order.
type relayMode struct {
	name  string
	setup func(b *testing.B, phones []int) (ports []int, stop func())
}

// relayModes are by turns; the second is what the others are compared with.
var relayModes = []relayMode{
	{"goroutine", goroutineRelay},
	{"epoll", epollRelay},
	{"bridge", bridged{}.relay},
	{"bridge-recorded", bridged{recorded: true}.relay},
	{"bridge-recorded-transcoded", bridged{recorded: true, oddCodec: "0"}.relay},
	{"waiting-music", bridged{music: true}.relay},
	{"bridge-goroutine", bridged{listen: media.ListenUDP}.relay},
	{"bridge-recorded-goroutine", bridged{listen: media.ListenUDP, recorded: true}.relay},
	{"waiting-music-goroutine", bridged{listen: media.ListenUDP, music: true}.relay},
}

// BenchmarkRelay measures CPU microseconds for each relayed packet (receive and
// send) by getrusage, of two baselines and of the bridge, by turns, and the
// ratio of each to the bare relay on one thread with epoll. A waiting caller's is
// for the packet he sends and the one he hears; x-call is what he costs of a call,
// of which two streams are relayed. PICKUP_RELAY_ONLY is a regular expression of
// the modes to measure beside the bare relay.
func BenchmarkRelay(b *testing.B) {
	only := regexp.MustCompile(os.Getenv("PICKUP_RELAY_ONLY"))
	modes := slices.DeleteFunc(slices.Clone(relayModes), func(m relayMode) bool {
		return m.name != "epoll" && !only.MatchString(m.name)
	})
	driver := startDriver(b)
	cost := map[string][]float64{}
	lost := map[string]int{}
	for range relayRounds {
		for _, m := range modes {
			us, missing := driver.measure(b, m)
			cost[m.name] = append(cost[m.name], us)
			lost[m.name] += missing
		}
	}
	median := func(name string) float64 { slices.Sort(cost[name]); return cost[name][relayRounds/2] }
	for _, m := range modes {
		b.Run(m.name, func(b *testing.B) {
			for b.Loop() { // the figures were taken above, by turns
				continue
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(m.name), "cpu-us/packet")
			b.ReportMetric(median(m.name)/median("epoll"), "x-epoll")
			if strings.HasPrefix(m.name, "waiting") {
				b.ReportMetric(median(m.name)/median("epoll")/2, "x-call")
			}
			b.ReportMetric(float64(lost[m.name]), "lost")
		})
	}
}
