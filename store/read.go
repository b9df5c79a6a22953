package store

import (
	"context"
	"database/sql"
	"sync"
)

// readPool is the pool of connections that only read. It keeps the statements
// of the queries it was asked, because parsing and planning one costs SQLite
// more than running it. Its methods may be called from any goroutine.
type readPool struct {
	*sql.DB
	prepare bool

	mu    sync.RWMutex
	stmts map[string]*sql.Stmt // maxStatements at most, the first that came
}

func newReadPool(db *sql.DB, prepare bool) *readPool {
	return &readPool{DB: db, prepare: prepare, stmts: make(map[string]*sql.Stmt)}
}

// QueryContext satisfies querier.
func (p *readPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return p.DB.QueryContext(ctx, query, args...)
	}
	return s.QueryContext(ctx, args...)
}

// stmt returns the statement of a query; nil when it is to be run as text: the
// driver keeps statements itself, or there are too many texts already (those of
// lists differ with their filters).
func (p *readPool) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if !p.prepare {
		return nil, nil
	}
	p.mu.RLock()
	s, ok := p.stmts[query]
	full := len(p.stmts) >= maxStatements
	p.mu.RUnlock()
	if ok || full {
		return s, nil
	}
	s, err := p.DB.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if before, ok := p.stmts[query]; ok {
		_ = s.Close()
		return before, nil
	}
	p.stmts[query] = s
	return s, nil
}

// Close closes the statements and the pool.
func (p *readPool) Close() error {
	p.mu.Lock()
	for text, s := range p.stmts {
		_ = s.Close()
		delete(p.stmts, text)
	}
	p.mu.Unlock()
	return p.DB.Close()
}
