package sip_test

import (
	"net"
	"net/netip"
	"testing"

	"pickup/sip"
)

func TestWhoMayRegisterADemonstrationAccount(t *testing.T) {
	own := netip.MustParseAddr("192.0.2.2") // of this machine
	local := func(peer netip.Addr) netip.Addr {
		if peer == own || peer.IsLoopback() {
			return peer // as the kernel does
		}
		return own
	}
	tests := map[string]struct {
		from string
		want bool
	}{
		"loopback":                        {"127.0.0.1", true},
		"another loopback address":        {"127.9.9.9", true},
		"loopback of IPv6":                {"::1", true},
		"a private network":               {"192.168.7.8", true},
		"a private network of IPv6":       {"fd00::7", true},
		"link-local":                      {"fe80::1", true},
		"this machine's outer address":    {"192.0.2.2", true},
		"the outer address's neighbour":   {"192.0.2.3", false},
		"anywhere else":                   {"203.0.113.9", false},
		"anywhere else by IPv6":           {"2001:db8::1", false},
		"shared address space (RFC 6598)": {"100.64.0.1", false},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			if got := sip.Nearby(netip.MustParseAddr(c.from), local); got != c.want {
				t.Errorf("%s: got %v, want %v", c.from, got, c.want)
			}
		})
	}
}

// From every address that this machine has, loopback first: on most machines
// one of them is neither loopback nor private.
func TestDemonstrationPhoneOnThisMachineRegistersFromAnyOfItsAddresses(t *testing.T) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	e := startEdge(t, func(c *sip.Config) { c.LocalAddr = nil })
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.To4() == nil {
			continue
		}
		t.Run(n.IP.String(), func(t *testing.T) {
			server, err := net.ResolveUDPAddr("udp", e.Addr())
			if err != nil {
				t.Fatal(err)
			}
			c, err := net.DialUDP("udp", &net.UDPAddr{IP: n.IP}, server)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			p := &phone{t: t, conn: c}
			if m := p.register("1001", "demo-1001"); status(m) != 200 {
				t.Errorf("got %s", m)
			}
		})
	}
}
