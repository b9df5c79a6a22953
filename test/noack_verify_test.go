//go:build e2e && verify

package test

import (
	"strings"
	"testing"
	"time"
)

// A player of sipp who never sends his ACK: the 200 comes again, less and less
// often, and after 32 s a BYE (RFC 3261 13.3.1.4).
func TestSippPlayerWithoutACK(t *testing.T) {
	s := startServer(t, "PICKUP_RECORDING_NOTICE=false")
	parts := []string{sippAsk("INVITE", "1", "", sippSDP(1), false), sipp100, sipp180, sipp200} // sipp reads over the same again
	seen := s.playerFor(t, "noack", 1, "50s", append(parts, `<recv request="BYE" timeout="40000"/>`+"\n", `<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
`)...)
	var first, bye time.Time
	for _, m := range seen {
		switch {
		case !m.sent && m.m.status() == 200 && first.IsZero():
			first = m.at
		case !m.sent && strings.HasPrefix(m.m.start, "BYE "):
			bye = m.at
		}
	}
	if n := countSeen(seen, false, "SIP/2.0 200", "INVITE"); n != 11 { // at 0, 0.5, 1.5, 3.5, 7.5 and then each 4 s
		t.Errorf("the 200 came %d times, want 11", n)
	}
	if took := bye.Sub(first); took < 31*time.Second || took > 34*time.Second {
		t.Errorf("BYE after %v", took)
	}
	s.nothingLeft(t)
}
