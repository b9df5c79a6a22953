//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A number leads to its queue or menu in its language, in every form in which it
// is dialled; one that nobody has is 404. A trunk takes so many calls at once.
func TestNumbersLeadToQueuesAndMenus(t *testing.T) {
	s := startServer(t, "PICKUP_SITE_COUNTRY=FR")
	trunk := map[string]any{
		"name": "carrier", "host": "192.0.2.9", "numbers": []map[string]string{
			{"number": "+33123456789", "to": "support", "language": "fr"},
			{"number": "+442079460000", "to": "welcome", "language": "en"},
		},
	}
	var made object
	s.call(http.MethodPost, "/api/v1/trunks", trunk, &made, http.StatusCreated)
	for dialled, want := range map[string]struct{ language, queue string }{
		"+33123456789":  {"fr", "support"},
		"33123456789":   {"fr", "support"},
		"0123456789":    {"fr", "support"},
		"+442079460000": {"en", ""}, // a menu: no key was pressed yet
	} {
		p := newPhone(t, "caller"+strings.Trim(dialled, "+"), s.sip)
		d, err := p.dial(dialled)
		if err != nil {
			t.Fatalf("%s: %v", dialled, err)
		}
		wait(t, 20*time.Second, "call to "+dialled, func() (bool, string) {
			for _, c := range s.list("/api/v1/calls?state=live") {
				if strings.Contains(c.str("to"), dialled) {
					return c.str("language") == want.language && c.str("queue") == want.queue, c.str("language") + " " + c.str("queue")
				}
			}
			return false, "no call"
		})
		p.bye(d)
	}
	if _, err := newPhone(t, "caller", s.sip).dial("+33199999999"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a number of nobody: got %v, want 404", err)
	}

	trunk["networks"], trunk["max_calls"] = []string{"127.0.0.1/32"}, 1
	s.call(http.MethodPut, "/api/v1/trunks/"+made.str("id"), trunk, nil, http.StatusOK)
	first := newPhone(t, "+33612345678", s.sip)
	d, err := first.dial("+33123456789")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newPhone(t, "+33612345679", s.sip).dial("+33123456789"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("a second call of a trunk of one: got %v, want 503", err)
	}
	first.bye(d)
	trunk["disabled"] = true
	s.call(http.MethodPut, "/api/v1/trunks/"+made.str("id"), trunk, nil, http.StatusOK)
	if _, err := newPhone(t, "+33612345679", s.sip).dial("support"); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a call of a disabled trunk: got %v, want 403", err)
	}
	if _, err := newPhone(t, "+33612345679", s.sip).dial("+33123456789"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a number of a disabled trunk: got %v, want 404", err)
	}
}

// The first trunk of a server that was started without any is dialled at once:
// nothing is promised without one, and a promise outlives the loss of its trunk.
func TestTheFirstTrunkNeedsNoRestart(t *testing.T) {
	s := startServer(t, "PICKUP_DEMO_AGENTS=1")
	carrier := newPhone(t, "carrier", s.sip)
	carrier.answerAfter = -1 // it rings
	rung := func(n int, limit time.Duration) {
		t.Helper()
		wait(t, limit, fmt.Sprintf("%d calls by the trunk", n), func() (bool, string) {
			return len(carrier.calls()) == n, fmt.Sprint(s.list("/api/v1/callbacks"))
		})
	}
	promise := object{"queue": "support", "to": "+33123456789"}
	s.call(http.MethodPost, "/api/v1/callbacks", promise, nil, http.StatusUnprocessableEntity)

	host, port, _ := strings.Cut(carrier.addr(), ":")
	number, _ := strconv.Atoi(port)
	trunk := object{"name": "carrier", "host": host, "port": number}
	var made, kept object
	s.call(http.MethodPost, "/api/v1/trunks", trunk, &made, http.StatusCreated)
	s.call(http.MethodPost, "/api/v1/callbacks", promise, &kept, http.StatusCreated)
	s.call(http.MethodDelete, "/api/v1/trunks/"+made.str("id"), nil, nil, http.StatusNoContent)
	newPhone(t, "1001", s.sip).register("demo-1001")
	wait(t, 20*time.Second, "a promise that rests", func() (bool, string) {
		all := s.list("/api/v1/callbacks")
		return len(all) == 1 && all[0].str("detail") == "no_trunk", fmt.Sprint(all)
	})
	if got := s.list("/api/v1/callbacks")[0]; fmt.Sprint(got["attempts"]) != "0" || got["key_ms"] != kept["key_ms"] || len(carrier.calls()) != 0 {
		t.Errorf("the promise without a trunk: %v, as made: %v", got, kept)
	}
	cmd := exec.Command(program(t), "trunk", "set", "carrier", "--host", carrier.addr())
	cmd.Env = append(os.Environ(), "PICKUP_DATA_DIR="+s.dir, "PICKUP_DEMO_ENABLED=true")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pickup trunk set: %v\n%s", err, out)
	}
	rung(1, 20*time.Second)
}

// A call to a closed queue hears so and ends closed.
func TestCallToAClosedQueueEndsClosed(t *testing.T) {
	s := startServer(t)
	s.call(http.MethodPut, "/api/v1/hours/never", map[string]any{"name": "never"}, nil, http.StatusOK)
	s.call(http.MethodPut, "/api/v1/queues/support", map[string]any{"name": "support", "hours": "never"}, nil, http.StatusOK)
	p := newPhone(t, "caller", s.sip)
	d, err := p.dial("support")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-d.hungUp:
	case <-time.After(60 * time.Second):
		t.Fatal("the line is open")
	}
	if got := s.ended(1, 20*time.Second)[0].str("end_reason"); got != "closed" {
		t.Errorf("got %s, want closed", got)
	}
}
