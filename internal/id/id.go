// Package id makes the identifiers of everything that is stored.
package id

import "github.com/google/uuid"

// New returns a UUIDv7 (RFC 9562 5.7) in its 36-character text form. Ids made
// later sort after earlier ones. It may be called from any goroutine.
func New() string {
	return uuid.Must(uuid.NewV7()).String()
}

// Valid reports whether s has the form of an id. It is used on everything that
// came from outside and names a file or a row.
func Valid(s string) bool {
	_, err := uuid.Parse(s)
	return err == nil && len(s) == 36
}
