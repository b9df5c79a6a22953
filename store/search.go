package store

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pickup/account"
	"pickup/internal/fold"
	"pickup/ticket"
)

// Kinds of what can be found.
const (
	DocTicket  = "ticket"  // number, subject, contact, addresses, tags
	DocMessage = "message" // text
)

// Limits of a search.
const (
	MaxFound  = 500    // newest matches that are ranked
	maxWords  = 12     // of a query
	maxDoc    = 10_000 // words of a document that are kept
	minPrefix = 3      // letters from which the last word of a query may go on
)

// SearchText is how an engine keeps and finds words. All words are folded.
type SearchText struct {
	// Put is the statement that stores the words of n documents, in the place of
	// those they had; for each of them its placeholders are its id and what Words
	// returns.
	Put   func(n int) string
	Batch int // the n that is best for many
	Words func(title, body, owners []string) []any
	// Match is the query of documents that have all words, of one owner when owner
	// is not "". The last word may be the beginning of one when prefix.
	Match func(words []string, prefix bool, owner string) string
	// Newest selects id and score (greater is better) of the newest matches: $1 is
	// what Match returned, $2 how many.
	Newest string
	// IDs selects the ids of the newest MaxFound matches; its ? is what Match returned.
	IDs string
}

// Doc is something that can be found.
type Doc struct {
	Kind     string
	ID       string // of the object
	TicketID string // whose searchers find it; ""
	Locale   string // of one of several texts of an object; ""
	Title    string
	Body     string
	Owners   []account.ID // agents whose it is
}

// ownerWord is the word by which an agent's documents are found.
func ownerWord(a account.ID) string {
	if a == "" {
		return ""
	}
	return hex.EncodeToString([]byte(a))
}

func ownerWords(owners []account.ID) []string {
	words := make([]string, 0, len(owners))
	for _, o := range owners {
		words = append(words, ownerWord(o))
	}
	return words
}

// Index puts a document into the search, in the place of what it was.
func (s *Store) Index(ctx context.Context, d Doc) error {
	return s.act(ctx, "index a document", func(t *tx) error { return putDoc(t, d) })
}

func putDoc(t *tx, d Doc) error {
	next, err := t.next("search")
	if err != nil {
		return err
	}
	owners := ownerWords(d.Owners)
	var docID int64
	err = t.row(`INSERT INTO search_docs (id, kind, object_id, ticket_id, locale, owners) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (kind, object_id, locale) DO UPDATE SET ticket_id = excluded.ticket_id, owners = excluded.owners RETURNING id`,
		[]any{next, d.Kind, d.ID, d.TicketID, d.Locale, strings.Join(owners, " ")}, &docID)
	if err != nil {
		return err
	}
	_, err = t.exec(t.dialect.Search.Put(1), t.words(docID, d, owners)...)
	return err
}

// words are what is stored of a document, with its id.
func (t *tx) words(docID int64, d Doc, owners []string) []any {
	title, body := fold.Words(d.Title), fold.Words(d.Body)
	return append([]any{docID}, t.dialect.Search.Words(title[:min(len(title), maxDoc)], body[:min(len(body), maxDoc)], owners)...)
}

// indexer gathers what a transaction changed.
type indexer struct {
	tickets  map[string]bool
	contacts map[string]bool
	moved    map[string]bool // tickets whose messages came or went
	messages []ticket.Message
}

func newIndexer() *indexer {
	return &indexer{tickets: map[string]bool{}, contacts: map[string]bool{}, moved: map[string]bool{}}
}

// flush puts what was gathered into the search.
func (x *indexer) flush(t *tx) error {
	for _, c := range slices.Sorted(maps.Keys(x.contacts)) {
		ids, err := list(t.ctx, t, scanText, `SELECT id FROM tickets WHERE contact_id = $1 ORDER BY created_at DESC, id DESC LIMIT 50`, c)
		if err != nil {
			return err
		}
		for _, k := range ids {
			x.tickets[k] = true
		}
	}
	maps.Copy(x.tickets, x.moved)
	whole := map[string]bool{}
	for _, k := range slices.Sorted(maps.Keys(x.tickets)) {
		if k == "" {
			continue
		}
		all, err := putTicket(t, k, x.moved[k])
		if err != nil {
			return fmt.Errorf("index ticket %s: %w", k, err)
		}
		whole[k] = all
	}
	for _, m := range x.messages {
		if whole[m.TicketID] {
			continue
		}
		owners, err := docOwners(t, m.TicketID)
		if err == nil {
			err = putMessage(t, m, owners)
		}
		if err != nil {
			return fmt.Errorf("index message %s: %w", m.ID, err)
		}
	}
	return nil
}

