package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pickup/call"
	"pickup/callback"
)

const callbackColumns = `id, call_id, item_id, contact_id, ticket_id, queue, language, player, target_kind, target, kind, key_ms,
	priority, enqueued_at, window_from, window_to, state, state_detail, attempts, max_attempts, not_before, expires_at,
	confirmed_at, ended_at, proof, owner_id, owner_until, code, cancel_sha256, promised_by, connected_at`

func scanCallback(row scanner) (callback.Callback, error) {
	var c callback.Callback
	err := row.Scan(&c.ID, &c.CallID, &c.ItemID, &c.ContactID, &c.TicketID, &c.Queue, &c.Language, &c.Player, &c.TargetKind, &c.Target,
		&c.Kind, &c.Key, &c.Priority, moment{&c.EnqueuedAt}, moment{&c.WindowFrom}, moment{&c.WindowTo}, &c.State, &c.Detail,
		&c.Attempts, &c.MaxAttempts, moment{&c.NotBefore}, moment{&c.ExpiresAt}, moment{&c.ConfirmedAt}, moment{&c.EndedAt},
		&c.Proof, &c.OwnerID, moment{&c.OwnerUntil}, &c.Code, &c.CancelSHA256, moment{&c.PromisedBy}, moment{&c.ConnectedAt})
	return c, err
}

// callbackFault names a failure in callback's own errors, and in ours.
func callbackFault(err error) error {
	switch {
	case errors.Is(err, ErrConflict):
		return fmt.Errorf("%w: %w", callback.ErrOpen, err)
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("%w: %w", callback.ErrNotFound, err)
	default:
		return err
	}
}

