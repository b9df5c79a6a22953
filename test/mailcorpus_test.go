//go:build e2e

package test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

// corpusDir is the mails and acts whose names say in which ticket they belong;
// ticket/email/corpus_test.go says how they are written.
const corpusDir = "../ticket/email/testdata/corpus"

// corpusRun brings the corpus in by Dovecot.
type corpusRun struct {
	t      *testing.T
	o      *postOffice
	s      *server
	labels map[string]object // label to ticket
	owner  map[string]string // ticket to label
	last   float64           // last_pos of all tickets
	sent   map[string]string // label to the last message of the agent
	mails  int
	html   []string
}

// TestEachMailOfTheCorpusIsInTheTicketOfItsName brings in the corpus by IMAP: no
// mail is lost, none is in another's ticket, no machine is answered, and nothing of
// a mail lives in Chromium.
func TestEachMailOfTheCorpusIsInTheTicketOfItsName(t *testing.T) {
	need(t, "node", "chromium")
	files, err := os.ReadDir(corpusDir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		// Only 96 hours of silence close a ticket: the unit test has that.
		if f.Name()[0] != '.' && !strings.Contains(f.Name(), "close") {
			names = append(names, f.Name())
		}
	}
	sort.Strings(names)
	c := &corpusRun{t: t, o: openPostOffice(t), s: startServer(t), labels: map[string]object{}, owner: map[string]string{}, sent: map[string]string{}}
	c.s.openMailbox(c.o.mailbox(supportBox, true))
	c.s.openMailbox(c.o.mailbox(billingBox, true))
	for round := range mailRounds {
		for _, name := range names {
			text, err := os.ReadFile(filepath.Join(corpusDir, name))
			if err != nil {
				t.Fatal(err)
			}
			c.step(round, name, string(text))
			if t.Failed() {
				t.FailNow()
			}
		}
	}
	c.machines()
	t.Logf("%d mails in %d tickets, %d bodies of HTML", c.mails, len(c.labels), len(c.html))
	nothingLives(t, c.html)
}

// inRound makes a mail of another round of one of the first.
func inRound(round int, text string) string {
	if round == 0 {
		return text
	}
	r := strings.NewReplacer(".0@", fmt.Sprintf(".%d@", round), "mx0.example", fmt.Sprintf("mx%d.example", round),
		"old-daemon0", fmt.Sprintf("old-daemon%d", round), "Copie 0", fmt.Sprintf("Copie %d", round), "no mail at all 0", fmt.Sprintf("no mail at all %d", round),
		"x0@y", fmt.Sprintf("x%d@y", round), "{{mib 25}}", "{{mib 1}}")
	return r.Replace(text)
}

func (c *corpusRun) step(round int, name, text string) {
	t, s := c.t, c.s
	t.Helper()
	part := strings.Split(strings.TrimSuffix(name, filepath.Ext(name)), "-")
	label := fmt.Sprintf("%s/%d", part[1], round)
	if strings.HasSuffix(name, ".do") {
		c.act(label, strings.TrimSpace(text), fmt.Sprintf("%s/%d", name, round))
		return
	}
	c.mails++
	box := supportBox
	if strings.Contains(name, "to-billing") {
		box = billingBox
	}
	before := s.taken()
	c.o.put(box, fmt.Sprintf("%010d.M%dP1.test", 1_790_000_000+c.mails, c.mails), c.fill(round, inRound(round, text)))
	wait(t, 60*time.Second, name+" is filed", func() (bool, string) {
		n := s.taken()
		return n >= before+1, fmt.Sprint(n)
	})
	var into object
	top := c.last
	for _, ticket := range s.list("/api/v1/tickets") {
		if pos := ticket.num("last_pos"); pos > top {
			into, top = ticket, pos
		}
	}
	switch known := c.labels[label]; {
	case strings.Contains(name, "loop-of-our-own"), strings.Contains(name, "same-again"), strings.Contains(name, "delivered-again"), strings.Contains(name, "the-same-to-billing"):
		if into != nil {
			t.Errorf("%s: made a message in %v", name, into)
		}
	case into == nil:
		t.Errorf("%s: is nowhere", name)
	case known != nil && known.str("id") != into.str("id"):
		t.Errorf("%s: is in the ticket of %s", name, c.owner[into.str("id")])
	case known == nil && c.owner[into.str("id")] != "":
		t.Errorf("%s: crossed into the ticket of %s", name, c.owner[into.str("id")])
	default:
		c.labels[label], c.owner[into.str("id")] = into, label
		if strings.Contains(name, "html") {
			for _, m := range s.messages(into.str("id")) {
				if m.str("html") != "" {
					c.html = append(c.html, m.str("html"))
				}
			}
		}
	}
	c.last = top
}

