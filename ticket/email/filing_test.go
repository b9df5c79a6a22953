package email_test

import (
	"bytes"
	"encoding/base64"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pickup/internal/filestore"
	"pickup/internal/id"
	"pickup/store"
	"pickup/store/storetest"
	"pickup/ticket"
	"pickup/ticket/email"
)

var update = flag.Bool("update", false, "write the corpus of testdata anew")

// desk is the filing of two mailboxes over a store, without a mail server.
type desk struct {
	t      *testing.T
	store  storetest.Full
	files  *filestore.Store
	mail   *email.Engine
	boxes  [2]ticket.Mailbox
	at     time.Time
	uid    uint32
	filed  []email.Filed
	labels map[string]string // label to ticket
}

var secret = []byte("0123456789abcdef0123456789abcdef")

func openDesk(t *testing.T, st storetest.Full) *desk {
	t.Helper()
	d := &desk{t: t, store: st, at: time.Now().Add(-24 * time.Hour), labels: map[string]string{}}
	for i, address := range []string{"support@casino.example", "billing@casino.example"} {
		d.boxes[i] = ticket.Mailbox{
			ID: id.New(), Name: "Support", Address: address, Queue: "support", Language: "fr", Enabled: true, Acknowledge: true,
			IMAP: ticket.MailServer{Host: "imap.example", Security: ticket.SecurityTLS}, SMTP: ticket.MailServer{Host: "smtp.example", Security: ticket.SecurityTLS},
			AuthServID: "mx.casino.example",
		}
		must(t, st.UpsertMailbox(t.Context(), d.boxes[i]))
	}
	var err error
	d.files, err = filestore.Open(t.TempDir())
	must(t, err)
	d.mail, err = email.New(email.Config{
		Secret: secret, OnFiled: func(f email.Filed) { d.filed = append(d.filed, f) },
	}, st, d.files, slog.New(slog.DiscardHandler))
	must(t, err)
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// arrive brings in one mail and returns what became of it.
func (d *desk) arrive(box int, raw string) email.Filed {
	d.t.Helper()
	d.at = d.at.Add(time.Minute)
	d.uid++
	sha, size, err := d.files.Put(strings.NewReader(raw), 1<<30)
	must(d.t, err)
	must(d.t, d.store.KeepRaw(d.t.Context(), ticket.RawMail{
		ID: id.New(), MailboxID: d.boxes[box].ID, UIDValidity: 1, UID: d.uid, SHA256: sha, Size: size, ArrivedAt: d.at,
	}, ticket.MailPosition{UIDValidity: 1, LastUID: d.uid}))
	d.filed = nil
	must(d.t, d.mail.FileAll(d.t.Context()))
	if len(d.filed) != 1 {
		d.t.Fatalf("%d mails were filed, want 1", len(d.filed))
	}
	return d.filed[0]
}

func (d *desk) ticket(id string) store.TicketDetail {
	d.t.Helper()
	one, err := d.store.Ticket(d.t.Context(), id)
	must(d.t, err)
	return one
}

// sent is the agent's last message in a ticket.
func (d *desk) sent(id string) (last ticket.Message) {
	d.t.Helper()
	for _, m := range d.ticket(id).Messages {
		if m.Kind == ticket.MessageAgent {
			last = m
		}
	}
	return last
}

// act does what an agent does in a ticket.
func (d *desk) act(what, ticketID string) {
	d.t.Helper()
	d.at = d.at.Add(time.Minute)
	must(d.t, d.store.Desk(d.t.Context(), func(tx ticket.DeskTx) error {
		ctx := d.t.Context()
		t, _, err := tx.Ticket(ctx, ticketID)
		if err != nil {
			return err
		}
		if what == "close" {
			t.State = ticket.StateClosed
			_, err := tx.SaveTicket(ctx, t)
			return err
		}
		threads, err := tx.Interactions(ctx, ticketID)
		if err != nil {
			return err
		}
		out := ticket.Outgoing{
			TicketID: ticketID, Interaction: threads[0].ID, Kind: ticket.MessageAgent, Text: "Bonjour, nous regardons.", ExpectedLast: -1,
			State: ticket.StatePending,
		}
		if what == "solve" {
			out.Text, out.State = "C’est réglé.", ticket.StateSolved
		}
		_, err = ticket.Post(ctx, tx, ticket.Policy{}, ticket.Actor{ID: "agent-1", Name: "Anne"}, out, d.at)
		return err
	}))
}

// fill replaces what only the desk knows.
func (d *desk) fill(text string) string {
	d.t.Helper()
	for {
		before, rest, ok := strings.Cut(text, "{{")
		if !ok {
			return text
		}
		mark, after, _ := strings.Cut(rest, "}}")
		key, arg, _ := strings.Cut(mark, " ")
		ticketID := d.labels[arg]
		if ticketID == "" && key != "mib" {
			d.t.Fatalf("%s is told of before it is there", arg)
		}
		value := ""
		switch key {
		case "reply":
			value = email.ReplyAddress(d.boxes[0], secret, d.ticket(ticketID).Ticket.Number)
		case "sent":
			value = d.sent(ticketID).MailMessageID
		case "message":
			value = d.sent(ticketID).ID
		case "number":
			value = strconv.FormatInt(d.ticket(ticketID).Ticket.Number, 10)
		case "mib":
			n, _ := strconv.Atoi(arg)
			value = mebibytes(n)
		}
		text = before + value + after
	}
}

// mebibytes are lines of base64 of so many MiB.
func mebibytes(n int) string {
	line := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("video"), 11)[:54]) + "\r\n"
	return strings.Repeat(line, n<<20/54)
}

