package email_test

import (
	"strings"
	"testing"

	"pickup/ticket/email"
)

// parse reads a mail that is written with Unix line ends.
func parse(t *testing.T, raw string) *email.Mail {
	t.Helper()
	m, err := email.Parse([]byte(strings.ReplaceAll(raw, "\n", "\r\n")), "mx.example.org")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWhatIsNewInAReply(t *testing.T) {
	for name, c := range map[string]struct{ text, fresh, quoted string }{
		"nothing quoted":         {"Bonjour,\nmerci.", "Bonjour,\nmerci.", ""},
		"a French introduction":  {"Toujours rien.\n\nLe lun. 2 nov. 2026 à 10:12, Support <s@x> a écrit :\n> Bonjour", "Toujours rien.", "Le lun. 2 nov. 2026 à 10:12, Support <s@x> a écrit :\n> Bonjour"},
		"a broken introduction":  {"Still.\n\nOn Mon, Nov 2, 2026 at 10:12 AM Support\n<s@x> wrote:\n> Hello", "Still.", "On Mon, Nov 2, 2026 at 10:12 AM Support\n<s@x> wrote:\n> Hello"},
		"lines without one":      {"Yes.\n> Is it you?\n> Please say.", "Yes.", "> Is it you?\n> Please say."},
		"a program's separator":  {"No.\n-----Original Message-----\nFrom: a", "No.", "-----Original Message-----\nFrom: a"},
		"headers of a program":   {"No.\nDe : a\nEnvoyé : lundi\nx", "No.", "De : a\nEnvoyé : lundi\nx"},
		"an answer below":        {"> Is it you?\n\nYes.", "> Is it you?\n\nYes.", ""},
		"a sentence is no intro": {"On Monday I wrote: nothing", "On Monday I wrote: nothing", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, "From: a@x.org\nMessage-Id: <1@x>\n\n"+c.text)
			if m.Text != c.fresh || m.Quoted != c.quoted {
				t.Errorf("got %q and %q", m.Text, m.Quoted)
			}
		})
	}
}

func TestWhoWroteAMail(t *testing.T) {
	for name, c := range map[string]struct{ head, automatic string }{
		"a person":             {"X-Mailer: x", ""},
		"says no":              {"Auto-Submitted: no", ""},
		"an absence":           {"Auto-Submitted: auto-replied; x=y", "Auto-Submitted: auto-replied"},
		"a list":               {"List-Id: <news.x.org>", "List-Id"},
		"bulk":                 {"Precedence: Bulk", "Precedence: bulk"},
		"a wish for silence":   {"X-Auto-Response-Suppress: All", "X-Auto-Response-Suppress"},
		"nobody to send it to": {"Return-Path: <>", "Return-Path: <>"},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, c.head+"\nFrom: a@x.org\nMessage-Id: <1@x>\n\nHello")
			if m.Automatic != c.automatic {
				t.Errorf("got %q, want %q", m.Automatic, c.automatic)
			}
		})
	}
}

func TestOnlyOurOwnServerProvesASender(t *testing.T) {
	for name, c := range map[string]struct {
		field string
		want  bool
	}{
		"our server":            {"mx.example.org; spf=pass; dmarc=pass (p=none) header.from=x.org", true},
		"another server":        {"mx.evil.org; dmarc=pass header.from=x.org", false},
		"another domain":        {"mx.example.org; dmarc=pass header.from=y.org", false},
		"a failure":             {"mx.example.org; dmarc=fail header.from=x.org", false},
		"a pass in a comment":   {"mx.example.org; dmarc=fail (dmarc=pass header.from=x.org) header.from=x.org", false},
		"the second of two":     {"mx.example.org; dmarc=fail header.from=x.org\nAuthentication-Results: mx.example.org; dmarc=pass header.from=x.org", false},
		"our name in a comment": {"mx.evil.org (mx.example.org); dmarc=pass header.from=x.org", false},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, "Authentication-Results: "+c.field+"\nFrom: A <a@X.org>\nMessage-Id: <1@x>\n\nHello")
			if m.Proved != c.want {
				t.Errorf("got %v", m.Proved)
			}
		})
	}
}
