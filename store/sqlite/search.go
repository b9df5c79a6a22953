package sqlite

import (
	"strconv"
	"strings"

	"pickup/store"
)

const put = `INSERT OR REPLACE INTO search_text (rowid, title, body, owners) VALUES (?, ?, ?, ?)`

// search keeps words in an FTS5 table without the texts, and ranks by its bm25,
// a word of the title four times. Who may find a document is a column of it, so
// that the index itself confines a search.
func search() store.SearchText {
	return store.SearchText{
		Put: func(n int) string {
			return put + strings.Repeat(", (?, ?, ?, ?)", n-1)
		},
		Batch: 1, // a statement of many rows has a savepoint, at which FTS5 writes out what it gathered
		Words: func(title, body, owners []string) []any {
			return []any{strings.Join(title, " "), strings.Join(body, " "), strings.Join(owners, " ")}
		},
		Match: match,
		Newest: `SELECT rowid AS id, -bm25(search_text, 4.0, 1.0, 0.0) AS score FROM search_text WHERE search_text MATCH $1
			ORDER BY rowid DESC LIMIT $2`,
		IDs: `SELECT rowid FROM search_text WHERE search_text MATCH ? ORDER BY rowid DESC LIMIT ` + strconv.Itoa(store.MaxFound),
	}
}

// match is a query of FTS5: each word in quotes, so that none is an operator.
func match(words []string, prefix bool, owner string) string {
	var b strings.Builder
	if owner != "" {
		b.WriteString(`owners : "` + owner + `" AND `)
	}
	b.WriteString(`{title body} : (`)
	for i, w := range words {
		if i > 0 {
			b.WriteString(" AND ")
		}
		b.WriteString(`"` + w + `"`)
	}
	if prefix {
		b.WriteString("*")
	}
	b.WriteString(")")
	return b.String()
}
