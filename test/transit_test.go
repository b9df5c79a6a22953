//go:build e2e

package test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stampMark stands before the time of sending in a stamped packet.
var stampMark = []byte("SENT AT ")

// stamp writes the time into the first octets of an RTP packet's payload. A
// relay between two of the same law carries them unchanged.
func stamp(packet []byte) {
	n := 12 + copy(packet[12:], stampMark)
	binary.BigEndian.PutUint64(packet[n:], uint64(time.Now().UnixNano()))
}

// transits is how long stamped packets were on their way: from the sender's
// stamp until the kernel of the receiver had them, so that the tests' own
// scheduling is not in it. Safe for several phones at once.
type transits struct {
	mu    sync.Mutex
	all   []time.Duration
	first time.Time // when the first since the last take arrived
}

// watch has a phone note its packets; before it is called. Fails the test when
// the kernel stamps nothing.
func (tr *transits) watch(p *phone) {
	p.t.Helper()
	raw, err := p.rtp.SyscallConn()
	if err == nil {
		var refused error
		err = raw.Control(func(fd uintptr) {
			refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		})
		err = errors.Join(err, refused)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	p.transits = tr
	p.mu.Unlock()
}

// note takes a packet with its ancillary data; nothing happens on nil.
func (tr *transits) note(packet, oob []byte) {
	if tr == nil || len(packet) < 28 || !bytes.Equal(packet[12:20], stampMark) {
		return
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_SOCKET || m.Header.Type != unix.SCM_TIMESTAMPNS || len(m.Data) < int(unsafe.Sizeof(unix.Timespec{})) {
			continue
		}
		// struct timespec of the kernel, two words in the machine's order.
		arrived := int64(binary.NativeEndian.Uint64(m.Data))*int64(time.Second) + int64(binary.NativeEndian.Uint64(m.Data[8:]))
		tr.mu.Lock()
		if len(tr.all) == 0 {
			tr.first = time.Unix(0, arrived)
		}
		tr.all = append(tr.all, time.Duration(arrived-int64(binary.BigEndian.Uint64(packet[20:]))))
		tr.mu.Unlock()
	}
}

// began returns when the first packet since the last take arrived, zero before.
func (tr *transits) began() time.Time {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if len(tr.all) == 0 {
		return time.Time{}
	}
	return tr.first
}

// take returns what was noted since the last take, shortest first.
func (tr *transits) take() []time.Duration {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	all := tr.all
	tr.all = nil
	slices.Sort(all)
	return all
}

// share is the value that so many of a sorted list do not exceed.
func share(sorted []time.Duration, part float64) time.Duration {
	return sorted[int(part*float64(len(sorted)-1))].Round(10 * time.Microsecond)
}

// hurry sends a stamped packet each millisecond for 100 ms, so that who hears
// them knows when he could be heard.
func (p *phone) hurry(d *dialog) {
	packet := rtpPacket(0, true, 0, 0, 160)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range 100 {
		packet[3] = byte(i)
		stamp(packet)
		_, _ = p.rtp.WriteToUDP(packet, d.media)
		<-tick.C
	}
}
