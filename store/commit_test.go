package store_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"pickup/store"
)

// engine is a database driver that only writes down what it is told. A value of
// "fail", "panic" or "lost" makes the statement that carries it do so.
type engine struct {
	mu         sync.Mutex
	statements []string
	connects   int
	lost       bool          // the transaction is gone: savepoints are refused
	commit     chan struct{} // each COMMIT takes one; closed: it does not wait
	committing chan struct{} // told at each COMMIT
}

func newEngine() *engine {
	return &engine{commit: make(chan struct{}), committing: make(chan struct{}, 100)}
}

func (e *engine) Connect(context.Context) (driver.Conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.connects++
	return &engineConn{e}, nil
}

func (e *engine) Driver() driver.Driver { return nil }

type engineConn struct{ *engine }

var errEngine = errors.New("engine: refused")

func (c *engineConn) Prepare(string) (driver.Stmt, error) { return nil, errEngine }
func (c *engineConn) Close() error                        { return nil }
func (c *engineConn) Begin() (driver.Tx, error)           { return nil, errEngine }
func (c *engineConn) Ping(context.Context) error          { return nil }

func (c *engineConn) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if query == "COMMIT" {
		c.committing <- struct{}{}
		<-c.commit
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	line, _, _ := strings.Cut(query, " (")
	for _, a := range args {
		line += " " + a.Value.(string)
	}
	c.statements = append(c.statements, line)
	switch {
	case strings.HasSuffix(line, " panic"):
		panic("engine: told to")
	case strings.HasSuffix(line, " fail"):
		return nil, errEngine
	case strings.HasSuffix(line, " lost"):
		c.lost = true
		return nil, errEngine
	case query == "ROLLBACK":
		c.lost = false
	case c.lost:
		return nil, errEngine
	}
	return driver.RowsAffected(1), nil
}

func (c *engineConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return nil, io.EOF
}

// harness is a store over an engine whose first commit is held.
func harness(t *testing.T) (*engine, *store.Store, <-chan error) {
	t.Helper()
	e := newEngine()
	s := store.New(sql.OpenDB(e), sql.OpenDB(e), store.Dialect{Name: "sqlite3", Begin: "BEGIN"}, slog.New(slog.DiscardHandler))
	first := make(chan error, 1)
	go func() { first <- s.SetMeta(t.Context(), "k", "first") }()
	<-e.committing
	return e, s, first
}

// submit starts writes, which gather behind the held commit, and returns the
// end of each.
func submit(t *testing.T, s *store.Store, values ...string) []<-chan error {
	t.Helper()
	ends := make([]<-chan error, len(values))
	for i, v := range values {
		end := make(chan error, 1)
		ends[i] = end
		go func() { end <- s.SetMeta(t.Context(), "k", v) }()
	}
	return ends
}

// release lets commits through once everybody has gathered: the writers have
// nothing else to wait for, so the batch holds those who came until then.
func release(t *testing.T, e *engine, s *store.Store, first <-chan error, ends []<-chan error) []error {
	t.Helper()
	close(e.commit)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	errs := make([]error, len(ends))
	for i, end := range ends {
		errs[i] = <-end
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return errs
}

func TestAFailureOrAPanicIsTheErrorOfItsCallerAlone(t *testing.T) {
	for _, fault := range []string{"fail", "panic", "lost"} {
		t.Run(fault, func(t *testing.T) {
			e, s, first := harness(t)
			errs := release(t, e, s, first, submit(t, s, "a", fault, "b", "c"))
			for i, wantError := range []bool{false, true, false, false} {
				if (errs[i] != nil) != wantError {
					t.Errorf("write %d: got %v", i, errs[i])
				}
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			for _, v := range []string{"a", "b", "c"} {
				if !committed(e.statements, v) {
					t.Errorf("%s was acknowledged and not committed: %q", v, e.statements)
				}
			}
			if fault != "lost" && committed(e.statements, fault) && !slices.Contains(e.statements, "ROLLBACK TO SAVEPOINT w") {
				t.Errorf("the fault was committed: %q", e.statements)
			}
		})
	}
}

// committed reports whether a write of a value stands before a COMMIT with no
// ROLLBACK of its transaction between.
func committed(statements []string, value string) bool {
	pending := false
	for _, s := range statements {
		switch {
		case strings.HasSuffix(s, " k "+value):
			pending = true
		case s == "ROLLBACK":
			pending = false
		case s == "COMMIT" && pending:
			return true
		}
	}
	return false
}

// Savepoints are for batches in which a write failed.
func TestSoundWritesNeedNoSavepoint(t *testing.T) {
	e, s, first := harness(t)
	for i, err := range release(t, e, s, first, submit(t, s, "a", "b", "c")) {
		if err != nil {
			t.Errorf("write %d: %v", i, err)
		}
	}
	if slices.Contains(e.statements, "SAVEPOINT w") || slices.Contains(e.statements, "ROLLBACK") {
		t.Errorf("statements of writes that fail: %q", e.statements)
	}
	for _, v := range []string{"first", "a", "b", "c"} {
		if !committed(e.statements, v) {
			t.Errorf("%s was acknowledged and not committed: %q", v, e.statements)
		}
	}
}

// Decisions gather while a commit runs and are one transaction.
func TestWhatGathersDuringACommitIsTheNextBatch(t *testing.T) {
	e, s, first := harness(t)
	errs := make(chan []error, 1)
	gathered := submitBatch(t, s, errs)
	<-gathered
	close(e.commit)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	for i, err := range <-errs {
		if err == nil {
			t.Errorf("decision %d: an unknown kind was taken", i)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	begins, savepoints := 0, 0
	for _, statement := range e.statements {
		switch statement {
		case "BEGIN":
			begins++
		case "SAVEPOINT w":
			savepoints++
		}
	}
	// The first write, the five as if none could fail, and the five once more.
	if begins != 3 || savepoints != 5 || e.connects != 1 {
		t.Fatalf("got %d transactions, %d savepoints, %d connections in %q", begins, savepoints, e.connects, e.statements)
	}
}

func TestACallerWhoLeavesIsNotWrittenLater(t *testing.T) {
	e, s, first := harness(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if err := s.SetMeta(ctx, "k", "gone"); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	release(t, e, s, first, nil)
	if slices.ContainsFunc(e.statements, func(line string) bool { return strings.HasSuffix(line, "gone") }) {
		t.Fatalf("it was written: %q", e.statements)
	}
}
