//go:build sqlite_fts5

package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/store"
	"pickup/ticket"
)

// writeDesk files a chat, answers it, and merges every other ticket of a worker
// with the one before. It may be done again: then nothing is stored twice.
func writeDesk(s *store.Store, name string) error {
	ctx := context.Background()
	d := ticket.NewDesk(s, ticket.Policy{}, time.Now, nil)
	r, err := d.Receive(ctx, ticket.Incoming{
		Channel: call.ChannelChat, InteractionID: name, From: ticket.Identity{Kind: "visitor", Value: name, Raw: name}, Queue: "support",
		Message: ticket.Message{Text: "mot" + word(name), ClientID: "q", CreatedAt: time.Now()},
	})
	if err != nil {
		return err
	}
	_, err = d.Reply(ctx, ticket.Actor{ID: "agent"}, ticket.Outgoing{
		TicketID: r.Ticket.ID, Interaction: name, Kind: ticket.MessageAgent, Text: "oui", ClientID: "a", ExpectedLast: -1,
	})
	if err != nil {
		return err
	}
	head, last, _ := cutLast(name)
	n, err := strconv.Atoi(last)
	if err != nil || n%2 == 0 {
		return err
	}
	before, err := s.Interaction(ctx, head+"-"+strconv.Itoa(n-1))
	if err != nil {
		return err
	}
	_, err = d.Merge(ctx, ticket.Actor{ID: "agent"}, before.TicketID, r.Ticket.ID)
	if errors.Is(err, ticket.ErrState) || errors.Is(err, ticket.ErrImmutable) { // done before the crash
		return nil
	}
	return err
}

// word makes a name a single word.
func word(name string) string { return strings.ReplaceAll(name, "-", "x") }

func cutLast(name string) (head, last string, ok bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return name, "", false
	}
	return name[:i], name[i+1:], true
}

// However often the process is killed among messages and merges: what was
// acknowledged is there, what was not is there once or not at all, each message
// is on the ticket of its thread, and the search knows it.
func TestKilledTenTimesTheDeskLosesAndDoublesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pickup.db")
	for round := range 10 {
		names := killAfter(t, path, "desk", round, 10+round*9)
		s := open(t, path)
		next := map[string]int{}
		for _, name := range names {
			head, last, _ := cutLast(name)
			n, err := strconv.Atoi(last)
			if err != nil {
				t.Fatal(err)
			}
			next[head] = max(next[head], n+1)
		}
		for w := range 8 { // what was under way is done again
			head := fmt.Sprintf("c-%d-%d", round, w)
			name := fmt.Sprintf("%s-%d", head, next[head])
			if err := writeDesk(s, name); err != nil {
				t.Fatalf("%s again: %v", name, err)
			}
			names = append(names, name)
		}
		for _, name := range names {
			checkDesk(t, s, name)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var sound string
	if err := raw(t, path).QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&sound); err != nil || sound != "ok" {
		t.Fatalf("integrity: %q %v", sound, err)
	}
}

func checkDesk(t *testing.T, s *store.Store, name string) {
	t.Helper()
	i, err := s.Interaction(t.Context(), name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	d, err := s.Ticket(t.Context(), i.TicketID)
	if err != nil || d.Ticket.State == ticket.StateMerged {
		t.Fatalf("%s is on ticket %d, %s, %v", name, d.Ticket.Number, d.Ticket.State, err)
	}
	said := 0
	for _, m := range d.Messages {
		if m.InteractionID == name {
			said++
		}
	}
	if said != 2 || i.LastSeq != 2 || i.Replies != 1 {
		t.Fatalf("%s has %d messages, last %d, %d replies", name, said, i.LastSeq, i.Replies)
	}
	hits, err := s.Search(t.Context(), store.SearchFilter{Text: "mot" + word(name) + " ", Kinds: []string{store.DocMessage}})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits {
		if h.Ticket.ID == i.TicketID {
			return
		}
	}
	t.Fatalf("%s is not found: %+v", name, hits)
}
