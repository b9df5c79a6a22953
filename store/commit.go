package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"pickup/internal/logkey"
	"pickup/internal/mailbox"
)

// write is one closure that waits for the next commit.
type write struct {
	ctx  context.Context // of the caller: one that has ended is not begun
	fn   func(*tx) error
	done chan error // capacity 1
	err  error      // of fn, until the commit
}

// committer is the group committer: one goroutine on one connection. A batch is
// what gathered while the last commit ran; there is no timer. A closure that
// fails does not sink the others of its batch.
type committer struct {
	db      *sql.DB
	dialect Dialect
	log     *slog.Logger
	box     *mailbox.Box[*write]
	once    sync.Once // of close
	stop    chan struct{}
	done    chan struct{}

	// Owned by the goroutine.
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func newCommitter(db *sql.DB, d Dialect, log *slog.Logger) *committer {
	c := &committer{
		db: db, dialect: d, log: log, box: mailbox.New[*write](),
		stop: make(chan struct{}), done: make(chan struct{}),
		stmts: make(map[string]*sql.Stmt),
	}
	go c.run()
	return c
}

// submit puts fn into the next batch. The channel tells its result once.
func (c *committer) submit(ctx context.Context, fn func(*tx) error) <-chan error {
	w := &write{ctx: ctx, fn: fn, done: make(chan error, 1)}
	if !c.box.Put(w) {
		w.done <- ErrClosed
	}
	return w.done
}

// do is submit and wait.
func (c *committer) do(ctx context.Context, fn func(*tx) error) error {
	select {
	case err := <-c.submit(ctx, fn):
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close lets the running batch end and waits for the goroutine.
func (c *committer) close() {
	c.once.Do(func() { close(c.stop) })
	<-c.done
}

func (c *committer) run() {
	defer close(c.done)
	defer c.drop()
	var batch []*write
	for {
		select {
		case <-c.box.Ready():
			batch = c.box.Take(batch)
			c.commit(batch)
		case <-c.stop:
			for _, w := range c.box.Close() {
				w.done <- ErrClosed
			}
			return
		}
	}
}

// commit writes a batch and answers everybody in it. When the transaction is
// lost before its COMMIT was sent (full disk, dead connection), only the closure
// that met the failure is told so; the others are written again without it.
func (c *committer) commit(batch []*write) {
	todo := make([]*write, 0, len(batch))
	for _, w := range batch {
		if err := w.ctx.Err(); err != nil {
			w.done <- err
			continue
		}
		todo = append(todo, w)
	}
	for len(todo) > 0 {
		culprit, err := c.attempt(todo)
		if err == nil {
			for _, w := range todo {
				w.done <- w.err
			}
			return
		}
		c.log.Error("a commit was lost", logkey.Err, err, "writes", len(todo))
		if culprit < 0 {
			for _, w := range todo {
				w.done <- fmt.Errorf("commit: %w", err)
			}
			return
		}
		todo[culprit].done <- err
		todo = append(todo[:culprit], todo[culprit+1:]...)
	}
}

// attempt runs the writes in one transaction. It returns the index of the write
// at which the transaction was lost, or -1 when that is nobody's fault or the
// outcome of COMMIT is not known.
//
// A write that fails is rare. The writes are therefore run without savepoints,
// which would be two statements more for each; where one fails, all of them are
// run again with.
func (c *committer) attempt(todo []*write) (culprit int, err error) {
	sound, err := c.plain(todo)
	if sound || err != nil {
		return -1, err
	}
	return c.careful(todo)
}

// plain runs the writes in one transaction as if none could fail. It reports
// whether they are done: committed, or the only one refused. Where it reports
// false without an error nothing was written.
func (c *committer) plain(todo []*write) (done bool, err error) {
	t, err := c.begin()
	if err != nil {
		return false, err
	}
	for _, w := range todo {
		if w.err = guard(w.fn, t, c.log); w.err != nil {
			c.rollback(t)
			return len(todo) == 1, nil // its own error is the answer
		}
	}
	if err := t.run("COMMIT"); err != nil {
		c.rollback(t)
		return false, err
	}
	return true, nil
}

// careful runs the writes in one transaction, each behind a savepoint: one that
// fails takes back only what it wrote.
func (c *committer) careful(todo []*write) (culprit int, err error) {
	t, err := c.begin()
	if err != nil {
		return -1, err
	}
	for i, w := range todo {
		if err := t.run("SAVEPOINT w"); err != nil {
			c.rollback(t)
			return i, err
		}
		if w.err = guard(w.fn, t, c.log); w.err != nil {
			if err := t.run("ROLLBACK TO SAVEPOINT w"); err != nil {
				c.rollback(t)
				return i, errors.Join(w.err, err)
			}
		}
		if err := t.run("RELEASE SAVEPOINT w"); err != nil {
			c.rollback(t)
			return i, err
		}
	}
	if err := t.run("COMMIT"); err != nil {
		c.rollback(t)
		return -1, err
	}
	return -1, nil
}

// guard runs fn and makes a panic in it the error of its caller: a fault in one
// act must not end the calls of everybody.
func guard(fn func(*tx) error, t *tx, log *slog.Logger) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			log.Error("a write panicked", logkey.Err, fault, "stack", string(debug.Stack()))
			err = fmt.Errorf("store: the write panicked: %v", fault)
		}
	}()
	return fn(t)
}

// begin opens a transaction, on a new connection if the last one is gone.
func (c *committer) begin() (*tx, error) {
	for try := 0; ; try++ {
		if c.conn == nil {
			// The connection belongs to the goroutine, not to a caller.
			conn, err := c.db.Conn(context.Background())
			if err != nil {
				return nil, fmt.Errorf("connect: %w", err)
			}
			c.conn = conn
		}
		t := &tx{ctx: context.Background(), conn: c.conn, stmts: c.stmts, dialect: c.dialect}
		err := t.run(c.dialect.Begin)
		if err == nil {
			return t, nil
		}
		// A connection that still answers is sound: the database is locked.
		if c.conn.PingContext(t.ctx) == nil || try == 1 {
			return nil, fmt.Errorf("begin: %w", err)
		}
		c.drop()
	}
}

// rollback ends a transaction that failed. A connection that cannot even do
// that is given up.
func (c *committer) rollback(t *tx) {
	// SQLite rolls back by itself on some errors and then refuses: harmless, but
	// the state of the connection is sure only after a new one.
	if err := t.run("ROLLBACK"); err != nil {
		c.drop()
	}
}

// drop closes statements and connection. The next write makes new ones.
func (c *committer) drop() {
	for query, stmt := range c.stmts {
		_ = stmt.Close()
		delete(c.stmts, query)
	}
	if c.conn == nil {
		return
	}
	// Not back into the pool: ErrBadConn makes database/sql close it.
	_ = c.conn.Raw(func(any) error { return errBadConn })
	_ = c.conn.Close()
	c.conn = nil
}
