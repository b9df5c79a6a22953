package email_test

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pickup/ticket/email"
)

// A large mail takes some megabytes of memory: its attachment, its text and a
// body that is one line are read as streams.
func TestALargeMailTakesLittleMemory(t *testing.T) {
	const head = "From: a@x.org\r\nMessage-ID: <1@x>\r\n"
	for name, raw := range map[string]string{
		"an attachment": head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\nContent-Type: video/mp4; name=v\r\n" +
			"Content-Transfer-Encoding: base64\r\n\r\n" + mebibytes(12) + "--b--\r\n",
		"a text":   head + "\r\n" + strings.Repeat("Hello, hello.\r\n", 3<<20),
		"one line": head + "Content-Type: text/html\r\n\r\n" + strings.Repeat("a", 40<<20),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "mail")
			must(t, os.WriteFile(file, []byte(raw), 0o600))
			f, err := os.Open(file)
			must(t, err)
			defer f.Close()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, err := email.Read(f, "", func(r io.Reader) (string, int64, error) {
				n, err := io.Copy(io.Discard, r)
				return "", n, err
			})
			runtime.ReadMemStats(&after)
			must(t, err)
			if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 24 {
				t.Errorf("%d MiB took %d MiB", len(raw)>>20, took)
			} else {
				t.Logf("%d MiB took %d MiB, %d files", len(raw)>>20, took, len(m.Files))
			}
		})
	}
}
