//go:build e2e

package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Sizes of the crash: agents who talk, players who wait, callbacks that stand.
const (
	talkers = 10
	waiters = 10
	pending = 5
)

// TestKilledServerLosesNobody ends the server with kill -9 while players talk
// and wait: each has a ticket, those who waited are called back in their order,
// and every recording opens.
func TestKilledServerLosesNobody(t *testing.T) {
	need(t, "soxi")
	for n := range kills {
		t.Run(fmt.Sprintf("kill %d", n+1), func(t *testing.T) { killOnce(t) })
	}
}

// crashScene is what stands when the server is killed.
type crashScene struct {
	s                            *server
	agents, talk, wait, promised []*phone
	talkBegan                    time.Time
}

func killOnce(t *testing.T) {
	c := stage(t)
	// At a random moment of the talk.
	moment := 2*time.Second + rand.N(2*time.Second)
	wait(t, 10*time.Second, "the moment of the kill", func() (bool, string) { return time.Since(c.talkBegan) > moment, "" })
	talked := time.Since(c.talkBegan)
	bindings := len(c.s.list("/api/v1/agents"))
	c.s.stop(syscall.SIGKILL)
	for _, p := range c.talk { // their dialogs are gone with the server
		p.forgetDialogs()
	}
	for _, p := range c.wait {
		p.forgetDialogs()
	}
	for _, p := range c.agents {
		p.forgetDialogs()
	}
	c.s.start()
	if c.s.readyIn > 2*time.Second {
		t.Errorf("ready after %s, want 2 s", c.s.readyIn)
	}
	if got := len(c.s.list("/api/v1/agents")); got != bindings {
		t.Errorf("%d agents after the restart, %d before", got, bindings)
	}
	wait(t, 5*time.Second, "the bindings are known", func() (bool, string) {
		got := 0
		for _, a := range c.s.list("/api/v1/agents") {
			if v, ok := a["devices"].(float64); ok && v > 0 {
				got++
			} else if list, ok := a["devices"].([]any); ok && len(list) > 0 {
				got++
			}
		}
		return got == talkers, fmt.Sprint(got, c.s.list("/api/v1/agents")[0])
	})
	checkCut(t, c, talked)
	checkCalledBack(t, c)
}

// stage makes the scene: talkers are bridged, then callbacks are promised, then
// waiters wait.
func stage(t *testing.T) *crashScene {
	t.Helper()
	c := &crashScene{s: startServer(t, fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", talkers), "PICKUP_RECORDING_NOTICE=false")}
	for i := range talkers {
		a := newPhone(t, fmt.Sprint(1001+i), c.s.sip)
		a.register("demo-" + a.user)
		c.agents = append(c.agents, a)
	}
	c.s.agents(talkers, "ready")
	call := func(kind string, n int) []*phone {
		var out []*phone
		for i := range n {
			p := newPhone(t, fmt.Sprintf("%s%d", kind, i), c.s.sip)
			p.pressOne = true
			if _, err := p.dial("support"); err != nil {
				t.Fatal(err)
			}
			out = append(out, p)
		}
		return out
	}
	c.talk = call("talk", talkers)
	c.inState(talkers, "talking")
	c.talkBegan = time.Now()
	c.promised = call("promise", pending)
	c.inState(pending, "waiting")
	for _, live := range c.s.list("/api/v1/calls?state=live") {
		if live.str("state") == "waiting" {
			c.s.call("POST", "/api/v1/callbacks", map[string]string{"call_id": live.str("id")}, nil, 201)
		}
	}
	c.wait = call("wait", waiters)
	c.inState(waiters, "waiting")
	return c
}

func (c *crashScene) inState(n int, state string) {
	c.s.t.Helper()
	wait(c.s.t, 15*time.Second, fmt.Sprintf("%d calls %s", n, state), func() (bool, string) {
		got := 0
		for _, live := range c.s.list("/api/v1/calls?state=live") {
			if live.str("state") == state {
				got++
			}
		}
		return got == n, fmt.Sprint(got)
	})
}

// checkCut looks at what is left of the calls that were cut.
func checkCut(t *testing.T, c *crashScene, talked time.Duration) {
	t.Helper()
	ended := c.s.ended(talkers+waiters+pending, 30*time.Second)
	tickets := map[string]bool{}
	for _, e := range ended {
		if e.str("end_reason") == "failed_system" && e.str("bridged_at") != "" {
			tickets[e.str("ticket_id")] = true
		}
	}
	delete(tickets, "")
	if len(tickets) != talkers {
		t.Errorf("the talkers have %d tickets, want %d", len(tickets), talkers)
	}
	rows := c.s.list("/api/v1/recordings")
	whole := 0
	for _, r := range rows {
		if r.str("state") == "open" {
			continue // of a call after the restart
		}
		file := filepath.Join(t.TempDir(), "r.wav")
		if err := os.WriteFile(file, c.s.audio(r.str("id")), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("soxi", file).CombinedOutput(); err != nil {
			t.Errorf("soxi: %v %s", err, out)
		}
		if r.num("duration_ms") >= float64((talked - time.Second).Milliseconds()) {
			whole++
		}
	}
	if whole < talkers {
		t.Errorf("%d recordings of the talkers are at least %s long, want %d of %d", whole, talked-time.Second, talkers, len(rows))
	}
}

// checkCalledBack wants each who waited to be called, in the order in which he
// waited, and nobody twice.
func checkCalledBack(t *testing.T, c *crashScene) {
	t.Helper()
	all := append(append([]*phone(nil), c.promised...), c.wait...)
	hangUp := func() { // agents end their talks, so that the next one's turn comes
		for _, a := range c.agents {
			a.hangUpOlderThan(500 * time.Millisecond)
		}
	}
	wait(t, 90*time.Second, "everybody is called back", func() (bool, string) {
		hangUp()
		missing := ""
		for _, p := range all {
			if len(p.calls()) == 0 {
				missing += " " + p.user
			}
		}
		return missing == "", "not called:" + missing
	})
	for _, group := range [][]*phone{c.promised, c.wait} {
		for i, p := range group {
			got := p.calls()
			if len(got) != 1 {
				t.Errorf("%s was dialled %d times", p.user, len(got))
			}
			// Ten agents are free at once: calls leave together within the same moment.
			if i > 0 && got[0].Before(group[i-1].calls()[0].Add(-200*time.Millisecond)) {
				t.Errorf("%s was dialled %s before %s", p.user, group[i-1].calls()[0].Sub(got[0]), group[i-1].user)
			}
		}
	}
	var promised int
	for _, cb := range c.s.list("/api/v1/callbacks") {
		if cb.num("attempts") > 1 {
			t.Errorf("callback %s has %v attempts", cb.str("id"), cb.num("attempts"))
		}
		promised++
	}
	if promised < pending+waiters {
		t.Errorf("%d callbacks, want at least %d", promised, pending+waiters)
	}
}
