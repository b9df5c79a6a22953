// Package postgres opens the database of a site on a PostgreSQL server, version
// 13 or newer: one connection that writes, by the group committer, and a pool
// that reads.
//
// It holds what PostgreSQL has of its own (driver, errors) and the migrations;
// the SQL is store's. It starts no goroutine of its own.
package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"pickup/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// readers is the number of connections that read.
const readers = 8

// uniqueViolation is SQLSTATE 23505 (PostgreSQL, appendix A).
const uniqueViolation = "23505"

// Open connects to the database of a URL, postgres://user@host/name, brings it
// to the newest version and returns the store on it. The error never carries
// the URL's password.
func Open(ctx context.Context, url string, log *slog.Logger) (*store.Store, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err)
	}
	write := pool(cfg, 1)
	read := pool(planned(cfg), readers)
	if err := prepare(ctx, write); err != nil {
		place := fmt.Sprintf("%s:%d/%s", cfg.Host, cfg.Port, cfg.Database)
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", place, err), write.Close(), read.Close())
	}
	s := store.New(write, read, dialect(), log)
	if err := s.IndexOld(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// planned is cfg for a connection whose statements are planned for their values:
// a search for a rare word is not one for a frequent word (PostgreSQL, 20.7.4).
func planned(cfg *pgx.ConnConfig) *pgx.ConnConfig {
	cfg = cfg.Copy()
	cfg.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	return cfg
}

// pool makes a pool; nothing connects before its first use.
func pool(cfg *pgx.ConnConfig, connections int) *sql.DB {
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db
}

func prepare(ctx context.Context, db *sql.DB) error {
	if err := db.PingContext(ctx); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return store.Migrate(ctx, db, dialect(), files)
}

func dialect() store.Dialect {
	return store.Dialect{Name: "postgres", Begin: "BEGIN", BeginRead: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", Unique: unique, Search: search()}
}

func unique(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == uniqueViolation
}
