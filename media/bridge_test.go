package media_test

import (
	"sync"
	"testing"
	"time"

	"pickup/internal/g711"
	"pickup/media"
)

// tapped is a packet that a tap got.
type tapped struct {
	side  int
	law   uint8
	seq   uint16
	stamp uint32
	at    time.Duration
	n     int
}

// recordTap keeps what it hears.
type recordTap struct {
	mu  sync.Mutex
	got []tapped
	pcm [2][]int16
}

func (r *recordTap) Packet(side int, law uint8, seq uint16, stamp uint32, at time.Duration, payload []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, tapped{side, law, seq, stamp, at, len(payload)})
	s := make([]int16, len(payload))
	r.pcm[side] = append(r.pcm[side], s[:g711.Decode(law, s, payload)]...)
}

func (r *recordTap) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// talk sends n frames of a tone from each phone, as fast as the receiver takes
// them, in both directions by turns.
func talk(t *testing.T, n int, player, agent *phone) {
	t.Helper()
	a, b := tone(1000, n*160), tone(2000, n*160)
	for i := range n {
		before := len(player.packets())
		player.send(a[i*160 : (i+1)*160])
		agent.send(b[i*160 : (i+1)*160])
		eventually(t, "frame relayed", func() bool { return len(player.packets()) > before })
	}
}

func TestEachSideHearsTheOtherAcrossLaws(t *testing.T) {
	e := start(t, config(t, 8))
	player, agent := newPhone(t, g711.PCMA), newPhone(t, g711.PCMU)
	lp, la := connect(t, e, player), connect(t, e, agent)
	if lp.Codec() != "PCMA" || la.Codec() != "PCMU" {
		t.Fatalf("codecs %q and %q", lp.Codec(), la.Codec())
	}
	tap := &recordTap{}
	b := media.NewBridge(lp, la, tap, nil)
	talk(t, 60, player, agent)
	eventually(t, "all frames relayed", func() bool { return len(player.packets()) >= 60 && len(agent.packets()) >= 60 })

	if got := power(player.heard(50), 2000); got < 0.95 {
		t.Errorf("player hears %.3f of the agent's tone", got)
	}
	if got := power(agent.heard(50), 1000); got < 0.95 {
		t.Errorf("agent hears %.3f of the player's tone", got)
	}
	eventually(t, "tap complete", func() bool { return tap.count() == 120 })
	if got := power(tap.pcm[media.Player], 1000); got < 0.95 {
		t.Errorf("left holds %.3f of the player's tone", got)
	}
	if got := power(tap.pcm[media.Agent], 2000); got < 0.95 {
		t.Errorf("right holds %.3f of the agent's tone", got)
	}
	var last [2]time.Duration
	for _, p := range tap.got {
		if p.at < last[p.side] {
			t.Errorf("side %d: arrival %v after %v", p.side, p.at, last[p.side])
		}
		last[p.side] = p.at
		if want := []uint8{g711.PCMA, g711.PCMU}[p.side]; p.law != want || p.n != 160 {
			t.Errorf("side %d: law %d, %d bytes", p.side, p.law, p.n)
		}
	}

	b.Close()
	n := tap.count()
	talkOne(t, player, 10)
	if got := tap.count(); got != n {
		t.Errorf("tap heard %d packets after Close", got-n)
	}
}

// talkOne sends frames and waits until the leg's engine has read them, which
// the echo of nothing tells: a later key of the phone.
func talkOne(t *testing.T, p *phone, n int) {
	t.Helper()
	for range n {
		p.send(tone(1000, 160))
	}
}
