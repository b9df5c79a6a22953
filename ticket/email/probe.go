package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"pickup/ticket"
)

// Probe is the function of that name with the certificates of the engine.
func (e *Engine) Probe(ctx context.Context, box ticket.Mailbox) error {
	return Probe(ctx, box, e.cfg.TLS)
}

// Probe tries a mailbox: it signs in, opens the folder, and says hello to the
// sending server. The error names the server at fault.
func Probe(ctx context.Context, box ticket.Mailbox, base *tls.Config) error {
	var failed error
	if box.IMAP.Host != "" {
		failed = probeIMAP(ctx, box, base)
	}
	if box.SMTP.Host != "" {
		c, err := connectSMTP(ctx, box, base)
		if err == nil {
			err = c.Quit()
			c.end()
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("smtp.host %s: %w", box.SMTP.Host, err))
		}
	}
	return failed
}

func probeIMAP(ctx context.Context, box ticket.Mailbox, base *tls.Config) error {
	c, conn, err := connectIMAP(ctx, box.IMAP, base, func() {})
	if err != nil {
		return fmt.Errorf("imap.host %s: %w", box.IMAP.Host, err)
	}
	defer c.Close() //nolint:errcheck // it is over either way
	defer conn.release()
	if _, err := c.Select(folderOf(box), &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		return fmt.Errorf("imap.host %s: open %s: %w", box.IMAP.Host, folderOf(box), err)
	}
	if err := c.Logout().Wait(); err != nil {
		return fmt.Errorf("imap.host %s: sign out: %w", box.IMAP.Host, err)
	}
	return nil
}
