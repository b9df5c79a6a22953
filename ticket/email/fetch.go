package email

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"slices"
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

// beginning is how many bytes of a mail that is too large are fetched: its header
// and, as programs write mails, its text.
const beginning = 256 << 10

// cutMark begins RawMail.LastError of a mail of which only the beginning is here.
const cutMark = "its first"

// fetcher brings the mail of one mailbox into the file store: each mail is
// durable, with its place in the inbox, before the next is asked for. The server
// keeps its copy, and flags of other programs are never relied on.
type fetcher struct {
	box   ticket.Mailbox
	store Store
	files *filestore.Store
	limit int64 // bytes of one mail
	poll  time.Duration
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
// at most poll, and again.
func (f *fetcher) session(ctx context.Context) error {
	news := make(chan struct{}, 1)
	c, conn, err := connectIMAP(ctx, f.box.IMAP, f.tls, func() {
		select {
		case news <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return fmt.Errorf("imap.host %s: %w", f.box.IMAP.Host, err)
	}
	defer c.Close() //nolint:errcheck // it is over either way
	defer conn.release()
	selected, err := c.Select(folderOf(f.box), &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return fmt.Errorf("imap.host %s: open %s: %w", f.box.IMAP.Host, folderOf(f.box), err)
	}
	f.state(nil)
	for {
		if err := f.fetch(ctx, c, conn, selected.UIDValidity); err != nil {
			return fmt.Errorf("imap.host %s: %w", f.box.IMAP.Host, err)
		}
		if err := waitForNews(ctx, c, conn, news, f.poll); err != nil {
			return fmt.Errorf("imap.host %s: %w", f.box.IMAP.Host, err)
		}
	}
}

func folderOf(b ticket.Mailbox) string { return cmp.Or(b.Folder, "INBOX") }

// link is a connection that is cut when its context ends, or when the answer that
// is waited for does not come: the client library waits for ever.
type link struct {
	net.Conn
	cut     *time.Timer
	release func() bool // from its context
}

// newLink holds a connection to a context, and to its first answer.
func newLink(ctx context.Context, c net.Conn) *link {
	l := &link{Conn: c}
	l.cut = time.AfterFunc(replyWithin, func() { _ = c.Close() })
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	l.release = func() bool { l.cut.Stop(); return stop() }
	return l
}

// expect gives the server so long for what follows.
func (l *link) expect(within time.Duration) { l.cut.Reset(within) }

// waitForNews returns when the server tells of mail, or after poll.
func waitForNews(ctx context.Context, c *imapclient.Client, conn *link, news <-chan struct{}, poll time.Duration) error {
	conn.expect(poll + replyWithin)
	timer := time.NewTimer(poll)
	defer timer.Stop()
	if !c.Caps().Has(imap.CapIdle) {
		select {
		case <-timer.C:
		case <-c.Closed():
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := c.Noop().Wait(); err != nil {
			return fmt.Errorf("noop: %w", err)
		}
		return nil
	}
	// A server may keep to itself what came between the search and IDLE.
	if err := c.Noop().Wait(); err != nil {
		return fmt.Errorf("noop: %w", err)
	}
	if len(news) > 0 {
		<-news
		return ctx.Err()
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
	conn.expect(replyWithin)
	if err := errors.Join(idle.Close(), idle.Wait()); err != nil {
		return fmt.Errorf("idle: %w", err)
	}
	return ctx.Err()
}

// fetch brings in every mail above the position, oldest first.
func (f *fetcher) fetch(ctx context.Context, c *imapclient.Client, conn *link, validity uint32) error {
	at, err := f.store.MailPosition(ctx, f.box.ID)
	if err != nil {
		return err
	}
	if at.UIDValidity != validity { // the folder is another: what was filed is known by its Message-ID
		at = ticket.MailPosition{UIDValidity: validity}
	}
	if at.LastUID == math.MaxUint32 {
		return errors.New("the folder has no UID left: it has to be made anew")
	}
	conn.expect(replyWithin)
	var wanted imap.UIDSet
	wanted.AddRange(imap.UID(at.LastUID+1), 0)
	found, err := c.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{wanted}}, nil).Wait()
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	uids := found.AllUIDs()
	slices.Sort(uids)
	for _, uid := range uids {
		if uint32(uid) <= at.LastUID { // n:* names the last one even below n
			continue
		}
		if err := f.one(ctx, c, conn, uid, validity); err != nil {
			return err
		}
		f.came()
	}
	return ctx.Err()
}

// one fetches one mail without marking it as seen: the whole, or the beginning of
// one that is too large.
func (f *fetcher) one(ctx context.Context, c *imapclient.Client, conn *link, uid imap.UID, validity uint32) error {
	conn.expect(replyWithin)
	sizes, err := c.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, RFC822Size: true}).Collect()
	if err != nil {
		return fmt.Errorf("fetch the size of UID %d: %w", uid, err)
	}
	if len(sizes) == 0 { // expunged meanwhile
		return nil
	}
	r := ticket.RawMail{ID: id.New(), MailboxID: f.box.ID, UIDValidity: validity, UID: uint32(uid), ArrivedAt: time.Now()}
	section := &imap.FetchItemBodySection{Peek: true}
	if size := sizes[0].RFC822Size; size > f.limit {
		f.log.Warn("a mail is above mail.max_size: its beginning is filed", "uid", uid, "bytes", size)
		r.LastError = fmt.Sprintf(cutMark+" %d of %d bytes", beginning, size)
		section.Partial = &imap.SectionPartial{Size: beginning}
	}
	conn.expect(10 * replyWithin) // 25 MB over a slow line
	r.SHA256, r.Size, err = f.body(c, uid, section)
	if err != nil {
		return fmt.Errorf("fetch UID %d: %w", uid, err)
	}
	if r.SHA256 == "" { // expunged meanwhile
		return nil
	}
	return f.store.KeepRaw(ctx, r, ticket.MailPosition{UIDValidity: validity, LastUID: uint32(uid)})
}

// body brings a mail into the file store; no hash: it is gone.
func (f *fetcher) body(c *imapclient.Client, uid imap.UID, section *imap.FetchItemBodySection) (sha string, size int64, failed error) {
	cmd := c.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
	for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
		for item := msg.Next(); item != nil; item = msg.Next() {
			body, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || body.Literal == nil {
				continue
			}
			// A server that counts line ends otherwise may send somewhat more.
			sha, size, failed = f.files.Put(body.Literal, 2*f.limit)
			_, _ = io.Copy(io.Discard, body.Literal)
		}
	}
	return sha, size, errors.Join(failed, cmd.Close())
}

