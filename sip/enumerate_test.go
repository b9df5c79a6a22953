package sip_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/sip"
)

// guesser sends wrong passwords for a login, each from another source address
// of 127.0.0.0/8 as the digest sees it, so that no block interferes.
type guesser struct {
	digest *sip.Digest
	users  map[string]account.User
	n      byte
}

func newGuesser() *guesser {
	u := account.User{ID: "u1001", Login: "1001", Active: true}
	u.HA1MD5, u.HA1SHA256 = account.HA1("1001", "pickup", "secret")
	return &guesser{digest: sip.NewDigest("pickup", "both"), users: map[string]account.User{"1001": u}}
}

// header is an Authorization with a wrong password for a fresh challenge.
func (g *guesser) header(login string, source netip.Addr, now time.Time) string {
	return strings.TrimPrefix(credentials(g.digest.Challenge(source, now), login, "wrong", "REGISTER", "sip:pickup", 1), "Authorization: ")
}

// source is the next address to guess from.
func (g *guesser) source() netip.Addr {
	g.n++
	return netip.AddrFrom4([4]byte{192, 0, 2, g.n})
}

func (g *guesser) check(header, login string, source netip.Addr, now time.Time) string {
	u, found := g.users[login]
	return g.digest.Check(header, u, found, "REGISTER", "sip:pickup", source, now)
}

// Nobody learns from an answer which logins exist: it is the same, by the same
// work. Allocations count the work exactly, whatever else the machine does.
func TestUnknownUserCostsTheWorkOfAWrongPassword(t *testing.T) {
	work := func(login string) float64 {
		g := newGuesser()
		now, source := time.Now(), g.source()
		headers := make([]string, 12) // free tries are ten
		for i := range headers {
			headers[i] = g.header(login, source, now)
		}
		i := 0
		return testing.AllocsPerRun(8, func() {
			if v := g.check(headers[i], login, source, now); v != "wrong" {
				t.Fatalf("%s: got %s", login, v)
			}
			i++
		})
	}
	if known, unknown := work("1001"), work("4444"); known != unknown {
		t.Errorf("%v allocations for a user, %v for nobody", known, unknown)
	}
}

// The dummy secret is of the user's form in every mode, and is not guessable
// from outside: nobody's response is ever right.
func TestDummySecretHasTheFormOfARealOne(t *testing.T) {
	u := account.User{Login: "1001"}
	u.HA1MD5, u.HA1SHA256 = account.HA1("1001", "pickup", "secret")
	for _, sha := range []bool{false, true} {
		d := sip.NewDigest("pickup", "both")
		own, dummy := d.Secret(u, true, "1001", sha), d.Secret(account.User{}, false, "4444", sha)
		if len(own) != len(dummy) {
			t.Errorf("SHA-256 %v: %d and %d characters", sha, len(own), len(dummy))
		}
		if again := d.Secret(account.User{}, false, "4444", sha); again != dummy {
			t.Errorf("SHA-256 %v: another dummy for the same login", sha)
		}
		if other := sip.NewDigest("pickup", "both").Secret(account.User{}, false, "4444", sha); other == dummy {
			t.Errorf("SHA-256 %v: the dummy does not depend on the server's key", sha)
		}
	}
}

// Whole REGISTERs through the socket: same status, same headers, and the same
// time. The two are sent in turn, so that what else the machine does falls on
// both; medians within a factor of two and 5 ms is all that is asked.
func TestUnknownUserIsAnsweredLikeAWrongPassword(t *testing.T) {
	const rounds = 80
	e := startEdge(t, nil)
	e.store.add("1001", rounds) // 1001-0 ... : each has its own free tries
	times := map[bool][]time.Duration{}
	heads := map[bool]string{}
	p := e.phone()
	for i := range rounds {
		for _, known := range []bool{true, false} {
			login := fmt.Sprintf("1001-%d", i)
			if !known {
				login = fmt.Sprintf("4444-%d", i)
			}
			m := message{method: "REGISTER", user: login, callID: "guess-" + login, from: "<sip:" + login + "@127.0.0.1>;tag=g"}
			p.user = login
			p.send(p.text(m))
			challenge := header(p.response(), "WWW-Authenticate")
			m.cseq, m.extra = 2, []string{credentials(challenge, login, "wrong", "REGISTER", "sip:"+login+"@127.0.0.1", 1)}
			text := p.text(m)
			begun := time.Now()
			p.send(text)
			answer := p.response()
			times[known] = append(times[known], time.Since(begun))
			heads[known] = shape(answer)
		}
	}
	if heads[true] != heads[false] {
		t.Errorf("a user gets\n%s\nnobody gets\n%s", heads[true], heads[false])
	}
	user, nobody := median(times[true]), median(times[false])
	t.Logf("median of %d: %v for a user, %v for nobody", rounds, user, nobody)
	if diff := (user - nobody).Abs(); diff > 5*time.Millisecond && (user > 2*nobody || nobody > 2*user) {
		t.Errorf("%v for a user, %v for nobody", user, nobody)
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// shape is an answer without what differs from one to the next.
func shape(m string) string {
	var out []string
	for line := range strings.SplitSeq(m, "\r\n") {
		name, _, ok := strings.Cut(line, ":")
		if !ok {
			name = line
		}
		if name == "WWW-Authenticate" {
			name = quoted.ReplaceAllString(line, `$1=""`)
		}
		out = append(out, name)
	}
	return strings.Join(out, "\n")
}

func BenchmarkWrongPassword(b *testing.B) {
	for name, login := range map[string]string{"user": "1001", "nobody": "4444"} {
		b.Run(name, func(b *testing.B) {
			g := newGuesser()
			now, source := time.Now(), g.source()
			h := g.header(login, source, now)
			b.ReportAllocs()
			for b.Loop() {
				g.check(h, login, source, now)
				g.digest.Forgive()
			}
		})
	}
}
