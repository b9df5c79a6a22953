package recording_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pickup/recording"
)

func TestClicksMadeAtOnceLieTogether(t *testing.T) {
	for name, c := range map[string]struct {
		playerPtime, agentPtime int // samples
		jitter                  time.Duration
	}{
		"on a quiet network":            {160, 160, 0},
		"with jitter of 40 ms":          {160, 160, 40 * time.Millisecond},
		"with packets of other lengths": {160, 320, 0},
		"with both":                     {80, 480, 30 * time.Millisecond},
		"with packets of 60 ms, jitter": {480, 480, 60 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			player := &voice{law: 8, side: 0, click: 24000, timestamp: 99}
			agent := &voice{law: 0, side: 1, click: 24000, timestamp: 1 << 31}
			feed := func(r *recording.Recording, _ int, at time.Duration) {
				for _, v := range []*voice{player, agent} {
					n := c.playerPtime
					if v == agent {
						n = c.agentPtime
					}
					// All that was said until now has left, each packet on its own way.
					for v.sample+int64(n) <= int64((at-7*time.Hour)/(125*time.Microsecond)) {
						late := time.Duration(0)
						if c.jitter > 0 {
							late = time.Duration(random.Int64N(int64(c.jitter)))
						}
						left := 7*time.Hour + time.Duration(v.sample+int64(n))*125*time.Microsecond
						v.send(r, left+late, n)
					}
				}
			}
			row, left, right := talk(t, 5*time.Second, feed)
			l, r := peak(left), peak(right)
			if l < 0 || r < 0 || max(l-r, r-l) > 160 || max(l-24000, 24000-l) > 320 {
				t.Errorf("clicks at %d and %d samples, want both near 24000", l, r)
			}
			if row.Duration != 5*time.Second || row.Dropped != 0 {
				t.Errorf("got %+v, want 5 s without loss", row)
			}
		})
	}
}

// Two phones whose clocks run apart by 800 ppm, far more than phones do: 96 ms
// after two minutes without correction. Clicks at the end still lie together.
func TestClocksThatDriftStayTogether(t *testing.T) {
	const minutes = 2
	at := func(ppm float64, sample int64) time.Duration {
		return time.Duration(float64(sample) * 125000 * (1 + ppm/1e6))
	}
	const click = minutes*60*8000 - 16000
	ppm := [2]float64{400, -400}
	var voices [2]*voice
	for side := range voices {
		// The click is made at one real moment: another sample of each clock.
		voices[side] = &voice{law: 8, side: side, click: int64(float64(click) / (1 + ppm[side]/1e6)), sequence: 7}
	}
	_, left, right := talk(t, minutes*time.Minute, func(r *recording.Recording, _ int, now time.Duration) {
		for side, v := range voices {
			for at(ppm[side], v.sample+160) <= now-7*time.Hour {
				v.send(r, 7*time.Hour+at(ppm[side], v.sample+160), 160)
			}
		}
	})
	l, r := peak(left), peak(right)
	if l < 0 || r < 0 || max(l-r, r-l) > 160 {
		t.Errorf("clicks at %d and %d samples, want them within 20 ms", l, r)
	}
}

