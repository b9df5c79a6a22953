//go:build e2e && verify

package test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestBenchChats has 300 conversations at once over sockets, each with a message
// every three seconds, and says how long a message takes until it is durable
// and acknowledged.
func TestBenchChats(t *testing.T) {
	const chats, seconds = 300, 20
	s := startServer(t, "PICKUP_CHAT_OPEN_RATE=100000", "PICKUP_CHAT_OPEN_BURST=1000", "PICKUP_CHAT_MAX_SOCKETS=1000")
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	cpu := s.metric("process_cpu_seconds_total")
	began := time.Now()
	for n := range chats {
		wg.Go(func() {
			times, err := talkFor(s.http, n, seconds)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			took = append(took, times...)
			mu.Unlock()
		})
	}
	wg.Wait()
	cpu = (s.metric("process_cpu_seconds_total") - cpu) / time.Since(began).Seconds()
	if len(took) == 0 {
		t.Fatal("nobody was answered")
	}
	slices.Sort(took)
	at := func(share float64) time.Duration {
		return took[int(share*float64(len(took)-1))].Round(100 * time.Microsecond)
	}
	t.Logf("%d chats, %d messages: acknowledged p50 %s, p95 %s, p99 %s, longest %s; %.2f cores", chats, len(took), at(.5), at(.95), at(.99), at(1), cpu)
	if at(.95) > time.Second {
		t.Errorf("p95 is %s, want 1 s", at(.95))
	}
}

// talkFor opens a conversation and says something every three seconds; it
// returns how long each message took.
func talkFor(host string, n, seconds int) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds+60)*time.Second)
	defer cancel()
	p := &person{client: &http.Client{Timeout: 60 * time.Second}, host: host}
	var o object
	status, text, err := p.try("POST", "/w/v1/chats", object{"key": fmt.Sprintf("bench-key-of-22-letters-%d", n), "queue": "support", "text": "Bonjour"}, &o)
	if err != nil || status != http.StatusCreated {
		return nil, fmt.Errorf("open: %d %s %w", status, text, err)
	}
	c, _, err := websocket.Dial(ctx, "ws://"+host+"/w/v1/chats/"+o.str("id")+"/ws", nil)
	if err != nil {
		return nil, err
	}
	defer c.CloseNow()
	if err := write(ctx, c, object{"type": "hello", "token": o.str("token")}); err != nil {
		return nil, err
	}
	time.Sleep(time.Duration(n%30) * 100 * time.Millisecond) // people do not write in step
	tick := time.NewTicker(3 * time.Second)
	defer tick.Stop()
	var took []time.Duration
	for i := range seconds / 3 {
		<-tick.C
		id, began := fmt.Sprintf("client-%06d", i), time.Now()
		if err := write(ctx, c, object{"type": "send", "client_id": id, "text": "Un message d'une ligne, comme on en écrit."}); err != nil {
			return took, err
		}
		for done := false; !done; {
			_, raw, err := c.Read(ctx)
			if err != nil {
				return took, err
			}
			var f object
			if err := json.Unmarshal(raw, &f); err != nil {
				return took, err
			}
			if f.str("type") == "refused" {
				return took, fmt.Errorf("refused: %s", f.str("code"))
			}
			done = f.str("type") == "accepted" && f.str("client_id") == id
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}
