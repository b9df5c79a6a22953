package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"pickup/queue"
)

// Meta returns a setting that is fixed with the data, such as the digest realm
// or the flag of a demonstration. ok is false when it was never set.
func (s *Store) Meta(ctx context.Context, key string) (value string, ok bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = $1`, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return value, err == nil, failed("read a setting of the site", err)
}

// SetMeta stores such a setting.
func (s *Store) SetMeta(ctx context.Context, key, value string) error {
	return s.act(ctx, "save a setting of the site", func(t *tx) error {
		_, err := t.exec(`INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
			key, value)
		return err
	})
}

const queueColumns = `id, name, title, enabled, target_ms, target_percent, max_wait_ms, max_length, wrap_up_ms, calendar_id, strategy,
	caller_id, require, language_level, relax_level_ms, relax_optional_ms, relax_language_ms, ring_most, ring_step_ms, overflow`

func scanQueue(row scanner) (queue.QueueConfig, error) {
	var q queue.QueueConfig
	err := row.Scan(&q.ID, &q.Name, document{&q.Title}, switched{&q.Enabled}, span{&q.Target, time.Millisecond}, &q.TargetPercent,
		span{&q.MaxWait, time.Millisecond}, &q.MaxLength, span{&q.WrapUp, time.Millisecond}, maybe{&q.HoursID}, &q.Strategy,
		&q.CallerID, requirement{&q.Require}, &q.LanguageLevel, span{&q.Relax.Level, time.Millisecond}, span{&q.Relax.Optional, time.Millisecond},
		span{&q.Relax.Language, time.Millisecond}, &q.RingMost, span{&q.RingStep, time.Millisecond}, document{&q.Overflow})
	return q, err
}

// UpsertQueue inserts a queue or replaces the one of the same ID. Members
// replaces its members; nil leaves them. The name is stored in lower case;
// ErrConflict when another queue has it.
func (s *Store) UpsertQueue(ctx context.Context, q queue.QueueConfig) error {
	title := q.Title
	if title == nil {
		title = map[string]string{}
	}
	names, err := text(title)
	if err != nil {
		return failed("save a queue", err)
	}
	overflow, err := text(q.Overflow)
	if err != nil {
		return failed("save a queue", err)
	}
	return s.act(ctx, "save a queue", func(t *tx) error {
		_, err := t.exec(`INSERT INTO queues (`+queueColumns+`, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, title = excluded.title, enabled = excluded.enabled,
				target_ms = excluded.target_ms, target_percent = excluded.target_percent, max_wait_ms = excluded.max_wait_ms,
				max_length = excluded.max_length, wrap_up_ms = excluded.wrap_up_ms, calendar_id = excluded.calendar_id,
				strategy = excluded.strategy, caller_id = excluded.caller_id, require = excluded.require,
				language_level = excluded.language_level, relax_level_ms = excluded.relax_level_ms,
				relax_optional_ms = excluded.relax_optional_ms, relax_language_ms = excluded.relax_language_ms,
				ring_most = excluded.ring_most, ring_step_ms = excluded.ring_step_ms, overflow = excluded.overflow,
				version = queues.version + 1`,
			q.ID, strings.ToLower(q.Name), names, flag(q.Enabled), q.Target.Milliseconds(), q.TargetPercent,
			q.MaxWait.Milliseconds(), q.MaxLength, q.WrapUp.Milliseconds(), orNull(q.HoursID), string(q.Strategy), q.CallerID,
			q.Require.String(), q.LanguageLevel, q.Relax.Level.Milliseconds(), q.Relax.Optional.Milliseconds(),
			q.Relax.Language.Milliseconds(), q.RingMost, q.RingStep.Milliseconds(), overflow, time.Now().UnixMilli())
		if err != nil || q.Members == nil {
			return err
		}
		return setMembers(t, q.ID, q.Members)
	})
}

// SetMembers replaces the agents of a queue.
func (s *Store) SetMembers(ctx context.Context, queueID string, members []queue.Member) error {
	return s.act(ctx, "save the members of a queue", func(t *tx) error {
		return setMembers(t, queueID, members)
	})
}

func setMembers(t *tx, queueID string, members []queue.Member) error {
	if _, err := t.exec(`DELETE FROM queue_members WHERE queue_id = $1`, queueID); err != nil {
		return err
	}
	for _, m := range members {
		_, err := t.exec(`INSERT INTO queue_members (queue_id, user_id, rank, delay_ms) VALUES ($1, $2, $3, $4)`,
			queueID, m.Agent, m.Rank, m.Delay.Milliseconds())
		if err != nil {
			return err
		}
	}
	return nil
}

// Queues returns every queue with its members, ordered by name; members by
// rank and id. Its hours are named by HoursID; Hours is left nil.
func (s *Store) Queues(ctx context.Context) ([]queue.QueueConfig, error) {
	all, err := list(ctx, s.read, scanQueue, `SELECT `+queueColumns+` FROM queues ORDER BY name`)
	if err != nil {
		return nil, failed("read the queues", err)
	}
	type membership struct {
		queue  string
		member queue.Member
	}
	rows, err := list(ctx, s.read, func(row scanner) (m membership, err error) {
		err = row.Scan(&m.queue, &m.member.Agent, &m.member.Rank, span{&m.member.Delay, time.Millisecond})
		return m, err
	}, `SELECT queue_id, user_id, rank, delay_ms FROM queue_members ORDER BY rank, user_id`)
	if err != nil {
		return nil, failed("read the members of the queues", err)
	}
	byID := make(map[string]*queue.QueueConfig, len(all))
	for i := range all {
		byID[all[i].ID] = &all[i]
	}
	for _, m := range rows {
		if q := byID[m.queue]; q != nil {
			q.Members = append(q.Members, m.member)
		}
	}
	return all, nil
}

// DeleteQueue removes a queue and its memberships; what waited in it once keeps
// its name. ErrNotFound.
func (s *Store) DeleteQueue(ctx context.Context, id string) error {
	return s.act(ctx, "delete a queue", func(t *tx) error {
		if _, err := t.exec(`DELETE FROM queue_members WHERE queue_id = $1`, id); err != nil {
			return err
		}
		return t.one(`DELETE FROM queues WHERE id = $1`, id)
	})
}
