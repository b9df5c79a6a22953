package sip_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"pickup/call"
	"pickup/callflow"
	"pickup/media"
	"pickup/sip"
)

// at is a phone that speaks with one of the addresses of the edge.
func (e *edge) at(network, address string) *phone {
	e.t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = c.Close() })
	return &phone{t: e.t, conn: c, user: "alice"}
}

const offer6 = "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"

// Each listener has its own address, encryption and sockets; a phone is rung by
// the one that it registered by.
func TestSeveralListeners(t *testing.T) {
	advertised := netip.MustParseAddr("192.0.2.77")
	e := startEdge(t, func(c *sip.Config) {
		c.LocalAddr = func(peer netip.Addr) netip.Addr {
			if peer.Is6() {
				return netip.IPv6Loopback()
			}
			return netip.MustParseAddr("127.0.0.1")
		}
		c.Listeners = []sip.Listener{
			{Address: "127.0.0.1:0", SRTP: media.SRTPRequired, LocalAddr: func(netip.Addr) netip.Addr { return advertised }},
			{Address: "[::1]:0"},
			{Address: "127.0.0.1:0", Transport: "tcp"},
		}
	})
	all := e.Addrs()
	if len(all) != 4 {
		t.Fatalf("got %v", all)
	}
	for name, c := range map[string]struct {
		network, address, offer string
		status                  int
		contact, body           string
	}{
		"the first":              {"udp", all[0], offer, 200, "<sip:pickup@" + all[0] + ">", "c=IN IP4 127.0.0.1"},
		"one that wants SRTP":    {"udp", all[1], offer, 488, "", ""},
		"the same, over TCP":     {"tcp", all[1], offer, 488, "", ""},
		"IPv6":                   {"udp", all[2], offer6, 200, "<sip:pickup@" + all[2] + ">", "c=IN IP6 ::1"},
		"IPv6 over TCP":          {"tcp", all[2], offer6, 200, "<sip:pickup@" + all[2] + ";transport=tcp>", "c=IN IP6 ::1"},
		"IPv6 and audio of IPv4": {"udp", all[2], offer, 488, "", ""},
		"TCP alone":              {"tcp", all[3], offer, 200, "<sip:pickup@" + all[3] + ";transport=tcp>", "c=IN IP4 127.0.0.1"},
		"keys and an advertised address": {"udp", all[1], strings.Replace(offer, "RTP/AVP", "RTP/SAVP", 1) +
			"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n", 200, "@192.0.2.77:", "c=IN IP4 192.0.2.77"},
	} {
		t.Run(name, func(t *testing.T) {
			p := e.at(c.network, c.address)
			p.send(p.text(message{method: "INVITE", body: c.offer}))
			if c.status != 200 {
				if m := p.response(); status(m) != c.status {
					t.Errorf("got %s, want %d", m, c.status)
				}
				return
			}
			in := e.inbound()
			ch := events(in.Leg)
			in.Leg.Answer()
			m := p.response()
			if status(m) != 200 || !strings.Contains(header(m, "Contact"), c.contact) || !strings.Contains(m, c.body) {
				t.Errorf("got %s, want Contact %s and %s", m, c.contact, c.body)
			}
			in.Leg.End(call.Cause{})
			p.send(p.text(message{method: "ACK", callID: header(m, "Call-ID"), to: header(m, "To")}))
			expect(t, ch, callflow.LegAnswered, patience)
			p.reply(p.request("BYE"), 200, "")
			expect(t, ch, callflow.LegFinal, patience)
		})
	}

	p := e.at("udp", all[2])
	if m := p.register("1001", "demo-1001"); status(m) != 200 {
		t.Fatalf("a registration over IPv6: %s", m)
	}
	devices := e.Devices("u1001")
	l, err := e.Dialer(callflow.AddressDevice).Dial(t.Context(), callflow.Invitation{LegID: "out", To: devices[0], FromUser: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	ch := events(l)
	m := p.request("INVITE")
	if !strings.Contains(m, "c=IN IP6 ::1") || !strings.Contains(header(m, "Via"), all[2]) || !strings.HasPrefix(m, "INVITE sip:1001@[::1]:") {
		t.Errorf("a device on IPv6 is rung with %s", m)
	}
	p.reply(m, 486, "")
	expect(t, ch, callflow.LegFailed, patience)
	expect(t, ch, callflow.LegFinal, patience)
}
