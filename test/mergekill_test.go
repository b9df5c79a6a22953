//go:build e2e

package test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pickup/internal/pgtest"
)

// killedAtRandom ends the server with kill -9 so many times at random moments, and
// starts it again. Each kill waits until more was done since the last one, however
// slow the machine is.
func (s *server) killedAtRandom(kills int, done func() int64) {
	s.t.Helper()
	before := done()
	for range kills {
		wait(s.t, 240*time.Second, "something is done between two kills", func() (bool, string) {
			now := done()
			return now > before, fmt.Sprint(now)
		})
		before = done()
		moment := time.After(100*time.Millisecond + rand.N(900*time.Millisecond))
		<-moment
		s.stop(syscall.SIGKILL)
		s.start()
	}
}

// Tickets are merged and parted, with notes and files on both, while the server is
// killed at random moments: each merge is whole and happened once, and each note
// with its file is there once, in its own ticket.
func TestKilledAtRandomMomentsOfMergeAndUpload(t *testing.T) {
	killedInMerges(t, startServer(t), deskKills)
}

// mergers is how many pairs of tickets are merged at once.
const mergers = 3

// mergePair is two tickets of one contact, and what was done with them.
type mergePair struct {
	name          string
	winner, loser string
	cycles        int               // of merge and undo
	notes         map[string]string // text to the ticket that it was written on
}

func killedInMerges(t *testing.T, s *server, kills int) {
	t.Helper()
	admin := s.agent("admin")
	s.visitor().open("support", "premier")
	contact := ""
	for _, ticket := range s.list("/api/v1/tickets") {
		contact = ticket.str("contact_id")
	}
	var pairs []*mergePair
	for n := range mergers {
		pair := &mergePair{name: fmt.Sprintf("pair%d", n), notes: map[string]string{}}
		for i, id := range []*string{&pair.winner, &pair.loser} {
			var made object
			admin.want(http.StatusCreated, "POST", "/api/v1/tickets", object{"subject": fmt.Sprintf("%s %d", pair.name, i), "contact_id": contact}, &made)
			*id = made.str("id")
		}
		pairs = append(pairs, pair)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var turns atomic.Int64
	for _, pair := range pairs {
		p := s.agent("admin")
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := pair.cycle(p); err != nil {
					t.Errorf("%s, cycle %d: %v", pair.name, pair.cycles, err)
					return
				}
				turns.Add(1)
			}
		})
	}
	s.killedAtRandom(kills, turns.Load)
	close(stop)
	wg.Wait()
	cycles, notes := 0, 0
	for _, pair := range pairs {
		written := len(pair.notes)
		pair.check(t, s, admin)
		cycles, notes = cycles+pair.cycles, notes+written
	}
	if cycles < kills {
		t.Errorf("only %d cycles in %d kills", cycles, kills)
	}
	t.Logf("%d merges, each undone, and %d notes with files over %d kills", cycles, notes, kills)
}

// cycle writes a note with a file on both tickets, merges them, writes one on what
// they are now, and undoes it.
func (m *mergePair) cycle(p *person) error {
	if err := m.note(p, m.winner, "a"); err != nil {
		return err
	}
	if err := m.note(p, m.loser, "b"); err != nil {
		return err
	}
	if err := m.turn(p, "merge", object{"into": m.winner}, m.winner); err != nil {
		return err
	}
	if err := m.note(p, m.winner, "c"); err != nil {
		return err
	}
	if err := m.turn(p, "unmerge", nil, ""); err != nil {
		return err
	}
	m.cycles++
	return nil
}

// note uploads a file and writes a note with it, until both are acknowledged.
func (m *mergePair) note(p *person, ticket, mark string) error {
	text := fmt.Sprintf("%s-%s-%d", m.name, mark, m.cycles)
	file, err := p.uploadUntil("/api/v1/files", text+".txt", "contenu de "+text)
	if err != nil {
		return err
	}
	m.notes[text] = ticket
	return p.until("POST", "/api/v1/tickets/"+ticket+"/messages", object{
		"kind": "note", "text": text, "client_id": text + "-client", "expected_last": -1, "attachments": []string{file},
	})
}

// turn merges or parts. An answer that was lost leaves it to the loser to say
// whether it was done.
func (m *mergePair) turn(p *person, act string, body any, into string) error {
	last := ""
	for range 600 {
		status, text, err := p.try("POST", "/api/v1/tickets/"+m.loser+"/"+act, body, nil)
		if err == nil && status == http.StatusOK {
			return nil
		}
		last = fmt.Sprint(status, " ", text, " ", err)
		var now object
		if status, _, err := p.try("GET", "/api/v1/tickets/"+m.loser, nil, &now); err == nil && status == http.StatusOK && now.str("merged_into") == into {
			return nil
		}
		pause := time.After(100 * time.Millisecond)
		<-pause
	}
	return fmt.Errorf("%s was never answered: %s", act, last)
}

func (m *mergePair) check(t *testing.T, s *server, p *person) {
	t.Helper()
	for ticket, want := range map[string]map[string]int{
		m.winner: {"merged_from": m.cycles, "unmerged_from": m.cycles}, m.loser: {"merged": m.cycles, "unmerged": m.cycles},
	} {
		var story object
		p.want(http.StatusOK, "GET", "/api/v1/tickets/"+ticket, nil, &story)
		got := map[string]int{}
		for _, e := range story["timeline"].([]any) {
			got[object(e.(map[string]any)).str("kind")]++
		}
		for kind, n := range want {
			if got[kind] != n {
				t.Errorf("%s: %d events %s, want %d", m.name, got[kind], kind, n)
			}
		}
		if story.str("state") == "merged" || story.str("merged_into") != "" {
			t.Errorf("%s: ticket %s is %s", m.name, ticket, story.str("state"))
		}
		for _, said := range s.messages(ticket) {
			text := said.str("text")
			if m.notes[text] != ticket {
				t.Errorf("%q is on ticket %s, or there twice; it was written on %q", text, ticket, m.notes[text])
			}
			delete(m.notes, text)
			files, _ := said["attachments"].([]any)
			if len(files) != 1 {
				t.Errorf("%q has %d files", text, len(files))
				continue
			}
			status, content := p.do("GET", "/api/v1/files/"+object(files[0].(map[string]any)).str("id"), nil, nil)
			if status != http.StatusOK || content != "contenu de "+text {
				t.Errorf("file of %q: %d %q", text, status, content)
			}
		}
	}
	for text := range m.notes {
		t.Errorf("%q is lost", text)
	}
}

// The same at small size on PostgreSQL.
func TestKilledAtRandomMomentsOnPostgreSQL(t *testing.T) {
	cluster := pgtest.Start(t)
	for name, act := range map[string]func(*testing.T, *server, int){
		"mail": killedInMail, "chat and upload": killedInChats, "merge and upload": killedInMerges,
	} {
		t.Run(name, func(t *testing.T) { act(t, startServer(t, "PICKUP_DATABASE_URL="+cluster.Database(t)), postgresKills) })
	}
}
