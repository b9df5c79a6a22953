-- +goose Up
-- What reports count: the same text for SQLite and PostgreSQL.

-- counted: 0 for an entry that is in no figure: it has waited before (a repair, a way back), or consults
ALTER TABLE work_items ADD COLUMN counted SMALLINT NOT NULL DEFAULT 1 CHECK (counted IN (0,1));
CREATE INDEX ix_wi_entered ON work_items(entered_at, id);

ALTER TABLE reservations ADD COLUMN queue TEXT NOT NULL DEFAULT '';
ALTER TABLE reservations ADD COLUMN channel TEXT NOT NULL DEFAULT '';
UPDATE reservations SET queue = COALESCE((SELECT w.queue FROM work_items w WHERE w.id = reservations.item_id), ''),
  channel = COALESCE((SELECT w.channel FROM work_items w WHERE w.id = reservations.item_id), '');
CREATE INDEX ix_res_offered ON reservations(offered_at, id);

-- handling_id: the call that the agent's state belongs to; '' where there is none
ALTER TABLE user_states ADD COLUMN handling_id TEXT NOT NULL DEFAULT '';
CREATE INDEX ix_state_started ON user_states(started_at);

-- handlings: what an agent did with one call, from the moment he had it to the end of his wrap-up; by his states
CREATE TABLE handlings (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  item_id TEXT NOT NULL DEFAULT '',
  call_id TEXT NOT NULL DEFAULT '',
  queue TEXT NOT NULL DEFAULT '',
  channel TEXT NOT NULL DEFAULT '',
  started_at BIGINT NOT NULL,
  released_at BIGINT,
  ended_at BIGINT,
  dial_ms BIGINT NOT NULL DEFAULT 0,
  talk_ms BIGINT NOT NULL DEFAULT 0,
  consult_ms BIGINT NOT NULL DEFAULT 0,
  hold_ms BIGINT NOT NULL DEFAULT 0,
  wrap_ms BIGINT NOT NULL DEFAULT 0,
  holds INTEGER NOT NULL DEFAULT 0,
  longest_hold_ms BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX ix_handling_released ON handlings(released_at, id);

-- call_facts: what the timeline of a call says of it, written with its end
CREATE TABLE call_facts (
  call_id TEXT PRIMARY KEY,
  queue TEXT NOT NULL DEFAULT '',
  user_id TEXT NOT NULL DEFAULT '',
  direction TEXT NOT NULL,
  ended_at BIGINT NOT NULL,
  bridged SMALLINT NOT NULL CHECK (bridged IN (0,1)),
  end_reason TEXT NOT NULL,
  ended_by TEXT NOT NULL,
  abnormal SMALLINT NOT NULL CHECK (abnormal IN (0,1)),
  holds INTEGER NOT NULL DEFAULT 0,
  hold_ms BIGINT NOT NULL DEFAULT 0,
  longest_hold_ms BIGINT NOT NULL DEFAULT 0,
  blind INTEGER NOT NULL DEFAULT 0,
  attended INTEGER NOT NULL DEFAULT 0,
  external INTEGER NOT NULL DEFAULT 0,
  consults INTEGER NOT NULL DEFAULT 0,
  conferences INTEGER NOT NULL DEFAULT 0,
  promised_at BIGINT,
  promise_low_ms BIGINT NOT NULL DEFAULT 0,
  promise_high_ms BIGINT NOT NULL DEFAULT 0,
  actual_wait_ms BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX ix_facts_ended ON call_facts(ended_at, call_id);

CREATE INDEX ix_journal_at ON journal(at);

-- +goose Down
DROP INDEX ix_journal_at;
DROP TABLE call_facts;
DROP TABLE handlings;
DROP INDEX ix_state_started;
ALTER TABLE user_states DROP COLUMN handling_id;
DROP INDEX ix_res_offered;
ALTER TABLE reservations DROP COLUMN channel;
ALTER TABLE reservations DROP COLUMN queue;
DROP INDEX ix_wi_entered;
ALTER TABLE work_items DROP COLUMN counted;