// docOwners are the owners that the document of a ticket has.
func docOwners(t *tx, ticketID string) ([]account.ID, error) {
	found, ok, err := alone(list(t.ctx, t, scanText, `SELECT owners FROM search_docs WHERE kind = 'ticket' AND object_id = $1 AND locale = ''`,
		ticketID))
	if err != nil || !ok {
		return nil, err
	}
	return ownersOf(found)
}

func ownersOf(words string) ([]account.ID, error) {
	var owners []account.ID
	for _, w := range strings.Fields(words) {
		name, err := hex.DecodeString(w)
		if err != nil {
			return nil, err
		}
		owners = append(owners, account.ID(name))
	}
	return owners, nil
}

// putTicket indexes a ticket anew, with all its messages when its owners are
// others than before, or when moved. It returns whether it did that.
func putTicket(t *tx, ticketID string, moved bool) (all bool, err error) {
	k, ok, err := ticketRow(t.ctx, t, `SELECT `+ticketColumns+` FROM tickets WHERE id = $1`, ticketID)
	if err != nil || !ok {
		return false, err
	}
	owners, err := list(t.ctx, t, func(row scanner) (a account.ID, err error) { err = row.Scan(&a); return a, err },
		`SELECT DISTINCT handled_by FROM interactions WHERE ticket_id = $1 AND handled_by <> ''`, ticketID)
	if err != nil {
		return false, err
	}
	if k.AssigneeID != "" {
		owners = append(owners, account.ID(k.AssigneeID))
	}
	owners = sortedOnce(owners)
	before, err := docOwners(t, ticketID)
	if err != nil {
		return false, err
	}
	c, _, err := contactRow(t.ctx, t, k.ContactID)
	if err != nil {
		return false, err
	}
	known, err := identities(t.ctx, t, k.ContactID)
	if err != nil {
		return false, err
	}
	if err := putDoc(t, ticketDoc(k, c, known, owners)); err != nil {
		return false, err
	}
	if !moved && slices.Equal(before, owners) {
		return false, nil
	}
	said, err := list(t.ctx, t, scanMessage, `SELECT `+messageColumns+` FROM messages WHERE ticket_id = $1 ORDER BY pos`, ticketID)
	if err != nil {
		return false, err
	}
	for _, m := range said {
		if err := putMessage(t, m, owners); err != nil {
			return false, err
		}
	}
	return true, nil
}

// ticketDoc is what a ticket is found by beside its messages.
func ticketDoc(k ticket.Ticket, c ticket.Contact, known []ticket.Identity, owners []account.ID) Doc {
	body := []string{c.Name}
	for _, i := range known {
		if i.Kind != "visitor" {
			body = append(body, i.Value)
		}
	}
	body = append(body, k.Tags...)
	return Doc{
		Kind: DocTicket, ID: k.ID, TicketID: k.ID, Title: strconv.FormatInt(k.Number, 10) + " " + k.Subject,
		Body: strings.Join(body, " "), Owners: owners,
	}
}

func messageDoc(m ticket.Message, owners []account.ID) Doc {
	return Doc{Kind: DocMessage, ID: m.ID, TicketID: m.TicketID, Body: m.Text, Owners: owners}
}

func putMessage(t *tx, m ticket.Message, owners []account.ID) error {
	return putDoc(t, messageDoc(m, owners))
}

func sortedOnce(owners []account.ID) []account.ID {
	slices.Sort(owners)
	return slices.Compact(owners)
}

// SearchFilter says what is sought by whom.
type SearchFilter struct {
	Text  string     // words, all of which must be there; the last may be a beginning
	Agent account.ID // finds only what is his (TicketFilter.Agent); "": everything
	Kinds []string   // DocTicket, ...; empty: all
	Limit int        // as Page.Limit
}

// Hit is something that was found; of a ticket only the best.
type Hit struct {
	Kind    string
	ID      string // of the object
	Ticket  ticket.Ticket
	Snippet string // of the text, around the first word
	At      time.Time
	Score   float64 // of this search, greater is better
}

// SearchWords returns the words of a query as they are sought, and whether the
// last may be the beginning of a word. There is no syntax: quotes, stars and
// operators are punctuation, AND and OR are words.
func SearchWords(text string) (words []string, prefix bool) {
	words = fold.Words(text)
	if len(words) > maxWords {
		words = words[:maxWords]
	}
	return words, len(words) > 0 && utf8.RuneCountInString(words[len(words)-1]) >= minPrefix
}

