package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/configs"
	"pickup/sip"
	"pickup/sip/locate"
	"pickup/store"
)

// findings are what an examination said.
type findings []string

func (f *findings) ok(what string)        { *f = append(*f, "ok "+what) }
func (f *findings) warn(what, why string) { *f = append(*f, "warn "+what+": "+why) }
func (f *findings) fail(what, why string) { *f = append(*f, "FAIL "+what+": "+why) }

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// aGoodSetUp is a server on the internet of which nothing is to be said.
func aGoodSetUp(t *testing.T) examination {
	t.Helper()
	c, err := configs.Load("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.HTTP.TLS = configs.KeyPair{Cert: "http.pem", Key: "http.key"}
	c.Serve.MaxCalls = 1000
	public := netip.MustParseAddr("203.0.113.7")
	return examination{
		cfg: c, host: "pickup.example", stun: "stun.example",
		trunks: []store.Trunk{{Name: "carrier", Host: "sip.carrier.example", Transport: "udp"}},
		world: world{
			now:         func() time.Time { return noon },
			addresses:   func() ([]netip.Addr, error) { return []netip.Addr{public, netip.MustParseAddr("127.0.0.1")}, nil },
			toward:      func(netip.Addr) netip.Addr { return public },
			udp:         func(string) error { return nil },
			tcp:         func(string) error { return nil },
			stun:        func(context.Context, string) (netip.Addr, error) { return public, nil },
			trunk:       func(context.Context, store.Trunk) (sip.Trial, error) { return sip.Trial{Seen: public, Date: noon}, nil },
			descriptors: func() (uint64, error) { return 1 << 20, nil },
			ephemeral:   func() (int, int, error) { return 32768, 60999, nil },
			clock:       func() (bool, error) { return true, nil },
			certificate: func(string, string) (*x509.Certificate, error) { return leaf("pickup.example", 90*24*time.Hour), nil },
		},
	}
}

func leaf(name string, left time.Duration) *x509.Certificate {
	c := &x509.Certificate{NotBefore: noon.Add(-24 * time.Hour), NotAfter: noon.Add(left)}
	if name != "" {
		c.DNSNames = []string{name}
	}
	return c
}

func TestTheDoctorSaysWhatToSet(t *testing.T) {
	private, public, other := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("198.51.100.9")
	behindNAT := func(x *examination) {
		x.world.addresses = func() ([]netip.Addr, error) { return []netip.Addr{private}, nil }
		x.world.toward = func(netip.Addr) netip.Addr { return private }
	}
	nobodySees := func(x *examination) { x.stun, x.trunks = "", nil }
	trunkFails := func(err error) func(*examination) {
		return func(x *examination) {
			x.world.trunk = func(context.Context, store.Trunk) (sip.Trial, error) { return sip.Trial{}, err }
		}
	}
	certificate := func(c *x509.Certificate, err error) func(*examination) {
		return func(x *examination) {
			x.world.certificate = func(string, string) (*x509.Certificate, error) { return c, err }
		}
	}
	taken := func(part string) func(*examination) {
		return func(x *examination) {
			x.world.udp = func(a string) error {
				if strings.HasSuffix(a, part) {
					return errors.New("address already in use")
				}
				return nil
			}
		}
	}
	for name, c := range map[string]struct {
		change []func(*examination)
		want   string // of one finding that is not ok; "": there is none
	}{
		"all is well": {nil, ""},
		"a private address behind a router": {
			[]func(*examination){behindNAT},
			"FAIL advertised address 10.0.0.5 (sip.advertise is not set): trunk carrier sees us as 203.0.113.7: calls from there would have no audio or no answer; set sip.advertise to 203.0.113.7",
		},
		"a private address and nobody to ask": {[]func(*examination){behindNAT, nobodySees}, "warn advertised address 10.0.0.5 (sip.advertise is not set): it is private"},
		"behind a router, as it should be":    {[]func(*examination){behindNAT, func(x *examination) { x.cfg.SIP.Advertise = public }}, ""},
		"the address of yesterday": {
			[]func(*examination){behindNAT, func(x *examination) { x.cfg.SIP.Advertise, x.trunks = other, nil }},
			"FAIL advertised address 198.51.100.9: STUN server stun.example sees us as 203.0.113.7",
		},
		"an address of somebody else": {
			[]func(*examination){nobodySees, func(x *examination) { x.cfg.SIP.Advertise = other }},
			"warn advertised address 198.51.100.9: it is no address of this machine",
		},
		"loopback": {[]func(*examination){nobodySees, func(x *examination) { x.cfg.SIP.Advertise = netip.MustParseAddr("127.0.0.1") }}, "FAIL advertised address 127.0.0.1: nobody else can reach it"},
		"a network that is told the outer address": {
			[]func(*examination){func(x *examination) {
				x.cfg.SIP.Advertise, x.cfg.SIP.LocalNets = public, nil
				x.world.addresses = func() ([]netip.Addr, error) { return []netip.Addr{public, private}, nil }
				nobodySees(x)
			}},
			"warn sip.local_nets: our address 10.0.0.5 is in none of them",
		},
		"a firewall before STUN": {
			[]func(*examination){func(x *examination) {
				x.world.stun = func(context.Context, string) (netip.Addr, error) { return netip.Addr{}, errNoSTUN }
			}}, "warn STUN server stun.example: no answer",
		},
		"a port in use": {[]func(*examination){taken(":5060")}, "FAIL sip.listen 0.0.0.0:5060 (UDP): address already in use"},
		"a further listener": {[]func(*examination){taken("]:5060"), func(x *examination) {
			x.cfg.SIP.Listeners = []configs.Listener{{Address: netip.MustParseAddrPort("[::1]:5060")}}
		}}, "FAIL sip.listeners [::1]:5060 (UDP): address already in use"},
		"the port of browsers":     {[]func(*examination){taken(":30000")}, "FAIL media.webrtc_port 30000: address already in use"},
		"ports of audio in use":    {[]func(*examination){taken(":20000")}, "warn media.rtp_ports 20000-29999: in use by others: 20000"},
		"few ports of audio":       {[]func(*examination){func(x *examination) { x.cfg.Media.RTPPorts.Last = 20099 }}, "warn media.rtp_ports 20000-20099: enough for 25 calls"},
		"ports of audio and SIP":   {[]func(*examination){func(x *examination) { x.cfg.SIP.Listen = "0.0.0.0:20060" }}, "FAIL media.rtp_ports 20000-29999: sip.listen 20060 lies in it"},
		"ports of the kernel":      {[]func(*examination){func(x *examination) { x.world.ephemeral = func() (int, int, error) { return 25000, 60999, nil } }}, "warn media.rtp_ports 20000-29999: the kernel gives ports 25000-60999"},
		"few descriptors":          {[]func(*examination){func(x *examination) { x.world.descriptors = func() (uint64, error) { return 1024, nil } }}, "warn descriptors 1024: serve.max_calls and sip.limits.connections may need 12692"},
		"a certificate that ended": {[]func(*examination){certificate(leaf("pickup.example", -time.Hour), nil)}, "FAIL http.tls.cert http.pem: expired on 2026-11-28T11:00:00Z"},
		"one that ends soon":       {[]func(*examination){certificate(leaf("pickup.example", 50*time.Hour), nil)}, "warn http.tls.cert http.pem: expires in 2 days"},
		"one of another host":      {[]func(*examination){certificate(leaf("other.example", 900*time.Hour), nil)}, "FAIL http.tls.cert http.pem: is not good for pickup.example, only for other.example"},
		"one of no host":           {[]func(*examination){certificate(leaf("", 900*time.Hour), nil), func(x *examination) { x.host = "" }}, "FAIL http.tls.cert http.pem: names no host"},
		"a key that does not fit":  {[]func(*examination){certificate(nil, errors.New("private key does not match"))}, "FAIL http.tls.cert http.pem: private key does not match"},
		"one of tomorrow": {
			[]func(*examination){func(x *examination) {
				x.world.now = func() time.Time { return noon.Add(-48 * time.Hour) }
				x.trunks = nil
			}},
			"FAIL http.tls.cert http.pem: is good only from 2026-11-27T12:00:00Z on: is our clock right?",
		},
		"a trunk that nobody knows":      {[]func(*examination){trunkFails(fmt.Errorf("look up x: %w", locate.ErrNotFound))}, "FAIL trunk carrier (sip.carrier.example, udp): look up x: no address: no name server knows it"},
		"a trunk without an answer":      {[]func(*examination){trunkFails(errors.New("no answer"))}, "or a firewall lets its answers not in"},
		"a trunk of another certificate": {[]func(*examination){trunkFails(fmt.Errorf("tls: %w", x509.UnknownAuthorityError{}))}, "its certificate must be good for sip.carrier.example"},
		"a disabled trunk":               {[]func(*examination){trunkFails(errors.New("not asked")), func(x *examination) { x.trunks[0].Disabled = true }}, ""},
		"a clock that is wrong": {
			[]func(*examination){func(x *examination) {
				x.world.trunk = func(context.Context, store.Trunk) (sip.Trial, error) {
					return sip.Trial{Date: noon.Add(-3 * time.Minute)}, nil
				}
			}}, "warn clock: that of trunk carrier is 3m0s away from ours",
		},
		"a clock that nothing keeps": {[]func(*examination){func(x *examination) { x.world.clock = func() (bool, error) { return false, nil } }}, "warn clock: nothing keeps it right"},
		"a page without HTTPS":       {[]func(*examination){func(x *examination) { x.cfg.HTTP.AllowedOrigins = []string{"http://shop.example"} }}, "warn http.allowed_origins: http://shop.example is not HTTPS"},
		"a console without HTTPS":    {[]func(*examination){func(x *examination) { x.cfg.HTTP.TLS = configs.KeyPair{} }}, "warn http.listen 127.0.0.1:8080: neither http.tls nor http.trusted_proxies is set"},
		"SIP on loopback":            {[]func(*examination){func(x *examination) { x.cfg.SIP.Listen = "127.0.0.1:5060" }}, "warn sip.listen 127.0.0.1:5060: only phones on this machine reach it"},
	} {
		t.Run(name, func(t *testing.T) {
			x := aGoodSetUp(t)
			for _, change := range c.change {
				change(&x)
			}
			var said findings
			x.say = &said
			x.all(t.Context())
			bad := slices.DeleteFunc(slices.Clone(said), func(s string) bool { return strings.HasPrefix(s, "ok ") })
			switch {
			case c.want == "" && len(bad) > 0:
				t.Errorf("got %q, want nothing to say", bad)
			case c.want != "" && (len(bad) != 1 || !strings.Contains(bad[0], c.want)):
				t.Errorf("got %q, want one finding %q", bad, c.want)
			}
		})
	}
}

// A STUN server says as whom it sees us; a stranger's answer is none.
func TestSTUN(t *testing.T) {
	for name, c := range map[string]struct{ reply, want string }{
		"IPv4":             {"\x00\x20\x00\x08\x00\x01\x32\x46\x21\x12\xa4\x42", "0.0.0.0"},
		"after another":    {"\x80\x22\x00\x03abc\x00\x00\x20\x00\x08\x00\x01\x32\x46\x21\x12\xa4\x43", "0.0.0.1"},
		"nothing in it":    {"", ""},
		"a length too far": {"\x00\x20\x00\x80\x00\x01\x32\x46\x21\x12\xa4\x42", ""},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close() //nolint:errcheck // of a test
			go func() {
				b := make([]byte, 100)
				for {
					n, from, err := server.ReadFrom(b)
					if err != nil {
						return
					}
					answer := append([]byte{1, 1, 0, byte(len(c.reply))}, b[4:n]...)
					_, _ = server.WriteTo([]byte("a stranger"), from)
					_, _ = server.WriteTo(append(answer, c.reply...), from)
				}
			}()
			got, err := askSTUN(t.Context(), server.LocalAddr().String())
			if (err == nil) != (c.want != "") || (err == nil && got.String() != c.want) {
				t.Errorf("got %v %v, want %q", got, err, c.want)
			}
		})
	}
}

func FuzzMappedAddress(f *testing.F) {
	id := []byte("\x21\x12\xa4\x42abcdefghijkl")
	f.Add(append(append([]byte{1, 1, 0, 12}, id...), "\x00\x20\x00\x08\x00\x01\x32\x46\x21\x12\xa4\x42"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := mappedAddress(b, id); ok && !a.IsValid() {
			t.Error("an address that is none")
		}
	})
}
