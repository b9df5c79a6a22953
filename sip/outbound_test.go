package sip_test

import (
	"strings"
	"testing"

	"pickup/account"
)

// A flow can be kept only where the proxy next to the phone knows of flows (RFC
// 5626 6).
func TestFlowsNeedTheFirstHop(t *testing.T) {
	const asks = "Supported: path, outbound"
	const by = "Via: SIP/2.0/UDP 192.0.2.9:5061;branch=z9hG4bKphone"
	for name, c := range map[string]struct {
		more   []string
		status int
	}{
		"straight to us":                           {[]string{asks}, 200},
		"by a proxy that does":                     {[]string{asks, by, "Path: <sip:127.0.0.1:5099;lr>, <sip:edge.example;lr;ob>"}, 200},
		"by a proxy that does not":                 {[]string{asks, by, "Path: <sip:127.0.0.1:5099;lr;ob>, <sip:edge.example;lr>"}, 439},
		"by a proxy that leaves no Path":           {[]string{asks, by}, 439},
		"by a proxy, from a phone that is content": {[]string{"Supported: path", by, "Path: <sip:edge.example;lr>"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t, nil)
			p := e.phone()
			p.params = `;+sip.instance="<urn:uuid:a>";reg-id=1`
			if m := p.register("1001", "demo-1001", c.more...); status(m) != c.status {
				t.Errorf("got %s, want %d", m, c.status)
			}
		})
	}
}

// Of two flows of one phone one is rung; a second phone is another device.
func TestTwoFlowsAreOneDevice(t *testing.T) {
	e := startEdge(t, nil)
	flow := func(network, instance, id string) (*phone, string) {
		p := e.dial(network)
		p.params = `;+sip.instance="<urn:uuid:` + instance + `>";reg-id=` + id
		return p, p.register("1001", "demo-1001", "Supported: outbound")
	}
	_, ok := flow("udp", "a", "1")
	if header(ok, "Require") != "outbound" || header(ok, "Flow-Timer") != "" {
		t.Errorf("by UDP: %s", ok)
	}
	second, ok := flow("tcp", "a", "2")
	if header(ok, "Require") != "outbound" || header(ok, "Flow-Timer") != "120" {
		t.Errorf("by TCP: %s", ok)
	}
	if n := strings.Count(ok, "\r\nContact:"); n != 2 {
		t.Errorf("got %d bindings, want both flows: %s", n, ok)
	}
	all := e.Devices(account.ID("u1001"))
	if len(all) != 1 || !strings.HasSuffix(all[0].Key, ";2") {
		t.Errorf("got devices %v, want the newer flow", all)
	}
	if _, ok := flow("udp", "b", "1"); status(ok) != 200 || len(e.Devices("u1001")) != 2 {
		t.Errorf("another phone: %s", ok)
	}
	_ = second.conn.Close()
	until(t, "the flow that is left", func() bool {
		all := e.Devices("u1001")
		return len(all) == 2 && !strings.HasSuffix(all[0].Key, "a>;2") && !strings.HasSuffix(all[1].Key, "a>;2")
	})
}