// play brings in the corpus and checks the ticket of each mail against its name.
func (d *desk) play(steps []step) (mails int) {
	t := d.t
	t.Helper()
	owner := map[string]string{} // ticket to label
	for _, s := range steps {
		if !s.mail() {
			d.act(s.text, d.labels[s.label()])
			continue
		}
		mails++
		box := 0
		if s.of("to-billing") {
			box = 1
		}
		got := d.arrive(box, d.fill(s.text))
		if got.TicketID == "" {
			t.Errorf("%s: has no ticket: %+v", s.name, got)
			continue
		}
		if want, known := d.labels[s.label()]; known && want != got.TicketID {
			t.Errorf("%s: is in another ticket (%s): %+v", s.name, owner[got.TicketID], got)
			continue
		}
		if label, taken := owner[got.TicketID]; taken && label != s.label() {
			t.Errorf("%s: crossed into the ticket of %s: %+v", s.name, label, got)
			continue
		}
		d.labels[s.label()], owner[got.TicketID] = got.TicketID, s.label()
		d.judge(s, got)
	}
	return mails
}

// judge checks what kind of mail it was taken for.
func (d *desk) judge(s step, got email.Filed) {
	d.t.Helper()
	want := email.VerdictFiled
	switch {
	case s.of("loop"):
		want = email.VerdictLoop
	case s.of("not-ours"), s.of("automatic") && !s.of("bounce"):
		want = email.VerdictAutomatic
	case s.of("bounce"):
		want = email.VerdictBounce
	case s.of("unreadable"):
		want = email.VerdictUnreadable
	case s.of("same-again"), s.of("delivered-again"), s.of("the-same-to-billing"):
		want = email.VerdictDuplicate
	}
	if got.Verdict != want {
		d.t.Errorf("%s: verdict %s, want %s", s.name, got.Verdict, want)
	}
}

// Every mail is in the ticket that its name says, and no other shares it; no
// machine got an automatic answer, and nothing is stored twice.
func TestEachMailIsInTheTicketOfItsName(t *testing.T) { fileEachMail(t, storetest.NewMemory()) }

func fileEachMail(t *testing.T, st storetest.Full) {
	t.Helper()
	d := openDesk(t, st)
	steps := corpus(everyRound)
	if mails := d.play(steps); mails < 300 {
		t.Errorf("%d mails, want 300", mails)
	}
	d.noAnswersToMachines(steps)
	d.nothingTwice()
	d.leaves()
	d.tellsWhy()
	t.Logf("%+v, %d tickets", d.mail.Counts(), len(d.labels))
}

// noAnswersToMachines checks who was acknowledged.
func (d *desk) noAnswersToMachines(steps []step) {
	d.t.Helper()
	automatic := map[string]bool{} // labels whose first mail came from a machine
	first := map[string]bool{}
	for _, s := range steps {
		if s.mail() && !first[s.label()] {
			first[s.label()] = true
			automatic[s.label()] = s.of("automatic") || s.of("unreadable") || s.of("no-sender")
		}
	}
	acknowledged := 0
	for label, ticketID := range d.labels {
		for _, m := range d.ticket(ticketID).Messages {
			if m.Kind != ticket.MessageSystem || m.Status != ticket.StatusQueued {
				continue
			}
			acknowledged++
			if automatic[label] {
				d.t.Errorf("%s: a machine was answered: %q", label, m.Text)
			}
		}
	}
	if acknowledged < 20 {
		d.t.Errorf("only %d mails were acknowledged", acknowledged)
	}
	out, err := d.store.Outbox(d.t.Context(), time.Now().Add(time.Hour), 10_000)
	must(d.t, err)
	for _, m := range out {
		if strings.Contains(m.To, "unknown.invalid") || strings.Contains(strings.ToLower(m.To), "daemon") {
			d.t.Errorf("a mail goes to %s", m.To)
		}
	}
}

