package storetest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/store"
	"pickup/ticket"
)

// foundBy returns the sorted numbers of the tickets that a search finds.
func foundBy(t *testing.T, s Full, text string, agent account.ID) (numbers []int64) {
	t.Helper()
	hits, err := s.Search(t.Context(), store.SearchFilter{Text: text, Agent: agent})
	if err != nil {
		t.Fatalf("search of %q: %v", text, err)
	}
	for _, h := range hits {
		numbers = append(numbers, h.Ticket.Number)
	}
	slices.Sort(numbers)
	return numbers
}

func searches(t *testing.T, s Full) {
	texts := []string{
		1: "Mon compte est bloqué après la vérification d’identité",
		2: "Retrait de 50 € non reçu, cœur brisé",
		3: "BLOQUE\u0301 sans raison",
		4: "Rien à voir",
	}
	for n, text := range texts[1:] {
		in := mail("p"+string(rune('a'+n))+"@example.org", text, time.Duration(n)*time.Minute)
		in.Subject = []string{"Compte", "Argent", "Compte", "Divers"}[n]
		receive(t, s, in)
	}
	inTx(t, s, func(ctx context.Context, tx ticket.DeskTx) error {
		k, _, err := tx.TicketNumber(ctx, 4)
		must(t, err)
		return tx.SetTags(ctx, k.ID, []string{"très urgent"})
	})
	for query, want := range map[string][]int64{
		"bloque verification":      {1},
		"VÉRIFICATION, bloqué !":   {1},
		"bloqué":                   {1, 3},
		"identi":                   {1}, // the beginning of the last word
		"ident compte":             nil, // not of another
		"coeur":                    {2},
		"cœur brise":               {2},
		"50":                       {2},
		"compte":                   {1, 3}, // a subject
		"compte bloque":            {1},    // all words in one text
		"pb@example.org":           {2},
		"4":                        {4}, // a number
		"tres urgent":              {4},
		"nothing at all":           nil,
		"":                         nil,
		" … ":                      nil,
		strings.Repeat("mot ", 99): nil,
	} {
		if got := foundBy(t, s, query, ""); !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", query, got, want)
		}
	}
	hits, err := s.Search(t.Context(), store.SearchFilter{Text: "retrait", Kinds: []string{store.DocMessage}})
	must(t, err)
	if len(hits) != 1 || hits[0].Snippet != texts[2] || hits[0].Kind != store.DocMessage || hits[0].Ticket.Subject != "Argent" || !hits[0].At.Equal(at(time.Minute)) {
		t.Fatalf("got %+v", hits)
	}
	if hits, err = s.Search(t.Context(), store.SearchFilter{Text: "retrait", Kinds: []string{store.DocTicket}}); len(hits) != 0 || err != nil {
		t.Fatalf("got %+v %v", hits, err)
	}
	if hits, err = s.Search(t.Context(), store.SearchFilter{Text: "compte", Limit: 1}); len(hits) != 1 || err != nil {
		t.Fatalf("got %+v %v", hits, err)
	}
	d, _ := deskOf(s)
	k, err := s.TicketByNumber(t.Context(), 2)
	must(t, err)
	subject := "Virement"
	_, err = d.Edit(t.Context(), ticket.Actor{}, k.ID, k.Version, ticket.Change{Subject: &subject})
	must(t, err)
	if got := foundBy(t, s, "argent", ""); len(got) != 0 {
		t.Errorf("the old subject is still found: %v", got)
	}
	if got := foundBy(t, s, "virement", ""); !slices.Equal(got, []int64{2}) {
		t.Errorf("the new subject finds %v", got)
	}
}

