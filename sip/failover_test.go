package sip_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/sip"
	"pickup/sip/locate"
)

// dialNumber dials a number by the trunks.
func (e *edge) dialNumber(leg call.LegID, callerID string) (callflow.Leg, error) {
	return e.Dialer(callflow.AddressNumber).Dial(e.t.Context(), callflow.Invitation{
		LegID: leg, To: callflow.Address{Kind: callflow.AddressNumber, Value: "+33612345678"}, FromUser: "support", CallerID: callerID,
	})
}

// A call goes to the next trunk where one has no capacity or gives no answer, and
// nowhere else after a true refusal.
func TestACallGoesByTheNextTrunk(t *testing.T) {
	for name, c := range map[string]struct {
		first int // status of the first trunk; 0: it says nothing
		next  bool
	}{
		"no service":      {503, true},
		"a bad gateway":   {502, true},
		"gateway timeout": {504, true},
		"no answer":       {0, true},
		"busy":            {486, false},
		"forbidden":       {403, false},
		"not found":       {404, false},
		"server error":    {500, false},
		"declined":        {603, false},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				first, second := e.plug("127.0.0.1:7001"), e.plug("127.0.0.1:7002")
				e.trunks(sip.Trunk{Name: "first", Address: "127.0.0.1:7001", FromUser: "one"}, sip.Trunk{Name: "second", Address: "127.0.0.1:7002", MaxCalls: 1})
				l, err := e.dialNumber("leg1", "+33123456789")
				if err != nil {
					t.Fatal(err)
				}
				ch := events(l)
				m := first.request("INVITE")
				if userOf(header(m, "From")) != "one" || !strings.Contains(header(m, "P-Preferred-Identity"), "+33123456789") {
					t.Errorf("the caller at the first trunk: %s", m)
				}
				if c.first != 0 {
					first.reply(m, c.first, "")
				}
				if !c.next {
					if got := expect(t, ch, callflow.LegFailed, patience).Status; got != c.first {
						t.Errorf("got %d, want %d", got, c.first)
					}
					expect(t, ch, callflow.LegFinal, patience)
					return
				}
				n := second.request("INVITE")
				if userOf(header(n, "From")) != "+33123456789" || header(n, "Call-ID") == header(m, "Call-ID") || !strings.Contains(n, "m=audio") {
					t.Errorf("at the second trunk: %s", n)
				}
				if c.first == 0 { // late, both are taken care of
					first.reply(m, 180, "")
					first.request("CANCEL")
					first.reply(m, 200, offer)
					first.request("ACK")
					first.reply(first.request("BYE"), 200, "")
				}
				second.reply(n, 200, offer)
				second.request("ACK")
				expect(t, ch, callflow.LegAnswered, patience)
				if s := e.Trunks(); s[0].Calls != 0 || s[1].Calls != 1 {
					t.Errorf("calls of the trunks: %+v", s)
				}
				l.End(call.Cause{})
				second.reply(second.request("BYE"), 200, "")
				expect(t, ch, callflow.LegFinal, patience)
				if s := e.Trunks(); s[1].Calls != 0 {
					t.Errorf("a call that ended counts: %+v", s)
				}

				// The address that failed is tried last for a while.
				if _, err := e.dialNumber("leg2", ""); err != nil {
					t.Fatal(err)
				}
				first.newInvite(m)
			})
		})
	}
}

// The addresses of a name are tried one after the other; the last answer counts.
func TestACallGoesToTheNextAddress(t *testing.T) {
	inVirtualTime(t, func(c *sip.Config) {
		c.Locate = func(ctx context.Context, host string, _ int, transport string) (locate.Set, error) {
			r := locate.Resolver{System: func(context.Context, string, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3"), netip.MustParseAddr("::1")}, nil
			}}
			return r.Locate(ctx, host, 7000, transport)
		}
	}, func(t *testing.T, e *virtualEdge) {
		a, b := e.plug("127.0.0.2:7000"), e.plug("127.0.0.3:7000")
		e.trunks(sip.Trunk{Name: "carrier", Address: "sip.carrier.example", MaxCalls: 1})
		synctest.Wait()
		l, err := e.dialNumber("leg1", "")
		if err != nil {
			t.Fatal(err)
		}
		ch := events(l)
		m := a.request("INVITE")
		if !strings.HasPrefix(m, "INVITE sip:+33612345678@sip.carrier.example") {
			t.Errorf("the URI of a domain: %s", m)
		}
		a.reply(m, 503, "", "Retry-After: 100")
		b.reply(b.request("INVITE"), 503, "")
		if got := expect(t, ch, callflow.LegFailed, patience).Status; got != 503 {
			t.Errorf("got %d, want that of the last address", got)
		}
		expect(t, ch, callflow.LegFinal, patience)
		time.Sleep(40 * time.Second) // b is forgiven, a is not
		if _, err = e.dialNumber("leg2", ""); err != nil {
			t.Fatal(err)
		}
		b.newInvite("")
		if got := e.Trunks()[0].Addresses; len(got) != 3 {
			t.Errorf("got addresses %v", got)
		}
	})
}

