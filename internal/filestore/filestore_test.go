package filestore_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"pickup/internal/filestore"
)

// sum is the SHA-256 of "hello".
const sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

func open(t *testing.T) (*filestore.Store, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := filestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func TestWhatIsPutIsReadByItsHash(t *testing.T) {
	s, _ := open(t)
	for range 2 { // equal content is kept once
		sha, size, err := s.Put(strings.NewReader("hello"), 5)
		if err != nil || sha != sum || size != 5 {
			t.Fatalf("got %s, %d, %v", sha, size, err)
		}
	}
	f, size, err := s.Get(sum)
	if err != nil || size != 5 {
		t.Fatal(size, err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); string(got) != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestNothingIsKeptOf(t *testing.T) {
	broken := errors.New("cut")
	for name, c := range map[string]struct {
		from io.Reader
		want error
	}{
		"content above the limit": {strings.NewReader("hello!"), filestore.ErrTooLarge},
		"a source that breaks":    {io.MultiReader(strings.NewReader("he"), iotest.ErrReader(broken)), broken},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := open(t)
			if _, _, err := s.Put(c.from, 5); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, _ error) error {
				if !d.IsDir() {
					t.Errorf("left %s", p)
				}
				return nil
			})
		})
	}
}

func TestNamesThatAreNoHash(t *testing.T) {
	s, _ := open(t)
	for _, name := range []string{"", "..", "../../etc/passwd", strings.ToUpper(sum), sum[:10], sum + "00"} {
		if _, _, err := s.Get(name); !errors.Is(err, filestore.ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, _, err := s.Get(sum); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unknown hash: %v", err)
	}
}

func TestHalfAFileOfAnEarlierProcessIsRemoved(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "tmp", "put-1")
	if err := os.WriteFile(left, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := filestore.Open(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}
