-- +goose Up
-- A past day is read by when agents changed and when items were set aside.
CREATE INDEX ix_journal_past ON journal(at) WHERE kind IN ('agent_state', 'park', 'resume');
