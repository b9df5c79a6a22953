package main

import (
	"crypto/tls"
	"fmt"
	"time"

	"pickup/internal/certfile"
	"pickup/internal/logkey"
	"pickup/web"
)

// certificate loads the files of setting.cert and setting.key. What replaces
// them is used from the next connection on; what cannot be is logged.
func (s *server) certificate(setting, cert, key string) (*certfile.Pair, error) {
	pair, err := certfile.Load(cert, key, func(err error) {
		s.log.Error("changed certificate cannot be used: the one before is kept", "setting", setting, logkey.Err, err)
	})
	if err != nil {
		return nil, fmt.Errorf("%s.cert, %s.key: %w", setting, setting, err)
	}
	s.certs = append(s.certs, pair)
	return pair, nil
}

// secureWeb is the TLS of the console and the API; nil: none is set.
func (s *server) secureWeb() (*tls.Config, error) {
	files := s.cfg.HTTP.TLS
	if files.Cert == "" {
		return nil, nil //nolint:nilnil // no certificate: no TLS
	}
	pair, err := s.certificate("http.tls", files.Cert, files.Key)
	if err != nil {
		return nil, err
	}
	return pair.Config(), nil
}

// certFigures say how long the certificates are good; none without one.
func (s *server) certFigures() []web.Figure {
	if len(s.certs) == 0 {
		return nil
	}
	return []web.Figure{{
		Name: "pickup_tls_certificate_expires_seconds", Help: "Time until the first of our TLS certificates expires; below 0: it has.",
		Value: func() float64 {
			first := s.certs[0].Expires()
			for _, p := range s.certs[1:] {
				if e := p.Expires(); e.Before(first) {
					first = e
				}
			}
			return time.Until(first).Seconds()
		},
	}}
}
