package sip_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pickup/account"
	"pickup/sip"
)

// idleServer is bound but does not serve.
func idleServer(t testing.TB) *sip.Server {
	t.Helper()
	s, err := sip.NewServer(sip.Config{Listen: "127.0.0.1:0", GuardRate: -1}, nil, &memory{users: map[string]account.User{}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done, stop := context.WithCancel(context.Background())
	stop()
	t.Cleanup(func() { _ = s.Serve(done, nil) }) // closes the sockets
	return s
}

func torment(f *testing.F) {
	files, _ := filepath.Glob("testdata/rfc*/*.dat")
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(b)
		}
	}
}

var someone = netip.MustParseAddrPort("192.0.2.7:5060")

// What the filter keeps can be parsed; what it answers is one whole response.
func FuzzReadFilter(f *testing.F) {
	torment(f)
	s := idleServer(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s.Inspect(data, someone, func(reply []byte) {
			if bytes.HasPrefix(reply, []byte("SIP/2.0 ")) && !bytes.HasSuffix(reply, []byte("\r\n\r\n")) {
				t.Errorf("reply without end: %q", reply)
			}
		})
		if s.Metrics().Panics != 0 {
			t.Error("a panic was recovered")
		}
	})
}

// However a stream is cut on its way, the same messages come out of it, and
// what waits for more is within the limit.
func FuzzFramer(f *testing.F) {
	torment(f)
	f.Add([]byte("\r\n\r\n\r\n\rX\r\n\r\n"))
	f.Add([]byte("OPTIONS sip:a SIP/2.0\nl: 3\n\nabcOPTIONS sip:b SIP/2.0\r\nContent-Length: 0\r\n\r\n"))
	s := idleServer(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 60000 {
			return
		}
		want, pings, _ := s.Frames(data, len(data))
		for _, size := range []int{1, 2, 3, 7, 100} {
			got, n, held := s.Frames(data, size)
			if !slices.Equal(got, want) || n != pings {
				t.Errorf("in parts of %d: %q and %d pings, want %q and %d", size, got, n, want, pings)
			}
			if held > 65535 {
				t.Errorf("%d bytes held", held)
			}
		}
	})
}

// A stream that never begins a message does not fill the memory.
func TestFramerHoldsNoMoreThanAMessage(t *testing.T) {
	s := idleServer(t)
	for name, begin := range map[string]string{
		"text": "", "a keep-alive that is none": "\r\n\rX", "a line end": "\r\n", "a start line": "OPTIONS sip:a SIP/2.0\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, held := s.Frames([]byte(begin+strings.Repeat("a", 1<<20)), 4096); held > 0 {
				t.Errorf("%d bytes held", held)
			}
		})
	}
}

// Whatever stands in one header of a request, the filter and the gate decide
// without a panic, by UDP and by TCP.
func FuzzHeader(f *testing.F) {
	for _, h := range []string{
		"Via: SIP/2.0/UDP", "From: <sip:", "To: \"", "CSeq: -1 OPTIONS", "Contact: *", "Contact: <sip:[::1>;q=2", "Route: <;lr>,<>", "Require: a,,",
		"Max-Forwards: 256", "Session-Expires: ;refresher=", "Content-Type: multipart/mixed;boundary=", "Date: ", "Accept: ;q", "l: 0\r\nl: 1", "X: a\r\n b",
	} {
		f.Add(h)
	}
	s := idleServer(f)
	f.Fuzz(func(t *testing.T, header string) {
		text := "INVITE sip:support@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:support@b>\r\nCall-ID: x\r\n" +
			"CSeq: 1 INVITE\r\nContact: <sip:a@h>\r\n" + header + "\r\nContent-Length: 0\r\n\r\n"
		for _, transport := range []string{"UDP", "TCP"} {
			if n := s.Judge([]byte(text), transport); n != -1 && n != 0 && (n < 400 || n > 699) {
				t.Errorf("refused with %d", n)
			}
		}
		if s.Metrics().Panics != 0 {
			t.Error("a panic was recovered")
		}
	})
}

func FuzzCredentials(f *testing.F) {
	f.Add(`Digest username="a", realm="pickup", nonce="n", uri="sip:x", response="r", qop=auth, nc=1, cnonce="\"c"`)
	f.Add(`Digest username="`)
	f.Fuzz(func(_ *testing.T, s string) { sip.Credentials(s) })
}

func FuzzAssertedIdentity(f *testing.F) {
	f.Add(`"Ada \"L\"" <sip:+33612345678;x=1@c>, <tel:+1>`)
	f.Add(`"A <sip:`)
	f.Fuzz(func(t *testing.T, s string) {
		if user, display := sip.IdentityOf(s); strings.ContainsAny(user+display, "\r\n\x00") {
			t.Errorf("control characters in %q, %q", user, display)
		}
	})
}

func FuzzBindingKey(f *testing.F) {
	f.Add(`<sip:x@a.invalid;transport=ws>;reg-id=1;+sip.instance="<urn:uuid:1>";expires=600`)
	f.Add(`"q" <sip:a@b>, <sip:c@d>`)
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(sip.BindingKey(s), "\r\n") {
			t.Errorf("line end in a key of %q", s)
		}
	})
}

func BenchmarkReadFilter(b *testing.B) {
	s := idleServer(b)
	data := []byte("INVITE sip:support@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n" +
		"From: <sip:a@b>;tag=1\r\nTo: <sip:support@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.7>\r\nContent-Length: 0\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		s.Inspect(data, someone, func([]byte) {})
	}
}

// The bucket fills again as time passes.
func TestGuardRefillsWithTime(t *testing.T) {
	s, err := sip.NewServer(sip.Config{Listen: "127.0.0.1:0", GuardRate: 2, GuardBurst: 2}, nil, &memory{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done, stop := context.WithCancel(context.Background())
	stop()
	t.Cleanup(func() { _ = s.Serve(done, nil) })
	data := []byte("OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n")
	synctest.Test(t, func(t *testing.T) {
		kept := func() (n int) {
			for range 5 {
				if s.Inspect(data, someone, func([]byte) {}) {
					n++
				}
			}
			return n
		}
		if got := kept(); got != 2 {
			t.Errorf("burst: got %d, want 2", got)
		}
		time.Sleep(time.Second) // virtual
		if got := kept(); got != 2 {
			t.Errorf("a second later: got %d, want 2", got)
		}
	})
}

func TestPortInUseNamesTheSetting(t *testing.T) {
	s := idleServer(t)
	_, err := sip.NewServer(sip.Config{Listen: s.Addr()}, nil, &memory{}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "sip.listen") {
		t.Errorf("got %v", err)
	}
}
