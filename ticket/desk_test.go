package ticket_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pickup/call"
	"pickup/store/storetest"
	"pickup/ticket"
)

// changes gathers what a desk announces.
type changes struct {
	mu  sync.Mutex
	all []string
}

func (c *changes) add(topic, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, topic+" "+id)
}

func (c *changes) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all
	c.all = nil
	return all
}

func chat(text string) ticket.Incoming {
	return ticket.Incoming{
		Channel: call.ChannelChat, InteractionID: "chat", Queue: "Security", From: ticket.Identity{Kind: "visitor", Value: "v", Raw: "v"},
		Message: ticket.Message{Text: text, CreatedAt: noon},
	}
}

func TestAnActSaysWhatItChanged(t *testing.T) {
	var told changes
	d := ticket.NewDesk(storetest.NewMemory(), ticket.Policy{}, func() time.Time { return noon }, told.add)
	r, err := d.Receive(t.Context(), chat("Bonjour"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"contact " + r.Contact.ID, "interaction chat", "message " + r.Message.ID, "ticket " + r.Ticket.ID}
	if got := told.take(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if r.Ticket.Category != ticket.CategorySecurity || r.Ticket.Priority != ticket.PriorityUrgent || r.Ticket.Queue != "Security" {
		t.Errorf("got %+v, want an urgent matter of security", r.Ticket)
	}
	failed := errors.New("failed")
	if err := d.Act(t.Context(), func(tx ticket.DeskTx) error {
		_, err := ticket.Receive(t.Context(), tx, ticket.Policy{}, chat("Encore"))
		return errors.Join(err, failed)
	}); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if got := told.take(); len(got) != 0 {
		t.Errorf("an act that failed announced %v", got)
	}
}

func TestWhatCannotBePostedIsSaid(t *testing.T) {
	d := ticket.NewDesk(storetest.NewMemory(), ticket.Policy{}, func() time.Time { return noon }, nil)
	r, err := d.Receive(t.Context(), chat("Bonjour"))
	if err != nil {
		t.Fatal(err)
	}
	good := ticket.Outgoing{TicketID: r.Ticket.ID, Interaction: "chat", Kind: ticket.MessageAgent, Text: "Bonjour", ExpectedLast: -1}
	for name, c := range map[string]struct {
		change func(*ticket.Outgoing)
		field  string
	}{
		"a customer does not post":        {func(o *ticket.Outgoing) { o.Kind = ticket.MessageCustomer }, "kind"},
		"nothing is said":                 {func(o *ticket.Outgoing) { o.Text = " \n" }, "text"},
		"a reply needs a thread":          {func(o *ticket.Outgoing) { o.Interaction = "" }, "interaction"},
		"nobody closes by a message":      {func(o *ticket.Outgoing) { o.State = ticket.StateClosed }, "state"},
		"nobody merges by a message":      {func(o *ticket.Outgoing) { o.State = ticket.StateMerged }, "state"},
		"a file that is not there":        {func(o *ticket.Outgoing) { o.Attachments = []string{"none"} }, "attachments"},
		"a message that has no time":      {nil, "created_at"},
		"a thread of no mail has no mail": {func(o *ticket.Outgoing) { o.Interaction = "mail" }, "interaction"},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			if c.change == nil {
				in := chat("x")
				in.Message.CreatedAt = time.Time{}
				_, err = d.Receive(t.Context(), in)
			} else {
				in := chat("mail without an address of ours")
				in.Channel, in.InteractionID, in.TicketID = call.ChannelEmail, "mail", r.Ticket.ID
				if _, err := d.Receive(t.Context(), in); err != nil {
					t.Fatal(err)
				}
				out := good
				c.change(&out)
				_, err = d.Reply(t.Context(), ticket.Actor{ID: "a"}, out)
			}
			var field *ticket.FieldError
			if !errors.As(err, &field) || field.Field != c.field {
				t.Errorf("got %v, want the field %s", err, c.field)
			}
		})
	}
	out := good
	out.TicketID = "none"
	if _, err := d.Reply(t.Context(), ticket.Actor{ID: "a"}, out); !errors.Is(err, ticket.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	out = good
	out.Interaction = "none"
	if _, err := d.Reply(t.Context(), ticket.Actor{ID: "a"}, out); !errors.Is(err, ticket.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestTheSubjectOfATicket(t *testing.T) {
	for name, c := range map[string]struct{ subject, text, want string }{
		"what he called it":             {"Mon  compte\n", "x", "Mon compte"},
		"the first line of his message": {"", "Bonjour,\nmon compte", "Bonjour,"},
		"a long message is cut":         {"", fmt.Sprintf("%0100d", 1), fmt.Sprintf("%079d…", 0)},
		"nothing at all":                {" ", " ", "(sans objet)"},
		"what no store can hold":        {"a\x00b\xff", "", "ab\uFFFD"},
	} {
		d := ticket.NewDesk(storetest.NewMemory(), ticket.Policy{}, func() time.Time { return noon }, nil)
		in := chat(c.text)
		in.Subject = c.subject
		r, err := d.Receive(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if r.Ticket.Subject != c.want {
			t.Errorf("%s: got %q, want %q", name, r.Ticket.Subject, c.want)
		}
	}
}

func TestReferencesOfAMailAreAChainOfTwenty(t *testing.T) {
	s := storetest.NewMemory()
	now := noon
	d := ticket.NewDesk(s, ticket.Policy{}, func() time.Time { return now }, nil)
	in := ticket.Incoming{
		Channel: call.ChannelEmail, InteractionID: "mail", From: ticket.Identity{Kind: "email", Value: "z@x", Raw: "Zoé <z@x>"},
		To: "Support <support@Casino.example>", Subject: "RE: compte",
	}
	for n := range 30 {
		in.Message = ticket.Message{Text: "x", MailMessageID: fmt.Sprintf("m%d@x", n), CreatedAt: now}
		if _, err := d.Receive(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
	}
	r, err := d.Receive(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.Reply(t.Context(), ticket.Actor{ID: "a"}, ticket.Outgoing{
		TicketID: r.Ticket.ID, Interaction: "mail", Kind: ticket.MessageAgent, Text: "Bonjour", ExpectedLast: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Outbox(t.Context(), now, 1)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	o := all[0]
	if len(o.References) != 20 || o.References[0] != "m0@x" || o.References[1] != "m11@x" || o.References[19] != "m29@x" || o.InReplyTo != "m29@x" {
		t.Errorf("got %v in reply to %s", o.References, o.InReplyTo)
	}
	if o.To != "z@x" || o.Subject != "RE: compte [#1]" || m.MailMessageID != "m."+m.ID+"@casino.example" || o.MailMessageID != m.MailMessageID {
		t.Errorf("got %+v", o)
	}
}

func TestGratitude(t *testing.T) {
	for text, want := range map[string]bool{
		"Merci !": true, "Merci beaucoup pour votre aide, bonne journée": true, "Thank you so much!": true, "Super, merci": true,
		"thanks, it works": true, "Merci Zoé": true, "Cordialement, Zoé Martin. Merci": true, "MERCI BEAUCOUP": true,
		"Merci, mais ça ne marche pas": false, "Merci ?": false, "Merci. Quand serai-je payé": false, "Bonjour": false, "": false,
		"thanks but still broken": false, "Merci de me rembourser": false, "thank you for nothing": false,
		"Merci d'avance de débloquer mon compte": false, "merci merci merci merci merci merci merci merci merci merci merci merci merci" +
			" merci merci merci merci merci merci merci merci merci merci merci merci merci": false,
	} {
		if got := ticket.Gratitude(text, "Zoé Martin"); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func FuzzGratitude(f *testing.F) {
	f.Add("Merci !", "Zoé")
	f.Fuzz(func(t *testing.T, text, name string) {
		if ticket.Gratitude(text, name) && ticket.Gratitude(text+" ?", name) {
			t.Fatalf("%q with a question is still thanks", text)
		}
	})
}

func TestSimilarity(t *testing.T) {
	for name, c := range map[string]struct {
		a, b     string
		min, max float64
	}{
		"the same":            {"Mon compte est bloqué", "mon COMPTE est bloque !", 1, 1},
		"nearly the same":     {"Mon retrait est bloqué", "Mon retrait est bloqué depuis hier", 0.5, 0.99},
		"one word in common":  {"Mon compte est fermé", "Un retrait de mon argent", 0.01, 0.49},
		"nothing in common":   {"abc", "xyz", 0, 0},
		"nothing":             {"", "", 0, 0},
		"punctuation is none": {"...", "!!!", 0, 0},
	} {
		if got := ticket.Similarity(c.a, c.b); got < c.min || got > c.max {
			t.Errorf("%s: got %v, want %v to %v", name, got, c.min, c.max)
		}
		if ticket.Similarity(c.a, c.b) != ticket.Similarity(c.b, c.a) {
			t.Errorf("%s: the order matters", name)
		}
	}
}

func TestWhoWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		w := ticket.NewWatchers(time.Now, func(id string) { told = append(told, id) })
		ann, bob := ticket.Actor{ID: "1", Name: "Ann"}, ticket.Actor{ID: "2", Name: "Bob"}
		expect := func(what string, got []ticket.Presence, want string, calls int) {
			t.Helper()
			text := ""
			for _, p := range got {
				text += p.Name
				if p.Typing {
					text += "*"
				}
				text += " "
			}
			if text != want || len(told) != calls {
				t.Errorf("%s: got %q after %d changes, want %q after %d", what, text, len(told), want, calls)
			}
		}
		expect("nobody", w.On("t"), "", 0)
		expect("Ann opens", w.Beat("t", "p1", ann, false), "Ann ", 1)
		time.Sleep(ticket.HeartbeatEvery)
		expect("Ann stays", w.Beat("t", "p1", ann, false), "Ann ", 1)
		expect("Bob opens and types", w.Beat("t", "p2", bob, true), "Ann Bob* ", 2)
		expect("Bob's second page does not", w.Beat("t", "p3", bob, false), "Ann Bob* ", 3)
		expect("another ticket", w.Beat("u", "p4", bob, false), "Bob ", 4)
		time.Sleep(24 * time.Second)
		expect("all are still there", w.On("t"), "Ann Bob* ", 4)
		w.Beat("t", "p1", ann, true)
		time.Sleep(2 * time.Second)
		expect("Bob was not heard of", w.On("t"), "Ann* ", 5)
		w.Sweep()
		expect("the sweep tells the other ticket", w.On("u"), "", 6)
		w.Leave("t", "p1", ann.ID)
		w.Leave("t", "p1", ann.ID)
		expect("Ann leaves", w.On("t"), "", 7)
		w.Beat("t", "p1", ann, false)
		time.Sleep(25 * time.Second)
		w.Sweep()
		w.Sweep()
		expect("Ann is forgotten once", w.On("t"), "", 9)
	})
}

func TestWatchersBearManyAtOnce(t *testing.T) {
	w := ticket.NewWatchers(time.Now, nil)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 200 {
				k := fmt.Sprint(i % 3)
				w.Beat(k, fmt.Sprint(n), ticket.Actor{ID: "u"}, i%2 == 0)
				w.On(k)
				w.Sweep()
				w.Leave(k, fmt.Sprint(n), "u")
			}
		})
	}
	wg.Wait()
	if all := w.On("0"); len(all) != 0 {
		t.Errorf("got %v after all left", all)
	}
}

func TestCategoriesByQueue(t *testing.T) {
	for queue, want := range map[string]string{
		"security": ticket.CategorySecurity, "Verification": ticket.CategoryIdentity, "payments": ticket.CategoryWithdrawal,
		"support": ticket.CategoryOther, "": ticket.CategoryOther,
	} {
		if got := (ticket.Policy{}).CategoryOf(queue); got != want {
			t.Errorf("%q: got %s, want %s", queue, got, want)
		}
	}
	p := ticket.Policy{Categories: map[string]string{"vip": ticket.CategoryDispute, "bad": "none"}}
	for queue, want := range map[string]string{"VIP": ticket.CategoryDispute, "bad": ticket.CategoryOther, "security": ticket.CategoryOther} {
		if got := p.CategoryOf(queue); got != want {
			t.Errorf("%q: got %s, want %s", queue, got, want)
		}
	}
}

func TestTags(t *testing.T) {
	if got, err := ticket.Tags([]string{" b ", "a", "b", "", "c  d"}); err != nil || !slices.Equal(got, []string{"a", "b", "c d"}) {
		t.Errorf("got %v %v", got, err)
	}
	many := make([]string, ticket.MaxTags+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for name, tags := range map[string][]string{"many": many, "long": {fmt.Sprintf("%061d", 1)}} {
		var field *ticket.FieldError
		if _, err := ticket.Tags(tags); !errors.As(err, &field) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func BenchmarkSimilarity(b *testing.B) {
	one := "Mon retrait de cinquante euros est bloqué depuis hier, merci de vérifier mon compte et de me répondre"
	b.ReportAllocs()
	for b.Loop() {
		ticket.Similarity(one, one)
	}
}

func BenchmarkReceive(b *testing.B) {
	d := ticket.NewDesk(storetest.NewMemory(), ticket.Policy{}, time.Now, nil)
	in := chat("Bonjour, mon compte est bloqué")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Receive(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