// nothingTwice checks that no Message-ID of a player is stored twice in a ticket
// with the same text.
func (d *desk) nothingTwice() {
	d.t.Helper()
	for label, ticketID := range d.labels {
		seen := map[string]bool{}
		for _, m := range d.ticket(ticketID).Messages {
			key := m.MailMessageID + "\x00" + m.Text
			if m.MailMessageID != "" && seen[key] {
				d.t.Errorf("%s: %s is stored twice", label, m.MailMessageID)
			}
			seen[key] = true
		}
	}
}

// The files of testdata are the first round, so that a person can read them and
// another program can send them.
func TestTheCorpusOfTestdata(t *testing.T) {
	const dir = "testdata/corpus"
	if *update {
		must(t, os.RemoveAll(dir))
		must(t, os.MkdirAll(dir, 0o755))
		must(t, os.WriteFile(filepath.Join(dir, ".gitattributes"), []byte("* -text\n"), 0o644))
		for _, s := range corpus(1) {
			must(t, os.WriteFile(filepath.Join(dir, s.name), []byte(s.text), 0o644))
		}
	}
	var names []string
	for _, s := range corpus(1) {
		names = append(names, s.name)
		if text, err := os.ReadFile(filepath.Join(dir, s.name)); err != nil || string(text) != s.text {
			t.Errorf("%s differs (%v): go test -run TestTheCorpusOfTestdata -update", s.name, err)
		}
	}
	if !slices.IsSorted(names) {
		t.Error("the names are not in the order in which they are told")
	}
	files, err := filepath.Glob(filepath.Join(dir, "[0-9]*"))
	must(t, err)
	if len(files) != len(names) {
		t.Errorf("%d files, want %d", len(files), len(names))
	}
}

