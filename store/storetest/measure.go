package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/store"
	"pickup/ticket"
)

// Limits are what the reads of a desk may take at most, at the 95th percentile.
type Limits struct{ Search, Open, List time.Duration }

// TestBenchDesk's limits (requirement: 100,000 tickets, 1,000,000 messages).
func deskLimits() Limits {
	return Limits{Search: 150 * time.Millisecond, Open: 100 * time.Millisecond, List: 100 * time.Millisecond}
}

// Measure times the reads of a generated site of so many tickets and logs them.
// Only a strict measurement fails beyond the limits.
func Measure(t *testing.T, s *store.Store, tickets int, strict bool) {
	t.Helper()
	ctx := t.Context()
	limits := deskLimits()
	words := vocabulary()
	var searches, opens, lists []time.Duration
	timed := func(into *[]time.Duration, what string, act func() (int, error)) {
		t.Helper()
		began := time.Now()
		n, err := act()
		took := time.Since(began)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		*into = append(*into, took)
		if took > 50*time.Millisecond {
			t.Logf("%-60s %4d rows %v", what, n, took.Round(time.Millisecond))
		}
	}
	search := func(f store.SearchFilter) {
		timed(&searches, fmt.Sprintf("search %q of %q", f.Text, f.Agent), func() (int, error) {
			hits, err := s.Search(ctx, f)
			return len(hits), err
		})
	}
	list := func(what string, f store.TicketFilter) {
		f.Limit = 50
		timed(&lists, what, func() (int, error) {
			rows, _, err := s.Tickets(ctx, f)
			if err != nil {
				return 0, err
			}
			_, err = s.TicketHeads(ctx, rows)
			return len(rows), err
		})
	}
	for n := range 40 {
		common, rare := words[n%40], words[(n*461+500)%len(words)]
		me := GeneratedAgent(n)
		for _, text := range []string{
			common, rare, common + " " + words[(n+7)%40], common + " " + rare, "bloque verification", common[:min(3, len(common))],
			strings.TrimSuffix(rare, rare[len(rare)-1:]), fmt.Sprint(n*17 + 1), fmt.Sprintf("joueur%d@example.org", n),
		} {
			search(store.SearchFilter{Text: text})
			search(store.SearchFilter{Text: text, Agent: me})
		}
		timed(&opens, "open a ticket", func() (int, error) {
			d, err := s.Ticket(ctx, GeneratedTicket(n*7919%tickets))
			if err == nil && len(d.Messages) == 0 {
				t.Errorf("ticket %s has no messages", d.Ticket.ID)
			}
			return 1, err
		})
		list("all tickets", store.TicketFilter{})
		list("last changed", store.TicketFilter{Order: store.ByUpdated})
		list("open, last changed", store.TicketFilter{Order: store.ByUpdated, States: []ticket.State{ticket.StateNew, ticket.StateOpen}})
		list("of a queue", store.TicketFilter{Queue: queueOf(n)})
		list("urgent and open of a queue", store.TicketFilter{
			Queue: queueOf(n), Priorities: []int{ticket.PriorityUrgent}, States: []ticket.State{ticket.StateNew, ticket.StateOpen},
		})
		list("of an agent", store.TicketFilter{Agent: me})
		list("of an agent, last changed", store.TicketFilter{Agent: me, Order: store.ByUpdated})
		list("of an agent, open", store.TicketFilter{Agent: me, States: []ticket.State{ticket.StateOpen}})
		list("of a category and nobody", store.TicketFilter{Category: ticket.CategoryDispute, Unassigned: true})
		list("who waits", store.TicketFilter{WaitingForUs: true, Order: store.ByUpdated})
		list("with a word", store.TicketFilter{Text: common})
		list("with a word of an agent", store.TicketFilter{Text: common, Agent: me})
		list("of a contact", store.TicketFilter{ContactID: contactID(n)})
		list("a deep page", store.TicketFilter{Page: store.Page{After: store.Cursor(time.UnixMilli(ms(tickets/2)), GeneratedTicket(tickets/2))}})
	}
	for _, m := range []struct {
		what  string
		all   []time.Duration
		limit time.Duration
	}{{"search", searches, limits.Search}, {"open a ticket", opens, limits.Open}, {"list page", lists, limits.List}} {
		slices.Sort(m.all)
		p50, p95 := m.all[len(m.all)/2], m.all[len(m.all)*95/100]
		t.Logf("%-14s n=%d p50=%v p95=%v max=%v (limit p95 %v)", m.what, len(m.all), p50.Round(10*time.Microsecond),
			p95.Round(10*time.Microsecond), m.all[len(m.all)-1].Round(10*time.Microsecond), m.limit)
		if strict && p95 > m.limit {
			t.Errorf("%s: p95 is %v, %v is allowed", m.what, p95, m.limit)
		}
	}
}
