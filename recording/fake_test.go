package recording_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-audio/wav"

	"pickup/internal/g711"
	"pickup/recording"
)

var errStore = errors.New("store failed")

// store is a recording.Store in memory.
type store struct {
	mu   sync.Mutex
	rows map[recording.ID]recording.Row
	fail bool
}

func newStore(rows ...recording.Row) *store {
	s := &store{rows: map[recording.ID]recording.Row{}}
	for _, r := range rows {
		s.rows[r.ID] = r
	}
	return s
}

func (s *store) SaveRecording(_ context.Context, r recording.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		return errStore
	}
	s.rows[r.ID] = r
	return nil
}

func (s *store) Recording(_ context.Context, id recording.ID) (recording.Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows[id]
	if !ok {
		return r, recording.ErrNotFound
	}
	return r, nil
}

func (s *store) OpenRecordings(context.Context) ([]recording.Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []recording.Row
	for _, r := range s.rows {
		if r.State == recording.StateOpen {
			open = append(open, r)
		}
	}
	return open, nil
}

func (s *store) LogAccess(context.Context, recording.Access) error { return nil }

// studio is a running Recorder with its directory and store.
type studio struct {
	*recording.Recorder
	dir   string
	store *store
	close func() // ends Run and waits for it
}

func newStudio(t testing.TB, cfg recording.Config, st *store) studio {
	t.Helper()
	s := newStudioOn(t, cfg, st)
	s.store = st
	return s
}

// newStudioOn is newStudio on any store.
func newStudioOn(t testing.TB, cfg recording.Config, st recording.Store) studio {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Reserve == 0 {
		cfg.Reserve = 1 // the test's disk may be small
	}
	r, err := recording.New(cfg, st, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return studio{Recorder: r, dir: cfg.Dir, close: sync.OnceFunc(func() { end(); wg.Wait() })}
}

// voice is the packets of one phone: a tone, and a click where asked.
type voice struct {
	law       uint8
	side      int
	hz        float64
	sequence  uint16
	timestamp uint32
	sample    int64
	click     int64 // sample at which a click is heard; 0: none
}

// next returns the next n samples, encoded.
func (v *voice) next(n int) []byte {
	payload := make([]byte, n)
	for i := range payload {
		at := v.sample + int64(i)
		x := 8000 * math.Sin(2*math.Pi*v.hz*float64(at)/8000)
		if v.click > 0 {
			x = 0
			if at >= v.click && at < v.click+8 {
				x = 20000
			}
		}
		payload[i] = g711.EncodeSample(v.law, int16(x))
	}
	return payload
}

// send gives the next packet of n samples to the recording, as it came at at.
func (v *voice) send(r *recording.Recording, at time.Duration, n int) {
	r.Packet(v.side, v.law, v.sequence, v.timestamp, at, v.next(n))
	v.skip(n)
}

// skip loses the next packet.
func (v *voice) skip(n int) {
	v.sequence++
	v.timestamp += uint32(n)
	v.sample += int64(n)
}

// audio reads a file with somebody else's reader: it must be whole and ours.
func audio(t testing.TB, path string) (left, right []int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	d := wav.NewDecoder(f)
	if !d.IsValidFile() {
		t.Fatalf("%s is no valid WAV file: %v", filepath.Base(path), d.Err())
	}
	if d.SampleRate != 8000 || d.NumChans != 2 || d.BitDepth != 16 || d.WavAudioFormat != 1 {
		t.Fatalf("got %d Hz, %d channels, %d bits, format %d", d.SampleRate, d.NumChans, d.BitDepth, d.WavAudioFormat)
	}
	b, err := d.FullPCMBuffer()
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := f.Stat(); info.Size() != int64(44+2*len(b.Data)) {
		t.Fatalf("the file has %d bytes for %d samples", info.Size(), len(b.Data))
	}
	for i := 0; i+1 < len(b.Data); i += 2 {
		left, right = append(left, b.Data[i]), append(right, b.Data[i+1])
	}
	return left, right
}

// power is the amplitude of hz in samples (Goertzel).
func power(samples []int, hz float64) float64 {
	var re, im float64
	for i, x := range samples {
		a := 2 * math.Pi * hz * float64(i) / 8000
		re += float64(x) * math.Cos(a)
		im += float64(x) * math.Sin(a)
	}
	return 2 * math.Hypot(re, im) / float64(max(1, len(samples)))
}

// heard returns the share of the 100 ms frames in which hz is 10 times as
// loud as other, and the greatest amplitude of other in any frame.
func heard(samples []int, hz, other float64) (share, crosstalk float64) {
	n, good := 0, 0
	for ; len(samples) >= 800; samples = samples[800:] {
		n++
		mine, others := power(samples[:800], hz), power(samples[:800], other)
		if mine > 2000 && mine > 100*others {
			good++
		}
		crosstalk = max(crosstalk, others)
	}
	return float64(good) / float64(max(1, n)), crosstalk
}

// peak returns the position of the first loud sample, or -1.
func peak(samples []int) int {
	for i, x := range samples {
		if x > 10000 {
			return i
		}
	}
	return -1
}
