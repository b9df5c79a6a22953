package media_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"pickup/internal/g711"
	"pickup/media"
)

// speaker is a phone on the network in memory that says one tone and keeps what
// it hears.
type speaker struct {
	*memoryPhone
	leg   *media.Leg
	hz    float64
	stamp uint32

	mu     sync.Mutex
	heard  []int16
	last   packet
	begun  bool
	gaps   int // steps of sequence or timestamp that no listener expects
	events int
}

// speakers are n phones with tones of 300, 500, 700 ... Hz that talk until stop.
func speakers(t *testing.T, e *media.Engine, net *media.MemoryNet, n int) (all []*speaker, stop func()) {
	t.Helper()
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		at := fmt.Sprintf("127.0.0.1:%d", 4000+2*i)
		s := &speaker{memoryPhone: newMemoryPhone(t, net, at), hz: 300 + 200*float64(i)}
		s.leg = newLeg(t, e)
		answer, err := s.leg.Answer(t.Context(), offerOf(at))
		if err != nil {
			t.Fatal(err)
		}
		s.to = netip.AddrPortFrom(loopback, uint16(portOf(t, answer)))
		all = append(all, s)
		wg.Go(s.listen)
		wg.Go(func() {
			ticker := time.NewTicker(20 * time.Millisecond)
			defer ticker.Stop()
			for {
				select {
				case <-done:
					return
				case <-ticker.C:
					s.say()
				}
			}
		})
	}
	return all, func() {
		close(done)
		for _, s := range all {
			_ = s.Close()
		}
		wg.Wait()
	}
}

func (s *speaker) say() {
	s.seq++
	p := make([]byte, 172)
	p[0], p[1], p[2], p[3] = 0x80, 8, byte(s.seq>>8), byte(s.seq)
	p[4], p[5], p[6], p[7] = byte(s.stamp>>24), byte(s.stamp>>16), byte(s.stamp>>8), byte(s.stamp)
	p[11] = byte(s.hz / 100)
	pcm := tone(s.hz, int(s.stamp)+160)[s.stamp:]
	g711.Encode(g711.PCMA, p[12:], pcm)
	s.stamp += 160
	_ = s.Write(p, s.to)
}

func (s *speaker) listen() {
	batch := []media.Datagram{{Buf: make([]byte, 1500)}}
	for {
		n, err := s.ReadBatch(batch)
		if err != nil {
			return
		}
		for _, d := range batch[:n] {
			s.hear(d.Buf[:d.N])
		}
	}
}

func (s *speaker) hear(b []byte) {
	if len(b) < 12 || b[1] >= 192 && b[1] <= 223 {
		return
	}
	p := readPacket(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.pt != 8 {
		s.events++
		return
	}
	if s.begun && (p.seq != s.last.seq+1 || p.stamp-s.last.stamp > 1600 || p.ssrc != s.last.ssrc) {
		s.gaps++
	}
	s.begun, s.last = true, p
	pcm := make([]int16, len(p.payload))
	g711.Decode(g711.PCMA, pcm, p.payload)
	s.heard = append(s.heard, pcm...)
}

// hears is the power of a tone of 8000 that a speaker hears in the next second, in
// shares of its own level.
func hears(all []*speaker, who, whom int) float64 {
	s := all[who]
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heard) < 8000 {
		return 0
	}
	pcm := s.heard[len(s.heard)-8000:]
	var energy float64
	for _, v := range pcm {
		energy += float64(v) * float64(v)
	}
	return power(pcm, all[whom].hz) * energy / (8000.0 * 8000 / 2 * 8000)
}

// matrix says who hears whom, a row for each listener: x hears, . does not.
func matrix(all []*speaker) string {
	out := ""
	for i := range all {
		for k := range all {
			switch h := hears(all, i, k); {
			case h > 0.8 && h < 1.25:
				out += "x"
			case h < 0.002:
				out += "."
			default:
				out += fmt.Sprintf("[%.3f]", h)
			}
		}
		out += " "
	}
	return out
}

