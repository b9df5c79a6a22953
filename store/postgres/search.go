package postgres

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"pickup/store"
)

// Limits of a tsvector (PostgreSQL, 12.11): the greatest position, and how many
// of one word.
const (
	maxPosition  = 16_383
	maxPositions = 250
)

// search keeps words as a tsvector that is made here, not by a parser of the
// server, so that a word is what it is on the other engine. Owners are lexemes
// that no word can be, for they begin with @.
func search() store.SearchText {
	return store.SearchText{
		Put:   put,
		Batch: 100,
		Words: func(title, body, owners []string) []any {
			return []any{vector(title, body, owners)}
		},
		Match: match,
		Newest: `SELECT id, ts_rank('{0.1, 0.2, 0.25, 1.0}', words, $1::tsquery)::float8 AS score FROM
			(SELECT id, words FROM search_text WHERE words @@ $1::tsquery ORDER BY id DESC LIMIT $2) newest`,
		IDs: `SELECT id FROM search_text WHERE words @@ ?::tsquery ORDER BY id DESC LIMIT ` + strconv.Itoa(store.MaxFound),
	}
}

// put is the statement for n documents.
func put(n int) string {
	var b strings.Builder
	b.WriteString(`INSERT INTO search_text (id, words) VALUES `)
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("($" + strconv.Itoa(2*i+1) + ", $" + strconv.Itoa(2*i+2) + "::tsvector)")
	}
	b.WriteString(` ON CONFLICT (id) DO UPDATE SET words = excluded.words`)
	return b.String()
}

// vector is a tsvector in its text form: words of the title have weight A, of
// the body B.
func vector(title, body, owners []string) string {
	places := map[string][]string{}
	position := 0
	for _, part := range [...]struct {
		words  []string
		weight string
	}{{title, "A"}, {body, "B"}} {
		for _, w := range part.words {
			position = min(position+1, maxPosition)
			if len(places[w]) < maxPositions {
				places[w] = append(places[w], strconv.Itoa(position)+part.weight)
			}
		}
	}
	var b strings.Builder
	for _, w := range slices.Sorted(maps.Keys(places)) {
		b.WriteString("'" + w + "':" + strings.Join(places[w], ",") + " ")
	}
	for _, o := range owners {
		b.WriteString("'@" + o + "' ")
	}
	return b.String()
}

// match is a tsquery in its text form: quoted lexemes, so that none is an
// operator.
func match(words []string, prefix bool, owner string) string {
	var all []string
	if owner != "" {
		all = append(all, "'@"+owner+"'")
	}
	for i, w := range words {
		lexeme := "'" + w + "'"
		if prefix && i == len(words)-1 {
			lexeme += ":*"
		}
		all = append(all, lexeme)
	}
	return strings.Join(all, " & ")
}
