//go:build e2e

package test

import (
	"net/http"
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