// leaves checks what the first round left, in the tickets and beside them.
func (d *desk) leaves() {
	t := d.t
	t.Helper()
	one := func(label string) store.TicketDetail { return d.ticket(d.labels[label]) }

	if got := one("T24").Ticket.State; got != ticket.StatePending {
		t.Errorf("an absence changed the state to %s", got)
	}
	bounced := d.sent(d.labels["T21"])
	if bounced.Status != ticket.StatusBounced || one("T21").Ticket.State != ticket.StateOpen {
		t.Errorf("bounced: %s, ticket %s", bounced.Status, one("T21").Ticket.State)
	}
	if got := one("T1").Ticket; got.State != ticket.StateOpen {
		t.Errorf("a reply left the ticket %s", got.State)
	}
	for label, follows := range map[string]string{"T33": "T32", "T34": "T32"} {
		links := one(label).Links
		if len(links) != 1 || links[0].Kind != ticket.LinkFollowUp || links[0].To != d.labels[follows] {
			t.Errorf("%s follows %+v", label, links)
		}
	}
	changed := 0
	for _, e := range one("T32").Events {
		if e.Kind == "mail_received" && e.Detail["subject"] != "" {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d banners of a changed subject", changed)
	}
	nested := one("T16").Messages[0]
	if len(nested.Attachments) != 2 || nested.Attachments[1].Name != "facture.pdf" || nested.Attachments[1].MIME != "application/pdf" ||
		!strings.Contains(nested.HTML, `src="/api/v1/files/`+nested.Attachments[0].ID+`"`) || nested.Text != "Voir la capture." {
		t.Errorf("nested: %+v", nested)
	}
	for label, text := range map[string]string{
		"T6": "Déjà vérifié.", "T7": "Voilà ma pièce d’identité.", "T8": "Il manque 50 € sur l’argent déposé.", "T9": "Café.", "T10": "Dépôt perdu.",
		"T17": "Au fond.", "T20": "Bonjour\nTout en HTML.", "T37": "Voici la vidéo.", "T38": "Le début est là.", "T39": "Lisible.", "T41": "Du texte quand même.",
	} {
		if got := one(label).Messages[0]; got.Text != text {
			t.Errorf("%s: %q, want %q", label, got.Text, text)
		}
	}
	if got := one("T10").Ticket.Subject; got != "Dépôt perdu" {
		t.Errorf("raw letters: %q", got)
	}
	if got := one("T37").Messages[0].Attachments; len(got) != 1 || got[0].Size < 25<<20-54 {
		t.Errorf("25 MiB: %+v", got)
	}
	unreadable := one("T40").Messages[0]
	if len(unreadable.Attachments) != 1 || unreadable.Attachments[0].MIME != "message/rfc822" {
		t.Errorf("unreadable: %+v", unreadable)
	}
	delivered := 0
	for _, e := range one("T15").Events {
		if e.Kind == "mail_delivered_to" {
			delivered++
		}
	}
	if delivered != 1 || len(one("T15").Messages) > 2 { // itself and its acknowledgement
		t.Errorf("to two mailboxes: %d, %d messages", delivered, len(one("T15").Messages))
	}
}

// A mail that was filed, whose mark was lost in a crash, is filed once.
func TestAMailIsFiledOnceWhateverIsRepeated(t *testing.T) { fileTwice(t, storetest.NewMemory()) }

func fileTwice(t *testing.T, st storetest.Full) {
	t.Helper()
	d := openDesk(t, st)
	raw := "From: a@x.org\r\nMessage-ID: <1@x>\r\nSubject: S\r\n\r\nHello"
	first := d.arrive(0, raw)
	again := d.arrive(0, raw) // another UID: the folder was made anew
	if again.Verdict != email.VerdictDuplicate || again.TicketID != first.TicketID {
		t.Errorf("again: %+v", again)
	}
	bad := d.arrive(0, "\x00\xff\r\n")
	if twice := d.arrive(0, "\x00\xff\r\n"); twice.Verdict != email.VerdictDuplicate || twice.TicketID != bad.TicketID {
		t.Errorf("unreadable again: %+v", twice)
	}
	tickets, _, err := d.store.Tickets(t.Context(), store.TicketFilter{})
	must(t, err)
	if len(tickets) != 2 {
		t.Errorf("%d tickets, want 2", len(tickets))
	}
}

// Who writes much is acknowledged three times an hour.
func TestAcknowledgementsEnd(t *testing.T) {
	d := openDesk(t, storetest.NewMemory())
	for i := range 10 {
		d.arrive(0, "From: a@x.org\r\nMessage-ID: <"+strconv.Itoa(i)+"@x>\r\nSubject: S"+strconv.Itoa(i)+"\r\n\r\nHello")
	}
	out, err := d.store.Outbox(t.Context(), time.Now(), 100)
	must(t, err)
	if len(out) != 3 {
		t.Errorf("%d acknowledgements, want 3", len(out))
	}
	for _, m := range out {
		if !m.Automatic || m.To != "a@x.org" || m.InReplyTo == "" {
			t.Errorf("acknowledgement %+v", m)
		}
	}
}

// A store that fails delays a mail; it is not lost, nor put in quarantine early.
func TestAMailThatCannotBeFiledIsTriedAgain(t *testing.T) {
	d := openDesk(t, storetest.NewMemory())
	if got := d.arrive(0, "From: a@x.org\r\nMessage-ID: <1@x>\r\n\r\nHello"); got.Verdict != email.VerdictFiled {
		t.Fatalf("%+v", got)
	}
	sha, size, err := d.files.Put(strings.NewReader("From: b@x.org\r\nMessage-ID: <2@x>\r\n\r\nHello"), 1<<20)
	must(t, err)
	r := ticket.RawMail{ID: id.New(), MailboxID: d.boxes[0].ID, UIDValidity: 9, UID: 1, SHA256: strings.Repeat("0", 64), Size: size, ArrivedAt: d.at}
	must(t, d.store.KeepRaw(t.Context(), r, ticket.MailPosition{UIDValidity: 9, LastUID: 1}))
	r.ID, r.UID, r.SHA256 = id.New(), 2, sha
	must(t, d.store.KeepRaw(t.Context(), r, ticket.MailPosition{UIDValidity: 9, LastUID: 2}))
	d.filed = nil
	for range 8 {
		must(t, d.mail.FileAll(t.Context()))
	}
	verdicts := []string{}
	for _, f := range d.filed {
		verdicts = append(verdicts, f.Verdict)
	}
	// The bytes of the first are gone: after five tries a person is told.
	if !slices.Equal(verdicts, []string{email.VerdictFiled, email.VerdictUnreadable}) {
		t.Errorf("filed %v", verdicts)
	}
}

// tellsWhy checks that the timeline says how the ticket was found.
func (d *desk) tellsWhy() {
	d.t.Helper()
	var why []string
	for _, e := range d.ticket(d.labels["T1"]).Events {
		if e.Kind == "mail_received" {
			why = append(why, e.Detail["why"])
		}
	}
	if want := []string{"new", "address", "references", "number", "subject", "address"}; !slices.Equal(why, want) {
		d.t.Errorf("got %v, want %v", why, want)
	}
}