// found appends that something is among the newest matches of a text.
func (s *Store) found(f *filter, before, text string, agent account.ID, after string) {
	words, prefix := SearchWords(text)
	if len(words) == 0 {
		f.conditions = append(f.conditions, "1 = 0")
		return
	}
	match := s.dialect.Search.Match(words, prefix, ownerWord(agent))
	f.add(before+s.dialect.Search.IDs+after, match)
}

// Search returns what matches, the best first. A text without any word finds
// nothing.
func (s *Store) Search(ctx context.Context, q SearchFilter) ([]Hit, error) {
	words, prefix := SearchWords(q.Text)
	if len(words) == 0 {
		return nil, nil
	}
	match := s.dialect.Search.Match(words, prefix, ownerWord(q.Agent))
	type row struct {
		kind, id, ticket string
		score            float64
	}
	rows, err := list(ctx, s.read, func(sc scanner) (r row, err error) {
		err = sc.Scan(&r.kind, &r.id, &r.ticket, &r.score)
		return r, err
	}, `SELECT d.kind, d.object_id, d.ticket_id, n.score FROM (`+s.dialect.Search.Newest+`) n JOIN search_docs d ON d.id = n.id
		ORDER BY n.score DESC, d.id DESC`, match, MaxFound)
	if err != nil {
		return nil, failed("search", err)
	}
	var hits []Hit
	seen := map[string]bool{}
	for _, r := range rows {
		key := cmp.Or(r.ticket, r.kind+" "+r.id)
		if seen[key] || len(q.Kinds) > 0 && !slices.Contains(q.Kinds, r.kind) {
			continue
		}
		seen[key] = true
		hits = append(hits, Hit{Kind: r.kind, ID: r.id, Score: r.score, Ticket: ticket.Ticket{ID: r.ticket}})
		if len(hits) == (Page{Limit: q.Limit}).limit() {
			break
		}
	}
	return hits, failed("read what was found", s.fillHits(ctx, hits, words))
}

// fillHits reads the tickets and the texts of hits.
func (s *Store) fillHits(ctx context.Context, hits []Hit, words []string) error {
	if len(hits) == 0 {
		return nil
	}
	var tickets, said []string
	for _, h := range hits {
		tickets = append(tickets, h.Ticket.ID)
		if h.Kind == DocMessage {
			said = append(said, h.ID)
		}
	}
	var f filter
	in(&f, "id", tickets)
	rows, err := list(ctx, s.read, scanTicket, `SELECT `+ticketColumns+` FROM tickets`+f.where(), f.args...)
	if err != nil {
		return err
	}
	if err := s.fillTags(ctx, rows); err != nil {
		return err
	}
	byID := map[string]ticket.Ticket{}
	for _, k := range rows {
		byID[k.ID] = k
	}
	texts := map[string]ticket.Message{}
	if len(said) > 0 {
		f = filter{}
		in(&f, "id", said)
		all, err := list(ctx, s.read, scanMessage, `SELECT `+messageColumns+` FROM messages`+f.where(), f.args...)
		if err != nil {
			return err
		}
		for _, m := range all {
			texts[m.ID] = m
		}
	}
	for i := range hits {
		h := &hits[i]
		h.Ticket = byID[h.Ticket.ID]
		h.Snippet, h.At = Snippet(h.Ticket.Subject, words), h.Ticket.CreatedAt
		if m, ok := texts[h.ID]; ok && h.Kind == DocMessage {
			h.Snippet, h.At = Snippet(m.Text, words), m.CreatedAt
		}
	}
	return nil
}

// snippetLength is how many letters of a text are shown.
const snippetLength = 160

// Snippet returns the part of a text around the first of the folded words, on
// one line, with … where it was cut.
func Snippet(text string, words []string) string {
	letters := []rune(strings.Join(strings.Fields(text), " "))
	if len(letters) <= snippetLength {
		return string(letters)
	}
	at := 0
	for start := 0; start < len(letters); {
		end := start
		for end < len(letters) && letters[end] != ' ' {
			end++
		}
		if slices.ContainsFunc(fold.Words(string(letters[start:end])), func(w string) bool {
			return slices.ContainsFunc(words, func(sought string) bool { return strings.HasPrefix(w, sought) })
		}) {
			at = start
			break
		}
		start = end + 1
	}
	from := min(max(0, at-snippetLength/4), len(letters)-snippetLength)
	part := strings.TrimSpace(string(letters[from : from+snippetLength]))
	if from > 0 {
		part = "…" + part
	}
	if from+snippetLength < len(letters) {
		part += "…"
	}
	return part
}
