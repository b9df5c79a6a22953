-- +goose Up
-- The desk: what is said in writing, what merges moved, drafts, mail. The rules of 00001 hold.

ALTER TABLE tickets ADD COLUMN last_pos BIGINT NOT NULL DEFAULT 0;
UPDATE tickets SET category = CASE category WHEN 'security' THEN 'account_security' WHEN 'verification' THEN 'identity_verification'
    WHEN 'payments' THEN 'withdrawal' ELSE 'other' END;
CREATE INDEX ix_ticket_updated ON tickets(updated_at, id);
CREATE INDEX ix_ticket_state ON tickets(state, created_at, id);
CREATE INDEX ix_ticket_state_updated ON tickets(state, updated_at, id);
CREATE INDEX ix_ticket_queue ON tickets(queue, created_at, id);
CREATE INDEX ix_ticket_category ON tickets(category, created_at);
CREATE INDEX ix_ticket_solved ON tickets(solved_at) WHERE state = 'solved';
CREATE INDEX ix_ticket_merged ON tickets(merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX ix_link_to ON ticket_links(to_id);
CREATE INDEX ix_tag_ticket ON ticket_tags(tag_id, ticket_id);

-- interactions: reply times are of the desk's clock. waiting_since: the oldest message of the customer without an answer.
ALTER TABLE interactions ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE interactions ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE interactions ADD COLUMN mailbox_id TEXT NOT NULL DEFAULT '';
ALTER TABLE interactions ADD COLUMN waiting_since BIGINT;
ALTER TABLE interactions ADD COLUMN first_reply_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE interactions ADD COLUMN replies BIGINT NOT NULL DEFAULT 0;
ALTER TABLE interactions ADD COLUMN reply_sum_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE interactions ADD COLUMN reply_max_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE interactions ADD COLUMN last_seq BIGINT NOT NULL DEFAULT 0;
CREATE INDEX ix_inter_started ON interactions(started_at, id);
CREATE INDEX ix_inter_queued ON interactions(channel, queued_at);
CREATE INDEX ix_inter_handled ON interactions(handled_by, started_at);
CREATE INDEX ix_inter_waiting ON interactions(ticket_id) WHERE waiting_since IS NOT NULL;

-- messages: pos is the place among all messages of the site, seq that in the interaction. client_scope is where a client id is
-- unique: the interaction, or 'ticket:' and the ticket of a note without one.
CREATE TABLE messages (
  id TEXT PRIMARY KEY,
  pos BIGINT NOT NULL UNIQUE,
  seq BIGINT NOT NULL DEFAULT 0,
  interaction_id TEXT NOT NULL DEFAULT '',
  ticket_id TEXT NOT NULL REFERENCES tickets(id),
  kind TEXT NOT NULL CHECK (kind IN ('customer','agent','bot','note','system')),
  author_id TEXT NOT NULL DEFAULT '',
  body_text TEXT NOT NULL DEFAULT '',
  body_quoted TEXT NOT NULL DEFAULT '',
  body_html TEXT NOT NULL DEFAULT '',
  client_id TEXT NOT NULL DEFAULT '',
  client_scope TEXT NOT NULL DEFAULT '',
  mail_message_id TEXT NOT NULL DEFAULT '',
  automatic SMALLINT NOT NULL DEFAULT 0 CHECK (automatic IN (0,1)),
  status TEXT NOT NULL DEFAULT 'stored',
  created_at BIGINT NOT NULL,
  edited_at BIGINT
);
CREATE UNIQUE INDEX ux_msg_seq ON messages(interaction_id, seq) WHERE interaction_id <> '';
CREATE UNIQUE INDEX ux_msg_client ON messages(client_scope, client_id) WHERE client_id <> '';
CREATE INDEX ix_msg_mail ON messages(mail_message_id) WHERE mail_message_id <> '';
CREATE INDEX ix_msg_ticket ON messages(ticket_id, pos);

-- attachments: message_id is '' until a message carries the file.
CREATE TABLE attachments (
  id TEXT PRIMARY KEY,
  message_id TEXT NOT NULL DEFAULT '',
  place INTEGER NOT NULL DEFAULT 0,
  name TEXT NOT NULL,
  mime TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  content_id TEXT NOT NULL DEFAULT '',
  owner_id TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL
);
CREATE INDEX ix_attachment_message ON attachments(message_id, place);
CREATE INDEX ix_attachment_file ON attachments(sha256);

CREATE TABLE drafts (
  ticket_id TEXT NOT NULL REFERENCES tickets(id),
  user_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('agent','note')),
  body TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (ticket_id, user_id, kind)
);

