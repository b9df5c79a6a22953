package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"pickup/account"
	"pickup/ticket"
)

// Rows runs a statement of the database that a generator fills, outside of the
// store: it is told what millions of commits would have written.
type Rows func(ctx context.Context, query string, args ...any) error

// generatedAgents is how many agents the tickets belong to.
const generatedAgents = 50

// GeneratedAgent is the n-th agent of a generated site, n counted from 0.
func GeneratedAgent(n int) account.ID {
	return account.ID(fmt.Sprintf("agent-%02d", n%generatedAgents))
}

// GeneratedTicket is the id of the n-th ticket of a generated site.
func GeneratedTicket(n int) string { return fmt.Sprintf("ticket-%08d", n) }

// Generate fills an empty, migrated database with a site of many tickets and
// messages: players who come back, four queues, fifty agents, texts whose words
// are as frequent as those of a language. The same sizes make the same site. What
// it wrote is indexed when the store is opened.
func Generate(ctx context.Context, run Rows, tickets, messages int) error {
	g := &generator{ctx: ctx, run: run, random: rand.New(rand.NewPCG(1, 2)), words: vocabulary()}
	g.zipf = rand.NewZipf(g.random, 1.2, 4, uint64(len(g.words)-1))
	contacts := max(1, tickets/3)
	g.table("contacts (id, name, language, created_at, updated_at)", 5, contacts, func(n int) []any {
		return []any{contactID(n), "Joueur " + g.word() + " " + strconv.Itoa(n), "fr", ms(n), ms(n)}
	})
	g.table("contact_identities (id, contact_id, kind, value_norm, value_raw, verified_at, created_at)", 7, contacts, func(n int) []any {
		address := fmt.Sprintf("joueur%d@example.org", n)
		return []any{"id-" + contactID(n), contactID(n), "email", address, address, ms(n), ms(n)}
	})
	per := max(1, messages/tickets)
	g.table("tickets (id, number, contact_id, subject, type, category, state, priority, queue, assignee_id, language, channel,"+
		" created_at, updated_at, last_pos)", 15, tickets, func(n int) []any {
		return g.ticket(n, contacts, per)
	})
	g.table("interactions (id, channel, direction, contact_id, ticket_id, queue, from_addr, to_addr, started_at, queued_at, answered_at,"+
		" handled_by, waiting_since, language, last_seq)", 15, tickets, func(n int) []any {
		var waiting any
		if n%20 == 0 {
			waiting = ms(n)
		}
		return []any{
			threadID(n), "email", "in", contactID(n % contacts), GeneratedTicket(n), queueOf(n), "a@example.org", "support@example.org", ms(n), ms(n),
			ms(n) + 60_000, string(GeneratedAgent(n)), waiting, "fr", per,
		}
	})
	g.table("messages (id, pos, seq, interaction_id, ticket_id, kind, author_id, body_text, status, created_at)", 10, tickets*per, func(n int) []any {
		k := n / per
		kind := [...]string{"customer", "agent"}[n%2]
		return []any{
			fmt.Sprintf("message-%09d", n), n + 1, n%per + 1, threadID(k), GeneratedTicket(k), kind, "", g.text(10 + g.random.IntN(40)), "sent", ms(k) + int64(n%per)*60_000,
		}
	})
	g.do(`UPDATE counters SET value = $1 WHERE name = 'ticket'`, tickets)
	g.do(`UPDATE counters SET value = $1 WHERE name = 'message'`, tickets*per)
	return g.err
}

type generator struct {
	ctx    context.Context
	run    Rows
	random *rand.Rand
	zipf   *rand.Zipf
	words  []string
	err    error
}

func (g *generator) do(query string, args ...any) {
	if g.err == nil {
		g.err = g.run(g.ctx, query, args...)
	}
}

// table writes n rows in statements of many.
func (g *generator) table(columns string, width, n int, row func(int) []any) {
	const together = 200
	for at := 0; at < n && g.err == nil; at += together {
		count := min(together, n-at)
		var query strings.Builder
		query.WriteString("INSERT INTO " + columns + " VALUES ")
		args := make([]any, 0, count*width)
		for i := range count {
			if i > 0 {
				query.WriteString(", ")
			}
			for c := range width {
				query.WriteString([...]string{"(", ", "}[min(c, 1)] + "$" + strconv.Itoa(i*width+c+1))
			}
			query.WriteString(")")
			args = append(args, row(at+i)...)
		}
		g.do(query.String(), args...)
	}
}

func (g *generator) ticket(n, contacts, per int) []any {
	state := [...]ticket.State{
		ticket.StateClosed, ticket.StateClosed, ticket.StateClosed, ticket.StateClosed, ticket.StateClosed, ticket.StateClosed,
		ticket.StateSolved, ticket.StatePending, ticket.StateOpen, ticket.StateNew,
	}[n%10]
	categories := ticket.Categories()
	return []any{
		GeneratedTicket(n), n + 1, contactID(n % contacts), g.text(4), "email", categories[n%len(categories)].Name, string(state), n % 4, queueOf(n),
		string(GeneratedAgent(n)), "fr", "email", ms(n), ms(n) + int64(g.random.IntN(1_000_000)), (n + 1) * per,
	}
}

func contactID(n int) string { return fmt.Sprintf("contact-%08d", n) }
func threadID(n int) string  { return fmt.Sprintf("thread-%08d", n) }
func queueOf(n int) string {
	return [...]string{"support", "payments", "security", "verification"}[n%4]
}

// ms is when the n-th ticket began: one every ten minutes.
func ms(n int) int64 { return start.Add(time.Duration(n) * 10 * time.Minute).UnixMilli() }

func (g *generator) word() string { return g.words[g.zipf.Uint64()] }

func (g *generator) text(words int) string {
	all := make([]string, words)
	for i := range all {
		all[i] = g.word()
	}
	return strings.Join(all, " ")
}

// frequent are the words that come first in a vocabulary.
const frequent = "le de je mon compte est pas la et bonjour un retrait depuis bloqué à vérification dépôt merci vous pour argent identité jeu" +
	" bonus carte the my account is withdrawal not please help hello paiement problème toujours reçu demande réponse euros hier"

// vocabulary is 20,000 words, the frequent ones first.
func vocabulary() []string {
	words := strings.Fields(frequent)
	syllables := strings.Fields("ba bé ca cho dé do fa fi gra gue ha hé in jou ka la lè ma mi no nu on pa pré qui ra ré sa sou ta té un va vi ze zo")
	random := rand.New(rand.NewPCG(3, 4))
	seen := map[string]bool{}
	for len(words) < 20_000 {
		var b strings.Builder
		for range 2 + random.IntN(3) {
			b.WriteString(syllables[random.IntN(len(syllables))])
		}
		if w := b.String(); !seen[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	return words
}
