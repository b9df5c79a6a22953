package media_test

import (
	"testing"
	"time"

	"pickup/internal/g711"
	"pickup/media"
)

// Each member of a conference is heard in the codec of each other one, and the
// tap has both sides.
func TestAConferenceOfDifferentCodecs(t *testing.T) {
	e := start(t, allCodecs(t, 8))
	law := newPhone(t, g711.PCMA)
	opus, g722 := newOpusPhone(t), newG722Phone(t)
	tap := &recordTap{}
	c := media.NewConference(tap, nil)
	defer c.Close()
	c.Join(connect(t, e, law), media.Player, media.RoleTalk)
	c.Join(opus.join(t, e), media.Agent, media.RoleTalk)
	c.Join(g722.join(t, e), media.Agent, media.RoleListen)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	one, two := tone(1000, 100*160), tone(2000, 100*160)
	for i := range 100 {
		law.send(one[i*160:][:160])
		opus.speak(two[i*160:][:160])
		g722.speak(make([]int16, 160))
		<-ticker.C
	}
	last := func(pcm []int16) []int16 { return pcm[max(0, len(pcm)-40*160):] }
	if p := power(last(heardWide(law.packets(), g711.PCMA)), 2000); p < 0.9 {
		t.Errorf("A-law hears %.3f of Opus", p)
	}
	if p := power(last(heardWide(opus.packets(), 111)), 1000); p < 0.9 {
		t.Errorf("Opus hears %.3f of A-law", p)
	}
	both := last(heardWide(g722.packets(), 9))
	if a, b := power(both, 1000), power(both, 2000); a < 0.35 || b < 0.35 {
		t.Errorf("who listens hears %.3f and %.3f", a, b)
	}
	c.Close()
	for side, hz := range []float64{1000, 2000} {
		if p := power(last(tap.pcm[side]), hz); p < 0.9 {
			t.Errorf("tap, side %d: %.3f", side, p)
		}
	}
}
