package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"pickup/account"
	"pickup/recording"
)

// ErrChain is a log whose rows were changed, taken out or put in.
var ErrChain = errors.New("store: the chain of the log is broken")

// Audit is one act of a person or a program that changed something.
type Audit struct {
	At         time.Time
	Actor      account.ID // "" for the system
	Action     string     // "user.update", "queue.delete", ...
	ObjectKind string
	ObjectID   string
	Detail     map[string]string
	IP         string
}

// ChainHash is the hash of a row of a log: SHA-256, in hex, over the hash before
// it and the row's fields, each with its length.
func ChainHash(prev string, fields ...string) string {
	h := sha256.New()
	for _, f := range append([]string{prev}, fields...) {
		h.Write([]byte(strconv.Itoa(len(f)) + ":" + f))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// LogAccess appends to the access log.
func (s *Store) LogAccess(ctx context.Context, a recording.Access) error {
	return s.act(ctx, "log an access", func(t *tx) error {
		seq, err := t.next("access")
		if err != nil {
			return err
		}
		var prev string
		err = t.row(`SELECT hash FROM access_log WHERE seq = $1`, []any{seq - 1}, &prev)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		_, err = t.exec(`INSERT INTO access_log (seq, at, user_id, action, object_id, ip, from_ms, to_ms, prev_hash, hash)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			seq, a.At.UnixMilli(), a.UserID, a.Action, a.ObjectID, a.IP, a.FromMS, a.ToMS, prev, accessHash(prev, seq, a))
		return err
	})
}

func accessHash(prev string, seq int64, a recording.Access) string {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return ChainHash(prev, number(seq), number(a.At.UnixMilli()), string(a.UserID), a.Action, a.ObjectID, a.IP,
		number(a.FromMS), number(a.ToMS))
}

// AccessLog returns who listened to a recording, oldest first; everything when
// objectID is "".
func (s *Store) AccessLog(ctx context.Context, objectID string) ([]recording.Access, error) {
	var f filter
	f.equal("object_id", objectID)
	all, err := list(ctx, s.read, func(row scanner) (a recording.Access, err error) {
		err = row.Scan(moment{&a.At}, &a.UserID, &a.Action, &a.ObjectID, &a.IP, &a.FromMS, &a.ToMS)
		return a, err
	}, `SELECT at, user_id, action, object_id, ip, from_ms, to_ms FROM access_log`+f.where()+` ORDER BY seq`, f.args...)
	return all, failed("read the access log", err)
}

// VerifyAccessLog recomputes the chain of the access log; ErrChain names the
// first row that does not fit.
func (s *Store) VerifyAccessLog(ctx context.Context) error {
	type link struct {
		seq        int64
		prev, hash string
		row        recording.Access
	}
	var written int // read first: rows that come later are more, never less
	if err := s.read.QueryRowContext(ctx, `SELECT value FROM counters WHERE name = 'access'`).Scan(&written); err != nil {
		return failed("read the counter of the access log", err)
	}
	all, err := list(ctx, s.read, func(row scanner) (l link, err error) {
		a := &l.row
		err = row.Scan(&l.seq, moment{&a.At}, &a.UserID, &a.Action, &a.ObjectID, &a.IP, &a.FromMS, &a.ToMS, &l.prev, &l.hash)
		return l, err
	}, `SELECT seq, at, user_id, action, object_id, ip, from_ms, to_ms, prev_hash, hash FROM access_log ORDER BY seq`)
	if err != nil {
		return failed("read the access log", err)
	}
	prev := ""
	for i, l := range all {
		if l.seq != int64(i)+1 || l.prev != prev || l.hash != accessHash(prev, l.seq, l.row) {
			return fmt.Errorf("%w: access log, row %d", ErrChain, i+1)
		}
		prev = l.hash
	}
	if len(all) < written {
		return fmt.Errorf("%w: access log, %d of %d rows", ErrChain, len(all), written)
	}
	return nil
}

// LogAudit appends to the audit log.
func (s *Store) LogAudit(ctx context.Context, a Audit) error {
	detail, err := detailText(a.Detail)
	if err != nil {
		return failed("log an act", err)
	}
	return s.act(ctx, "log an act", func(t *tx) error {
		seq, err := t.next("audit")
		if err != nil {
			return err
		}
		var prev string
		err = t.row(`SELECT hash FROM audit_log WHERE seq = $1`, []any{seq - 1}, &prev)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		hash := ChainHash(prev, strconv.FormatInt(seq, 10), strconv.FormatInt(a.At.UnixMilli(), 10), string(a.Actor), a.Action,
			a.ObjectKind, a.ObjectID, detail, a.IP)
		_, err = t.exec(`INSERT INTO audit_log (seq, at, actor_id, action, object_kind, object_id, detail, ip, prev_hash, hash)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			seq, a.At.UnixMilli(), a.Actor, a.Action, a.ObjectKind, a.ObjectID, detail, a.IP, prev, hash)
		return err
	})
}

// Audits returns the acts on an object, oldest first; everything when objectID is "".
func (s *Store) Audits(ctx context.Context, objectID string) ([]Audit, error) {
	var f filter
	f.equal("object_id", objectID)
	all, err := list(ctx, s.read, func(row scanner) (a Audit, err error) {
		err = row.Scan(moment{&a.At}, &a.Actor, &a.Action, &a.ObjectKind, &a.ObjectID, document{&a.Detail}, &a.IP)
		if len(a.Detail) == 0 {
			a.Detail = nil
		}
		return a, err
	}, `SELECT at, actor_id, action, object_kind, object_id, detail, ip FROM audit_log`+f.where()+` ORDER BY seq`, f.args...)
	return all, failed("read the audit log", err)
}
