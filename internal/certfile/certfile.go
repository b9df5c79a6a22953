// Package certfile serves a TLS certificate from two PEM files and takes up new
// ones without a restart, as certbot and other agents of ACME (RFC 8555) leave
// them: the next handshake after the change has the new certificate, sessions
// in progress keep theirs.
package certfile

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// checkEvery is how often handshakes look at the files at most.
const checkEvery = time.Second

// Pair is a certificate chain and its key, kept up to date. Safe for any
// goroutine; it starts none.
type Pair struct {
	cert, key string
	failed    func(error)

	mu      sync.Mutex
	current *tls.Certificate
	loaded  stamp // of the files that current came from
	refused stamp // of the files that could not be used, told once
	checked time.Time
}

// stamp tells one state of both files from another.
type stamp struct {
	certAt, keyAt     time.Time
	certSize, keySize int64
}

// Load reads both files. failed is told, once for each change of the files, of
// a later pair that cannot be used; handshakes go on with the one before. It
// must not block; nil: nobody is told.
func Load(cert, key string, failed func(error)) (*Pair, error) {
	p := &Pair{cert: cert, key: key, failed: failed, checked: time.Now()}
	s, err := p.stat()
	if err != nil {
		return nil, err
	}
	if err := p.read(s); err != nil {
		return nil, err
	}
	return p, nil
}

// Config is a server's configuration with the pair's present certificate at
// each handshake, TLS 1.2 or later.
func (p *Pair) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.present(), nil },
	}
}

// Expires is the end of the present certificate's validity.
func (p *Pair) Expires() time.Time { return p.present().Leaf.NotAfter }

// present returns the certificate of the files as they are now, looked at once
// a second at most.
func (p *Pair) present() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.checked) < checkEvery {
		return p.current
	}
	p.checked = now
	s, err := p.stat()
	if err == nil {
		if s == p.loaded {
			return p.current
		}
		err = p.read(s) // again while it fails: the key may be written after its certificate
	}
	if err != nil && s != p.refused {
		p.refused = s
		if p.failed != nil {
			p.failed(err)
		}
	}
	return p.current
}

// stat returns the stamp of the files; of one that is not there its part is zero.
func (p *Pair) stat() (s stamp, err error) {
	cert, err := os.Stat(p.cert)
	if err != nil {
		return s, fmt.Errorf("certificate: %w", err)
	}
	s.certAt, s.certSize = cert.ModTime(), cert.Size()
	key, err := os.Stat(p.key)
	if err != nil {
		return s, fmt.Errorf("key: %w", err)
	}
	s.keyAt, s.keySize = key.ModTime(), key.Size()
	return s, nil
}

// read takes the files into use, of which s was the stamp before they were read:
// one that changes meanwhile is read again.
func (p *Pair) read(s stamp) error {
	c, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return fmt.Errorf("%s with %s: %w", p.cert, p.key, err)
	}
	p.current, p.loaded, p.refused = &c, s, stamp{}
	return nil
}