CREATE TABLE mail_seen (
  mailbox_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  body_sha256 TEXT NOT NULL,
  verdict TEXT NOT NULL,
  stored_id TEXT NOT NULL DEFAULT '',
  raw_sha256 TEXT NOT NULL DEFAULT '',
  delivered_to TEXT NOT NULL DEFAULT '',
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (mailbox_id, message_id, body_sha256)
);
CREATE INDEX ix_seen_message ON mail_seen(message_id);

CREATE TABLE mail_outbox (
  id TEXT PRIMARY KEY,
  message_id TEXT NOT NULL UNIQUE REFERENCES messages(id),
  mail_message_id TEXT NOT NULL UNIQUE,
  mailbox_id TEXT NOT NULL,
  ticket_id TEXT NOT NULL,
  to_addr TEXT NOT NULL,
  subject TEXT NOT NULL,
  in_reply_to TEXT NOT NULL DEFAULT '',
  refs TEXT NOT NULL DEFAULT '[]',
  automatic SMALLINT NOT NULL DEFAULT 0 CHECK (automatic IN (0,1)),
  state TEXT NOT NULL CHECK (state IN ('queued','sending','sent','failed','bounced')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at BIGINT NOT NULL,
  last_error TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL
);
CREATE INDEX ix_outbox_due ON mail_outbox(next_at) WHERE state IN ('queued','sending');

-- merges: what merges of tickets and contacts moved, to be undone.
CREATE TABLE merges (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('ticket','contact')),
  winner_id TEXT NOT NULL,
  loser_id TEXT NOT NULL,
  by_id TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL,
  at BIGINT NOT NULL,
  undone_at BIGINT,
  detail TEXT NOT NULL
);
CREATE INDEX ix_merge_loser ON merges(kind, loser_id, at);
CREATE INDEX ix_merge_winner ON merges(winner_id, at);

-- search_docs: what can be found. owners: the agents whose it is, to whom a search of theirs is confined.
CREATE TABLE search_docs (
  id BIGINT PRIMARY KEY,
  kind TEXT NOT NULL,
  object_id TEXT NOT NULL,
  ticket_id TEXT NOT NULL DEFAULT '',
  locale TEXT NOT NULL DEFAULT '',
  owners TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX ux_search_object ON search_docs(kind, object_id, locale);
CREATE INDEX ix_search_ticket ON search_docs(ticket_id);

INSERT INTO counters (name, value) VALUES ('message', 0);
INSERT INTO counters (name, value) VALUES ('search', 0);

-- +goose Down
DELETE FROM counters WHERE name IN ('message', 'search');
DROP TABLE search_docs;
DROP TABLE merges;
DROP TABLE mail_outbox;
DROP TABLE mail_seen;
DROP TABLE drafts;
DROP TABLE attachments;
DROP TABLE messages;
DROP INDEX ix_inter_waiting;
DROP INDEX ix_inter_handled;
DROP INDEX ix_inter_queued;
DROP INDEX ix_inter_started;
ALTER TABLE interactions DROP COLUMN last_seq;
ALTER TABLE interactions DROP COLUMN reply_max_ms;
ALTER TABLE interactions DROP COLUMN reply_sum_ms;
ALTER TABLE interactions DROP COLUMN replies;
ALTER TABLE interactions DROP COLUMN first_reply_ms;
ALTER TABLE interactions DROP COLUMN waiting_since;
ALTER TABLE interactions DROP COLUMN mailbox_id;
ALTER TABLE interactions DROP COLUMN language;
ALTER TABLE interactions DROP COLUMN subject;
DROP INDEX ix_tag_ticket;
DROP INDEX ix_link_to;
DROP INDEX ix_ticket_merged;
DROP INDEX ix_ticket_solved;
DROP INDEX ix_ticket_category;
DROP INDEX ix_ticket_queue;
DROP INDEX ix_ticket_state_updated;
DROP INDEX ix_ticket_state;
DROP INDEX ix_ticket_updated;
ALTER TABLE tickets DROP COLUMN last_pos;
