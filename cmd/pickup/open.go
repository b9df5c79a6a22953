package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"pickup/configs"
	"pickup/store"
	"pickup/store/postgres"
	"pickup/store/sqlite"
)

// openStore opens the database that the settings name, brought to this
// version's schema.
func openStore(ctx context.Context, c *configs.Config, log *slog.Logger) (*store.Store, error) {
	if url := c.Database.URL.Reveal(); url != "" {
		if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
			return nil, fmt.Errorf("database.url: must begin with postgres://, or be empty for SQLite in data.dir")
		}
		st, err := postgres.Open(ctx, url, log)
		if err != nil {
			return nil, fmt.Errorf("database.url: %w", err)
		}
		return st, nil
	}
	if err := writable(c.Data.Dir); err != nil {
		return nil, err
	}
	st, err := sqlite.Open(ctx, filepath.Join(c.Data.Dir, "pickup.db"), log)
	if err != nil {
		return nil, fmt.Errorf("data.dir %s: %w", c.Data.Dir, err)
	}
	return st, nil
}

// writable makes the data directory and says so when it cannot be used.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("data.dir %s: cannot be made: %w", dir, err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return fmt.Errorf("data.dir %s: not writable: %w", dir, err)
	}
	name := probe.Name()
	if err := probe.Close(); err != nil {
		return fmt.Errorf("data.dir %s: not writable: %w", dir, err)
	}
	return os.Remove(name)
}

// withStore runs f on the database of this run's settings.
func (e *env) withStore(f func(ctx context.Context, c *configs.Config, st *store.Store) error) error {
	c, err := e.settings()
	if err != nil {
		return err
	}
	st, err := openStore(e.ctx, c, e.logger(c))
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // nothing is outstanding
	return f(e.ctx, c, st)
}
