package callback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pickup/account"
	"pickup/internal/e164"
	"pickup/internal/hours"
	"pickup/internal/id"
)

// Config of a Book. What is 0 takes the value in parentheses.
type Config struct {
	MaxAttempts   int             // counted ones (3)
	RetryNoAnswer []time.Duration // after the first, second, ... no answer; the last repeats (10m, 60m)
	RetryBusy     time.Duration   // (3m)
	RetryUnknown  time.Duration   // after an attempt that a crash cut (60s)
	// Expiry is after the confirmation or the begin of its window (48h); below 0: at
	// the end of the next business day of Location.
	Expiry     time.Duration
	Location   *time.Location   // of days (UTC)
	Promise    time.Duration    // within this of its turn it is kept, unless a window was chosen (1h)
	CrashDelay time.Duration    // a crash's callbacks are dialled no sooner (10s)
	PerDay     int              // confirmed for a target or a contact in 24 h (3)
	Now        func() time.Time // nil: time.Now
	// Hours are those of a queue, and any others in which its players may be
	// called: all of them must allow it. nil: always. It must not block.
	Hours func(queue string) []*hours.Hours
	// Rules are those of the site as they stand. nil: none. It must not block.
	Rules func() *Rules
}

func (c Config) withDefaults() Config {
	c.MaxAttempts = cmp.Or(c.MaxAttempts, 3)
	c.RetryBusy = cmp.Or(c.RetryBusy, 3*time.Minute)
	c.RetryUnknown = cmp.Or(c.RetryUnknown, time.Minute)
	c.Expiry = cmp.Or(c.Expiry, 48*time.Hour)
	c.CrashDelay = cmp.Or(c.CrashDelay, 10*time.Second)
	c.PerDay = cmp.Or(c.PerDay, 3)
	c.Promise = cmp.Or(c.Promise, time.Hour)
	c.Location = cmp.Or(c.Location, time.UTC)
	if len(c.RetryNoAnswer) == 0 {
		c.RetryNoAnswer = []time.Duration{10 * time.Minute, time.Hour}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Book keeps the callbacks. Its methods may be called from any goroutine and
// wait for the store. The store alone is the truth: a Book reads a callback,
// decides, and returns what the store has accepted, so nothing that was told
// can be lost. Two acts on one callback never overlap.
type Book struct {
	cfg   Config
	store Store
	locks keyed
}

// NewBook makes a Book.
func NewBook(cfg Config, store Store) *Book {
	return &Book{cfg: cfg.withDefaults(), store: store}
}

// Confirm stores a promise. c carries Queue, Target, Kind, Key, EnqueuedAt,
// Priority, Language, Player, CallID, ContactID, windows, owner and proof; Confirm
// fills the rest (NotBefore by window, hours and, for KindCrash, CrashDelay).
// Errors: ErrUnreachable without a target, a *Refusal by a rule, ErrOpen, ErrTooMany.
func (b *Book) Confirm(ctx context.Context, c Callback) (Callback, error) {
	if !reachable(c) {
		return Callback{}, ErrUnreachable
	}
	now := b.cfg.Now()
	if err := b.Permits(c); err != nil {
		return Callback{}, err
	}
	unlock, err := b.lockAll(ctx, personOf(c))
	if err != nil {
		return Callback{}, err
	}
	defer unlock()
	if c.ID == "" {
		c.ID = id.New()
	}
	c.State, c.Detail, c.Attempts, c.EndedAt, c.ConnectedAt = StateQueued, "", 0, time.Time{}, time.Time{}
	c.MaxAttempts = b.cfg.MaxAttempts
	if err := b.count(ctx, &c, now); err != nil {
		return Callback{}, err
	}
	if err := b.schedule(&c, now); err != nil {
		return Callback{}, err
	}
	if err := b.store.ConfirmCallback(ctx, c); err != nil {
		return Callback{}, fmt.Errorf("confirm callback: %w", err)
	}
	return c, nil
}

// Permits returns why the rules keep c from being called back, as a *Refusal, or
// nil. Caps and hours are looked at by Confirm alone.
func (b *Book) Permits(c Callback) error {
	rules := b.rules()
	if rules == nil {
		return nil
	}
	if err := rules.Permits(c, b.cfg.Now()); err != nil {
		return err
	}
	if c.Kind == KindAbandoned && c.Proof == "" {
		return &Refusal{Reason: ReasonUnverified}
	}
	return nil
}

func (b *Book) rules() *Rules {
	if b.cfg.Rules == nil {
		return nil
	}
	return b.cfg.Rules()
}

// requestsWindow is how long a confirmed request counts against its person.
const requestsWindow = 24 * time.Hour

// count holds the caps: what he asked for in a day, and how often he may be
// called without having asked. What we owe after our own crash is neither.
func (b *Book) count(ctx context.Context, c *Callback, now time.Time) error {
	since := Since{Requests: now.Add(-requestsWindow), Unasked: now}
	perDay, limit := b.cfg.PerDay, 0
	if rules := b.rules(); rules != nil {
		perDay = cmp.Or(rules.PerDay, perDay)
		if line, ok := e164.Look(c.Target); ok && !c.Kind.requested() {
			rule := rules.country(line.Country)
			limit, since.Unasked = rule.Limit, now.Add(-rule.Period)
		}
	}
	asked := c.Kind != KindCrash && c.Kind != KindDropped && c.Kind.requested()
	if !asked && limit == 0 {
		return nil
	}
	had, err := b.store.CallbackHistory(ctx, *c, since)
	switch {
	case err != nil:
		return fmt.Errorf("callbacks of this person: %w", err)
	case asked && had.Requests >= perDay:
		return ErrTooMany
	case limit > 0 && had.Unasked >= limit:
		return &Refusal{Reason: ReasonLimit}
	case limit > 0:
		c.MaxAttempts = min(c.MaxAttempts, limit-had.Unasked)
	}
	return nil
}

// schedule sets when c may be dialled, by when that is promised, and when it ends.
func (b *Book) schedule(c *Callback, now time.Time) error {
	c.ConfirmedAt = now
	begin := now
	if c.WindowFrom.After(begin) {
		begin = c.WindowFrom
	}
	if c.EnqueuedAt.IsZero() {
		c.EnqueuedAt = now
	}
	earliest := begin
	if after := now.Add(b.cfg.CrashDelay); c.Kind == KindCrash && after.After(begin) {
		earliest = after
	}
	if c.NotBefore = b.Due(*c, earliest); c.NotBefore.IsZero() {
		return fmt.Errorf("no hour of the year is allowed: %w", &Refusal{Reason: ReasonNoHour})
	}
	if c.ExpiresAt = b.expiry(*c, begin); !c.NotBefore.Before(c.ExpiresAt) { // a long weekend: the promise is for after it
		c.ExpiresAt = b.expiry(*c, c.NotBefore)
	}
	if c.PromisedBy = c.WindowTo; c.PromisedBy.IsZero() {
		c.PromisedBy = c.NotBefore.Add(b.cfg.Promise)
	}
	return nil
}

// Begin stores that an agent is reserved and the player is being dialled, before
// the INVITE leaves. It refuses with ErrState before NotBefore, outside the hours
// (NotBefore then moves to the next allowed instant, and what is returned has
// it), past the expiry (the callback is then expired) and while another attempt
// runs.
func (b *Book) Begin(ctx context.Context, id string, agent account.ID) (Callback, Attempt, error) {
	c, unlock, err := b.take(ctx, id)
	if err != nil {
		return Callback{}, Attempt{}, err
	}
	defer unlock()
	now := b.cfg.Now()
	next, err := follow(c.State, EventTurn, EventReserved, EventDialed)
	if err != nil {
		return c, Attempt{}, err
	}
	if c.NotBefore.After(now) {
		return c, Attempt{}, fmt.Errorf("not before %s: %w", c.NotBefore.UTC().Format(time.RFC3339), ErrState)
	}
	if !now.Before(c.ExpiresAt) {
		c, err = b.end(ctx, c, EventExpired, "")
		return c, Attempt{}, errors.Join(err, fmt.Errorf("past its last day: %w", ErrState))
	}
	if !b.Due(c, now).Equal(now) {
		c, err = b.postpone(ctx, c, now)
		return c, Attempt{}, errors.Join(err, fmt.Errorf("outside the allowed hours: %w", ErrState))
	}
	a := newAttempt(c.ID, agent, now)
	c.State, c.Detail = next, ""
	if err := b.store.BeginAttempt(ctx, c, a); err != nil {
		return Callback{}, Attempt{}, fmt.Errorf("begin attempt of callback %s: %w", id, err)
	}
	return c, a, nil
}

// Advance moves the running attempt to a later state (human_check, connecting,
// connected); steps between are passed through. The present state again is no
// change and no error.
func (b *Book) Advance(ctx context.Context, id string, to State) (Callback, error) {
	c, unlock, err := b.take(ctx, id)
	if err != nil {
		return Callback{}, err
	}
	defer unlock()
	if !c.State.Running() || !to.Running() {
		return c, fmt.Errorf("callback %s from %s to %s: %w", id, c.State, to, ErrState)
	}
	if c.State == to {
		return c, nil
	}
	was := c
	for _, e := range [...]Event{EventPickedUp, EventAccepted, EventBridged} {
		if next, err := c.State.Next(e); err == nil {
			c.State = next
		}
		if c.State == StateConnected {
			c.ConnectedAt = b.cfg.Now()
		}
		if c.State != to {
			continue
		}
		if err := b.store.SaveCallback(ctx, c); err != nil {
			return was, fmt.Errorf("advance callback %s: %w", id, err)
		}
		return c, nil
	}
	return was, fmt.Errorf("callback %s: %s is no later state: %w", id, to, ErrState)
}

// Cancel ends a callback nobody wants; by is "player", "agent", "supervisor" or
// "recontact". ErrState while he is being dialled (Finish tells how that ends)
// and when it has ended, unless it was cancelled: that again is no error.
func (b *Book) Cancel(ctx context.Context, id, by string) (Callback, error) {
	c, unlock, err := b.take(ctx, id)
	if err != nil {
		return Callback{}, err
	}
	defer unlock()
	switch {
	case c.State == StateCancelled:
		return c, nil
	case by != "player" && by != "agent" && by != "supervisor" && by != "recontact":
		return c, fmt.Errorf("cancelled by %q: %w", by, ErrState)
	}
	return b.end(ctx, c, EventCancelled, by)
}

// Explain stores why a callback that waits does not go on; "": it does. The
// next attempt takes it away. ErrState while he is being dialled and after the
// end.
func (b *Book) Explain(ctx context.Context, id, detail string) error {
	c, unlock, err := b.take(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	if !c.Open() || c.State.Running() {
		return fmt.Errorf("callback %s is %s: %w", id, c.State, ErrState)
	}
	if c.Detail == detail {
		return nil
	}
	c.Detail = detail
	if err := b.store.SaveCallback(ctx, c); err != nil {
		return fmt.Errorf("explain callback %s: %w", id, err)
	}
	return nil
}

// Supersede ends it because the player came back by himself; his new call takes
// Key and EnqueuedAt of what is returned. ErrState while he is being dialled.
func (b *Book) Supersede(ctx context.Context, id string) (Callback, error) {
	c, unlock, err := b.take(ctx, id)
	if err != nil {
		return Callback{}, err
	}
	defer unlock()
	return b.end(ctx, c, EventSuperseded, "")
}

// Standing returns every open callback, ordered by key, then id.
func (b *Book) Standing(ctx context.Context) ([]Callback, error) {
	open, err := b.store.OpenCallbacks(ctx)
	if err != nil {
		return nil, fmt.Errorf("open callbacks: %w", err)
	}
	return open, nil
}

// Expire ends every waiting callback that is past its last day and returns
// those. It is called now and then (each minute) by whoever dials.
func (b *Book) Expire(ctx context.Context) ([]Callback, error) {
	open, err := b.store.OpenCallbacks(ctx)
	if err != nil {
		return nil, fmt.Errorf("open callbacks: %w", err)
	}
	var ended []Callback
	for _, c := range open {
		if b.cfg.Now().Before(c.ExpiresAt) || c.State.Running() {
			continue
		}
		c, err := b.expire(ctx, c.ID)
		if errors.Is(err, ErrState) || errors.Is(err, ErrNotFound) {
			continue // somebody was faster
		}
		if err != nil {
			return ended, err
		}
		ended = append(ended, c)
	}
	return ended, nil
}

// expire ends one callback, if it is still waiting and overdue.
func (b *Book) expire(ctx context.Context, id string) (Callback, error) {
	c, unlock, err := b.take(ctx, id)
	if err != nil {
		return Callback{}, err
	}
	defer unlock()
	if c.State.Running() || b.cfg.Now().Before(c.ExpiresAt) {
		return c, ErrState
	}
	return b.end(ctx, c, EventExpired, "")
}

// end stores the end of a callback that no attempt is running for.
func (b *Book) end(ctx context.Context, c Callback, e Event, detail string) (Callback, error) {
	next, err := c.State.Next(e)
	if err != nil {
		return c, err
	}
	was := c
	c.State, c.Detail, c.EndedAt = next, detail, b.cfg.Now()
	if err := b.store.SaveCallback(ctx, c); err != nil {
		return was, fmt.Errorf("end callback %s: %w", c.ID, err)
	}
	return c, nil
}

// postpone moves NotBefore to the next allowed instant; the state stands.
func (b *Book) postpone(ctx context.Context, c Callback, now time.Time) (Callback, error) {
	next := b.Due(c, now)
	if next.IsZero() || !next.Before(c.ExpiresAt) {
		return b.end(ctx, c, EventExpired, "")
	}
	was := c
	c.NotBefore = next
	if err := b.store.SaveCallback(ctx, c); err != nil {
		return was, fmt.Errorf("postpone callback %s: %w", c.ID, err)
	}
	return c, nil
}

// take waits for its turn on a callback and reads it.
func (b *Book) take(ctx context.Context, id string) (Callback, func(), error) {
	unlock, err := b.locks.lock(ctx, "id:"+id)
	if err != nil {
		return Callback{}, nil, err
	}
	c, err := b.store.Callback(ctx, id)
	if err != nil {
		unlock()
		return Callback{}, nil, fmt.Errorf("callback %s: %w", id, err)
	}
	return c, unlock, nil
}

// lockAll waits for several keys, in one order for everybody.
func (b *Book) lockAll(ctx context.Context, keys []string) (func(), error) {
	keys = slices.Sorted(slices.Values(keys))
	var unlocks []func()
	release := func() {
		for _, unlock := range slices.Backward(unlocks) {
			unlock()
		}
	}
	for _, key := range keys {
		unlock, err := b.locks.lock(ctx, key)
		if err != nil {
			release()
			return nil, err
		}
		unlocks = append(unlocks, unlock)
	}
	return release, nil
}

// follow applies the events that the state accepts, in order, and fails if the
// last one is not among them.
func follow(s State, events ...Event) (State, error) {
	var err error
	for _, e := range events {
		var next State
		if next, err = s.Next(e); err == nil {
			s = next
		}
	}
	return s, err
}

// reachable reports whether c says how its player is reached.
func reachable(c Callback) bool {
	switch c.TargetKind {
	case TargetNumber, TargetSIPSource, TargetBrowser:
		return c.Target != ""
	}
	return false
}

// personOf returns the keys under which a person is counted: his target and,
// where it is known, his contact.
func personOf(c Callback) []string {
	person := []string{"target:" + string(c.TargetKind) + ":" + c.Target}
	if c.ContactID != "" {
		person = append(person, "contact:"+c.ContactID)
	}
	return person
}
