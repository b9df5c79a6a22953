package relay_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pickup/call"
	"pickup/media"
	"pickup/recording"
)

// bridged is a way of ours: an engine with a leg for each phone.
type bridged struct {
	listen   media.ListenFunc // nil: the engine's own choice
	recorded bool
	music    bool   // each waits and hears music; else two by two talk
	oddCodec string // what the agents' phones speak; empty: that of the players
}

// relay is a relayMode's setup.
func (w bridged) relay(b *testing.B, phones []int) ([]int, func()) {
	b.Helper()
	if !w.recorded {
		return w.engine(b, phones, func() media.Tap { return nil })
	}
	return w.record(b, phones)
}

// record has the calls recorded to disk, as the product does it: collector,
// writers, hashes and headers are in the figure.
func (w bridged) record(b *testing.B, phones []int) ([]int, func()) {
	b.Helper()
	store := &rows{}
	recorder, err := recording.New(recording.Config{Dir: b.TempDir()}, store, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = recorder.Run(ctx) })
	started := 0
	ports, stop := w.engine(b, phones, func() media.Tap {
		started++
		return recorder.Start(recording.StartInfo{CallID: call.ID(strconv.Itoa(started)), Queue: "support"})
	})
	return ports, func() {
		stop()
		end() // closes what is open
		run.Wait()
		if stored, dropped := store.stored(); stored != started || dropped > 0 {
			b.Errorf("%d of %d recordings are whole, %d packets dropped", stored, started, dropped)
		}
	}
}

// rows is a recording.Store that counts.
type rows struct {
	mu    sync.Mutex
	final []recording.Row
}

func (r *rows) SaveRecording(_ context.Context, row recording.Row) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if row.State != recording.StateOpen {
		r.final = append(r.final, row)
	}
	return nil
}

func (*rows) Recording(context.Context, recording.ID) (recording.Row, error) {
	return recording.Row{}, recording.ErrNotFound
}

func (*rows) OpenRecordings(context.Context) ([]recording.Row, error) { return nil, nil }

func (*rows) LogAccess(context.Context, recording.Access) error { return nil }

func (r *rows) stored() (whole int, dropped uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range r.final {
		if row.State == recording.StateStored {
			whole++
		}
		dropped += row.Dropped
	}
	return whole, dropped
}

// engine runs one with legs, and joins them. tap makes the tap of a call.
func (w bridged) engine(b *testing.B, phones []int, tap func() media.Tap) ([]int, func()) {
	b.Helper()
	cfg := config(b, 2*len(phones))
	cfg.Listen = w.listen
	e, err := media.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = e.Run(ctx) })
	ports := make([]int, len(phones))
	legs := make([]*media.Leg, len(phones))
	for i, p := range phones {
		codec := "8"
		if i%2 == 1 && w.oddCodec != "" {
			codec = w.oddCodec
		}
		l, err := e.NewLeg(media.LegOptions{ID: "l", Peer: loopback})
		if err != nil {
			b.Fatal(err)
		}
		answer, err := l.Answer(b.Context(), fmt.Appendf(nil,
			"v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n", p, codec))
		if err != nil {
			b.Fatal(err)
		}
		legs[i], ports[i] = l, portOf(b, answer)
		if codec == "0" {
			ports[i] += 1 << 16 // tells the driver
		}
	}
	var bridges []*media.Bridge
	for i := 0; i < len(legs); i += 2 {
		if w.music {
			legs[i].Music(true)
			legs[i+1].Music(true)
			continue
		}
		bridges = append(bridges, media.NewBridge(legs[i], legs[i+1], tap(), nil))
	}
	return ports, func() {
		for _, br := range bridges {
			br.Close()
		}
		for _, l := range legs {
			l.Close()
		}
		end()
		run.Wait()
	}
}

// config is that of an engine with a range of ports of its own and no prompts.
func config(b *testing.B, pairs int) media.Config {
	b.Helper()
	probe, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	first := probe.LocalAddr().(*net.UDPAddr).Port &^ 1
	_ = probe.Close()
	if first > 64000 {
		first -= 8000
	}
	return media.Config{
		FirstPort: first, LastPort: first + 2*pairs - 1,
		LocalAddr: func(netip.Addr) netip.Addr { return loopback },
		Prompt:    func(string, string) ([]int16, bool) { return nil, false },
		Music:     make([]int16, 8000),
		Shards:    1,
	}
}

// portOf returns the port of the audio line of a description.
func portOf(b *testing.B, sdp []byte) int {
	b.Helper()
	for line := range strings.SplitSeq(string(sdp), "\r\n") {
		var port int
		if n, _ := fmt.Sscanf(line, "m=audio %d", &port); n == 1 {
			return port
		}
	}
	b.Fatalf("no audio line in %q", sdp)
	return 0
}
