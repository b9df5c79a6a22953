package media_test

import (
	"testing"

	"pickup/internal/g711"
	"pickup/media"
)

// checkContinuous asserts one SSRC, sequence numbers without a gap, timestamps
// that never go back nor overlap, and a marker on the first packet.
func checkContinuous(t *testing.T, got []packet) {
	t.Helper()
	if len(got) == 0 {
		t.Fatal("no packet")
	}
	if !got[0].marker {
		t.Error("no marker on the first packet")
	}
	for i, p := range got[1:] {
		last := got[i]
		if p.ssrc != last.ssrc {
			t.Fatalf("packet %d: SSRC %#x after %#x", i+1, p.ssrc, last.ssrc)
		}
		if p.seq != last.seq+1 {
			t.Fatalf("packet %d: sequence %d after %d", i+1, p.seq, last.seq)
		}
		if p.pt >= 96 || last.pt >= 96 { // events share a timestamp
			continue
		}
		if step := int32(p.stamp - last.stamp); step < int32(len(last.payload)) {
			t.Fatalf("packet %d: timestamp moves by %d", i+1, step)
		}
	}
}

func TestOneStreamWhateverSpeaks(t *testing.T) {
	e := start(t, config(t, 8))
	player, agent := newPhone(t, g711.PCMA), newPhone(t, g711.PCMU)
	lp, la := connect(t, e, player), connect(t, e, agent)
	told := listen(lp)

	lp.Music(true)
	eventually(t, "music", func() bool { return power(player.heard(20), 700) > 0.9 })
	lp.Play("a", "en", "short", "short")
	eventually(t, "prompt", func() bool { return len(told.of(media.EventPlayed)) == 1 })
	lp.Tone()
	n := len(player.packets())
	eventually(t, "tone and music", func() bool { return len(player.packets()) > n+15 })

	bridge := media.NewBridge(lp, la, nil, nil)
	talk(t, 20, player, agent)
	lp.SendDTMF('5')
	eventually(t, "key", func() bool { return countType(player.packets(), 101) == 10 })
	talkPaced(t, 10, player, agent)
	bridge.Hold(true)
	n = len(player.packets())
	eventually(t, "music on hold", func() bool { return len(player.packets()) > n+10 })
	bridge.Hold(false)
	talkPaced(t, 10, player, agent)
	lp.Play("b", "en", "short")
	eventually(t, "second prompt", func() bool { return len(told.of(media.EventPlayed)) == 2 })
	bridge.Close()
	n = len(player.packets())
	eventually(t, "music again", func() bool { return len(player.packets()) > n+10 })

	checkContinuous(t, player.packets())
	markers := 0
	for _, p := range player.packets() {
		if p.marker {
			markers++
		}
	}
	if markers < 8 || markers > 14 {
		t.Errorf("%d markers", markers)
	}
	if q := lp.Quality(); q.PacketsOut != uint64(len(player.packets())) {
		t.Errorf("counted %d packets out, %d came", q.PacketsOut, len(player.packets()))
	}
}

// talkPaced is talk for a leg whose own sounds may suppress some frames.
func talkPaced(t *testing.T, n int, player, agent *phone) {
	t.Helper()
	for range n {
		before := len(player.packets())
		eventually(t, "frame relayed", func() bool {
			player.send(make([]int16, 160))
			agent.send(make([]int16, 160))
			return len(player.packets()) > before
		})
	}
}

func countType(got []packet, pt uint8) int {
	n := 0
	for _, p := range got {
		if p.pt == pt {
			n++
		}
	}
	return n
}
