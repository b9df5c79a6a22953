package recording_test

import (
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	goaudio "github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"pickup/recording"
)

func TestPacketDoesNotAllocate(t *testing.T) {
	r, err := recording.New(recording.Config{Dir: t.TempDir()}, newStore(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	rec := r.Start(recording.StartInfo{}) // nobody empties the rings: full and not full are seen
	payload := make([]byte, 160)
	if got := testing.AllocsPerRun(1000, func() { rec.Packet(0, 8, 1, 1, time.Second, payload) }); got != 0 {
		t.Errorf("%v allocations a packet, want 0", got)
	}
}

// A recording that runs allocates nothing, its writer included.
func TestRunningRecordingDoesNotAllocate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, recording.Config{}, newStore())
		defer s.close()
		started := time.Now()
		r := s.Start(recording.StartInfo{})
		payload := make([]byte, 160)
		var sequence uint16
		second := func() {
			for range 50 {
				time.Sleep(20 * time.Millisecond)
				for side := range 2 {
					r.Packet(side, 0, sequence, uint32(sequence)*160, time.Since(started), payload)
				}
				sequence++
			}
		}
		second() // the file is made
		least := math.Inf(1)
		for range 3 { // what other tests leave behind is not ours
			least = min(least, testing.AllocsPerRun(5, second))
		}
		if least >= 1 {
			t.Errorf("%v allocations a second, want none", least)
		}
		if row := r.Stop(t.Context()); row.State != recording.StateStored {
			t.Errorf("got %+v, want a stored recording", row)
		}
	})
}

// What a packet costs the media path while its ring has room: a recording
// takes 64 packets and is then replaced by a fresh one, off the clock.
func BenchmarkPacket(b *testing.B) {
	r, err := recording.New(recording.Config{Dir: b.TempDir()}, newStore(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	payload := make([]byte, 160)
	b.ReportAllocs()
	var rec *recording.Recording
	var i uint32
	for b.Loop() {
		if i%64 == 0 {
			b.StopTimer()
			if i%4096 == 0 { // the Recorder holds what it was asked to start
				r, _ = recording.New(recording.Config{Dir: b.TempDir()}, newStore(), slog.New(slog.DiscardHandler))
			}
			rec = r.Start(recording.StartInfo{})
			b.StartTimer()
		}
		rec.Packet(0, 8, uint16(i), i*160, time.Duration(i)*20*time.Millisecond, payload)
		i++
	}
}

// The encoder that is not used: the same 20 ms of stereo.
func BenchmarkGoAudioEncoder(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "x.wav"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	e := wav.NewEncoder(f, 8000, 16, 2, 1)
	buffer := &goaudio.IntBuffer{Format: &goaudio.Format{NumChannels: 2, SampleRate: 8000}, Data: make([]int, 320), SourceBitDepth: 16}
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Write(buffer); err != nil {
			b.Fatal(err)
		}
	}
}
