-- +goose Up

-- == callbacks ==

-- proof: how it is known that the target is the person's. owner_id: the agent who promised it, until owner_until. code: what
-- the called enters in place of 1. promised_by: when it is late. connected_at: when they talked.
ALTER TABLE callbacks ADD COLUMN proof TEXT NOT NULL DEFAULT '' CHECK (proof IN ('','source','confirmed','keyed','account','staff','code'));
ALTER TABLE callbacks ADD COLUMN owner_id TEXT NOT NULL DEFAULT '';
ALTER TABLE callbacks ADD COLUMN owner_until BIGINT;
ALTER TABLE callbacks ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE callbacks ADD COLUMN cancel_sha256 TEXT NOT NULL DEFAULT '';
ALTER TABLE callbacks ADD COLUMN promised_by BIGINT;
ALTER TABLE callbacks ADD COLUMN connected_at BIGINT;
CREATE UNIQUE INDEX ux_cb_cancel ON callbacks(cancel_sha256) WHERE cancel_sha256 <> '';
CREATE INDEX ix_cb_contact ON callbacks(contact_id, confirmed_at) WHERE contact_id <> '';
-- What stands was promised by an hour after its turn.
UPDATE callbacks SET promised_by = COALESCE(window_to, not_before + 3600000);

-- +goose Down
DROP INDEX ix_cb_contact;
DROP INDEX ux_cb_cancel;
ALTER TABLE callbacks DROP COLUMN connected_at;
ALTER TABLE callbacks DROP COLUMN promised_by;
ALTER TABLE callbacks DROP COLUMN cancel_sha256;
ALTER TABLE callbacks DROP COLUMN code;
ALTER TABLE callbacks DROP COLUMN owner_until;
ALTER TABLE callbacks DROP COLUMN owner_id;
ALTER TABLE callbacks DROP COLUMN proof;
