//go:build e2e

package test

import (
	"bytes"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The addresses of the test: two mailboxes of support, and a house of players.
const (
	supportBox = "support@casino.example"
	billingBox = "billing@casino.example"
	playersBox = "players@player.example" // all addresses of that domain but nobody.*
)

// postOffice is a Dovecot and a Postfix of our own: own folders, own ports, no
// mail leaves them.
type postOffice struct {
	t          testing.TB
	dir        string
	owner      *user.User // of the maildirs
	imap, smtp int        // ports of 127.0.0.1
	dovecot    *exec.Cmd
}

const mailSecret = "mail-secret"

// openPostOffice starts both.
func openPostOffice(t testing.TB) *postOffice {
	t.Helper()
	need(t, "/usr/sbin/dovecot", "/usr/sbin/postfix", "/usr/lib/postfix/sbin/master")
	dir, err := os.MkdirTemp("", "pickup-mail-") // t.TempDir is for this user's eyes only
	if err != nil {
		t.Fatal(err)
	}
	o := &postOffice{t: t, dir: dir, imap: freePort(t), smtp: freePort(t)}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if o.owner, err = user.Current(); err != nil {
		t.Fatal(err)
	}
	if o.owner.Uid == "0" {
		if o.owner, err = user.Lookup("nobody"); err != nil {
			t.Fatal(err)
		}
	}
	o.check(os.Chmod(dir, 0o755))
	for _, box := range []string{supportBox, billingBox, playersBox} {
		for _, sub := range []string{"cur", "new", "tmp"} {
			o.check(os.MkdirAll(o.maildir(box, sub), 0o700))
		}
	}
	o.own(filepath.Join(dir, "mail"))
	o.startDovecot()
	t.Cleanup(o.stopDovecot)
	o.startPostfix()
	t.Cleanup(func() {
		if t.Failed() {
			for _, log := range []string{"dovecot.log", "postfix.log"} {
				text, _ := os.ReadFile(filepath.Join(dir, log))
				t.Logf("%s:\n%s", log, text[max(0, len(text)-4000):])
			}
		}
	})
	return o
}

func (o *postOffice) check(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// own gives a tree to the owner of the maildirs.
func (o *postOffice) own(tree string) {
	o.t.Helper()
	uid, _ := strconv.Atoi(o.owner.Uid)
	gid, _ := strconv.Atoi(o.owner.Gid)
	if uid == os.Getuid() {
		return
	}
	o.check(filepath.Walk(tree, func(name string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(name, uid, gid)
	}))
}

func (o *postOffice) maildir(box string, more ...string) string {
	return filepath.Join(append([]string{o.dir, "mail", box, "Maildir"}, more...)...)
}

func (o *postOffice) startDovecot() {
	o.t.Helper()
	config := fmt.Sprintf(`
protocols = imap
listen = 127.0.0.1
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/dovecot.log
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:%[1]s/mail/%%u/Maildir
mail_privileged_group =
passdb {
  driver = static
  args = password=%[4]s
}
userdb {
  driver = static
  args = uid=%[2]s gid=%[3]s home=%[1]s/mail/%%u
}
service imap-login {
  chroot =
  inet_listener imap {
    address = 127.0.0.1
    port = %[5]d
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`, o.dir, o.owner.Uid, o.owner.Gid, mailSecret, o.imap)
	if os.Getuid() != 0 { // everything runs as this user
		config += fmt.Sprintf("default_internal_user = %[1]s\ndefault_login_user = %[1]s\ndefault_internal_group = %[2]s\n", o.owner.Username, o.owner.Gid)
	}
	file := filepath.Join(o.dir, "dovecot.conf")
	o.check(os.WriteFile(file, []byte(config), 0o644))
	o.dovecot = exec.Command("/usr/sbin/dovecot", "-F", "-c", file)
	o.check(o.dovecot.Start())
	o.listens(o.imap)
}

// stopDovecot ends it and what it started.
func (o *postOffice) stopDovecot() {
	if o.dovecot == nil {
		return
	}
	_ = o.dovecot.Process.Signal(syscall.SIGTERM)
	_ = o.dovecot.Wait()
	o.dovecot = nil
}

func (o *postOffice) listens(port int) {
	o.t.Helper()
	wait(o.t, 30*time.Second, fmt.Sprintf("port %d listens", port), func() (bool, string) {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err != nil {
			return false, err.Error()
		}
		_ = c.Close()
		return true, ""
	})
}

func (o *postOffice) startPostfix() {
	o.t.Helper()
	etc, spool, data := filepath.Join(o.dir, "postfix"), filepath.Join(o.dir, "spool"), filepath.Join(o.dir, "postfix-data")
	for _, d := range []string{etc, spool, data} {
		o.check(os.MkdirAll(d, 0o755))
	}
	owner, group := "postfix", "postdrop"
	o.root("chown", owner, data)
	boxes := fmt.Sprintf("%s %[1]s/Maildir/\n%s %[2]s/Maildir/\n@player.example %s/Maildir/\n", supportBox, billingBox, playersBox)
	o.check(os.WriteFile(filepath.Join(etc, "boxes"), []byte(boxes), 0o644))
	o.check(os.WriteFile(filepath.Join(etc, "transport"), []byte("nobody@player.example error:5.1.1 no such user here\n"), 0o644))
	main := fmt.Sprintf(`
compatibility_level = 3.6
queue_directory = %[1]s
data_directory = %[2]s
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = %[3]s
setgid_group = %[4]s
maillog_file = %[5]s/postfix.log
maillog_file_prefixes = %[5]s
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.casino.example
mydestination =
mynetworks = 127.0.0.0/8
local_header_rewrite_clients =
local_recipient_maps =
alias_maps =
virtual_mailbox_domains = casino.example, player.example
virtual_mailbox_base = %[5]s/mail
virtual_mailbox_maps = texthash:%[6]s/boxes
virtual_uid_maps = static:%[7]s
virtual_gid_maps = static:%[8]s
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
transport_maps = texthash:%[6]s/transport
recipient_delimiter = +
message_size_limit = 100000000
smtpd_reject_unlisted_recipient = no
smtpd_relay_restrictions = reject_unauth_destination
default_transport = error:nothing leaves this test
bounce_queue_lifetime = 1d
minimal_backoff_time = 5s
queue_run_delay = 5s
`, spool, data, owner, group, o.dir, etc, o.owner.Uid, o.owner.Gid)
	o.check(os.WriteFile(filepath.Join(etc, "main.cf"), []byte(main), 0o644))
	services := fmt.Sprintf("127.0.0.1:%d inet n - n - - smtpd\n", o.smtp)
	for _, s := range []string{
		"cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "tlsmgr unix - - n 1000? 1 tlsmgr", "rewrite unix - - n - - trivial-rewrite",
		"bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce", "verify unix - - n - 1 verify",
		"flush unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap", "error unix - - n - - error", "retry unix - - n - - error",
		"virtual unix - n n - - virtual", "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache", "postlog unix-dgram n - n - 1 postlogd",
		"showq unix n - n - - showq",
	} {
		services += s + "\n"
	}
	o.check(os.WriteFile(filepath.Join(etc, "master.cf"), []byte(services), 0o644))
	if os.Getuid() != 0 { // Postfix trusts no other owner
		o.root("chown", "-R", "root", etc, spool)
	}
	o.root("/usr/sbin/postfix", "-c", etc, "start")
	o.t.Cleanup(func() {
		o.root("/usr/sbin/postfix", "-c", etc, "stop")
		o.root("chown", "-R", strconv.Itoa(os.Getuid()), etc, spool, data)
	})
	o.listens(o.smtp)
}

// root runs a command as root, by sudo where the tests are not: Postfix starts in
// no other way.
func (o *postOffice) root(args ...string) {
	o.t.Helper()
	if os.Getuid() != 0 {
		args = append([]string{"sudo", "-n"}, args...)
	}
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		o.t.Fatalf("%s: %v %s (a Postfix needs root, or sudo without a password)", strings.Join(args, " "), err, out)
	}
}

// put lays a mail into a maildir, byte for byte, as a delivery does.
func (o *postOffice) put(box, name string, content []byte) {
	o.t.Helper()
	tmp := o.maildir(box, "tmp", name)
	o.check(os.WriteFile(tmp, content, 0o600))
	o.own(tmp)
	o.check(os.Rename(tmp, o.maildir(box, "new", name)))
}

// send gives a mail to Postfix as a player's program does.
func (o *postOffice) send(from, to string, lines ...string) {
	o.t.Helper()
	text := "From: Player <" + from + ">\r\nTo: " + to + "\r\nDate: " + time.Now().Format(time.RFC1123Z) + "\r\n" + strings.Join(lines, "\r\n") + "\r\n"
	o.check(smtp.SendMail(fmt.Sprintf("127.0.0.1:%d", o.smtp), nil, from, []string{to}, []byte(text)))
}

// letter is a mail as it lies in a maildir.
type letter struct {
	*mail.Message
	raw []byte
}

// letters are the mails of a box, oldest first.
func (o *postOffice) letters(box string) (all []letter) {
	o.t.Helper()
	var names []string
	for _, sub := range []string{"new", "cur"} {
		found, err := filepath.Glob(o.maildir(box, sub, "*"))
		o.check(err)
		names = append(names, found...)
	}
	sort.Slice(names, func(i, j int) bool { return filepath.Base(names[i]) < filepath.Base(names[j]) })
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if os.IsNotExist(err) { // moved from new to cur meanwhile
			continue
		}
		o.check(err)
		if m, err := mail.ReadMessage(bytes.NewReader(raw)); err == nil {
			all = append(all, letter{m, raw})
		}
	}
	return all
}