func TestWhoHearsWhomInAConference(t *testing.T) {
	const (
		talk, muted, listens, whispers, held = media.RoleTalk, media.RoleMuted, media.RoleListen, media.RoleWhisper, media.RoleHeld
	)
	for name, c := range map[string]struct {
		sides []media.Side
		roles []media.Role
		want  string
		tap   [2]string // tones on the sides of the tap
	}{
		"three talk":            {[]media.Side{0, 1, 1}, []media.Role{talk, talk, talk}, ".xx x.x xx. ", [2]string{"x..", ".xx"}},
		"one is muted":          {[]media.Side{0, 1, 1}, []media.Role{talk, muted, talk}, "..x x.x x.. ", [2]string{"x..", "..x"}},
		"a supervisor listens":  {[]media.Side{0, 1, 1}, []media.Role{talk, talk, listens}, ".x. x.. xx. ", [2]string{"x..", ".x."}},
		"a supervisor whispers": {[]media.Side{0, 1, 1}, []media.Role{talk, talk, whispers}, ".x. x.x xx. ", [2]string{"x..", ".x."}},
		"the player is held":    {[]media.Side{0, 1, 1}, []media.Role{held, talk, talk}, "... ..x .x. ", [2]string{"x..", ".xx"}},
		"whisper and listen":    {[]media.Side{0, 1, 1, 1}, []media.Role{talk, talk, whispers, listens}, ".x.. x.x. xx.. xx.. ", [2]string{"x...", ".x.."}},
		"ten talk": {
			[]media.Side{0, 1, 1, 1, 1, 1, 1, 1, 1, 1},
			[]media.Role{talk, talk, muted, muted, muted, muted, muted, muted, muted, muted},
			".x........ x......... xx........ xx........ xx........ xx........ xx........ xx........ xx........ xx........ ",
			[2]string{"x.........", ".x........"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T, e *media.Engine, n *media.MemoryNet) {
				all, stop := speakers(t, e, n, len(c.roles))
				tap := &recordTap{}
				conf := media.NewConference(tap, nil)
				for i, s := range all {
					conf.Join(s.leg, c.sides[i], c.roles[i])
				}
				time.Sleep(3 * time.Second)
				if got := matrix(all); got != c.want {
					t.Errorf("who hears whom: got %q, want %q", got, c.want)
				}
				conf.Close()
				count := tap.count()
				time.Sleep(time.Second)
				if tap.count() != count {
					t.Error("the tap hears after Close")
				}
				for side, want := range c.tap {
					pcm := tap.pcm[side]
					pcm = pcm[len(pcm)-8000:]
					got := ""
					for _, s := range all {
						if power(pcm, s.hz) > 0.2 {
							got += "x"
						} else {
							got += "."
						}
					}
					if got != want {
						t.Errorf("side %d of the tap: got %q, want %q", side, got, want)
					}
				}
				stop()
			})
		})
	}
}

// A talk that becomes a conference and a talk again is one stream for each phone.
func TestBridgeToConferenceAndBack(t *testing.T) {
	virtual(t, func(t *testing.T, e *media.Engine, n *media.MemoryNet) {
		all, stop := speakers(t, e, n, 3)
		b := media.NewBridge(all[0].leg, all[1].leg, nil, nil)
		time.Sleep(2 * time.Second)
		if got := matrix(all[:2]); got != ".x x. " {
			t.Errorf("bridge: %q", got)
		}
		conf := media.NewConference(nil, nil)
		for i, s := range all {
			conf.Join(s.leg, media.Side(min(i, 1)), media.RoleTalk)
		}
		b.Close()
		time.Sleep(2 * time.Second)
		if got := matrix(all); got != ".xx x.x xx. " {
			t.Errorf("conference: %q", got)
		}
		b = media.NewBridge(all[0].leg, all[1].leg, nil, nil)
		conf.Close()
		time.Sleep(2 * time.Second)
		if got := matrix(all); got != ".x. x.. ... " {
			t.Errorf("bridge again: %q", got)
		}
		b.Close()
		stop()
		for i, s := range all {
			if s.gaps > 0 {
				t.Errorf("phone %d heard %d jumps of its stream", i, s.gaps)
			}
		}
	})
}

func TestRolesChangeAndMembersLeave(t *testing.T) {
	virtual(t, func(t *testing.T, e *media.Engine, n *media.MemoryNet) {
		all, stop := speakers(t, e, n, 3)
		conf := media.NewConference(nil, nil)
		var members []*media.Member
		for i, s := range all {
			members = append(members, conf.Join(s.leg, media.Side(min(i, 1)), media.RoleTalk))
		}
		time.Sleep(2 * time.Second)
		members[2].Set(media.RoleWhisper)
		time.Sleep(2 * time.Second)
		if got := matrix(all); got != ".x. x.x xx. " {
			t.Errorf("whisper: %q", got)
		}
		members[1].Leave()
		members[1].Leave()
		members[2].Set(media.RoleTalk)
		time.Sleep(2 * time.Second)
		if got := matrix(all); got != "..x ... x.. " {
			t.Errorf("one left: %q", got)
		}
		conf.Close()
		conf.Close()
		late := conf.Join(all[1].leg, media.Agent, media.RoleTalk) // nobody is there
		late.Leave()
		stop()
	})
}

// Full level on all sides is clipped, not wrapped.
func TestSumOfLoudVoicesIsClipped(t *testing.T) {
	virtual(t, func(t *testing.T, e *media.Engine, n *media.MemoryNet) {
		all, stop := speakers(t, e, n, 8)
		conf := media.NewConference(nil, nil)
		for _, s := range all {
			conf.Join(s.leg, media.Agent, media.RoleTalk)
		}
		time.Sleep(2 * time.Second)
		s := all[0]
		s.mu.Lock()
		jumps := 0
		for i := 1; i < len(s.heard); i++ {
			if d := int(s.heard[i]) - int(s.heard[i-1]); d > 50_000 || d < -50_000 {
				jumps++
			}
		}
		s.mu.Unlock()
		if jumps > 0 {
			t.Errorf("%d samples wrap around", jumps)
		}
		conf.Close()
		stop()
	})
}
