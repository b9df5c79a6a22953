-- +goose Up
-- Conversations of visitors with agents. The rules of 00001 hold.

-- chats: what is kept of a conversation beside its interaction, whose id it has. Its messages are in messages, what else happens in
-- it in chat_events; both take their numbers from interactions.last_seq.
CREATE TABLE chats (
  id TEXT PRIMARY KEY,
  open_key TEXT NOT NULL UNIQUE,
  visitor_id TEXT NOT NULL,
  name TEXT NOT NULL DEFAULT '',
  email TEXT NOT NULL DEFAULT '',
  player_id TEXT NOT NULL DEFAULT '',
  tier TEXT NOT NULL DEFAULT '',
  page TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state IN ('waiting','open','idle','ended')),
  agent_id TEXT NOT NULL DEFAULT '',
  preferred_id TEXT NOT NULL DEFAULT '',
  visitor_read BIGINT NOT NULL DEFAULT 0,
  agent_read BIGINT NOT NULL DEFAULT 0,
  mailed_seq BIGINT NOT NULL DEFAULT 0,
  mailed_at BIGINT,
  transcripts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX ix_chat_open ON chats(id) WHERE state <> 'ended';

CREATE TABLE chat_events (
  interaction_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('state','assignment','read','call')),
  detail TEXT NOT NULL DEFAULT '{}',
  PRIMARY KEY (interaction_id, seq)
);

CREATE INDEX ix_ticket_untaken ON tickets(created_at) WHERE assignee_id = '' AND state IN ('new','open');
CREATE INDEX ix_callback_ticket ON callbacks(ticket_id) WHERE ticket_id <> '';

-- +goose Down
DROP INDEX ix_callback_ticket;
DROP INDEX ix_ticket_untaken;
DROP TABLE chat_events;
DROP TABLE chats;