// letterOf waits for the mail of a Message-ID.
func (o *postOffice) letterOf(box, messageID string) (found letter) {
	o.t.Helper()
	wait(o.t, 60*time.Second, "mail "+messageID+" in "+box, func() (bool, string) {
		all := o.letters(box)
		for _, l := range all {
			if strings.Trim(l.Header.Get("Message-Id"), "<>") == messageID {
				found = l
				return true, ""
			}
		}
		return false, fmt.Sprintf("%d mails", len(all))
	})
	return found
}

// mailbox is the body that makes one of ours.
func (o *postOffice) mailbox(address string, acknowledge bool) object {
	return object{
		"name": "Support", "address": address, "queue": "support", "language": "fr", "acknowledge": acknowledge, "authserv_id": "mx.casino.example",
		"imap":       object{"host": "127.0.0.1", "port": o.imap, "security": "none", "user": address, "password": mailSecret},
		"smtp":       object{"host": "127.0.0.1", "port": o.smtp, "security": "none"},
		"signatures": object{"fr": "L’équipe du support", "en": "The support team"},
	}
}

// openMailbox makes a mailbox by the API and waits until it is read.
func (s *server) openMailbox(body object) (id string) {
	s.t.Helper()
	var made object
	s.call("POST", "/api/v1/mailboxes", body, &made, 201)
	s.mailboxIs(made.str("id"), "well")
	return made.str("id")
}

