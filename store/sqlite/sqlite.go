// Package sqlite opens the database of a site that is one file: SQLite with a
// write-ahead log, one connection that writes and four that read.
//
// It holds what SQLite has of its own (connection settings, the check of FTS5,
// its errors) and the migrations; the SQL is store's. It starts no goroutine of
// its own. It needs cgo and the build tag sqlite_fts5, which `make build` sets.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"strconv"

	"github.com/mattn/go-sqlite3"

	"pickup/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNoFTS5 is a binary that was built without full text search.
var ErrNoFTS5 = errors.New("this binary was built without FTS5, which the store needs: build it with `make build`" +
	" (go build -tags sqlite_fts5)")

// Connection settings of both pools and of each.
const (
	// A connection is used by one goroutine at a time: database/sql sees to that.
	common  = "_mutex=no&_journal_mode=WAL&_busy_timeout=5000&_foreign_keys=on&_cache_size=-20000"
	writer  = common + "&_txlock=immediate&_synchronous=FULL"
	reader  = common + "&_query_only=1&_txlock=deferred"
	readers = 4
	// checkpointPages of 4 KiB gather in the write-ahead log before they are
	// copied into the database: the same few pages are written by every call, and
	// are then copied once for many of them.
	checkpointPages = 4000
)

// connector opens connections. A setting of the write-ahead log has no place in
// the driver's URL.
type connector struct {
	sqlite3.SQLiteDriver
	url string
}

// Connect implements driver.Connector.
func (c *connector) Connect(context.Context) (driver.Conn, error) { return c.Open(c.url) }

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return &c.SQLiteDriver }

func checkpointRarely(conn *sqlite3.SQLiteConn) error {
	_, err := conn.Exec("PRAGMA wal_autocheckpoint = "+strconv.Itoa(checkpointPages), nil)
	return err
}

// Open opens the database file at path, which it makes if it is not there,
// brings it to the newest version and returns the store on it. ErrNoFTS5 when
// the binary cannot search text.
func Open(ctx context.Context, path string, log *slog.Logger) (*store.Store, error) {
	write, read := open(path, writer, 1), open(path, reader, readers)
	if err := prepare(ctx, write); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", path, err), write.Close(), read.Close())
	}
	s := store.New(write, read, dialect(), log)
	if err := s.IndexOld(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", path, err), s.Close())
	}
	return s, nil
}

// open makes a pool; nothing is read before its first use.
func open(path, settings string, connections int) *sql.DB {
	file := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: settings}
	db := sql.OpenDB(&connector{SQLiteDriver: sqlite3.SQLiteDriver{ConnectHook: checkpointRarely}, url: file.String()})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db
}

// prepare checks the engine and migrates.
func prepare(ctx context.Context, db *sql.DB) error {
	if err := db.PingContext(ctx); err != nil {
		return err
	}
	if err := checkFTS5(ctx, db); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return store.Migrate(ctx, db, dialect(), files)
}

// checkFTS5 asks the engine which modules it was compiled with.
func checkFTS5(ctx context.Context, db *sql.DB) error {
	var found int
	err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM pragma_module_list WHERE name = 'fts5'`).Scan(&found)
	if err != nil {
		return fmt.Errorf("ask for FTS5: %w", err)
	}
	if found == 0 {
		return ErrNoFTS5
	}
	return nil
}

func dialect() store.Dialect {
	return store.Dialect{Name: "sqlite3", Begin: "BEGIN IMMEDIATE", BeginRead: "BEGIN", Prepare: true, Unique: unique, Search: search()}
}

func unique(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) &&
		(e.ExtendedCode == sqlite3.ErrConstraintUnique || e.ExtendedCode == sqlite3.ErrConstraintPrimaryKey)
}
