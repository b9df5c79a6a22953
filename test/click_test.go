//go:build e2e

package test

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// TestClickOnBothSidesIsAligned: what both sides say at once lies within 20 ms
// on the recording.
func TestClickOnBothSidesIsAligned(t *testing.T) {
	s := startServer(t, "PICKUP_RECORDING_NOTICE=false")
	agent := newPhone(t, "1001", s.sip)
	agent.register("demo-1001")
	s.agents(1, "ready")
	player := newPhone(t, "alice", s.sip)
	d, err := player.dial("support")
	if err != nil {
		t.Fatal(err)
	}
	wait(t, 10*time.Second, "talking", func() (bool, string) {
		live := s.list("/api/v1/calls?state=live")
		return len(live) == 1 && live[0].str("state") == "talking", fmt.Sprint(live)
	})
	at := time.Now().Add(time.Second)
	for _, p := range []*phone{player, agent} {
		p.mu.Lock()
		p.clickAt = at
		p.mu.Unlock()
	}
	wait(t, 10*time.Second, "a second after the click", func() (bool, string) { return time.Since(at) > time.Second, "" })
	player.bye(d)
	ended := s.ended(1, 10*time.Second)[0]
	channels, rate := readWAV(t, s.audio(ended.str("recording_id")))
	var first [2]int
	for c := range first {
		first[c] = -1
		for i, v := range channels[c] {
			if math.Abs(v) > 0.3 {
				first[c] = i
				break
			}
		}
		if first[c] < 0 {
			t.Fatalf("no click on channel %d", c)
		}
	}
	apart := math.Abs(float64(first[0]-first[1])) * 1000 / float64(rate)
	t.Logf("clicks at %d and %d samples: %.1f ms apart", first[0], first[1], apart)
	if apart > 20 {
		t.Errorf("clicks are %.1f ms apart, want at most 20", apart)
	}
}

// TestKeyOneKeepsThePlace: a player who presses 1 while he waits is called back
// when an agent is free, presses 1 and talks.
func TestKeyOneKeepsThePlace(t *testing.T) {
	s := startServer(t)
	player := newPhone(t, "bob", s.sip)
	player.pressOne = true
	d, err := player.dial("support")
	if err != nil {
		t.Fatal(err)
	}
	wait(t, 10*time.Second, "waiting", func() (bool, string) {
		live := s.list("/api/v1/calls?state=live")
		return len(live) == 1 && live[0].str("state") == "waiting", fmt.Sprint(live)
	})
	player.press(d, 1)
	select {
	case <-d.hungUp:
	case <-time.After(20 * time.Second):
		t.Fatal("not hung up after the confirmation")
	}
	if got := s.ended(1, 5*time.Second)[0].str("end_reason"); got != "callback_requested" {
		t.Errorf("end_reason: got %s, want callback_requested", got)
	}
	agent := newPhone(t, "1001", s.sip)
	agent.register("demo-1001")
	wait(t, 40*time.Second, "the called-back player talks", func() (bool, string) {
		live := s.list("/api/v1/calls?state=live")
		return len(live) == 1 && live[0].str("state") == "talking", fmt.Sprint(live)
	})
	talking := time.Now()
	wait(t, 10*time.Second, "a talk that is no mis-click", func() (bool, string) { return time.Since(talking) > 2500*time.Millisecond, "" })
	agent.hangUpOlderThan(-time.Minute)
	wait(t, 10*time.Second, "the callback is done", func() (bool, string) {
		all := s.list("/api/v1/callbacks")
		return len(all) == 1 && all[0].str("state") == "done", fmt.Sprint(all)
	})
	if got := len(player.calls()); got != 1 {
		t.Errorf("the player was dialled %d times, want once", got)
	}
}
