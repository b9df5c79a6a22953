package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
)

var errBadConn = driver.ErrBadConn

// tx is the running transaction as a closure sees it. It is used by the
// committer's goroutine only. A query's rows are read to their end before the
// next statement: PostgreSQL has one answer at a time on a connection.
type tx struct {
	ctx     context.Context
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	dialect Dialect
}

// run executes a statement of transaction control, which is never prepared.
func (t *tx) run(query string) error {
	_, err := t.conn.ExecContext(t.ctx, query)
	return err
}

// maxStatements bounds the prepared statements that are kept: the texts of lists
// differ with their filters.
const maxStatements = 500

// stmt returns the prepared statement of a text, which the connection keeps.
func (t *tx) stmt(query string) (*sql.Stmt, error) {
	if s, ok := t.stmts[query]; ok {
		return s, nil
	}
	if len(t.stmts) >= maxStatements {
		for text, s := range t.stmts {
			_ = s.Close()
			delete(t.stmts, text)
		}
	}
	s, err := t.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, err
	}
	t.stmts[query] = s
	return s, nil
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	var result sql.Result
	var err error
	if t.dialect.Prepare {
		var s *sql.Stmt
		if s, err = t.stmt(query); err == nil {
			result, err = s.ExecContext(t.ctx, args...)
		}
	} else {
		result, err = t.conn.ExecContext(t.ctx, query, args...)
	}
	if err != nil {
		return 0, t.mapped(err)
	}
	return result.RowsAffected()
}

// one runs a statement that must change a row; ErrNotFound when it does not.
func (t *tx) one(query string, args ...any) error {
	n, err := t.exec(query, args...)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// QueryContext satisfies querier, with the committer's context.
func (t *tx) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	if t.dialect.Prepare {
		s, err := t.stmt(query)
		if err != nil {
			return nil, err
		}
		return s.QueryContext(t.ctx, args...)
	}
	return t.conn.QueryContext(t.ctx, query, args...)
}

// row scans the only row of a query; sql.ErrNoRows when there is none.
func (t *tx) row(query string, args []any, into ...any) error {
	if t.dialect.Prepare {
		s, err := t.stmt(query)
		if err != nil {
			return err
		}
		return t.mapped(s.QueryRowContext(t.ctx, args...).Scan(into...))
	}
	return t.mapped(t.conn.QueryRowContext(t.ctx, query, args...).Scan(into...))
}

// next takes the next value of a counter; its row stays locked until the commit.
func (t *tx) next(counter string) (int64, error) {
	var value int64
	err := t.row(`UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value`, []any{counter}, &value)
	return value, err
}

// mapped wraps a violated unique index in ErrConflict.
func (t *tx) mapped(err error) error {
	if err != nil && t.dialect.Unique != nil && t.dialect.Unique(err) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}

// querier is what reads need: the read pool, or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// scanner is a row.
type scanner interface{ Scan(into ...any) error }

// list reads every row of a query by scan.
func list[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// first reads the first row of a query by scan; sql.ErrNoRows when there is none.
func first[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	all, err := list(ctx, q, scan, query, args...)
	if err != nil || len(all) == 0 {
		var none T
		if err == nil {
			err = sql.ErrNoRows
		}
		return none, err
	}
	return all[0], nil
}