func TestWhatTheNetworkDoes(t *testing.T) {
	type phone struct {
		*voice
		r    *recording.Recording
		held []func()
	}
	for name, c := range map[string]struct {
		feed    func(p *phone, i int, at time.Duration)
		share   float64 // of the frames in which the tone is heard, at least
		dropped uint64
	}{
		"packets that change places": {func(p *phone, i int, at time.Duration) {
			v := *p.voice
			p.skip(160)
			if i%10 == 3 {
				p.held = append(p.held, func() { v.send(p.r, at+30*time.Millisecond, 160) })
				return
			}
			v.send(p.r, at, 160)
			for _, f := range p.held {
				f()
			}
			p.held = nil
		}, 1, 0},
		"packets that come twice": {func(p *phone, _ int, at time.Duration) {
			v := *p.voice
			v.send(p.r, at, 160)
			p.send(p.r, at, 160)
		}, 1, 0},
		"a packet of fifty is lost": {func(p *phone, i int, at time.Duration) {
			if i%50 == 7 {
				p.skip(160)
				return
			}
			p.send(p.r, at, 160)
		}, 0.85, 0},
		"the stream begins anew with other numbers": {func(p *phone, i int, at time.Duration) {
			if i == 100 {
				p.sequence, p.timestamp = 4000, 1<<31+5
			}
			p.send(p.r, at, 160)
		}, 0.97, 0},
		"a pause that the timestamps do not know": {func(p *phone, i int, at time.Duration) {
			if i < 100 || i >= 125 {
				p.send(p.r, at, 160)
			}
		}, 0.85, 0},
		"a phone that says nothing for a while": {func(p *phone, i int, at time.Duration) {
			if i >= 100 && i < 125 {
				p.timestamp += 160
				p.sample += 160
				return
			}
			p.send(p.r, at, 160)
		}, 0.85, 0},
		"the network holds 160 ms and sends them at once": {func(p *phone, i int, at time.Duration) {
			if i >= 100 && i < 108 {
				v := *p.voice
				p.skip(160)
				p.held = append(p.held, func() { v.send(p.r, at+time.Duration(108-i)*20*time.Millisecond, 160) })
				return
			}
			for _, f := range p.held {
				f()
			}
			p.held = nil
			p.send(p.r, at, 160)
		}, 0.97, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := &phone{voice: &voice{law: 8, side: 0, hz: 440, timestamp: 1<<32 - 9000, sequence: 65000}}
			row, left, right := talk(t, 5*time.Second, func(r *recording.Recording, i int, at time.Duration) {
				p.r = r
				c.feed(p, i, at)
			})
			share, _ := heard(left, 440, 1100)
			if share < c.share {
				t.Errorf("heard in %.3f of the frames, want %.3f", share, c.share)
			}
			if row.State != recording.StateStored || row.Duration != 5*time.Second || row.Dropped > 12 {
				t.Errorf("got %+v", row)
			}
			if len(right) != len(left) || peak(right) >= 0 {
				t.Errorf("the other side is not silent")
			}
		})
	}
}

func TestPauseIsSilence(t *testing.T) {
	player := &voice{law: 8, side: 0, hz: 440}
	row, left, _ := talk(t, 6*time.Second, func(r *recording.Recording, i int, at time.Duration) {
		player.send(r, at, 160)
		switch i {
		case 99:
			r.Pause(true)
			r.Pause(true)
		case 199:
			r.Pause(false)
		}
	})
	for i, x := range left[16000:32000] {
		if x != 0 {
			t.Fatalf("sample %d of the pause is %d", i, x)
		}
	}
	if before, _ := heard(left[:15200], 440, 1100); before < 1 {
		t.Errorf("before the pause: heard in %v", before)
	}
	if after, _ := heard(left[32800:], 440, 1100); after < 1 {
		t.Errorf("after the pause: heard in %v", after)
	}
	if row.Duration != 6*time.Second {
		t.Errorf("got %v, want 6 s: a pause takes no time away", row.Duration)
	}
}

func TestPausesStandInTheSidecar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, recording.Config{}, newStore())
		defer s.close()
		r := s.Start(recording.StartInfo{CallID: "c"})
		time.Sleep(time.Second)
		r.Pause(true)
		time.Sleep(time.Second)
		row := r.Stop(t.Context())
		text, err := os.ReadFile(filepath.Join(s.dir, strings.TrimSuffix(row.Path, ".wav")+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var side struct {
			Pauses []struct {
				From int `json:"from_ms"`
				To   int `json:"to_ms"`
			}
		}
		if err := json.Unmarshal(text, &side); err != nil || len(side.Pauses) != 1 || side.Pauses[0].From != 1000 || side.Pauses[0].To != 2000 {
			t.Errorf("got %+v, %v, want 1000 to 2000", side, err)
		}
	})
}
