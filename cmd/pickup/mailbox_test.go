//go:build sqlite_fts5

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMailboxesAreMadeListedTriedAndRemoved(t *testing.T) {
	dir := t.TempDir()
	for _, s := range []struct {
		args  []string
		want  string // in what is printed
		fault string // in the error; "": none
	}{
		{[]string{"queue", "set", "support"}, "", ""},
		{[]string{"mailbox", "add", "help@casino.example", "--queue", "none", "--imap-host", "127.0.0.1"}, "", `no queue "none"`},
		{[]string{"mailbox", "add", "help@casino.example", "--queue", "support"}, "", "imap.host"},
		{[]string{
			"mailbox", "add", "help@casino.example", "--queue", "support", "--imap-host", "127.0.0.1", "--imap-port", "1",
			"--imap-security", "none", "--imap-user", "u", "--imap-password", "hidden", "--signatures", "fr=Nous;en=We",
		}, "", ""},
		{[]string{"mailbox", "list"}, "help@casino.example", ""},
		{[]string{"mailbox", "add", "help@casino.example", "--name", "Help", "--smtp-host", "smtp.example"}, "", ""},
		{[]string{"mailbox", "list"}, "u@127.0.0.1:1/none  @smtp.example:0/tls", ""},
		{[]string{"mailbox", "add", "help@casino.example", "--smtp-host="}, "", ""},
		{[]string{"mailbox", "test", "help@casino.example"}, "", "imap.host 127.0.0.1: connect"},
		{[]string{"mailbox", "test", "other@casino.example"}, "", "no mailbox"},
		{[]string{"doctor", "--sip.listen=127.0.0.1:0", "--http.listen=127.0.0.1:0", "--media.webrtc_port=0"}, "FAIL  mailbox help@casino.example: imap.host 127.0.0.1", "mailbox"},
		{[]string{"mailbox", "add", "help@casino.example", "--no-enabled"}, "", ""},
		{[]string{"doctor", "--sip.listen=127.0.0.1:0", "--http.listen=127.0.0.1:0", "--media.webrtc_port=0"}, "ok    database", ""},
		{[]string{"mailbox", "remove", "help@casino.example"}, "", ""},
		{[]string{"mailbox", "remove", "help@casino.example"}, "", "no mailbox"},
	} {
		out, err := pickup(t, dir, s.args...)
		if !strings.Contains(out, s.want) || strings.Contains(out, "hidden") {
			t.Errorf("%v printed %q, want %q", s.args, out, s.want)
		}
		switch {
		case s.fault == "" && err != nil:
			t.Errorf("%v: %v", s.args, err)
		case s.fault != "" && (err == nil || !strings.Contains(err.Error(), s.fault)):
			t.Errorf("%v: got %v, want %q", s.args, err, s.fault)
		}
	}
}

// A site file makes mailboxes; applied again it keeps the passwords that it does
// not tell.
func TestASiteFileMakesMailboxes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "site.yaml")
	apply := func(password string) {
		t.Helper()
		text := "queues: [{name: support}]\nmailboxes:\n  - {address: help@casino.example, queue: support, imap: {host: imap.example, user: u, password: \"" + password + "\"}}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := pickup(t, dir, "apply", file); err != nil || !strings.Contains(out, "1 mailboxes") {
			t.Fatalf("%q %v", out, err)
		}
	}
	apply("hidden")
	apply("")
	out, err := pickup(t, dir, "mailbox", "list")
	if err != nil || strings.Count(out, "help@casino.example") != 1 || !strings.Contains(out, "u@imap.example:0/tls") {
		t.Errorf("listed %q %v", out, err)
	}
}
