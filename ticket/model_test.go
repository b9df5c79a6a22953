package ticket_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/call"
	"pickup/store"
	"pickup/store/storetest"
	"pickup/ticket"
)

// naive is a ticket as the model knows it: what each act does, written down
// without any of the code under test.
type naive struct {
	id       string
	state    ticket.State
	priority int
	reopened int
	into     int      // index of the winner, -1
	said     []string // texts, in any order
	threads  []string
}

// world is the model and the thing itself side by side.
type world struct {
	store   *storetest.Memory
	desk    *ticket.Desk
	now     time.Time
	tickets []*naive
	merges  []merged // that stand, oldest first
	said    int
}

type merged struct {
	winner, loser int
	at            time.Time
	before        [2]naive
	after         naive
}

func newWorld() *world {
	w := &world{store: storetest.NewMemory(), now: noon}
	w.desk = ticket.NewDesk(w.store, ticket.Policy{}, func() time.Time { return w.now }, nil)
	return w
}

// standing follows merges.
func (w *world) standing(n int) int {
	for w.tickets[n].into >= 0 {
		n = w.tickets[n].into
	}
	return n
}

func (w *world) text() string {
	w.said++
	return fmt.Sprintf("m%d", w.said)
}

// begin is somebody new who writes.
func (w *world) begin(t *rapid.T) {
	n := len(w.tickets)
	text := w.text()
	r, err := w.desk.Receive(t.Context(), ticket.Incoming{
		Channel: call.ChannelEmail, InteractionID: fmt.Sprint("thread", n), From: ticket.Identity{Kind: "email", Value: fmt.Sprint(n), Raw: fmt.Sprint(n)},
		To: "s@x", Message: ticket.Message{Text: text, CreatedAt: w.now},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.tickets = append(w.tickets, &naive{
		id: r.Ticket.ID, state: ticket.StateNew, priority: 1, into: -1, said: []string{text}, threads: []string{fmt.Sprint("thread", n)},
	})
}

// write is the customer of a thread who writes again.
func (w *world) write(t *rapid.T) {
	n := rapid.IntRange(0, len(w.tickets)-1).Draw(t, "ticket")
	k := w.tickets[w.standing(n)]
	thread := fmt.Sprint("thread", n)
	if k.state == ticket.StateClosed || !slices.Contains(k.threads, thread) {
		return
	}
	thanks := rapid.Bool().Draw(t, "thanks")
	text := w.text()
	if thanks {
		text = "merci"
	}
	r, err := w.desk.Receive(t.Context(), ticket.Incoming{
		Channel: call.ChannelEmail, Interaction: thread, Message: ticket.Message{Text: text, CreatedAt: w.now},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Ticket.ID != k.id {
		t.Fatalf("a message of thread %d went to ticket %s, want %s", n, r.Ticket.ID, k.id)
	}
	k.said = append(k.said, text)
	switch k.state {
	case ticket.StatePending, ticket.StateOnHold:
		k.state = ticket.StateOpen
	case ticket.StateSolved:
		if !thanks {
			k.state = ticket.StateOpen
			k.reopened++
		}
	}
}

// set is an agent who changes the state by hand.
func (w *world) set(t *rapid.T) {
	n := rapid.IntRange(0, len(w.tickets)-1).Draw(t, "ticket")
	k := w.tickets[n]
	to := rapid.SampledFrom([]ticket.State{
		ticket.StateNew, ticket.StateOpen, ticket.StatePending, ticket.StateOnHold, ticket.StateSolved, ticket.StateClosed, ticket.StateMerged,
	}).Draw(t, "state")
	d, err := w.store.Ticket(t.Context(), k.id)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.desk.Edit(t.Context(), ticket.Actor{ID: "a"}, k.id, d.Ticket.Version, ticket.Change{State: &to})
	switch {
	case k.state == ticket.StateClosed || k.state == ticket.StateMerged:
		if !errors.Is(err, ticket.ErrImmutable) {
			t.Fatalf("%s to %s: got %v, want it to be immutable", k.state, to, err)
		}
	case to == ticket.StateClosed || to == ticket.StateMerged || to == ticket.StateNew && k.state != to ||
		k.state == ticket.StateSolved && to != ticket.StateOpen && to != ticket.StateSolved:
		if !errors.Is(err, ticket.ErrState) {
			t.Fatalf("%s to %s: got %v, want it refused", k.state, to, err)
		}
	case err != nil:
		t.Fatalf("%s to %s: %v", k.state, to, err)
	default:
		if k.state == ticket.StateSolved && to == ticket.StateOpen {
			k.reopened++
		}
		k.state = to
	}
}

// merge is two tickets that become one.
func (w *world) merge(t *rapid.T) {
	a := rapid.IntRange(0, len(w.tickets)-1).Draw(t, "winner")
	b := rapid.IntRange(0, len(w.tickets)-1).Draw(t, "loser")
	winner, loser := w.tickets[a], w.tickets[b]
	_, err := w.desk.Merge(t.Context(), ticket.Actor{ID: "a"}, winner.id, loser.id)
	if a == b {
		if !errors.Is(err, ticket.ErrState) {
			t.Fatal(err)
		}
		return
	}
	if winner.state.Immutable() || loser.state.Immutable() {
		if !errors.Is(err, ticket.ErrImmutable) {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	m := merged{winner: a, loser: b, at: w.now, before: [2]naive{*winner, *loser}}
	winner.said = append(slices.Clone(winner.said), loser.said...)
	winner.threads = append(slices.Clone(winner.threads), loser.threads...)
	winner.priority = max(winner.priority, loser.priority)
	if (loser.state == ticket.StateNew || loser.state == ticket.StateOpen) && winner.state != ticket.StateNew {
		if winner.state == ticket.StateSolved {
			winner.reopened++
		}
		winner.state = ticket.StateOpen
	}
	loser.state, loser.into, loser.said, loser.threads = ticket.StateMerged, a, nil, nil
	m.after = *winner
	w.merges = append(w.merges, m)
}

// undo takes the last merge back, while it may.
func (w *world) undo(t *rapid.T) {
	if len(w.merges) == 0 {
		return
	}
	m := w.merges[len(w.merges)-1]
	winner, loser := w.tickets[m.winner], w.tickets[m.loser]
	_, err := w.desk.Unmerge(t.Context(), ticket.Actor{ID: "a"}, loser.id)
	switch {
	case w.now.Sub(m.at) > ticket.UndoWithin:
		if !errors.Is(err, ticket.ErrTooLate) {
			t.Fatalf("got %v, want it too late", err)
		}
		return
	case winner.state == ticket.StateClosed:
		if !errors.Is(err, ticket.ErrImmutable) {
			t.Fatal(err)
		}
		return
	case err != nil:
		t.Fatal(err)
	}
	w.merges = w.merges[:len(w.merges)-1]
	// What was written since goes with its thread.
	*loser = m.before[1]
	loser.said, winner.said = w.texts(t, loser.threads), nil
	winner.threads = slices.DeleteFunc(slices.Clone(winner.threads), func(s string) bool { return slices.Contains(loser.threads, s) })
	winner.said = w.texts(t, winner.threads)
	if winner.state == m.after.state && winner.reopened == m.after.reopened {
		winner.state, winner.reopened = m.before[0].state, m.before[0].reopened
	}
	winner.priority = m.before[0].priority
}

// texts are what was said in threads, whatever tickets they are on.
func (w *world) texts(t *rapid.T, threads []string) (all []string) {
	for n := range w.tickets {
		d, err := w.store.Ticket(t.Context(), w.tickets[n].id)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range d.Messages {
			if slices.Contains(threads, m.InteractionID) {
				all = append(all, m.Text)
			}
		}
	}
	return all
}

// sweep closes what is solved for four days.
func (w *world) sweep(t *rapid.T) {
	if _, err := w.desk.CloseSolved(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, k := range w.tickets {
		d, err := w.store.Ticket(t.Context(), k.id)
		if err != nil {
			t.Fatal(err)
		}
		if k.state == ticket.StateSolved && w.now.Sub(d.Ticket.SolvedAt) > 96*time.Hour || d.Ticket.State == ticket.StateClosed {
			if d.Ticket.State != ticket.StateClosed || k.state != ticket.StateSolved && k.state != ticket.StateClosed {
				t.Fatalf("ticket %d is %s, the model says %s", d.Ticket.Number, d.Ticket.State, k.state)
			}
			k.state = ticket.StateClosed
		}
	}
}

// check holds the store to the model.
func (w *world) check(t *rapid.T) {
	total := 0
	for n, k := range w.tickets {
		d, err := w.store.Ticket(t.Context(), k.id)
		if err != nil {
			t.Fatal(err)
		}
		var said, threads []string
		for _, m := range d.Messages {
			said = append(said, m.Text)
		}
		for _, i := range d.Interactions {
			threads = append(threads, i.ID)
		}
		total += len(said)
		slices.Sort(said)
		slices.Sort(threads)
		if !slices.Equal(said, slices.Sorted(slices.Values(k.said))) || !slices.Equal(threads, slices.Sorted(slices.Values(k.threads))) {
			t.Fatalf("ticket %d has %v in %v, the model %v in %v", n, said, threads, k.said, k.threads)
		}
		if d.Ticket.State != k.state || d.Ticket.Priority != k.priority || d.Ticket.Reopened != k.reopened {
			t.Fatalf("ticket %d is %s, priority %d, reopened %d; the model says %s, %d, %d", n, d.Ticket.State, d.Ticket.Priority,
				d.Ticket.Reopened, k.state, k.priority, k.reopened)
		}
		if (k.into >= 0) != (d.Ticket.MergedInto != "") || k.into >= 0 && d.Ticket.MergedInto != w.tickets[k.into].id {
			t.Fatalf("ticket %d was merged into %q, the model says %d", n, d.Ticket.MergedInto, k.into)
		}
		if (d.Ticket.State == ticket.StateSolved) != !d.Ticket.SolvedAt.IsZero() && d.Ticket.State != ticket.StateClosed && k.into < 0 {
			t.Fatalf("ticket %d is %s and solved at %v", n, d.Ticket.State, d.Ticket.SolvedAt)
		}
	}
	if total != w.said {
		t.Fatalf("%d messages are stored, %d were written", total, w.said)
	}
}

// Whatever people do in whatever order: no message is lost or doubled, and the
// states are those that the rules say.
func TestTicketsFollowTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		w.begin(t)
		for range rapid.IntRange(1, 30).Draw(t, "acts") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "minutes")) * time.Minute)
			switch rapid.SampledFrom([]string{"begin", "write", "write", "set", "set", "merge", "merge", "undo", "undo", "sweep", "days"}).Draw(t, "act") {
			case "begin":
				w.begin(t)
			case "write":
				w.write(t)
			case "set":
				w.set(t)
			case "merge":
				w.merge(t)
			case "undo":
				w.undo(t)
			case "sweep":
				w.sweep(t)
			case "days":
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 5).Draw(t, "days")) * 24 * time.Hour)
			}
			w.check(t)
		}
		if _, _, err := w.store.Tickets(t.Context(), store.TicketFilter{}); err != nil {
			t.Fatal(err)
		}
	})
}