// selfSigned is a certificate for a host, and the roots that believe it.
func selfSigned(t *testing.T, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// A trunk is called over TCP and TLS, its calls come back by the connection of
// its registration, and its certificate must be that of its domain.
func TestATrunkOverAStream(t *testing.T) {
	cert, roots := selfSigned(t, "sip.carrier.example")
	for name, c := range map[string]struct {
		transport, host string
		health          string
	}{
		"tcp":                      {"tcp", "sip.carrier.example", "well"},
		"tls":                      {"tls", "sip.carrier.example", "well"},
		"tls of somebody else":     {"tls", "sip.other.example", "down"},
		"a stranger's certificate": {"tls", "127.0.0.1", "down"},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			if c.transport == "tls" {
				ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}})
			}
			defer ln.Close() //nolint:errcheck // of a test
			conns := make(chan net.Conn, 4)
			go func() {
				for {
					conn, err := ln.Accept()
					if err != nil {
						return
					}
					if t, ok := conn.(*tls.Conn); ok && t.HandshakeContext(context.Background()) != nil {
						continue
					}
					conns <- conn
				}
			}()
			port := ln.Addr().(*net.TCPAddr).Port
			e := startEdge(t, func(cfg *sip.Config) {
				cfg.TrunkTLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
				cfg.Locate = func(context.Context, string, int, string) (locate.Set, error) {
					return locate.Of(locate.Target{
						Transport: c.transport, Name: c.host,
						Addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)), //nolint:gosec // a port
					}), nil
				}
			})
			e.trunks(sip.Trunk{Name: "carrier", Address: "sip.carrier.example", Transport: c.transport, Login: "acc", Password: "p", Register: true})
			if c.health == "down" {
				until(t, "a trunk that is down", func() bool { return e.Trunks()[0].Health == "down" })
				if !strings.Contains(e.Trunks()[0].Error, "certificate") {
					t.Errorf("got %q", e.Trunks()[0].Error)
				}
				return
			}
			p := &phone{t: t, conn: <-conns, user: "carrier"}
			m := p.request("REGISTER")
			p.reply(m, 200, "", "Contact: "+header(m, "Contact")+";expires=600")
			until(t, "a registered trunk", func() bool { return e.Trunks()[0].Registered })

			l, err := e.dialNumber("leg1", "+33123456789")
			if err != nil {
				t.Fatal(err)
			}
			ch := events(l)
			invite := p.request("INVITE")
			p.reply(invite, 486, "")
			expect(t, ch, callflow.LegFailed, patience)
			if !strings.Contains(header(invite, "From"), "@sip.carrier.example") {
				t.Errorf("an account is of its domain: %s", header(invite, "From"))
			}

			contact := strings.Trim(header(m, "Contact"), "<>")
			text := p.text(message{method: "INVITE", callID: "in-1", body: offer})
			_, rest, _ := strings.Cut(text, "\r\n")
			p.send("INVITE " + contact + " SIP/2.0\r\n" + rest)
			in := e.inbound()
			if in.To.User != "support" || in.From.Kind != call.PartyTrunk {
				t.Errorf("a call to our contact leads to %q from %v, want the user of To", in.To.User, in.From.Kind)
			}
			in.Leg.End(call.Cause{Status: 486})
		})
	}
}

func TestNoTrunkIsLocated(t *testing.T) {
	e := startEdge(t, nil)
	e.trunks(sip.Trunk{Name: "carrier", Address: "sip.carrier.example"})
	until(t, "a trunk that is down", func() bool { return e.Trunks()[0].Health == "down" })
	if _, err := e.dialNumber("leg1", ""); !errors.Is(err, callflow.ErrNoTrunk) {
		t.Errorf("got %v, want no trunk", err)
	}
}
