package email_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pickup/ticket"
	"pickup/ticket/email"
)

// slow is more than any input of a fuzzer's size may take, on a busy machine.
const slow = 10 * time.Second

func FuzzParse(f *testing.F) {
	f.Add([]byte("From: a@x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"), "x")
	f.Add([]byte("From: =?utf-8?q?a?= <a@x>\nSubject: =?iso-8859-1?b?6Q==?=\n\n\xe9"), "")
	f.Add([]byte("no field\nFrom: a@x\n folded\n\nContent-Type: text/html\n\n<p>x"), "")
	f.Add([]byte("From: a@x\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"+
		"--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n--b\r\n"+
		"Content-Type: message/rfc822\r\n\r\nMessage-ID: <1@x>\r\n\r\n--b--\r\n"), "x")
	f.Fuzz(func(t *testing.T, raw []byte, trusted string) {
		began := time.Now()
		m, err := email.Parse(raw, trusted)
		if took := time.Since(began); took > slow {
			t.Fatalf("%d bytes took %s", len(raw), took)
		}
		if err != nil {
			return
		}
		if m.MessageID == "" || strings.ContainsAny(m.Subject+m.From.Email, "\r\n\x00") {
			t.Fatalf("unsafe %q %q %q", m.MessageID, m.Subject, m.From.Email)
		}
		if !utf8.ValidString(m.Text + m.Quoted + m.HTML + m.Subject + m.From.Name + m.From.Email) {
			t.Fatalf("not UTF-8: %+v", m)
		}
		for _, file := range m.Files {
			if strings.ContainsAny(file.Name, "/\\\x00\r\n") || file.Name == "" || file.Name == ".." {
				t.Fatalf("unsafe name %q", file.Name)
			}
		}
	})
}

// Comparing subjects again changes nothing, and marks of replies never count.
func FuzzSubjectKey(f *testing.F) {
	for _, s := range []string{"Re: Retrait", "RE : TR: [#12] Retrait", "Re[2]: a", "[#1]", "réf: Ünï  code", "\x00re:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key := ticket.SubjectKey(s)
		if got := ticket.SubjectKey("Re: " + s); got != key {
			t.Fatalf("%q gives %q, its reply %q", s, key, got)
		}
		if key != strings.TrimSpace(key) || strings.Contains(key, "  ") {
			t.Fatalf("%q gives %q", s, key)
		}
	})
}

// What is taken for an address is one word with one domain, short enough, and is
// found again in itself.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"a@b.org", "A <a@B.org>", "\"x <y@z>\" <a@b>", "=?utf-8?q?a=40b?=", "<<a@b>>", "a@b@c", "a b@c d", "a@b\r\nBcc: c@d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := email.AddressIn(s)
		if !ok {
			return
		}
		local, domain, _ := strings.Cut(a, "@")
		if local == "" || domain == "" || strings.ContainsAny(a, " \t\r\n\x00<>,;\"()") || strings.Contains(domain, "@") || len(a) > 254+2*len(domain) {
			t.Fatalf("%q gives %q", s, a)
		}
	})
}

// Nothing of a text is lost between what is new and what is quoted.
func FuzzUnquote(f *testing.F) {
	for _, s := range []string{"Yes.\n> a", "Le lundi, A a écrit :\n> b", "> a\n\nYes", "-----Original Message-----\nx", "From: a\nSent: b", "\n\n>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fresh, quoted := email.Unquote(s)
		letters := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if got := letters(fresh + " " + quoted); got != letters(s) {
			t.Fatalf("%q became %q and %q", s, fresh, quoted)
		}
		if fresh == "" && strings.TrimSpace(s) != "" {
			t.Fatalf("%q has nothing new", s)
		}
	})
}

// Whatever the HTML, nothing that runs or loads remains.
func FuzzSafeHTML(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkSafe(t, s, email.SafeHTML(s, nil))
	})
}
