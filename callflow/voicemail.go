package callflow

import (
	"context"
	"encoding/binary"
	"io"
	"sync/atomic"
	"time"

	"pickup/internal/g711"
	"pickup/internal/logkey"
	"pickup/media"
	"pickup/recording"
)

// ear listens to what a player says for a message, on its way to the recorder.
// Packet belongs to the media path; the other methods may be called from any
// goroutine.
type ear struct {
	tape   *recording.Recording
	begun  time.Time
	last   atomic.Int64 // when something was said, ns since begun
	spoken atomic.Int64 // ns of speech
	floor  [320]int16   // scratch of the media path
}

// speechLevel is the mean level above which 20 ms count as speech: about -40 dBFS.
const speechLevel = 330

func newEar(tape *recording.Recording) *ear { return &ear{tape: tape, begun: time.Now()} }

// Packet implements media.Tap.
func (e *ear) Packet(side int, law uint8, sequence uint16, timestamp uint32, at time.Duration, payload []byte) {
	e.tape.Packet(side, law, sequence, timestamp, at, payload)
	if media.Side(side) != media.Player {
		return
	}
	n := g711.Decode(law, e.floor[:], payload)
	if n == 0 {
		return
	}
	sum := 0
	for _, s := range e.floor[:n] {
		sum += max(int(s), -int(s))
	}
	if sum/n >= speechLevel {
		e.last.Store(int64(time.Since(e.begun)))
		e.spoken.Add(int64(n) * int64(time.Second) / 8000)
	}
}

// quiet is how long nothing was said, and how much was.
func (e *ear) quiet() quiet {
	return quiet{since: time.Since(e.begun) - time.Duration(e.last.Load()), spoken: time.Duration(e.spoken.Load())}
}

// doMessage does what concerns a message that is left.
func (s *Session) doMessage(e effect) bool {
	switch e := e.(type) {
	case openMessage:
		s.openMessage()
	case closeMessage:
		s.answer(messageOver{s.closeMessage()})
	case dropMessage:
		if s.ear != nil {
			tape := s.ear.tape
			s.tape, s.ear = nil, nil
			s.mgr.aside(func(ctx context.Context) { s.mgr.recorder.Discard(ctx, tape) })
		}
	case hearMessage:
		s.hearMessage(e.token)
	case askQuiet:
		if s.ear != nil {
			s.answer(s.ear.quiet())
		}
	default:
		return false
	}
	return true
}

// openMessage plays the tone and records the player from then on. A draft of
// before ends; it was discarded.
func (s *Session) openMessage() {
	s.disconnect()
	if s.player == nil {
		return
	}
	if s.tape != nil { // of a talk before
		s.tape.End()
	}
	s.player.Media().Tone()
	s.tape = s.mgr.recorder.Start(recording.StartInfo{
		CallID: s.id, Queue: s.m.rec.Queue, At: time.Now(), Kind: recording.KindVoicemail,
	})
	s.ear = newEar(s.tape)
	s.conf = media.NewConference(s.ear, nil)
	s.conf.Join(s.player.Media(), media.Player, media.RoleHeld)
	s.answer(messageOpen{string(s.tape.ID())})
}

// closeMessage ends the recording of a message and returns how much was said.
func (s *Session) closeMessage() time.Duration {
	if s.ear == nil {
		return 0
	}
	s.disconnect()
	spoken := s.ear.quiet().spoken
	if spoken < messageLeast {
		s.ear.tape.Discard()
	}
	s.ear.tape.End()
	return spoken
}

// hearMessage plays the message to who left it, as it was stored.
func (s *Session) hearMessage(token string) {
	if s.tape == nil || s.player == nil {
		return
	}
	tape, leg := s.tape, s.player.Media()
	s.mgr.aside(func(ctx context.Context) {
		row := tape.Stop(ctx)
		pcm, err := s.mgr.spoken(ctx, row.ID)
		if err != nil {
			s.log.Error("message cannot be heard", logkey.Recording, string(row.ID), logkey.Err, err)
		}
		leg.PlayPCM(token, pcm)
	})
}

// wavHead is the size of the header of our recordings.
const wavHead = 44

// spoken returns the left channel of a recording that is closed.
func (m *Manager) spoken(ctx context.Context, id recording.ID) ([]int16, error) {
	file, _, err := m.recorder.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // read only
	if _, err := file.Seek(wavHead, io.SeekStart); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	pcm := make([]int16, len(data)/4)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(data[4*i:]))
	}
	return pcm, nil
}
