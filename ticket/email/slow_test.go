package email_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"pickup/ticket"
	"pickup/ticket/email"
)

// worked is the time that this process was computing: a busy machine adds nothing
// to it.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// What grows by repeating costs in proportion to its length, not to its square.
func TestNoMailIsSlow(t *testing.T) {
	const n = 300 << 10
	fill := func(s string) string { return strings.Repeat(s, n/len(s)) }
	head := "From: a@x.org\r\nMessage-Id: <1@x>\r\n"
	html := head + "Content-Type: text/html\r\n\r\n"
	for name, raw := range map[string]string{
		"reply marks":               "Subject: " + fill("Re: ") + "\r\nFrom: a@x\r\n\r\nx",
		"encoded words":             "Subject: " + fill("=?utf-8?q?a?= ") + "\r\nFrom: a@x\r\n\r\nx",
		"open encoded words":        "Subject: " + fill("=?") + "\r\nFrom: a@x\r\n\r\nx",
		"folded lines":              "Subject: " + fill("a\r\n ") + "\r\nFrom: a@x\r\n\r\nx",
		"addresses":                 head + "To: " + fill("a@b,") + "\r\n\r\nx",
		"open comments in one":      "From: " + fill("(") + "\r\n\r\nx",
		"open quotes in one":        "From: " + fill("\"") + "\r\n\r\nx",
		"domain literals in one":    "From: " + fill("a@[") + "\r\n\r\nx",
		"references":                head + "References: " + fill("<a@b> ") + "\r\n\r\nx",
		"fields":                    head + fill("X-A: b\r\n") + "\r\nx",
		"lines that are no field":   fill("ab\r\n") + "From: a@x\r\n\r\nx",
		"results":                   head + "Authentication-Results: mx;" + fill("dmarc=pass;") + "\r\n\r\nx",
		"tags":                      html + fill("<b>"),
		"open tags":                 html + fill("<"),
		"pictures":                  html + fill("<img src=a>"),
		"open pictures":             html + fill("<img "),
		"open comments":             html + fill("<!-- "),
		"open scripts":              html + fill("<script>"),
		"entities":                  html + fill("&#x41"),
		"empty lines":               head + "\r\n" + fill("\r\n"),
		"quoted lines":              head + "\r\n" + fill("> a\r\n"),
		"introductions":             head + "\r\n" + fill("On \r\n"),
		"parameters":                head + "Content-Type: text/plain;" + fill("a=b;") + "\r\n\r\nx",
		"continued parameters":      head + "Content-Type: text/plain;" + fill("a*1=b;") + "\r\n\r\nx",
		"a boundary":                head + "Content-Type: multipart/mixed; boundary=\"" + fill("a") + "\"\r\n\r\n" + fill("--a"),
		"lines like the boundary":   head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + fill("\r\n--"),
		"parts":                     head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--b\r\n\r\n"),
		"parts of the same one":     head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"),
		"nested parts":              nested(1000),
		"a field of a part":         head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: " + fill("a\r\n ") + "\r\n\r\nx\r\n--b--",
		"base64 of nothing":         head + "Content-Transfer-Encoding: base64\r\n\r\n" + fill("\r\n"),
		"soft line ends":            head + "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + fill("=\r\n"),
		"one line":                  head + "\r\n" + fill("a"),
		"a file name":               head + "Content-Disposition: attachment; filename=\"" + fill("../") + "\"\r\n\r\nx",
		"a delivery report":         head + "Content-Type: message/delivery-status\r\n\r\n" + fill("Status: 5\r\n"),
		"encoded words in a name":   "From: " + fill("=?utf-8?q?a?=") + " <a@x>\r\n\r\nx",
		"addresses that are broken": "From: " + fill("<a@b") + "\r\n\r\nx",
	} {
		t.Run(name, func(t *testing.T) {
			began := worked(t)
			m, err := email.Parse([]byte(raw), "mx")
			if err == nil {
				email.SafeHTML(m.HTML, nil)
				ticket.SubjectKey(m.Subject)
			}
			if took := worked(t) - began; took > slow {
				t.Errorf("%d bytes took %s (%v)", len(raw), took, err)
			} else if took > time.Second {
				t.Logf("took %s", took)
			}
		})
	}
}

// nested is a mail of so many multiparts in each other.
func nested(n int) string {
	var b strings.Builder
	b.WriteString("From: a@x\r\n")
	for i := range n {
		boundary := "b" + strings.Repeat("x", i%7) + string(rune('a'+i%26))
		b.WriteString("Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n")
	}
	b.WriteString("\r\n" + strings.Repeat("text\r\n", 100_000))
	return b.String()
}

func TestNoTextIsSlow(t *testing.T) {
	for name, unit := range map[string]string{
		"reply marks": "Re: ", "counters": "Re[2]: ", "numbers": "[#1] ", "open numbers": "[#", "spaces": " ", "angles": "<", "at": "@", "both": "<a@b",
		"quotes": "> ", "empty quotes": ">\n", "introductions": "Le a écrit :\n", "letters": "é",
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Repeat(unit, (128<<10)/len(unit))
			began := worked(t)
			ticket.SubjectKey(text)
			email.Unquote(text)
			email.AddressIn(text)
			email.PlainOf(text)
			if took := worked(t) - began; took > slow {
				t.Errorf("%d bytes took %s", len(text), took)
			} else if took > time.Second {
				t.Logf("took %s", took)
			}
		})
	}
}