func hostileQueries(t *testing.T, s Full) {
	receive(t, s, mail("zoe@example.org", "Bonjour, tout va bien", 0))
	for _, query := range []string{
		`"`, `'`, `*`, `"bonjour`, `bonjour*`, `bonjour"*`, `^bonjour`, `NEAR(bonjour tout)`, `bonjour NEAR/2 tout`, `bonjour AND`, `OR`,
		`NOT bonjour`, `title:bonjour`, `owners : x`, `{title body} : bonjour`, `-bonjour`, `bonjour & !tout`, `tout <-> va`, `bonjour:*`,
		`(((`, `)`, `\`, `\'`, `''`, "\x00bonjour", "bon\xffjour", `; DROP TABLE tickets`, `%`, `_`, `$1`, `?`, "\u202ebonjour", "😀", "٣",
		strings.Repeat("a", 100_000), strings.Repeat("a ", 10_000), strings.Repeat(`"`, 10_000), "ﬀ", "ͅ", "ǅ",
	} {
		for _, agent := range []account.ID{"", "agent", `a" OR "b`, `'`, `x' & 'y`} {
			_, err := s.Search(t.Context(), store.SearchFilter{Text: query, Agent: agent})
			if err != nil {
				t.Errorf("%.40q by %q: %v", query, agent, err)
			}
			if _, _, err := s.Tickets(t.Context(), store.TicketFilter{Text: query, Agent: agent}); err != nil {
				t.Errorf("list of %.40q by %q: %v", query, agent, err)
			}
		}
	}
	for _, query := range []string{`"bonjour" tout`, `bonjour* va*`, "BONJOUR!", `(tout) 'bien'`} {
		if got := foundBy(t, s, query, ""); !slices.Equal(got, []int64{1}) {
			t.Errorf("%q finds %v", query, got)
		}
	}
	for _, text := range []string{`'`, `\`, `a'b:1A & "`, "'x':*", strings.Repeat("long", 1000), strings.Repeat("mot ", 20_000), "\u0000", "٣٤ 😀"} {
		in := mail("zoe@example.org", text, time.Hour)
		in.Message.MailMessageID = ""
		receive(t, s, in)
	}
}

func searchScope(t *testing.T, s Full) {
	ctx := t.Context()
	d, c := deskOf(s)
	one, two, three := agentOf(t, s, 1), agentOf(t, s, 2), agentOf(t, s, 3)
	a := receive(t, s, mail("a@example.org", "Le mot secret", 0))
	b := receive(t, s, mail("b@example.org", "Un autre secret", time.Minute))
	finds := func(who ticket.Actor, want ...int64) {
		t.Helper()
		if got := foundBy(t, s, "secret", who.ID); !slices.Equal(got, want) {
			t.Fatalf("%s finds %v, want %v", who.ID, got, want)
		}
		var listed []int64
		rows, _, err := s.Tickets(ctx, store.TicketFilter{Text: "secret", Agent: who.ID})
		must(t, err)
		for _, k := range rows {
			listed = append(listed, k.Number)
		}
		slices.Sort(listed)
		if !slices.Equal(listed, want) {
			t.Fatalf("%s is listed %v, want %v", who.ID, listed, want)
		}
	}
	finds(one)
	_, err := d.Reply(ctx, one, reply(a, "Réponse secrète"))
	must(t, err)
	finds(one, 1)
	finds(two)
	k, err := s.TicketByNumber(ctx, 1)
	must(t, err)
	_, err = d.Edit(ctx, one, k.ID, k.Version, ticket.Change{AssigneeID: &two.ID})
	must(t, err)
	finds(one, 1) // he handled it
	finds(two, 1)
	_, err = d.Reply(ctx, three, reply(a, "Autre réponse"))
	must(t, err)
	finds(one)
	finds(three, 1)
	c.add(time.Minute)
	_, err = d.Merge(ctx, three, b.Ticket.ID, a.Ticket.ID)
	must(t, err)
	finds(three, 2)
	finds(two, 2) // the winner was nobody's: it is the loser's agent's now
	_, err = d.Unmerge(ctx, three, a.Ticket.ID)
	must(t, err)
	finds(three, 1)
	finds(two, 1)
	finds(ticket.Actor{ID: "nobody"})
	if got := foundBy(t, s, "secret", ""); !slices.Equal(got, []int64{1, 2}) {
		t.Fatalf("a supervisor finds %v", got)
	}
}
