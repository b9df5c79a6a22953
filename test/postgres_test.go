//go:build e2e

package test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"pickup/internal/pgtest"
)

// TestOnPostgreSQL runs the binary on a private PostgreSQL server: a call, a
// callback, a kill -9, and an outage of the database.
func TestOnPostgreSQL(t *testing.T) {
	cluster := pgtest.Start(t)
	// One after the other: the last one stops the server of both.
	t.Run("a killed server finds again what it promised", func(t *testing.T) { killedOnPostgreSQL(t, cluster) })
	t.Run("calls outlive an outage of the database", func(t *testing.T) { outage(t, cluster) })
}

// onPostgreSQL starts the demonstration with n agents on a database of its own,
// and their phones.
func onPostgreSQL(t *testing.T, cluster *pgtest.Cluster, n int) (*server, []*phone) {
	t.Helper()
	s := startServer(t, "PICKUP_DATABASE_URL="+cluster.Database(t), fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", n), "PICKUP_RECORDING_NOTICE=false")
	var agents []*phone
	for i := range n {
		a := newPhone(t, fmt.Sprint(1001+i), s.sip)
		a.register("demo-" + a.user)
		agents = append(agents, a)
	}
	s.agents(n, "ready")
	return s, agents
}

// dialed calls support and waits until one more call is in the state.
func dialed(t *testing.T, s *server, p *phone, state string) *dialog {
	t.Helper()
	before := len(s.live(state))
	d, err := p.dial("support")
	if err != nil {
		t.Fatalf("%s: %v", p.user, err)
	}
	s.inState(before+1, state)
	return d
}

// live is the calls in a state.
func (s *server) live(state string) []object {
	s.t.Helper()
	var out []object
	for _, c := range s.list("/api/v1/calls?state=live") {
		if c.str("state") == state {
			out = append(out, c)
		}
	}
	return out
}

// inState waits until n live calls are in a state.
func (s *server) inState(n int, state string) {
	s.t.Helper()
	wait(s.t, 30*time.Second, fmt.Sprintf("%d calls %s", n, state), func() (bool, string) {
		got := len(s.live(state))
		return got == n, fmt.Sprint(got)
	})
}

// promised waits until n callbacks are there, and returns them.
func (s *server) promised(n int) []object {
	s.t.Helper()
	var all []object
	wait(s.t, 20*time.Second, fmt.Sprintf("%d callbacks", n), func() (bool, string) {
		all = s.list("/api/v1/callbacks")
		return len(all) == n, fmt.Sprint(all)
	})
	return all
}

// stored waits until a recording is closed and whole, and returns its row.
func (s *server) stored(id string) object {
	s.t.Helper()
	var row object
	wait(s.t, 20*time.Second, "recording "+id+" is stored", func() (bool, string) {
		row = object{}
		s.call(http.MethodGet, "/api/v1/recordings/"+id, nil, &row, http.StatusOK)
		return row.str("state") == "stored" && row.str("sha256") != "", fmt.Sprint(row)
	})
	return row
}

// talked waits until a talk has lasted so long.
func talked(t *testing.T, since time.Time, long time.Duration) {
	t.Helper()
	wait(t, long+10*time.Second, fmt.Sprintf("%s of talk", long), func() (bool, string) { return time.Since(since) >= long, "" })
}

// killedOnPostgreSQL has an agent and a player talk, then a player who presses 1
// called back, then ends the server in that talk while one waits and one was
// promised a callback.
func killedOnPostgreSQL(t *testing.T, cluster *pgtest.Cluster) {
	s, agents := onPostgreSQL(t, cluster, 1)
	agent := agents[0]
	first := newPhone(t, "first", s.sip)
	talk := dialed(t, s, first, "talking")
	began := time.Now()

	called := newPhone(t, "called", s.sip)
	called.pressOne = true // it is he who answers the callback
	called.press(dialed(t, s, called, "waiting"), 1)
	s.promised(1)
	talked(t, began, 2*time.Second)
	first.bye(talk)
	done := s.ended(2, 20*time.Second)
	for _, e := range done {
		if !strings.Contains(e.str("from"), "first") {
			continue
		}
		if e.str("end_reason") != "answered" || e.str("ticket_id") == "" {
			t.Errorf("the first call: %v, want answered and a ticket", e)
		}
		if row := s.stored(e.str("recording_id")); row.num("duration_ms") < 1500 {
			t.Errorf("the recording is %v ms long, want at least 1500", row.num("duration_ms"))
		}
		readWAV(t, s.audio(e.str("recording_id")))
	}
	s.inState(1, "talking") // the callback rang, he pressed 1, the agent has him
	began = time.Now()
	if got := len(called.calls()); got != 1 {
		t.Errorf("called was dialled %d times before the kill, want once", got)
	}

	waits, hopes := newPhone(t, "waits", s.sip), newPhone(t, "hopes", s.sip)
	waits.pressOne, hopes.pressOne = true, true
	hopes.press(dialed(t, s, hopes, "waiting"), 1)
	s.promised(2)
	s.inState(0, "waiting")
	dialed(t, s, waits, "waiting")
	talked(t, began, 3*time.Second)
	lasted := time.Since(began)
	s.stop(syscall.SIGKILL)
	for _, p := range []*phone{agent, first, called, waits, hopes} {
		p.forgetDialogs()
	}

	s.start()
	t.Logf("ready in %s", s.readyIn)
	if s.readyIn > 10*time.Second {
		t.Errorf("ready after %s, want 10 s", s.readyIn)
	}
	cut := repaired(t, s, lasted)
	s.call(http.MethodGet, "/api/v1/tickets/"+cut.str("ticket_id"), nil, nil, http.StatusOK)
	wait(t, 90*time.Second, "who waited and who was promised are called back", func() (bool, string) {
		agent.hangUpOlderThan(0)
		return len(waits.calls()) > 0 && len(hopes.calls()) > 0, fmt.Sprint(len(waits.calls()), len(hopes.calls()))
	})
	wait(t, 60*time.Second, "the callbacks are done", func() (bool, string) {
		agent.hangUpOlderThan(0)
		rows := s.list("/api/v1/callbacks")
		return len(s.list("/api/v1/calls?state=live")) == 0 && len(rows) >= 3, fmt.Sprint(rows)
	})
	for _, p := range []*phone{waits, hopes} {
		if got := len(p.calls()); got != 1 {
			t.Errorf("%s was dialled %d times, want once", p.user, got)
		}
	}
	for _, cb := range s.list("/api/v1/callbacks") {
		if cb.num("attempts") > 1 {
			t.Errorf("callback %s has %v attempts, want 1", cb.str("id"), cb.num("attempts"))
		}
	}
}

// repaired wants the call that was cut in its talk to have a ticket, and a
// recording that opens and misses a second at most. It returns the call.
func repaired(t *testing.T, s *server, lasted time.Duration) object {
	t.Helper()
	var cut object
	wait(t, 30*time.Second, "the cut call has a ticket and a recording", func() (bool, string) {
		ended := s.list("/api/v1/calls?state=ended")
		for _, e := range ended {
			if e.str("end_reason") == "failed_system" && e.str("bridged_at") != "" && e.str("ticket_id") != "" && e.str("recording_id") != "" {
				cut = e
				return true, ""
			}
		}
		return false, fmt.Sprint(ended)
	})
	channels, rate := readWAV(t, s.audio(cut.str("recording_id")))
	got := time.Duration(len(channels[0])) * time.Second / time.Duration(rate)
	t.Logf("talked %s, recording repaired to %s", lasted, got)
	if len(channels) != 2 || got < lasted-time.Second {
		t.Errorf("the recording has %d channels and %s, want 2 and at least %s", len(channels), got, lasted-time.Second)
	}
	return cut
}

// outage stops the database under two talks for 5 s. One ends meanwhile, one
// after: both are stored as if nothing had been.
func outage(t *testing.T, cluster *pgtest.Cluster) {
	s, _ := onPostgreSQL(t, cluster, 2)
	short, long := newPhone(t, "short", s.sip), newPhone(t, "long", s.sip)
	shortCall := dialed(t, s, short, "talking")
	longCall := dialed(t, s, long, "talking")
	began := time.Now()
	talked(t, began, 2*time.Second)

	cluster.Stop(t)
	stopped := time.Now()
	heardBefore := long.heardBytes()
	wait(t, 10*time.Second, "the API says 503", func() (bool, string) {
		status, took := s.status("/api/v1/tickets")
		t.Logf("without the database the API says %d after %s", status, took)
		if status < 500 { // the first may find a connection that is just ending
			t.Errorf("without the database: got %d, want 5xx", status)
		}
		return status == http.StatusServiceUnavailable, fmt.Sprint(status)
	})
	short.bye(shortCall) // while nothing can be stored
	talked(t, stopped, 5*time.Second)
	// 8 bytes a millisecond; half of it is enough on a busy machine.
	heard := long.heardBytes() - heardBefore
	if want := int(time.Since(stopped).Milliseconds() * 8 / 2); heard < want {
		t.Errorf("during the outage the player heard %d samples, want at least %d", heard, want)
	}
	select {
	case <-longCall.hungUp:
		t.Error("the outage ended a call")
	default:
	}
	cluster.Resume(t)
	back := time.Now()
	wait(t, 30*time.Second, "the API recovers", func() (bool, string) {
		status, _ := s.status("/api/v1/tickets")
		return status == http.StatusOK, fmt.Sprint(status)
	})
	t.Logf("the API is back %s after the database, which was away for %s", time.Since(back), back.Sub(stopped))
	s.inState(1, "talking")
	long.bye(longCall)
	for _, e := range s.ended(2, 60*time.Second) {
		if e.str("end_reason") != "answered" || e.str("bridged_at") == "" || e.str("ticket_id") == "" || e.str("recording_id") == "" {
			t.Errorf("after the outage: %v, want answered, a ticket and a recording", e)
			continue
		}
		s.stored(e.str("recording_id"))
		s.call(http.MethodGet, "/api/v1/tickets/"+e.str("ticket_id"), nil, nil, http.StatusOK)
	}
	// And the queue goes on.
	s.agents(2, "ready")
	next := newPhone(t, "next", s.sip)
	next.bye(dialed(t, s, next, "talking"))
	s.ended(3, 30*time.Second)
}

// status is the answer to a GET, and how long it took.
func (s *server) status(path string) (int, time.Duration) {
	s.t.Helper()
	began := time.Now()
	resp, err := s.client.Get("http://" + s.http + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, time.Since(began)
}

// heardBytes is how many samples the phone has kept.
func (p *phone) heardBytes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.received)
}
