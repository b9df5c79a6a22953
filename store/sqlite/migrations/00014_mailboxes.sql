-- +goose Up
-- Mailboxes of support, and the mail that was fetched from them until it is filed.

-- servers: JSON with host, port, security, user and password of IMAP and SMTP.
CREATE TABLE mailboxes (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL DEFAULT '',
  address TEXT NOT NULL UNIQUE,
  aliases TEXT NOT NULL DEFAULT '[]',
  queue TEXT NOT NULL,
  language TEXT NOT NULL DEFAULT 'fr' CHECK (language IN ('fr','en')),
  enabled SMALLINT NOT NULL DEFAULT 1 CHECK (enabled IN (0,1)),
  folder TEXT NOT NULL DEFAULT '',
  servers TEXT NOT NULL DEFAULT '{}',
  authserv_id TEXT NOT NULL DEFAULT '',
  signatures TEXT NOT NULL DEFAULT '{}',
  acknowledge SMALLINT NOT NULL DEFAULT 0 CHECK (acknowledge IN (0,1)),
  version BIGINT NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL
);

CREATE TABLE mail_positions (
  mailbox_id TEXT PRIMARY KEY,
  uid_validity BIGINT NOT NULL,
  last_uid BIGINT NOT NULL
);

-- mail_raw: a row is there before the mail is parsed. Its bytes are in the file store.
CREATE TABLE mail_raw (
  id TEXT PRIMARY KEY,
  mailbox_id TEXT NOT NULL,
  uid_validity BIGINT NOT NULL,
  uid BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  size BIGINT NOT NULL,
  filed SMALLINT NOT NULL DEFAULT 0 CHECK (filed IN (0,1)),
  attempts INTEGER NOT NULL DEFAULT 0,
  last_error TEXT NOT NULL DEFAULT '',
  arrived_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX ux_raw_uid ON mail_raw(mailbox_id, uid_validity, uid);
CREATE INDEX ix_raw_unfiled ON mail_raw(attempts, arrived_at) WHERE filed = 0;

-- +goose Down
DROP TABLE mail_raw;
DROP TABLE mail_positions;
DROP TABLE mailboxes;