// taken is how many mails were filed in any way.
func (s *server) taken() (n float64) {
	s.t.Helper()
	for _, kind := range []string{"filed", "automatic", "bounces", "loops", "unreadable", "duplicates"} {
		n += s.metric("pickup_mail_" + kind + "_total")
	}
	return n
}

func (c *corpusRun) act(label, what, clientID string) {
	c.t.Helper()
	ticket := c.labels[label].str("id")
	switch what {
	case "reply":
		c.sent[label] = c.s.answer(ticket, clientID, "Bonjour, nous regardons.", "pending_customer").str("id")
	case "solve":
		c.sent[label] = c.s.answer(ticket, clientID, "C’est réglé.", "solved").str("id")
	}
	for _, t := range c.s.list("/api/v1/tickets") {
		c.last = max(c.last, t.num("last_pos"))
	}
}

var corpusMark = regexp.MustCompile(`\{\{(\w+) T?(\d+)\}\}`)

// fill replaces what only the running desk knows.
func (c *corpusRun) fill(round int, text string) []byte {
	c.t.Helper()
	return corpusMark.ReplaceAllFunc([]byte(text), func(mark []byte) []byte {
		m := corpusMark.FindSubmatch(mark)
		label := fmt.Sprintf("T%s/%d", m[2], round)
		value := ""
		switch key := string(m[1]); key {
		case "reply":
			address, err := c.o.letterOf(playersBox, "m."+c.sent[label]+"@casino.example").Header.AddressList("Reply-To")
			if err != nil {
				c.t.Fatal(err)
			}
			value = address[0].Address
		case "sent":
			value = "m." + c.sent[label] + "@casino.example"
		case "message":
			value = c.sent[label]
		case "number":
			value = strconv.Itoa(int(c.labels[label].num("number")))
		case "mib":
			n, _ := strconv.Atoi(string(m[2]))
			line := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("v"), 54)) + "\r\n"
			value = strings.Repeat(line, n<<20/54)
		}
		return []byte(value)
	})
}

// machines checks what went out: nothing to a machine, nothing twice.
func (c *corpusRun) machines() {
	c.t.Helper()
	seen := map[string]int{}
	automatic := 0
	for _, l := range c.o.letters(playersBox) {
		seen[l.Header.Get("Message-Id")]++
		if l.Header.Get("Auto-Submitted") == "" {
			continue
		}
		automatic++
		if l.Header.Get("Return-Path") != "<>" {
			c.t.Errorf("an acknowledgement has the return path %s", l.Header.Get("Return-Path"))
		}
		to := l.Header.Get("To")
		for _, machine := range []string{"news.", "shop.", "monitor.", "exchange.", "daemon", "DAEMON", supportBox} {
			if strings.Contains(to, machine) {
				c.t.Errorf("%s was answered", to)
			}
		}
	}
	for id, n := range seen {
		if n != 1 {
			c.t.Errorf("%s went out %d times", id, n)
		}
	}
	if automatic < 10 {
		c.t.Errorf("only %d acknowledgements", automatic)
	}
	for _, b := range c.s.list("/api/v1/tickets") {
		if b.str("subject") == "Soldes" || b.str("subject") == "Alerte" {
			if n := len(c.s.messages(b.str("id"))); n != 1 {
				c.t.Errorf("%s has %d messages", b.str("subject"), n)
			}
		}
	}
}

// nothingLives shows bodies of mails in Chromium, without any policy that would
// hold them: no script runs, and nothing is asked for.
func nothingLives(t *testing.T, bodies []string) {
	t.Helper()
	if len(bodies) < 6 {
		t.Fatalf("only %d bodies of HTML", len(bodies))
	}
	text, err := json.Marshal(bodies)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bodies.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("node", "mail.mjs", file).Output()
	if err != nil {
		t.Fatalf("mail.mjs: %v %s", err, out)
	}
	var saw struct {
		Control struct{ Alive, Requests int }
		Alive   []string
		Asked   []string
		Shown   int
	}
	if err := json.Unmarshal(out, &saw); err != nil {
		t.Fatalf("mail.mjs said %s: %v", out, err)
	}
	if saw.Control.Alive == 0 || saw.Control.Requests == 0 {
		t.Errorf("the page does not notice a live mail: %+v", saw.Control)
	}
	if len(saw.Alive) > 0 || len(saw.Asked) > 0 || saw.Shown != len(bodies) {
		t.Errorf("of %d bodies %d were shown; alive: %q; asked for: %q", len(bodies), saw.Shown, saw.Alive, saw.Asked)
	}
}