// ConfirmCallback stores a promise. callback.ErrOpen when one is open for the
// same target or contact.
func (s *Store) ConfirmCallback(ctx context.Context, c callback.Callback) error {
	return callbackFault(s.act(ctx, "confirm a callback", func(t *tx) error {
		_, err := t.exec(`INSERT INTO callbacks (`+callbackColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
				$26, $27, $28, $29, $30, $31)`,
			c.ID, c.CallID, c.ItemID, c.ContactID, c.TicketID, c.Queue, c.Language, c.Player, c.TargetKind, c.Target, c.Kind, c.Key,
			c.Priority, msOf(c.EnqueuedAt), msOf(c.WindowFrom), msOf(c.WindowTo), c.State, c.Detail, c.Attempts, c.MaxAttempts,
			msOf(c.NotBefore), msOf(c.ExpiresAt), c.ConfirmedAt.UnixMilli(), msOf(c.EndedAt), c.Proof, c.OwnerID, msOf(c.OwnerUntil), c.Code,
			c.CancelSHA256, msOf(c.PromisedBy), msOf(c.ConnectedAt))
		return err
	}))
}

// SaveCallback updates a callback by id. Contact and ticket that are stored stay
// where c has none. callback.ErrNotFound, callback.ErrOpen.
func (s *Store) SaveCallback(ctx context.Context, c callback.Callback) error {
	return callbackFault(s.act(ctx, "save a callback", func(t *tx) error { return saveCallback(t, &c) }))
}

func saveCallback(t *tx, c *callback.Callback) error {
	return t.one(`UPDATE callbacks SET call_id = $1, item_id = $2, contact_id = COALESCE(NULLIF($3, ''), contact_id),
			ticket_id = COALESCE(NULLIF($4, ''), ticket_id), queue = $5, language = $6, player = $7, target_kind = $8, target = $9,
			kind = $10, key_ms = $11, priority = $12, enqueued_at = $13, window_from = $14, window_to = $15, state = $16,
			state_detail = $17, attempts = $18, max_attempts = $19, not_before = $20, expires_at = $21, confirmed_at = $22,
			ended_at = $23, proof = $24, owner_id = $25, owner_until = $26, code = $27, cancel_sha256 = $28, promised_by = $29,
			connected_at = $30, version = version + 1
		WHERE id = $31`,
		c.CallID, c.ItemID, c.ContactID, c.TicketID, c.Queue, c.Language, c.Player, c.TargetKind, c.Target, c.Kind, c.Key, c.Priority,
		msOf(c.EnqueuedAt), msOf(c.WindowFrom), msOf(c.WindowTo), c.State, c.Detail, c.Attempts, c.MaxAttempts, msOf(c.NotBefore),
		msOf(c.ExpiresAt), c.ConfirmedAt.UnixMilli(), msOf(c.EndedAt), c.Proof, c.OwnerID, msOf(c.OwnerUntil), c.Code, c.CancelSHA256, msOf(c.PromisedBy),
		msOf(c.ConnectedAt), c.ID)
}

// BeginAttempt stores a callback and a new attempt in one act. callback.ErrOpen
// when one of its attempts is open.
func (s *Store) BeginAttempt(ctx context.Context, c callback.Callback, a callback.Attempt) error {
	return callbackFault(s.act(ctx, "begin an attempt", func(t *tx) error {
		if err := saveCallback(t, &c); err != nil {
			return err
		}
		_, err := t.exec(`INSERT INTO callback_attempts (`+attemptColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			a.ID, a.CallbackID, a.AgentID, a.StartedAt.UnixMilli(), msOf(a.EndedAt), a.Result, flag(a.Counted))
		return err
	}))
}

// EndAttempt stores a callback and the end of its attempt in one act.
// callback.ErrNotFound when either is not stored.
func (s *Store) EndAttempt(ctx context.Context, c callback.Callback, a callback.Attempt) error {
	return callbackFault(s.act(ctx, "end an attempt", func(t *tx) error {
		if err := saveCallback(t, &c); err != nil {
			return err
		}
		return t.one(`UPDATE callback_attempts SET user_id = $1, ended_at = $2, result = $3, counted = $4 WHERE id = $5`,
			a.AgentID, msOf(a.EndedAt), a.Result, flag(a.Counted), a.ID)
	}))
}

// Callback returns a callback; callback.ErrNotFound, which is ErrNotFound too.
func (s *Store) Callback(ctx context.Context, id string) (callback.Callback, error) {
	c, err := first(ctx, s.read, scanCallback, `SELECT `+callbackColumns+` FROM callbacks WHERE id = $1`, id)
	return c, callbackFault(failed("read a callback", err))
}

// OpenCallbacks returns the promises that stand, ordered by key and id.
func (s *Store) OpenCallbacks(ctx context.Context) ([]callback.Callback, error) {
	all, err := list(ctx, s.read, scanCallback, `SELECT `+callbackColumns+` FROM callbacks
		WHERE state NOT IN ('done', 'failed', 'expired', 'cancelled', 'superseded') ORDER BY key_ms, id`)
	return all, failed("read the open callbacks", err)
}

// CallbackHistory counts what was asked for and dialled for the person of c.
func (s *Store) CallbackHistory(ctx context.Context, c callback.Callback, since callback.Since) (callback.History, error) {
	var h callback.History
	err := s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM callbacks
		WHERE (target_kind = $1 AND target = $2 OR contact_id <> '' AND contact_id = $3) AND confirmed_at > $4
			AND kind NOT IN ('crash', 'dropped', 'abandoned')`,
		c.TargetKind, c.Target, c.ContactID, since.Requests.UnixMilli()).Scan(&h.Requests)
	if err == nil {
		err = s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM callback_attempts a JOIN callbacks c ON c.id = a.callback_id
			WHERE (c.target_kind = $1 AND c.target = $2 OR c.contact_id <> '' AND c.contact_id = $3) AND a.started_at > $4
				AND c.kind = 'abandoned'`,
			c.TargetKind, c.Target, c.ContactID, since.Unasked.UnixMilli()).Scan(&h.Unasked)
	}
	return h, failed("count the callbacks of a person", err)
}

// metaCallbackRules is the key of the rules of callbacks: JSON.
const metaCallbackRules = "site.callback_rules"

// CallbackRules returns the rules of callbacks that were stored, the zero value
// when there are none.
func (s *Store) CallbackRules(ctx context.Context) (callback.Rules, error) {
	var r callback.Rules
	doc, ok, err := s.Meta(ctx, metaCallbackRules)
	if err == nil && ok {
		err = failed("read the rules of callbacks", json.Unmarshal([]byte(doc), &r))
	}
	return r, err
}

// SetCallbackRules stores the rules of callbacks.
func (s *Store) SetCallbackRules(ctx context.Context, r callback.Rules) error {
	doc, err := json.Marshal(r)
	if err != nil {
		return failed("save the rules of callbacks", err)
	}
	return s.SetMeta(ctx, metaCallbackRules, string(doc))
}

const attemptColumns = `id, callback_id, user_id, started_at, ended_at, result, counted`

func scanAttempt(row scanner) (callback.Attempt, error) {
	var a callback.Attempt
	err := row.Scan(&a.ID, &a.CallbackID, &a.AgentID, moment{&a.StartedAt}, moment{&a.EndedAt}, &a.Result, switched{&a.Counted})
	return a, err
}

// OpenAttempts returns the attempts that have no end, oldest first.
func (s *Store) OpenAttempts(ctx context.Context) ([]callback.Attempt, error) {
	all, err := list(ctx, s.read, scanAttempt,
		`SELECT `+attemptColumns+` FROM callback_attempts WHERE ended_at IS NULL ORDER BY started_at, id`)
	return all, failed("read the open attempts", err)
}

// Attempts returns the attempts of a callback, oldest first.
func (s *Store) Attempts(ctx context.Context, callbackID string) ([]callback.Attempt, error) {
	all, err := list(ctx, s.read, scanAttempt,
		`SELECT `+attemptColumns+` FROM callback_attempts WHERE callback_id = $1 ORDER BY started_at, id`, callbackID)
	return all, failed("read the attempts of a callback", err)
}

// CallbackFilter chooses callbacks. Empty fields choose all.
type CallbackFilter struct {
	States []callback.State
	Queue  string
	CallID call.ID
	Target string
	Page
}

// Callbacks returns callbacks, newest confirmation first, and the cursor of the
// next page.
func (s *Store) Callbacks(ctx context.Context, c CallbackFilter) ([]callback.Callback, string, error) {
	var f filter
	in(&f, "state", c.States)
	f.equal("queue", c.Queue)
	f.equal("call_id", string(c.CallID))
	f.equal("target", c.Target)
	tail, err := f.page(c.Page, "confirmed_at")
	if err != nil {
		return nil, "", err
	}
	all, err := list(ctx, s.read, scanCallback, `SELECT `+callbackColumns+` FROM callbacks`+tail, f.args...)
	all, next := Cut(all, c.Page, func(c callback.Callback) (time.Time, string) { return c.ConfirmedAt, c.ID })
	return all, next, failed("read callbacks", err)
}
