package locate_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"pickup/sip/locate"
)

// zone is what a name server of the tests knows: "name type" to records.
type zone map[string][]dnsmessage.ResourceBody

func a(s string) dnsmessage.ResourceBody {
	return &dnsmessage.AResource{A: netip.MustParseAddr(s).As4()}
}

func aaaa(s string) dnsmessage.ResourceBody {
	return &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(s).As16()}
}

func srv(priority, weight, port uint16, target string) dnsmessage.ResourceBody {
	return &dnsmessage.SRVResource{Priority: priority, Weight: weight, Port: port, Target: dnsmessage.MustNewName(target)}
}

func naptr(order, preference uint16, service, replacement string) dnsmessage.ResourceBody {
	b := binary.BigEndian.AppendUint16(nil, order)
	b = binary.BigEndian.AppendUint16(b, preference)
	for _, s := range []string{"s", service, ""} {
		b = append(append(b, byte(len(s))), s...)
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(replacement, "."), ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return &dnsmessage.UnknownResource{Type: 35, Data: append(b, 0)}
}

// answer is the reply to a question; cut: as a datagram that it does not fit in.
func (z zone) answer(t testing.TB, question []byte, cut bool) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil || len(m.Questions) != 1 {
		t.Errorf("a question that is none: %v", err)
		return nil
	}
	q := m.Questions[0]
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RCode: dnsmessage.RCodeNameError}, Questions: m.Questions}
	kind := strings.TrimPrefix(q.Type.String(), "Type")
	if q.Type == 35 {
		kind = "NAPTR"
	}
	for key, bodies := range z {
		name, of, _ := strings.Cut(key, " ")
		if !strings.EqualFold(name+".", q.Name.String()) {
			continue
		}
		reply.RCode = dnsmessage.RCodeSuccess
		if of != kind {
			continue
		}
		for _, b := range bodies {
			reply.Answers = append(reply.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET, TTL: 300}, Body: b,
			})
		}
	}
	if cut {
		reply.Truncated, reply.Answers = true, nil
	}
	out, err := reply.Pack()
	if err != nil {
		t.Errorf("a reply that cannot be packed: %v", err)
	}
	return out
}

// serve runs a name server; cut: by UDP nothing fits.
func (z zone) serve(t testing.TB, cut bool) *locate.Resolver {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = udp.Close(), tcp.Close() })
	go func() {
		for b := make([]byte, 4096); ; {
			n, from, err := udp.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = udp.WriteTo([]byte("a stranger"), from)
			_, _ = udp.WriteTo(z.answer(t, b[:n], cut), from)
		}
	}()
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 4096)
			n, _ := c.Read(b)
			reply := z.answer(t, b[2:n], false)
			_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
			_ = c.Close()
		}
	}()
	return &locate.Resolver{Servers: []netip.AddrPort{netip.MustParseAddrPort(udp.LocalAddr().String())}}
}

