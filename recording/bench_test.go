package recording_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
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
