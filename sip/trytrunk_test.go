package sip_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"pickup/sip"
)

// A trial tells a trunk that refuses from one that is not there, and changes
// nothing at it.
func TestTrialOfATrunk(t *testing.T) {
	for name, c := range map[string]struct {
		register bool
		options  int
		final    int // to the REGISTER with credentials; 0: to none
		status   int // of the error; -1: an error without, 0: none
	}{
		"it answers":              {false, 404, 0, 0},
		"it has no room":          {false, 503, 0, 503},
		"it refuses us":           {false, 403, 0, 403},
		"it says nothing":         {false, 0, 0, -1},
		"it takes our account":    {true, 200, 200, 0},
		"it refuses our account":  {true, 405, 403, 403},
		"it refuses the password": {true, 200, 401, 401},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close() //nolint:errcheck // of a test
			go func() {
				for b := make([]byte, 4096); ; {
					n, from, err := conn.ReadFrom(b)
					if err != nil {
						return
					}
					m := string(b[:n])
					code := c.options
					switch {
					case strings.Contains(m, "\r\nContact:") || strings.Contains(m, "\r\nExpires:"):
						t.Errorf("a trial that changes something: %s", m)
					case strings.HasPrefix(m, "REGISTER ") && !strings.Contains(m, "\r\nAuthorization:"):
						code = 401
					case strings.HasPrefix(m, "REGISTER "):
						code = c.final
					}
					if code != 0 {
						via := strings.Replace(header(m, "Via"), ";rport", ";rport=1;received=198.51.100.7", 1)
						_, _ = conn.WriteTo([]byte(answerTo(m, via, code)), from)
					}
				}
			}()
			got, err := sip.TryTrunk(t.Context(), sip.Trunk{
				Name: "carrier", Address: conn.LocalAddr().String(), Login: "acc", Password: "p", Register: c.register,
			}, sip.Config{Locate: noNames})
			switch {
			case c.status == 0 && err != nil || c.status != 0 && err == nil:
				t.Fatalf("got %v, want status %d", err, c.status)
			case c.status > 0 && sip.StatusOf(err) != c.status:
				t.Errorf("got %v, want status %d", err, c.status)
			}
			if c.options != 0 && (got.Seen != netip.MustParseAddr("198.51.100.7") || got.Date.Year() != 2026) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func answerTo(m, via string, code int) string {
	more := ""
	if code == 401 {
		more = challenge("carrier", "") + "\r\n"
	}
	out := "SIP/2.0 " + map[int]string{200: "200 OK", 401: "401 Unauthorized", 403: "403 Forbidden", 404: "404 Not Found", 405: "405 No", 503: "503 Busy"}[code]
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		out += "\r\n" + name + ": " + header(m, name)
	}
	return out + "\r\nVia: " + via + "\r\nDate: Sat, 28 Nov 2026 12:00:00 GMT\r\n" + more + "Content-Length: 0\r\n\r\n"
}
