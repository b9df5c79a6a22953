package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"pickup/ticket/email"
	"pickup/web"
)

// metaMailKey is the key that signs the reply addresses of tickets.
const metaMailKey = "mail.key"

// makeMail makes the engine of the mailboxes. Without any it does nothing.
func (s *server) makeMail(ctx context.Context) error {
	key, err := s.siteKey(ctx, metaMailKey)
	if err != nil {
		return err
	}
	if s.mailTLS, err = mailTLS(s.cfg.Mail.CAFile); err != nil {
		return err
	}
	s.mail, err = email.New(email.Config{
		MaxMail: int64(s.cfg.Mail.MaxSize), Secret: key, TLS: s.mailTLS, Policy: s.tickets(), OnFiled: s.mailFiled,
		OnSent: func(ticketID, messageID string) {
			s.hub.Publish("message", messageID, nil)
			s.hub.Publish("ticket", ticketID, nil)
		},
	}, s.store, s.files, s.log)
	return err
}

// mailTLS is how mail servers are trusted: by the certificates of the system and
// those of a file, "" for none.
func mailTLS(file string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return c, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("mail.ca_file: %w", err)
	}
	if c.RootCAs, err = x509.SystemCertPool(); err != nil {
		return nil, fmt.Errorf("mail.ca_file: certificates of the system: %w", err)
	}
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("mail.ca_file: %s has no certificate", file)
	}
	return c, nil
}

// mailFiled tells the screens of a mail, and the board what it leaves to do.
func (s *server) mailFiled(f email.Filed) {
	if f.TicketID == "" {
		return
	}
	s.hub.Publish("ticket", f.TicketID, nil)
	if f.MessageID != "" {
		s.hub.Publish("message", f.MessageID, nil)
	}
	s.board.TicketChanged(f.TicketID)
	s.board.Refresh()
}

// mailFigures are what /metrics shows of mail.
func (s *server) mailFigures() []web.Figure {
	total := func(name, help string, f func(email.Counts) int64) web.Figure {
		return web.Figure{Name: name, Help: help, Total: true, Value: func() float64 { return float64(f(s.mail.Counts())) }}
	}
	return []web.Figure{
		total("pickup_mail_filed_total", "Mails of people that were filed.", func(c email.Counts) int64 { return c.Filed }),
		total("pickup_mail_automatic_total", "Automatic mails that were filed.", func(c email.Counts) int64 { return c.Automatic }),
		total("pickup_mail_bounces_total", "Reports of mails of ours that did not arrive.", func(c email.Counts) int64 { return c.Bounced }),
		total("pickup_mail_loops_total", "Mails of ours that came back to us.", func(c email.Counts) int64 { return c.Loops }),
		total("pickup_mail_unreadable_total", "Mails that could not be read; a person looks at them.",
			func(c email.Counts) int64 { return c.Unreadable }),
		total("pickup_mail_duplicates_total", "Mails that had come before.", func(c email.Counts) int64 { return c.Duplicates }),
		total("pickup_mail_sent_total", "Mails that a server took from us.", func(c email.Counts) int64 { return c.Sent }),
		total("pickup_mail_failed_total", "Mails that were given up.", func(c email.Counts) int64 { return c.Failed }),
		{Name: "pickup_mailboxes_down", Help: "Mailboxes that cannot be read at this moment.", Value: func() float64 {
			down := 0
			for _, h := range s.mail.Health() {
				if !h.Well {
					down++
				}
			}
			return float64(down)
		}},
	}
}
