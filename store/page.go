package store

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// ErrCursor is a page cursor that this package did not make.
var ErrCursor = errors.New("store: the cursor is not one of ours")

// Limits of a page.
const (
	DefaultLimit = 50  // of a page whose limit is 0
	MaxLimit     = 500 // of any page
)

// Page says which part of a list is wanted, newest first.
type Page struct {
	Limit int    // rows; 0: DefaultLimit, more than MaxLimit: MaxLimit
	After string // the cursor that the last page returned; "": from the newest
}

// limit is the number of rows of the page.
func (p Page) limit() int {
	switch {
	case p.Limit <= 0:
		return DefaultLimit
	case p.Limit > MaxLimit:
		return MaxLimit
	default:
		return p.Limit
	}
}

// Cursor names a row by its time and id; the next page begins after it.
func Cursor(at time.Time, id string) string {
	return strconv.FormatInt(at.UnixMilli(), 36) + "." + id
}

// ParseCursor reads what Cursor made. It returns ErrCursor for anything else.
func ParseCursor(s string) (ms int64, id string, err error) {
	head, id, ok := strings.Cut(s, ".")
	if !ok || id == "" {
		return 0, "", ErrCursor
	}
	ms, err = strconv.ParseInt(head, 36, 64)
	if err != nil {
		return 0, "", ErrCursor
	}
	return ms, id, nil
}

// Cut ends a list that was read with one row more than the limit: it returns the
// page and the cursor of the next one, "" when there is none.
func Cut[T any](rows []T, p Page, key func(T) (time.Time, string)) ([]T, string) {
	if len(rows) <= p.limit() {
		return rows, ""
	}
	rows = rows[:p.limit()]
	at, id := key(rows[len(rows)-1])
	return rows, Cursor(at, id)
}

// filter builds the WHERE of a list with placeholders in ascending order.
type filter struct {
	conditions []string
	args       []any
}

// add appends a condition; each ? of it becomes the next placeholder.
func (f *filter) add(condition string, args ...any) {
	var b strings.Builder
	for _, part := range strings.SplitAfter(condition, "?") {
		if head, found := strings.CutSuffix(part, "?"); found {
			f.args = append(f.args, args[0])
			args = args[1:]
			b.WriteString(head + "$" + strconv.Itoa(len(f.args)))
			continue
		}
		b.WriteString(part)
	}
	f.conditions = append(f.conditions, b.String())
}

// equal appends column = value unless value is "".
func (f *filter) equal(column, value string) {
	if value != "" {
		f.add(column+" = ?", value)
	}
}

// in appends a list of alternatives unless it is empty.
func in[T ~string](f *filter, column string, values []T) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	f.add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", args...)
}

// between appends the window [from, to) unless its ends are zero.
func (f *filter) between(column string, from, to time.Time) {
	if !from.IsZero() {
		f.add(column+" >= ?", from.UnixMilli())
	}
	if !to.IsZero() {
		f.add(column+" < ?", to.UnixMilli())
	}
}

// page returns the end of the query: WHERE, order and limit of a list that is
// ordered by a time column and the id, newest first.
func (f *filter) page(p Page, at string) (string, error) {
	if p.After != "" {
		ms, id, err := ParseCursor(p.After)
		if err != nil {
			return "", err
		}
		f.add("("+at+", id) < (?, ?)", ms, id)
	}
	return f.where() + " ORDER BY " + at + " DESC, id DESC LIMIT " + strconv.Itoa(p.limit()+1), nil
}

// where returns the conditions as text, "" when there is none.
func (f *filter) where() string {
	if len(f.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(f.conditions, " AND ")
}
