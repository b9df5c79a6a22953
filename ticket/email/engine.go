package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"pickup/internal/filestore"
	"pickup/internal/id"
	"pickup/internal/logkey"
	"pickup/ticket"
)

// Config of an Engine.
type Config struct {
	Poll    time.Duration // between looks at a mailbox whose server tells of nothing: 60 s
	MaxMail int64         // bytes of one mail that are fetched: 40 MiB
	Secret  []byte        // signs reply addresses; kept for the life of the site
	TLS     *tls.Config   // of the connections; nil: the system's certificates
	Policy  ticket.Policy
	// OnFiled is told of each mail that was filed, OnSent of each message whose
	// mail changed state. They must not block.
	OnFiled func(Filed)
	OnSent  func(ticketID, messageID string)
}

const (
	defaultMaxMail = 40 << 20
	batch          = 50
	sweepEvery     = 30 * time.Second // what was not told of
	loopsPerHour   = 3                // more raise an alarm
	maxTries       = 5                // of filing, before a mail is put in quarantine
)

// Engine fetches, files and sends the mail of all mailboxes. Its methods may be
// called from any goroutine.
type Engine struct {
	cfg   Config
	store Store
	files *filestore.Store
	log   *slog.Logger

	arrived chan struct{} // something is to be filed
	queued  chan struct{} // something is to be sent
	changed chan struct{} // mailboxes were edited

	mu     sync.Mutex
	boxes  map[string]ticket.Mailbox
	health map[string]ticket.MailboxHealth
	loops  map[string][]time.Time
	counts Counts
	// unstored are attempts, by the mail's id, whose result the store did not take.
	unstored map[string]attempt
	sending  map[string]bool // mailboxes whose mail is on its way
	senders  sync.WaitGroup
}

// Counts are totals since the start.
type Counts struct{ Filed, Automatic, Bounced, Loops, Unreadable, Duplicates, Sent, Failed int64 }

// New makes an Engine; nothing is fetched before Run.
func New(cfg Config, store Store, files *filestore.Store, log *slog.Logger) (*Engine, error) {
	if cfg.MaxMail == 0 {
		cfg.MaxMail = defaultMaxMail
	}
	if cfg.Poll == 0 {
		cfg.Poll = pollEvery
	}
	if len(cfg.Secret) < 16 {
		return nil, fmt.Errorf("email: the secret of reply addresses has %d bytes, at least 16 are needed", len(cfg.Secret))
	}
	if cfg.OnFiled == nil {
		cfg.OnFiled = func(Filed) {}
	}
	if cfg.OnSent == nil {
		cfg.OnSent = func(string, string) {}
	}
	return &Engine{
		cfg: cfg, store: store, files: files, log: log,
		arrived: make(chan struct{}, 1), queued: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		boxes: map[string]ticket.Mailbox{}, health: map[string]ticket.MailboxHealth{}, loops: map[string][]time.Time{}, unstored: map[string]attempt{},
		sending: map[string]bool{},
	}, nil
}

// poke wakes who waits on a channel of capacity 1.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Queued says that the outbox has something. Forgetting to say it delays a mail
// by sweepEvery at most.
func (e *Engine) Queued() { poke(e.queued) }

// Reload says that mailboxes were edited.
func (e *Engine) Reload() { poke(e.changed) }

// Health returns how each enabled mailbox does, by id.
func (e *Engine) Health() map[string]ticket.MailboxHealth {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.health)
}

// Counts returns totals for /metrics.
func (e *Engine) Counts() Counts {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts
}

// Run works until ctx ends, and returns when everything has stopped.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.readMailboxes(ctx); err != nil {
		return err
	}
	var parts sync.WaitGroup
	parts.Go(func() { e.loop(ctx, e.arrived, e.fileAll) })
	parts.Go(func() {
		e.loop(ctx, e.queued, e.sendAll)
		e.senders.Wait()
		e.settleLast(ctx)
	})
	e.supervise(ctx)
	parts.Wait()
	return nil
}

// supervise runs a fetcher for each mailbox, and other ones after an edit.
func (e *Engine) supervise(ctx context.Context) {
	for ctx.Err() == nil {
		life, end := context.WithCancel(ctx)
		var fetchers sync.WaitGroup
		for _, box := range e.mailboxes() {
			if !box.Enabled || box.IMAP.Host == "" {
				continue
			}
			f := &fetcher{
				box: box, store: e.store, files: e.files, limit: e.cfg.MaxMail, poll: e.cfg.Poll, tls: e.cfg.TLS, came: func() { poke(e.arrived) },
				log: e.log.With("mailbox", box.Address), state: func(err error) { e.setHealth(box.ID, err) },
			}
			fetchers.Go(func() { f.run(life) })
		}
		select {
		case <-e.changed:
			if err := e.readMailboxes(ctx); err != nil && ctx.Err() == nil {
				e.log.Error("read mailboxes", logkey.Err, err)
			}
			poke(e.queued) // one that was disabled may send again
		case <-ctx.Done():
		}
		end()
		fetchers.Wait()
	}
}

