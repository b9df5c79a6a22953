-- +goose Up
-- handovers: the last transfer of a piece of written work: what it asks for holds until its item ends.
CREATE TABLE handovers (
  item_id TEXT PRIMARY KEY,
  ticket_id TEXT NOT NULL,
  from_queue TEXT NOT NULL,
  queue TEXT NOT NULL,
  agent_id TEXT NOT NULL DEFAULT '',
  skill TEXT NOT NULL DEFAULT '',
  level SMALLINT NOT NULL DEFAULT 0 CHECK (level BETWEEN 0 AND 5),
  reason TEXT NOT NULL,
  by_login TEXT NOT NULL,
  at BIGINT NOT NULL
);

-- user_limits: what an agent takes of a channel at a time; a channel without a row has the default.
CREATE TABLE user_limits (
  user_id TEXT NOT NULL REFERENCES users(id),
  channel TEXT NOT NULL CHECK (channel IN ('chat','email','social','web_form','ticket')),
  max_active SMALLINT NOT NULL CHECK (max_active >= 0),
  max_parked SMALLINT NOT NULL CHECK (max_parked >= 0),
  weight SMALLINT NOT NULL CHECK (weight BETWEEN 1 AND 100),
  PRIMARY KEY (user_id, channel)
);

-- +goose Down
DROP TABLE user_limits;
DROP TABLE handovers;