func (s *server) mailboxIs(id, state string) {
	s.t.Helper()
	wait(s.t, 60*time.Second, "mailbox "+state, func() (bool, string) {
		for _, b := range s.list("/api/v1/mailboxes") {
			if b.str("id") == id {
				health := object(b["health"].(map[string]any))
				return health.str("state") == state, fmt.Sprint(health)
			}
		}
		return false, "gone"
	})
}

// messages are those of a ticket.
func (s *server) messages(ticket string) []object {
	s.t.Helper()
	return s.list("/api/v1/tickets/" + ticket + "/messages")
}

// ticketsOf waits for n tickets and returns those of a subject.
func (s *server) ticketOf(subject string) (found object) {
	s.t.Helper()
	wait(s.t, 60*time.Second, "ticket "+subject, func() (bool, string) {
		all := s.list("/api/v1/tickets")
		var subjects []string
		for _, t := range all {
			subjects = append(subjects, t.str("subject"))
			if t.str("subject") == subject {
				found = t
			}
		}
		return found != nil, strings.Join(subjects, "; ")
	})
	return found
}

// answer replies in the mail thread of a ticket.
func (s *server) answer(ticket, clientID, text, state string) object {
	s.t.Helper()
	thread := ""
	for _, m := range s.messages(ticket) {
		if m.str("interaction_id") != "" && m.str("kind") == "customer" {
			thread = m.str("interaction_id")
			break
		}
	}
	var made object
	s.call("POST", "/api/v1/tickets/"+ticket+"/messages", object{
		"kind": "agent", "text": text, "interaction_id": thread, "client_id": clientID, "expected_last": -1, "state": state,
	}, &made, 201)
	return made
}

// forget removes a file of Dovecot's own from a maildir.
func (o *postOffice) forget(box, name string) {
	o.t.Helper()
	found, err := filepath.Glob(o.maildir(box, name) + "*")
	o.check(err)
	for _, f := range found {
		o.check(os.Remove(f))
	}
}
