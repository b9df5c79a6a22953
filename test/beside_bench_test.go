//go:build e2e && verify

package test

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestBenchCallsBesideChats has 50 recorded calls talk while 300 conversations
// go on, each with a message every three seconds, and says how long the voice's
// packets are on their way through the server, without the chats and with them.
func TestBenchCallsBesideChats(t *testing.T) {
	const calls, chats, alone, together = 50, 300, 20 * time.Second, 30
	s := startServer(t, fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", calls), "PICKUP_RECORDING_NOTICE=false",
		"PICKUP_CHAT_OPEN_RATE=100000", "PICKUP_CHAT_OPEN_BURST=1000", "PICKUP_CHAT_MAX_SOCKETS=1000")
	var way transits
	for i := range calls {
		a := newPhone(t, fmt.Sprint(1001+i), s.sip)
		a.deaf, a.stamped = true, true
		way.watch(a)
		a.register("demo-" + a.user)
	}
	s.agents(calls, "ready")
	for i := range calls {
		p := newPhone(t, fmt.Sprintf("p%d", i), s.sip)
		p.deaf, p.stamped = true, true
		way.watch(p)
		if _, err := p.dial("support"); err != nil {
			t.Fatal(err)
		}
	}
	s.inState(calls, "talking")
	rest(t, "the set-up is stored", 8*time.Second)

	way.take()
	rest(t, "the calls alone", alone)
	before := way.take()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var messages []time.Duration
	for n := range chats {
		wg.Go(func() {
			took, err := talkFor(s.http, n, together)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			messages = append(messages, took...)
			mu.Unlock()
		})
	}
	wg.Wait()
	beside := way.take()

	if want := 2 * calls * 50 * int(alone.Seconds()) * 9 / 10; len(before) < want || len(beside) < want {
		t.Fatalf("%d and %d packets came through, want %d at least: the figures would say nothing", len(before), len(beside), want)
	}
	for name, all := range map[string][]time.Duration{"alone": before, "beside the chats": beside} {
		t.Logf("%d calls %s, %d packets: p50 %s, p99 %s, p99.9 %s, longest %s",
			calls, name, len(all), share(all, .5), share(all, .99), share(all, .999), share(all, 1))
	}
	t.Logf("%d chats wrote %d messages", chats, len(messages))
	s.inState(calls, "talking")
	if got := share(beside, .99); got >= 5*time.Millisecond {
		t.Errorf("beside %d chats the way through the server takes %s at p99, want below 5 ms", chats, got)
	}
}
