package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
)

// Errors of the package, tested with errors.Is.
var (
	ErrNotFound = errors.New("store: no such row")
	ErrConflict = errors.New("store: it conflicts with a row that is stored") // a unique name, a second winner
	ErrClosed   = errors.New("store: closed")
)

// Dialect is how an engine differs from the other. The SQL itself is the same.
type Dialect struct {
	Name  string // "sqlite3" or "postgres": goose's name
	Begin string // statement that opens a write transaction
	// BeginRead opens one that reads a single state of the database and writes nothing.
	BeginRead string
	// Prepare keeps prepared statements of the write connection; false where
	// the driver does so itself.
	Prepare bool
	// Unique reports whether err is the violation of a unique index.
	Unique func(err error) bool
	Search SearchText
}

// Store is the database of a site. Its methods may be called from any
// goroutine. A method that writes returns when the write is durable; one that
// is left by the end of its ctx may still be written.
type Store struct {
	write   *sql.DB
	read    *readPool
	dialect Dialect
	commits *committer
	log     *slog.Logger
}

// New makes a Store over two pools of one migrated database: write, of which
// one connection is used, and read. Close closes both. It is called by
// sqlite.Open and postgres.Open.
func New(write, read *sql.DB, d Dialect, log *slog.Logger) *Store {
	s := &Store{write: write, read: newReadPool(read, d.Prepare), dialect: d, log: log}
	s.commits = newCommitter(write, d, log)
	return s
}

// Close commits what is under way, refuses the rest with ErrClosed, and closes
// the database. It may be called again.
func (s *Store) Close() error {
	s.commits.close()
	return errors.Join(s.write.Close(), s.read.Close())
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.QueryRowContext(ctx, `SELECT 1`).Scan(&one); err != nil {
		return fmt.Errorf("ping the database: %w", err)
	}
	return nil
}

// act runs fn in the next group commit and waits for its own result. fn may run
// twice (after a failure of the transaction around it): it sets its results,
// and adds to nothing outside.
func (s *Store) act(ctx context.Context, doing string, fn func(*tx) error) error {
	err := s.commits.do(ctx, fn)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// failed names what a read was doing, and maps "no rows" to ErrNotFound.
func failed(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}
