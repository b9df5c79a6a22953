package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"pickup/internal/filestore"
	"pickup/internal/id"
	"pickup/ticket"
)

// Times of a mailbox's connection.
const (
	dialWithin  = 20 * time.Second
	replyWithin = 2 * time.Minute // for one answer of the server
	pollEvery   = 60 * time.Second
	retryFirst  = 2 * time.Second
	retryMost   = 2 * time.Minute
)

// fetcher brings the mail of one mailbox into the file store: each mail is
// durable, with its place in the inbox, before the next is asked for. The server
// keeps its copy, and flags of other programs are never relied on.
type fetcher struct {
	box   ticket.Mailbox
	store Store
	files *filestore.Store
	limit int64 // bytes of one mail
	tls   *tls.Config
	came  func() // something is in the inbox
	log   *slog.Logger
	state func(error) // how the connection does: nil is well
}

// run fetches until ctx ends. A connection that breaks is made again.
func (f *fetcher) run(ctx context.Context) {
	wait := retryFirst
	for ctx.Err() == nil {
		started := time.Now()
		err := f.session(ctx)
		if ctx.Err() != nil {
			return
		}
		f.state(err)
		f.log.Warn("mailbox connection ended", "err", err)
		if time.Since(started) > retryMost {
			wait = retryFirst
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait = min(2*wait, retryMost)
	}
}

// session is one connection: fetch what is new, then wait by IDLE (RFC 2177),
// at most pollEvery, and again.
func (f *fetcher) session(ctx context.Context) error {
	news := make(chan struct{}, 1)
	c, conn, err := connectIMAP(ctx, f.box.IMAP, f.tls, func() {
		select {
		case news <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // it is over either way
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	folder := f.box.Folder
	if folder == "" {
		folder = "INBOX"
	}
	_ = conn.SetDeadline(time.Now().Add(replyWithin))
	selected, err := c.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return fmt.Errorf("select %s: %w", folder, err)
	}
	f.state(nil)
	for {
		if err := f.fetch(ctx, c, conn, selected.UIDValidity); err != nil {
			return err
		}
		if err := waitForNews(ctx, c, conn, news); err != nil {
			return err
		}
	}
}

// waitForNews returns when the server tells of mail, or after pollEvery.
func waitForNews(ctx context.Context, c *imapclient.Client, conn net.Conn, news <-chan struct{}) error {
	_ = conn.SetDeadline(time.Now().Add(pollEvery + replyWithin))
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	if !c.Caps().Has(imap.CapIdle) {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := c.Noop().Wait(); err != nil {
			return fmt.Errorf("noop: %w", err)
		}
		return nil
	}
	idle, err := c.Idle()
	if err != nil {
		return fmt.Errorf("idle: %w", err)
	}
	select {
	case <-news:
	case <-timer.C:
	case <-c.Closed():
	case <-ctx.Done():
	}
	if err := errors.Join(idle.Close(), idle.Wait()); err != nil {
		return fmt.Errorf("idle: %w", err)
	}
	return ctx.Err()
}

// fetch brings in every mail above the position, oldest first.
func (f *fetcher) fetch(ctx context.Context, c *imapclient.Client, conn net.Conn, validity uint32) error {
	at, err := f.store.MailPosition(ctx, f.box.ID)
	if err != nil {
		return err
	}
	if at.UIDValidity != validity { // the folder is another: what was filed is known by its Message-ID
		at = ticket.MailPosition{UIDValidity: validity}
	}
	_ = conn.SetDeadline(time.Now().Add(replyWithin))
	var wanted imap.UIDSet
	wanted.AddRange(imap.UID(at.LastUID+1), 0)
	found, err := c.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{wanted}}, nil).Wait()
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	for _, uid := range found.AllUIDs() {
		if uint32(uid) <= at.LastUID { // n:* names the last one even below n
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(10 * replyWithin)) // 25 MB over a slow line
		if err := f.one(ctx, c, uid, validity); err != nil {
			return err
		}
		f.came()
	}
	return ctx.Err()
}

// one fetches one mail without marking it as seen.
func (f *fetcher) one(ctx context.Context, c *imapclient.Client, uid imap.UID, validity uint32) error {
	section := &imap.FetchItemBodySection{Peek: true}
	cmd := c.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
	var sha string
	var size int64
	var failed error
	for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
		for item := msg.Next(); item != nil; item = msg.Next() {
			body, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || body.Literal == nil {
				continue
			}
			sha, size, failed = f.files.Put(body.Literal, f.limit)
			_, _ = io.Copy(io.Discard, body.Literal) // the rest, when it is too large
		}
	}
	if err := cmd.Close(); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	at := ticket.MailPosition{UIDValidity: validity, LastUID: uint32(uid)}
	r := ticket.RawMail{ID: id.New(), MailboxID: f.box.ID, UIDValidity: validity, UID: uint32(uid), SHA256: sha, Size: size, ArrivedAt: time.Now()}
	switch {
	case errors.Is(failed, filestore.ErrTooLarge):
		// Its head is kept in its place, with a sentence: a person sees it, and the
		// server has the whole.
		r.LastError = fmt.Sprintf("larger than %d bytes", f.limit)
		text := fmt.Sprintf("Subject: mail above the limit of %d bytes\r\nFrom: mailbox <%s>\r\nAuto-Submitted: auto-generated\r\n\r\nUID %d of %s\r\n",
			f.limit, f.box.Address, uid, f.box.Address)
		if r.SHA256, r.Size, failed = f.files.Put(stringReader(text), f.limit); failed != nil {
			return failed
		}
	case failed != nil:
		return failed
	case sha == "": // expunged meanwhile
		return nil
	}
	return f.store.KeepRaw(ctx, r, at)
}

// connectIMAP opens a connection and signs in. news is called when the server
// tells of a change.
func connectIMAP(ctx context.Context, s ticket.MailServer, base *tls.Config, news func()) (*imapclient.Client, net.Conn, error) {
	dialer := &net.Dialer{Timeout: dialWithin, KeepAlive: 30 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", serverAddr(s, 993, 143))
	if err != nil {
		return nil, nil, fmt.Errorf("imap: %w", err)
	}
	_ = conn.SetDeadline(time.Now().Add(replyWithin))
	opts := &imapclient.Options{
		TLSConfig:             tlsFor(base, s.Host),
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{Mailbox: func(*imapclient.UnilateralDataMailbox) { news() }},
	}
	var c *imapclient.Client
	switch s.Security {
	case ticket.SecurityTLS:
		secure := tls.Client(conn, opts.TLSConfig)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("imap: %w", err), conn.Close())
		}
		c = imapclient.New(secure, opts)
	case ticket.SecurityStartTLS:
		if c, err = imapclient.NewStartTLS(conn, opts); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("imap starttls: %w", err), conn.Close())
		}
	default:
		c = imapclient.New(conn, opts)
	}
	if err := c.WaitGreeting(); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("imap greeting: %w", err), c.Close())
	}
	if s.User != "" {
		if err := c.Login(s.User, s.Password).Wait(); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("imap sign-in as %s: %w", s.User, err), c.Close())
		}
	}
	return c, conn, nil
}

// tlsFor returns the TLS settings for a host.
func tlsFor(base *tls.Config, host string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if base != nil {
		c = base.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = host
	}
	return c
}