func TestLocate(t *testing.T) {
	known := zone{
		"full.example NAPTR": {
			naptr(20, 0, "SIP+D2U", "_sip._udp.full.example."), naptr(10, 20, "SIP+D2T", "_sip._tcp.full.example."),
			naptr(10, 10, "SIPS+D2T", "_sips._tcp.full.example."), naptr(1, 1, "E2U+email", "x.full.example."),
		},
		"_sips._tcp.full.example SRV": {srv(1, 0, 5071, "a.full.example.")},
		"_sip._tcp.full.example SRV":  {srv(2, 0, 5072, "b.full.example."), srv(1, 0, 5073, "a.full.example.")},
		"_sip._udp.full.example SRV":  {srv(1, 0, 5074, "a.full.example.")},
		"a.full.example A":            {a("192.0.2.1")},
		"a.full.example AAAA":         {aaaa("2001:db8::1")},
		"b.full.example A":            {a("192.0.2.2"), a("192.0.2.3")},
		"srv.example A":               {a("192.0.2.9")},
		"_sip._tcp.srv.example SRV":   {srv(1, 0, 5080, "a.full.example.")},
		"none.example A":              {a("192.0.2.9")},
		"_sip._udp.none.example SRV":  {srv(0, 0, 0, ".")},
		"plain.example A":             {a("192.0.2.7")},
	}
	for name, c := range map[string]struct {
		host      string
		port      int
		transport string
		want      string
	}{
		"NAPTR orders the transports, SRV the hosts": {"full.example", 0, "auto", "tls 192.0.2.1:5071 tls [2001:db8::1]:5071 " +
			"tcp 192.0.2.1:5073 tcp [2001:db8::1]:5073 tcp 192.0.2.2:5072 tcp 192.0.2.3:5072 udp 192.0.2.1:5074 udp [2001:db8::1]:5074"},
		"a transport needs no NAPTR":       {"full.example", 0, "udp", "udp 192.0.2.1:5074 udp [2001:db8::1]:5074"},
		"a port needs no SRV":              {"b.full.example", 5099, "tcp", "tcp 192.0.2.2:5099 tcp 192.0.2.3:5099"},
		"a port and no transport is UDP":   {"srv.example", 5099, "auto", "udp 192.0.2.9:5099"},
		"without NAPTR the SRV that exist": {"srv.example", 0, "auto", "tcp 192.0.2.1:5080 tcp [2001:db8::1]:5080"},
		"SRV of another transport":         {"srv.example", 0, "udp", "udp 192.0.2.9:5060"},
		"no SRV at all":                    {"plain.example", 0, "auto", "udp 192.0.2.7:5060"},
		"the port of TLS":                  {"plain.example", 0, "tls", "tls 192.0.2.7:5061"},
		"decidedly not here":               {"none.example", 0, "udp", "not found"},
		"nobody":                           {"nobody.example", 0, "auto", "not found"},
		"no name":                          {strings.Repeat("x", 300), 0, "udp", "not found"},
		"an address":                       {"192.0.2.4", 0, "tcp", "tcp 192.0.2.4:5060"},
		"an address of IPv6":               {"[2001:db8::4]", 5070, "udp", "udp [2001:db8::4]:5070"},
	} {
		for _, cut := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, truncated %v", name, cut), func(t *testing.T) {
				set, err := known.serve(t, cut).Locate(t.Context(), c.host, c.port, c.transport)
				if c.want == "not found" {
					if !errors.Is(err, locate.ErrNotFound) {
						t.Fatalf("got %v %v, want not found", set.All(), err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, x := range set.All() {
					got = append(got, x.Transport+" "+x.Addr.String())
				}
				if strings.Join(got, " ") != c.want {
					t.Errorf("got %q, want %q", strings.Join(got, " "), c.want)
				}
				if _, err := netip.ParseAddr(strings.Trim(c.host, "[]")); err != nil && set.TTL != 300*time.Second {
					t.Errorf("got a TTL of %v, want that of the records", set.TTL)
				}
			})
		}
	}
}

// A weight is a share (RFC 2782); one of weight 0 comes last nearly always.
func TestWeightsAreShares(t *testing.T) {
	z := zone{
		"_sip._udp.w.example SRV": {srv(1, 60, 1, "a.w.example."), srv(1, 20, 2, "a.w.example."), srv(1, 0, 3, "a.w.example."), srv(2, 99, 4, "a.w.example.")},
		"a.w.example A":           {a("192.0.2.1")},
	}
	set, err := z.serve(t, false).Locate(t.Context(), "w.example", 0, "udp")
	if err != nil {
		t.Fatal(err)
	}
	first := map[uint16]int{}
	const n = 20_000
	for range n {
		all := set.Order(nil)
		if len(all) != 4 || all[3].Addr.Port() != 4 {
			t.Fatalf("got %v, want all four, the second priority last", all)
		}
		first[all[0].Addr.Port()]++
	}
	for port, want := range map[uint16]float64{1: 60. / 81, 2: 20. / 81, 3: 1. / 81} {
		if got := float64(first[port]) / n; got < want-0.02 || got > want+0.02 {
			t.Errorf("port %d was first in %.3f of the cases, want %.3f", port, got, want)
		}
	}
}

func TestNoNameServer(t *testing.T) {
	dead := &locate.Resolver{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}}
	if _, err := dead.Locate(t.Context(), "a.example", 0, "auto"); err == nil || errors.Is(err, locate.ErrNotFound) {
		t.Errorf("got %v, want that nobody answers", err)
	}
	dead.System = func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("::ffff:127.0.0.1")}, nil
	}
	set, err := dead.Locate(t.Context(), "a.example", 5060, "udp")
	if err != nil || fmt.Sprint(set.All()[0].Addr) != "127.0.0.1:5060" || len(set.All()) != 2 {
		t.Errorf("got %v %v, want the address of the hosts file", set.All(), err)
	}
}

func FuzzParse(f *testing.F) {
	z := zone{"a.example A": {a("192.0.2.1")}, "a.example NAPTR": {naptr(1, 1, "SIP+D2U", "b.example.")}}
	for _, t := range []dnsmessage.Type{dnsmessage.TypeA, 35} {
		m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7}, Questions: []dnsmessage.Question{{
			Name: dnsmessage.MustNewName("a.example."), Type: t, Class: dnsmessage.ClassINET,
		}}}
		q, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(z.answer(f, q, false), uint16(t))
	}
	f.Fuzz(func(t *testing.T, b []byte, kind uint16) {
		if n := locate.Parse(b, 7, "a.example.", kind); n > 1000 {
			t.Errorf("%d records of one message", n)
		}
	})
}
