// Package filestore keeps files by the SHA-256 of their content: raw mails and
// attachments. A file is whole and durable before Put returns, is never changed,
// and equal content is kept once.
package filestore

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrTooLarge is returned for content above the limit; nothing of it is kept.
var ErrTooLarge = errors.New("filestore: content above the limit")

// ErrName is returned for a name that is no SHA-256 in lower-case hex.
var ErrName = errors.New("filestore: not a content hash")

// Store is a folder of files, opened by one process at a time. Its methods may be
// called from any goroutine.
type Store struct{ dir string }

// Open makes the folder where it is missing, and removes what an earlier
// process left half-written.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o750); err != nil {
		return nil, fmt.Errorf("open file store: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "tmp", "put-*"))
	if err != nil {
		return nil, fmt.Errorf("open file store: %w", err)
	}
	for _, name := range left {
		_ = os.Remove(name) // somebody else did, or it stays: no harm
	}
	return &Store{dir: dir}, nil
}

// Put keeps what r gives, up to limit bytes, and returns its hash and size.
// Errors: ErrTooLarge, those of r and of the disk.
func (s *Store) Put(r io.Reader, limit int64) (sha string, size int64, err error) {
	f, err := os.CreateTemp(filepath.Join(s.dir, "tmp"), "put-*")
	if err != nil {
		return "", 0, fmt.Errorf("keep a file: %w", err)
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name()) // gone already when it was kept
	}()
	sum := sha256.New()
	size, err = io.Copy(io.MultiWriter(f, sum), io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return "", 0, fmt.Errorf("keep a file: %w", err)
	case size > limit:
		return "", 0, fmt.Errorf("%w of %d bytes", ErrTooLarge, limit)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return "", 0, fmt.Errorf("keep a file: %w", err)
	}
	sha = hex.EncodeToString(sum.Sum(nil))
	name := s.path(sha)
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return "", 0, fmt.Errorf("keep a file: %w", err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return "", 0, fmt.Errorf("keep a file: %w", err)
	}
	for _, dir := range []string{filepath.Dir(name), s.dir} {
		if err := syncDir(dir); err != nil {
			return "", 0, fmt.Errorf("keep a file: %w", err)
		}
	}
	return sha, size, nil
}

// File is an open file of the store.
type File interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// Get opens a file by its hash. Errors: ErrName, fs.ErrNotExist.
func (s *Store) Get(sha string) (File, int64, error) {
	if raw, err := hex.DecodeString(sha); err != nil || len(raw) != sha256.Size || hex.EncodeToString(raw) != sha {
		return nil, 0, fmt.Errorf("%w: %q", ErrName, sha)
	}
	f, err := os.Open(s.path(sha))
	if err != nil {
		return nil, 0, fmt.Errorf("open a file of the store: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("open a file of the store: %w", err), f.Close())
	}
	return f, info.Size(), nil
}

// path spreads files over 256 folders.
func (s *Store) path(sha string) string { return filepath.Join(s.dir, sha[:2], sha) }

// syncDir makes new names of a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
