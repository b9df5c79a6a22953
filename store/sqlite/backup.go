package sqlite

import (
	"context"
	"errors"
	"fmt"
)

// Backup copies the database file at path to a new file, whole and compact, as
// it stands at one instant, while others read and write it (VACUUM INTO). The
// new file must not exist.
func Backup(ctx context.Context, path, to string) (err error) {
	db := open(path, common, 1)
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, `VACUUM INTO $1`, to); err != nil {
		return fmt.Errorf("copy the database to %s: %w", to, err)
	}
	return nil
}
