package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// Migrate brings a database to the newest version of the numbered files in
// migrations. It is safe to call on one that is there already.
func Migrate(ctx context.Context, db *sql.DB, d Dialect, migrations fs.FS) error {
	provider, err := goose.NewProvider(goose.Dialect(d.Name), db, migrations)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}
