package sip_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pickup/sip"
)

// nextRegister reads the next REGISTER, which comes within limit.
func (e *virtualEdge) nextRegister(p *phone, limit time.Duration) (string, time.Duration) {
	e.t.Helper()
	return e.next(p, "REGISTER", limit)
}

func (e *virtualEdge) next(p *phone, method string, limit time.Duration) (string, time.Duration) {
	e.t.Helper()
	began := time.Now()
	for {
		m := p.read(limit - time.Since(began))
		if strings.HasPrefix(m, method+" ") {
			return m, time.Since(began)
		}
		if m == "" {
			e.t.Fatalf("no %s in %v", method, limit)
		}
	}
}

func challenge(realm string, more string) string {
	return `WWW-Authenticate: Digest realm="` + realm + `", nonce="n1", qop="auth", algorithm=MD5` + more
}

// We register with digest, again before it expires, for longer where the trunk
// asks for it, and take it back at the end.
func TestTrunkIsRegistered(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		e.trunks(sip.Trunk{Name: "carrier", Address: "127.0.0.1:7001", Login: "acc", Password: "secret", Register: true, Expires: time.Minute})
		first, _ := e.nextRegister(p, time.Second)
		if !strings.HasPrefix(first, "REGISTER sip:127.0.0.1:7001 SIP/2.0") || header(first, "Expires") != "60" || userOf(header(first, "To")) != "acc" ||
			userOf(header(first, "Contact")) != "acc" {
			t.Errorf("got %s", first)
		}
		p.reply(first, 401, "", challenge("carrier", ""))
		m, _ := e.nextRegister(p, time.Second)
		want := credentials(`Digest realm="carrier", nonce="n1", qop="auth"`, "acc", "secret", "REGISTER", "sip:127.0.0.1:7001", 1)
		if got := header(m, "Authorization"); !strings.Contains(got, `username="acc"`) || !strings.Contains(got, `realm="carrier"`) || want == "" {
			t.Errorf("got credentials %s", got)
		}
		if header(m, "Call-ID") != header(first, "Call-ID") || header(m, "CSeq") != "2 REGISTER" {
			t.Errorf("not the same registration: %s", m)
		}
		p.reply(m, 423, "", "Min-Expires: 1200")
		m, _ = e.nextRegister(p, time.Second)
		if header(m, "Expires") != "1200" {
			t.Errorf("after Min-Expires 1200: %s", m)
		}
		p.reply(m, 401, "", challenge("carrier", ""))
		m, _ = e.nextRegister(p, time.Second)
		p.reply(m, 401, "", challenge("carrier", ", stale=true"))
		m, _ = e.nextRegister(p, time.Second)
		other := "Contact: <sip:acc@192.0.2.77:5060>;expires=9"
		p.reply(m, 200, "", other, "Contact: "+header(m, "Contact")+";expires=1000")
		synctest.Wait()
		if s := e.Trunks()[0]; s.Health != "well" || !s.Registered || time.Until(s.Expires).Round(time.Second) != 1000*time.Second {
			t.Errorf("got %+v", s)
		}
		m, after := e.nextRegister(p, time.Hour)
		if after < 800*time.Second || after > 901*time.Second {
			t.Errorf("refreshed after %v of 1000 s", after)
		}
		p.reply(m, 200, "", "Expires: 500")
		synctest.Wait()
		if s := e.Trunks()[0]; time.Until(s.Expires).Round(time.Second) != 500*time.Second {
			t.Errorf("got %+v", s)
		}
		e.trunks() // it is removed
		m, _ = e.nextRegister(p, time.Second)
		if header(m, "Expires") != "0" {
			t.Errorf("a trunk that is removed: %s", m)
		}
		p.reply(m, 200, "")
	})
}

// A trunk that refuses or says nothing is tried again, after longer and longer
// pauses, and as Retry-After says; until then it is the last to be called.
func TestTrunkRefusesToRegister(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p, q := e.plug("127.0.0.1:7001"), e.plug("127.0.0.1:7002")
		e.trunks(
			sip.Trunk{Name: "first", Address: "127.0.0.1:7001", Login: "acc", Password: "secret", Realm: "carrier", Register: true},
			sip.Trunk{Name: "second", Address: "127.0.0.1:7002"},
		)
		m, _ := e.nextRegister(p, time.Second)
		p.reply(m, 403, "")
		synctest.Wait()
		if s := e.Trunks()[0]; s.Health != "down" || s.Registered || !strings.Contains(s.Error, "403") {
			t.Errorf("got %+v", s)
		}
		if l, err := e.dialNumber("leg1", ""); err != nil {
			t.Fatal(err)
		} else {
			events(l)
		}
		q.reply(q.request("INVITE"), 486, "")
		for _, pause := range []int{5, 10, 20, 40, 80, 160, 300, 300} {
			var after time.Duration
			m, after = e.nextRegister(p, 10*time.Minute)
			most := time.Duration(pause) * time.Second
			if after < most/2-time.Second || after > most+time.Second {
				t.Errorf("tried again after %v, want half of %v to all of it", after, most)
			}
			p.reply(m, 401, "", challenge("somebody else", "")) // its challenge is not answered
		}
		m, _ = e.nextRegister(p, 10*time.Minute)
		p.reply(m, 503, "", "Retry-After: "+strconv.Itoa(299)+" (busy)")
		if _, after := e.nextRegister(p, 10*time.Minute); after < 299*time.Second {
			t.Errorf("tried again after %v, want as Retry-After says", after)
		}
		for range 3 { // nothing is answered: the same REGISTER comes again, then another
			p.read(10 * time.Second)
		}
		m, _ = e.nextRegister(p, 20*time.Minute)
		p.reply(m, 200, "", "Expires: 3600")
		synctest.Wait()
		if s := e.Trunks()[0]; s.Health != "well" || s.Error != "" {
			t.Errorf("got %+v", s)
		}
	})
}

// OPTIONS tell whether a trunk is there; what it answers matters little.
func TestTrunkIsAsked(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
		p := e.plug("127.0.0.1:7001")
		e.trunks(sip.Trunk{Name: "carrier", Address: "127.0.0.1:7001", Probe: time.Minute})
		for _, c := range []struct {
			status int
			health string
		}{{404, "well"}, {503, "down"}, {200, "well"}, {0, "down"}, {405, "well"}} {
			m, _ := e.next(p, "OPTIONS", 2*time.Minute)
			if c.status != 0 {
				p.reply(m, c.status, "")
				synctest.Wait()
			} else {
				time.Sleep(10 * time.Second)
				for p.read(time.Second) != "" { // sent again
				}
			}
			if s := e.Trunks()[0]; s.Health != c.health {
				t.Errorf("after %d: got %+v, want %s", c.status, s, c.health)
			}
		}
	})
}
