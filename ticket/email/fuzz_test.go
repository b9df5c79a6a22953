package email_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

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