func (e *Engine) readMailboxes(ctx context.Context) error {
	all, err := e.store.Mailboxes(ctx)
	if err != nil {
		return fmt.Errorf("read mailboxes: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.boxes = map[string]ticket.Mailbox{}
	for _, b := range all {
		e.boxes[b.ID] = b
	}
	maps.DeleteFunc(e.health, func(id string, _ ticket.MailboxHealth) bool { return !e.boxes[id].Enabled })
	return nil
}

func (e *Engine) mailboxes() map[string]ticket.Mailbox {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.boxes)
}

func (e *Engine) mailbox(id string) (ticket.Mailbox, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b, ok := e.boxes[id]
	return b, ok
}

func (e *Engine) setHealth(id string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := ticket.MailboxHealth{Well: err == nil, Since: time.Now()}
	if err != nil {
		h.Error = err.Error()
	}
	if old, ok := e.health[id]; ok && old.Well == h.Well {
		h.Since = old.Since
	}
	e.health[id] = h
}

// loop calls work when woken, and every sweepEvery.
func (e *Engine) loop(ctx context.Context, wake <-chan struct{}, work func(context.Context) (again bool, err error)) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		again, err := work(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			e.log.Error("mail", logkey.Err, err)
		}
		if again {
			continue
		}
		select {
		case <-wake:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// fileAll files what is in the inbox. again: there was a full batch.
func (e *Engine) fileAll(ctx context.Context) (again bool, err error) {
	raws, err := e.store.UnfiledMail(ctx, batch)
	if err != nil {
		return false, fmt.Errorf("read the inbox: %w", err)
	}
	done := 0
	for _, r := range raws {
		filed, err := e.fileOne(ctx, r)
		if ctx.Err() != nil {
			return false, nil
		}
		failed := ""
		if err != nil {
			failed = err.Error()
			e.log.Error("file a mail", "mail", r.SHA256, logkey.Err, err)
		} else {
			done++
			e.count(filed)
			e.cfg.OnFiled(filed)
		}
		if err := e.store.RawFiled(ctx, r.ID, failed); err != nil {
			return false, fmt.Errorf("mark a mail as filed: %w", err)
		}
	}
	return done == batch, nil
}

// fileOne parses and files one mail. One that failed maxTries times goes into
// quarantine, so that it does not wait unseen.
func (e *Engine) fileOne(ctx context.Context, r ticket.RawMail) (Filed, error) {
	box, ok := e.mailbox(r.MailboxID)
	if !ok {
		box = ticket.Mailbox{ID: r.MailboxID, Language: "en"} // deleted meanwhile: its mail is not
	}
	var m *Mail
	var files []ticket.Attachment
	if r.Attempts < maxTries {
		var err error
		if m, err = e.read(r.SHA256, box.AuthServID); err != nil && !errors.Is(err, ErrUnreadable) {
			return Filed{}, err
		}
	}
	raw := ticket.Attachment{ID: id.New(), Name: "mail.eml", MIME: "message/rfc822", Size: r.Size, SHA256: r.SHA256}
	if m != nil {
		files = attachments(m)
		if m.Damaged { // a person can look at the whole
			files = append(files, raw)
		}
	}
	f := &filer{box: box, secret: e.cfg.Secret, policy: e.cfg.Policy, at: r.ArrivedAt}
	if strings.HasPrefix(r.LastError, cutMark) {
		f.cut = r.LastError
	}
	var filed Filed
	err := e.store.Desk(ctx, func(tx ticket.DeskTx) error {
		var err error
		filed, err = f.file(ctx, tx, m, raw, files)
		return err
	})
	if errors.Is(err, errSeen) {
		return e.seen(ctx, f.seen(m, raw))
	}
	return filed, err
}

// seen returns where a mail is that was filed before.
func (e *Engine) seen(ctx context.Context, s ticket.SeenMail) (Filed, error) {
	done := Filed{Verdict: VerdictDuplicate}
	err := e.store.Desk(ctx, func(tx ticket.DeskTx) error {
		all, err := tx.SeenAs(ctx, s.MessageID)
		if err != nil {
			return err
		}
		for _, was := range all {
			if was.MailboxID != s.MailboxID || was.BodySHA256 != s.BodySHA256 || was.StoredID == "" {
				continue
			}
			m, _, err := tx.Message(ctx, was.StoredID)
			done.TicketID, done.MessageID = m.TicketID, m.ID
			return err
		}
		return nil
	})
	return done, err
}

// read parses a raw mail; its attachments are in the file store before a row
// names them.
func (e *Engine) read(sha, trusted string) (*Mail, error) {
	f, _, err := e.files.Get(sha)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return Read(f, trusted, func(r io.Reader) (string, int64, error) { return e.files.Put(r, e.cfg.MaxMail) })
}

// attachments are the files of a mail as rows.
func attachments(m *Mail) (out []ticket.Attachment) {
	for _, f := range m.Files {
		a := ticket.Attachment{ID: id.New(), Name: f.Name, MIME: f.MIME, Size: f.Size, SHA256: f.SHA256}
		if f.Inline || f.ContentID != "" {
			a.ContentID = f.ContentID
		}
		out = append(out, a)
	}
	return out
}

// count adds to the totals, and raises an alarm when our own mail keeps coming.
func (e *Engine) count(f Filed) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch f.Verdict {
	case VerdictFiled:
		e.counts.Filed++
	case VerdictAutomatic:
		e.counts.Automatic++
	case VerdictBounce:
		e.counts.Bounced++
	case VerdictUnreadable:
		e.counts.Unreadable++
	case VerdictDuplicate:
		e.counts.Duplicates++
	case VerdictLoop:
		e.counts.Loops++
		now := time.Now()
		maps.DeleteFunc(e.loops, func(_ string, at []time.Time) bool { return now.Sub(at[len(at)-1]) >= time.Hour })
		recent := slices.DeleteFunc(e.loops[f.TicketID], func(at time.Time) bool { return now.Sub(at) >= time.Hour })
		recent = append(recent, now)
		e.loops[f.TicketID] = recent
		if len(recent) > loopsPerHour {
			e.log.Error("a mail loop: our own mail comes back", "ticket", f.TicketID, "in_an_hour", len(recent))
		}
	}
}
