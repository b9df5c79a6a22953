package sip_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"pickup/callflow"
	"pickup/sip"
)

func TestWhereRequestsToAUDPBindingGo(t *testing.T) {
	const source, elsewhere = "192.0.2.7:40000", "192.0.2.7:6000"
	tests := map[string]struct {
		via, contact string
		rport, path  bool
		want         string
	}{
		"a phone that listens where it sends":               {"192.0.2.7:40000", "sip:a@192.0.2.7:40000", true, false, source},
		"nothing translated, another port named":            {"192.0.2.7:40000", "sip:a@192.0.2.7:6000", false, false, elsewhere},
		"the same with rport: the translation is disproved": {"192.0.2.7:40000", "sip:a@192.0.2.7:6000", true, false, elsewhere},
		"sends from any port, says where it listens":        {"192.0.2.7:6000", "sip:a@192.0.2.7:6000", false, false, elsewhere},
		"the same by default ports":                         {"192.0.2.7", "sip:a@192.0.2.7", false, false, "192.0.2.7:5060"},
		"it asks for rport: a NAT moved its port":           {"192.0.2.7:6000", "sip:a@192.0.2.7:6000", true, false, source},
		"behind a NAT, private Contact":                     {"192.168.1.2:5060", "sip:a@192.168.1.2:5060", false, false, source},
		"behind a NAT, Contact learned, Via not":            {"192.168.1.2:5060", "sip:a@192.0.2.7:6000", false, false, source},
		"Via by name":                                       {"phone.example:6000", "sip:a@192.0.2.7:6000", false, false, source},
		"Contact by name":                                   {"192.0.2.7:40000", "sip:a@phone.example:6000", false, false, source},
		"Contact of another host":                           {"192.0.2.7:40000", "sip:a@192.0.2.8:6000", false, false, source},
		"Via and Contact of different ports":                {"192.0.2.7:7000", "sip:a@192.0.2.7:6000", false, false, source},
		"Contact without port is not a choice of 5060":      {"192.0.2.7:40000", "sip:a@192.0.2.7", false, false, source},
		"Contact of another transport":                      {"192.0.2.7:40000", "sip:a@192.0.2.7:6000;transport=tcp", false, false, source},
		"Contact that says UDP":                             {"192.0.2.7:40000", "sip:a@192.0.2.7:6000;transport=UDP", false, false, elsewhere},
		"secure Contact":                                    {"192.0.2.7:40000", "sips:a@192.0.2.7:6000", false, false, source},
		"by a proxy with Path":                              {"192.0.2.7:40000", "sip:a@192.0.2.7:6000", false, true, source},
		"our own port":                                      {"192.0.2.7:40000", "sip:a@192.0.2.7:5080", false, false, source},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			got := sip.Listens(netip.MustParseAddrPort(source), c.via, c.rport, c.contact, c.path, 5080)
			if got.String() != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

func TestDeviceThatRegistersFromOnePortAndListensAtAnotherIsRung(t *testing.T) {
	e := startEdge(t, nil)
	at, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = at.Close() }()
	p := e.phone()
	p.contact = at.LocalAddr().String()
	_, ch := e.ring(p)
	buf := make([]byte, 65536)
	n, from, err := at.ReadFromUDP(buf)
	if err != nil || !strings.HasPrefix(string(buf[:n]), "INVITE sip:1001@"+p.contact+" ") {
		t.Fatalf("got %s, %v", buf[:n], err)
	}
	ringing := strings.Replace(string(buf[:n]), "INVITE sip:1001@"+p.contact+" SIP/2.0", "SIP/2.0 180 Ringing", 1)
	ringing, _, _ = strings.Cut(ringing, "Content-Type")
	if _, err := at.WriteToUDP([]byte(ringing+"Content-Length: 0\r\n\r\n"), from); err != nil {
		t.Fatal(err)
	}
	expect(t, ch, callflow.LegRinging, patience)
}