// connectIMAP opens a connection and signs in. news is called when the server
// tells of a change.
func connectIMAP(ctx context.Context, s ticket.MailServer, base *tls.Config, news func()) (_ *imapclient.Client, _ *link, failed error) {
	dialer := &net.Dialer{Timeout: dialWithin, KeepAlive: 30 * time.Second}
	plain, err := dialer.DialContext(ctx, "tcp", serverAddr(s, 993, 143))
	if err != nil {
		return nil, nil, fmt.Errorf("connect: %w", err)
	}
	conn := newLink(ctx, plain)
	defer func() {
		if failed != nil {
			conn.release()
			_ = conn.Close()
		}
	}()
	opts := &imapclient.Options{
		TLSConfig:             tlsFor(base, s.Host),
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{Mailbox: func(*imapclient.UnilateralDataMailbox) { news() }},
	}
	var c *imapclient.Client
	switch s.Security {
	case ticket.SecurityTLS:
		secure := tls.Client(conn, opts.TLSConfig)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, nil, fmt.Errorf("tls: %w", err)
		}
		c = imapclient.New(secure, opts)
	case ticket.SecurityStartTLS:
		if c, err = imapclient.NewStartTLS(conn, opts); err != nil {
			return nil, nil, fmt.Errorf("starttls: %w", err)
		}
	default:
		c = imapclient.New(conn, opts)
	}
	if err := c.WaitGreeting(); err != nil {
		return nil, nil, fmt.Errorf("greeting: %w", errors.Join(err, c.Close()))
	}
	if s.User != "" {
		if err := c.Login(s.User, s.Password).Wait(); err != nil {
			return nil, nil, fmt.Errorf("sign-in as %s: %w", s.User, errors.Join(err, c.Close()))
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
