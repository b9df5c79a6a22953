//go:build sqlite_fts5

package sqlite_test

import (
	"syscall"
	"testing"

	"pickup/store"
)

// openLimited opens a store and returns what fills its disk: the limit of the
// process on the size of a file, which the kernel enforces for root too.
func openLimited(t *testing.T, path string) (*store.Store, func(full bool)) {
	t.Helper()
	s := open(t, path)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	set := func(full bool) {
		limit := before
		if full {
			limit.Cur = 64 << 10
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { set(false) })
	return s, set
}
