package callflow_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"testing/synctest"
	"time"

	"pickup/callflow"
	"pickup/internal/g711"
	"pickup/internal/hours"
	"pickup/queue"
	"pickup/recording"
	"pickup/store"
)

type callflowConfig = callflow.Config

// never are hours that do not come.
func never() *hours.Hours { return &hours.Hours{} }

// closedNow closes a queue for ever.
func closedNow(q *queue.QueueConfig) { q.Hours = never() }

// everyDay are hours from one minute of the day to another, in UTC.
func everyDay(from, to int) *hours.Hours {
	h := &hours.Hours{}
	for i := range h.Days {
		h.Days[i] = [][2]int{{from, to}}
	}
	return h
}

// recordings returns the rows of all recordings, the oldest first.
func (s *site) recordings() []recording.Row {
	s.t.Helper()
	synctest.Wait()
	all, _, err := s.ledger.Recordings(s.t.Context(), store.RecordingFilter{Page: store.Page{Limit: store.MaxLimit}})
	s.must(err)
	slices.SortFunc(all, func(a, b recording.Row) int { return a.StartedAt.Compare(b.StartedAt) })
	return all
}

// speak sends a tone from a player's phone for so long.
func (s *site) speak(l *line, d time.Duration) {
	s.t.Helper()
	phone, err := s.net.Listen(netip.MustParseAddrPort("127.0.0.1:40000"))
	s.must(err)
	defer func() { _ = phone.Close() }()
	_, rest, _ := bytes.Cut(l.answer, []byte("m=audio "))
	port, _, _ := bytes.Cut(rest, []byte(" "))
	to, err := netip.ParseAddrPort("127.0.0.1:" + string(port))
	s.must(err)
	frame := make([]int16, 160)
	for i := range frame {
		frame[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(i)/8000))
	}
	packet := make([]byte, 12+160)
	packet[0] = 0x80
	binary.BigEndian.PutUint32(packet[8:], uint32(l.begun.UnixNano()))
	g711.Encode(g711.PCMU, packet[12:], frame)
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		l.spoken++
		binary.BigEndian.PutUint16(packet[2:], uint16(l.spoken))
		binary.BigEndian.PutUint32(packet[4:], uint32(time.Since(l.begun)/time.Millisecond*8))
		s.must(phone.Write(packet, to))
	}
}
