package certfile_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"pickup/internal/certfile"
)

// makePair writes a certificate for name and its key; the files' times are at, so
// that two writes within the clock of the file system differ.
func makePair(t *testing.T, cert, key, name string, at time.Time) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: at.Add(-time.Hour), NotAfter: at.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), at)
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), at)
}

func write(t *testing.T, file string, data []byte, at time.Time) {
	t.Helper()
	if file == "" {
		return
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

// shown is the name that a handshake with c meets.
func shown(t *testing.T, c *tls.Config) string {
	t.Helper()
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- tls.Server(there, c).Handshake() }()
	client := tls.Client(here, &tls.Config{InsecureSkipVerify: true})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return client.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestANewPairIsTakenUpWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		makePair(t, cert, key, "first", start)
		var faults []error
		p, err := certfile.Load(cert, key, func(err error) { faults = append(faults, err) })
		if err != nil {
			t.Fatal(err)
		}
		want := func(name, when string, told int) {
			t.Helper()
			if got := shown(t, p.Config()); got != name {
				t.Errorf("%s: got the certificate of %s, want %s", when, got, name)
			}
			if len(faults) != told {
				t.Errorf("%s: told of %d faults, want %d: %v", when, len(faults), told, faults)
			}
		}
		want("first", "at the start", 0)

		makePair(t, cert, key, "second", start.Add(time.Minute))
		want("first", "within a second the files are not looked at again", 0)
		time.Sleep(time.Second)
		want("second", "after a change", 0)
		if got, want := p.Expires(), start.Add(time.Minute+24*time.Hour); !got.Equal(want.Truncate(time.Second)) {
			t.Errorf("expires: got %v, want %v", got, want)
		}

		makePair(t, cert, "", "third", start.Add(2*time.Minute)) // its key is not there yet
		time.Sleep(time.Second)
		want("second", "between a certificate and its key", 1)
		time.Sleep(time.Second)
		want("second", "the same fault is told once", 1)
		if err := os.Remove(key); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		want("second", "without a key", 2)
		makePair(t, cert, key, "fourth", start.Add(3*time.Minute))
		time.Sleep(time.Second)
		want("fourth", "when both are there again", 2)
	})
}

func TestWhatCannotBeUsedIsRefusedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.pem"), filepath.Join(dir, "b.pem")
	makePair(t, a, b, "a", time.Now())
	other, otherKey := filepath.Join(dir, "c.pem"), filepath.Join(dir, "d.pem")
	makePair(t, other, otherKey, "b", time.Now())
	garbage := filepath.Join(dir, "garbage.pem")
	write(t, garbage, []byte("no PEM"), time.Now())
	for name, files := range map[string][2]string{
		"no certificate":    {filepath.Join(dir, "none"), b},
		"no key":            {a, filepath.Join(dir, "none")},
		"another's key":     {a, otherKey},
		"a file of garbage": {garbage, b},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := certfile.Load(files[0], files[1], nil); err == nil {
				t.Error("got no error")
			}
		})
	}
}
