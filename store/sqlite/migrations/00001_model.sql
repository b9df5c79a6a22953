-- +goose Up
-- The data model: the same text for SQLite and PostgreSQL.
-- Ids are TEXT (UUIDv7, made in Go), times BIGINT unix milliseconds UTC, booleans SMALLINT 0/1, JSON is TEXT that no query
-- looks into. Rows that different goroutines write while calls run have no foreign key: their order of arrival is free.

-- == identity ==

CREATE TABLE contacts (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL DEFAULT '',
  language TEXT NOT NULL DEFAULT 'fr',
  tier SMALLINT NOT NULL DEFAULT 0,
  blocked SMALLINT NOT NULL DEFAULT 0 CHECK (blocked IN (0,1)),
  merged_into TEXT REFERENCES contacts(id),
  erased_at BIGINT,
  attrs TEXT NOT NULL DEFAULT '{}',
  version BIGINT NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX ix_contact_created ON contacts(created_at, id);

CREATE TABLE contact_identities (
  id TEXT PRIMARY KEY,
  contact_id TEXT NOT NULL REFERENCES contacts(id),
  kind TEXT NOT NULL CHECK (kind IN ('phone','email','player','sip','visitor','social')),
  value_norm TEXT NOT NULL,
  value_raw TEXT NOT NULL,
  verified_at BIGINT,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX ux_identity_verified ON contact_identities(kind, value_norm) WHERE verified_at IS NOT NULL;
CREATE UNIQUE INDEX ux_identity_once ON contact_identities(contact_id, kind, value_norm);
CREATE INDEX ix_identity_lookup ON contact_identities(kind, value_norm);

-- == people ==

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('agent','supervisor','reviewer','admin')),
  language TEXT NOT NULL DEFAULT 'fr',
  active SMALLINT NOT NULL DEFAULT 1 CHECK (active IN (0,1)),
  demo SMALLINT NOT NULL DEFAULT 0 CHECK (demo IN (0,1)),
  password_hash TEXT NOT NULL DEFAULT '',
  ha1_md5 TEXT NOT NULL DEFAULT '',
  ha1_sha256 TEXT NOT NULL DEFAULT '',
  version BIGINT NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL
);

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  token_sha256 TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES users(id),
  ip TEXT NOT NULL DEFAULT '',
  user_agent TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX ix_session_expiry ON sessions(expires_at);

CREATE TABLE api_tokens (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users(id),
  name TEXT NOT NULL,
  token_sha256 TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT
);

-- binding_key: '<instance>;<reg-id>' where the phone sends them (RFC 5626), else the contact URI
CREATE TABLE bindings (
  aor TEXT NOT NULL,
  binding_key TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users(id),
  contact_uri TEXT NOT NULL,
  path TEXT NOT NULL DEFAULT '',
  received TEXT NOT NULL DEFAULT '',
  transport TEXT NOT NULL CHECK (transport IN ('udp','tcp','tls','ws','wss')),
  sip_call_id TEXT NOT NULL,
  cseq BIGINT NOT NULL,
  user_agent TEXT NOT NULL DEFAULT '',
  registered_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (aor, binding_key)
);
CREATE INDEX ix_binding_user ON bindings(user_id, expires_at);

CREATE TABLE user_skills (
  user_id TEXT NOT NULL REFERENCES users(id),
  skill TEXT NOT NULL,
  level SMALLINT NOT NULL CHECK (level BETWEEN 1 AND 5),
  PRIMARY KEY (user_id, skill)
);

CREATE TABLE user_states (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('offline','not_ready','ready','reserved','connecting','talking','holding','consulting','conference',
      'dialing','wrap_up','unreachable')),
  reason TEXT NOT NULL DEFAULT '',
  started_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE UNIQUE INDEX ux_state_now ON user_states(user_id) WHERE ended_at IS NULL;
CREATE INDEX ix_state_user ON user_states(user_id, started_at);

-- == queues and trunks ==

CREATE TABLE queues (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL DEFAULT '{}',
  enabled SMALLINT NOT NULL DEFAULT 1 CHECK (enabled IN (0,1)),
  target_ms BIGINT NOT NULL DEFAULT 30000,
  target_percent SMALLINT NOT NULL DEFAULT 80 CHECK (target_percent BETWEEN 0 AND 100),
  max_wait_ms BIGINT NOT NULL DEFAULT 0,
  max_length INTEGER NOT NULL DEFAULT 0,
  wrap_up_ms BIGINT NOT NULL DEFAULT 0,
  calendar_id TEXT,
  version BIGINT NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL
);

CREATE TABLE queue_members (
  queue_id TEXT NOT NULL REFERENCES queues(id),
  user_id TEXT NOT NULL REFERENCES users(id),
  rank INTEGER NOT NULL DEFAULT 100,
  PRIMARY KEY (queue_id, user_id)
);

CREATE TABLE trunks (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  host TEXT NOT NULL,
  port INTEGER NOT NULL DEFAULT 5060 CHECK (port BETWEEN 0 AND 65535),
  transport TEXT NOT NULL DEFAULT 'udp' CHECK (transport IN ('udp','tcp','tls')),
  username TEXT NOT NULL DEFAULT '',
  password TEXT NOT NULL DEFAULT '',
  prefixes TEXT NOT NULL DEFAULT '[]',
  networks TEXT NOT NULL DEFAULT '[]',
  version BIGINT NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL
);

-- == cases ==

CREATE TABLE tickets (
  id TEXT PRIMARY KEY,
  number BIGINT NOT NULL UNIQUE,
  contact_id TEXT NOT NULL REFERENCES contacts(id),
  subject TEXT NOT NULL,
  type TEXT NOT NULL,
  category TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state IN ('new','open','pending_customer','on_hold','solved','closed','merged')),
  priority SMALLINT NOT NULL DEFAULT 1 CHECK (priority BETWEEN 0 AND 3),
  queue TEXT NOT NULL DEFAULT '',
  assignee_id TEXT NOT NULL DEFAULT '',
  merged_into TEXT REFERENCES tickets(id),
  language TEXT NOT NULL DEFAULT 'fr',
  channel TEXT NOT NULL,
  snooze_until BIGINT,
  solved_at BIGINT,
  closed_at BIGINT,
  reopen_count INTEGER NOT NULL DEFAULT 0,
  version BIGINT NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX ix_ticket_created ON tickets(created_at, id);
CREATE INDEX ix_ticket_contact ON tickets(contact_id, created_at);
CREATE INDEX ix_ticket_assignee ON tickets(assignee_id, created_at);

CREATE TABLE ticket_links (
  from_id TEXT NOT NULL REFERENCES tickets(id),
  to_id TEXT NOT NULL REFERENCES tickets(id),
  kind TEXT NOT NULL CHECK (kind IN ('duplicate','parent','related','follow_up')),
  created_at BIGINT NOT NULL,
  PRIMARY KEY (from_id, to_id, kind)
);

CREATE TABLE ticket_events (
  ticket_id TEXT NOT NULL REFERENCES tickets(id),
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL DEFAULT '{}',
  PRIMARY KEY (ticket_id, seq)
);

CREATE TABLE tags (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE ticket_tags (
  ticket_id TEXT NOT NULL REFERENCES tickets(id),
  tag_id TEXT NOT NULL REFERENCES tags(id),
  PRIMARY KEY (ticket_id, tag_id)
);

-- == contact attempts ==

CREATE TABLE interactions (
  id TEXT PRIMARY KEY,
  channel TEXT NOT NULL CHECK (channel IN ('call','callback','chat','email','social','web_form')),
  direction TEXT NOT NULL CHECK (direction IN ('in','out')),
  contact_id TEXT NOT NULL DEFAULT '',
  ticket_id TEXT NOT NULL DEFAULT '',
  queue TEXT NOT NULL DEFAULT '',
  from_addr TEXT NOT NULL DEFAULT '',
  to_addr TEXT NOT NULL DEFAULT '',
  started_at BIGINT NOT NULL,
  queued_at BIGINT,
  answered_at BIGINT,
  ended_at BIGINT,
  end_reason TEXT NOT NULL DEFAULT '',
  handled_by TEXT NOT NULL DEFAULT '',
  version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX ix_inter_contact ON interactions(contact_id, started_at);
CREATE INDEX ix_inter_ticket ON interactions(ticket_id, started_at);

-- == calls ==

-- calls: the call record. state is live until the call was closed with its ticket; phase is where it stands.
CREATE TABLE calls (
  id TEXT PRIMARY KEY,
  direction TEXT NOT NULL CHECK (direction IN ('in','out')),
  state TEXT NOT NULL CHECK (state IN ('live','ended')),
  phase TEXT NOT NULL,
  sip_call_id TEXT NOT NULL DEFAULT '',
  from_addr TEXT NOT NULL,
  from_party TEXT NOT NULL,
  to_addr TEXT NOT NULL,
  to_party TEXT NOT NULL,
  language TEXT NOT NULL DEFAULT 'fr',
  queue TEXT NOT NULL DEFAULT '',
  end_reason TEXT NOT NULL DEFAULT '' CHECK (end_reason IN ('','answered','abandoned','short_abandoned','abandoned_ringing','abandoned_on_hold',
      'overflow_time','overflow_full','overflow_no_agent','closed','exit_key','voicemail','callback_requested','callback_done',
      'callback_failed','callback_expired','callback_cancelled','withdrawn_by_supervisor','rejected_blocked','failed_system')),
  agent_id TEXT NOT NULL DEFAULT '',
  contact_id TEXT NOT NULL DEFAULT '',
  ticket_id TEXT NOT NULL DEFAULT '',
  callback_id TEXT NOT NULL DEFAULT '',
  recording_id TEXT NOT NULL DEFAULT '',
  item_id TEXT NOT NULL DEFAULT '',
  resume_sha256 TEXT NOT NULL DEFAULT '',
  why TEXT NOT NULL DEFAULT '',
  arrived_at BIGINT NOT NULL,
  media_at BIGINT,
  enqueued_at BIGINT,
  offered_at BIGINT,
  rang_at BIGINT,
  picked_at BIGINT,
  bridged_at BIGINT,
  released_at BIGINT,
  ended_at BIGINT,
  talk_ms BIGINT NOT NULL DEFAULT 0,
  hold_ms BIGINT NOT NULL DEFAULT 0,
  version BIGINT NOT NULL DEFAULT 1,
  CHECK (state = 'live' OR ended_at IS NOT NULL)
);
CREATE INDEX ix_call_arrived ON calls(arrived_at, id);
CREATE INDEX ix_call_live ON calls(state) WHERE state = 'live';
CREATE INDEX ix_call_sip ON calls(sip_call_id);
CREATE INDEX ix_call_agent ON calls(agent_id, arrived_at);
CREATE INDEX ix_call_ticket ON calls(ticket_id);

CREATE TABLE call_segments (
  id TEXT PRIMARY KEY,
  call_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('menu','wait','talk','hold','consult','conference','transfer','voicemail','survey')),
  queue TEXT NOT NULL DEFAULT '',
  agent_id TEXT NOT NULL DEFAULT '',
  started_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE INDEX ix_seg_call ON call_segments(call_id, started_at);

CREATE TABLE call_legs (
  id TEXT PRIMARY KEY,
  call_id TEXT NOT NULL REFERENCES calls(id),
  pos INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('player','agent','consult','external','monitor')),
  user_id TEXT NOT NULL DEFAULT '',
  device TEXT NOT NULL DEFAULT '',
  transport TEXT NOT NULL DEFAULT '',
  sip_call_id TEXT NOT NULL DEFAULT '',
  started_at BIGINT,
  rang_at BIGINT,
  answered_at BIGINT,
  ended_at BIGINT,
  status_code INTEGER NOT NULL DEFAULT 0,
  cause TEXT NOT NULL DEFAULT '',
  codec TEXT NOT NULL DEFAULT '',
  packets_in BIGINT NOT NULL DEFAULT 0,
  packets_out BIGINT NOT NULL DEFAULT 0,
  packets_lost BIGINT NOT NULL DEFAULT 0,
  jitter_us BIGINT NOT NULL DEFAULT 0,
  mos_centi INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX ix_leg_call ON call_legs(call_id, pos);

CREATE TABLE call_events (
  call_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL DEFAULT '{}',
  PRIMARY KEY (call_id, seq)
);

-- journal: what the owner of a routing domain decided, in order; read at start and by reports, never on the hot path
CREATE TABLE journal (
  domain_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  call_id TEXT NOT NULL DEFAULT '',
  item_id TEXT NOT NULL DEFAULT '',
  user_id TEXT NOT NULL DEFAULT '',
  data TEXT NOT NULL DEFAULT '{}',
  PRIMARY KEY (domain_id, seq)
);
CREATE INDEX ix_journal_item ON journal(item_id, seq);

-- == routing ==

-- work_items: one row for each entry of the shared queue. winner_id is the compare-and-set of the winning reservation.
CREATE TABLE work_items (
  id TEXT PRIMARY KEY,
  channel TEXT NOT NULL CHECK (channel IN ('call','callback','chat','email','social','web_form','ticket')),
  queue_id TEXT NOT NULL DEFAULT '',
  queue TEXT NOT NULL,
  interaction_id TEXT NOT NULL DEFAULT '',
  call_id TEXT NOT NULL DEFAULT '',
  callback_id TEXT NOT NULL DEFAULT '',
  ticket_id TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state IN ('queued','offered','active','parked','wrap','lost','done','abandoned')),
  class SMALLINT NOT NULL CHECK (class IN (0,1,2)),
  key_ms BIGINT NOT NULL,
  priority SMALLINT NOT NULL DEFAULT 1 CHECK (priority BETWEEN 0 AND 3),
  language TEXT NOT NULL DEFAULT '',
  entered_at BIGINT NOT NULL,
  not_before BIGINT,
  needs TEXT NOT NULL DEFAULT '[]',
  winner_id TEXT,
  assignee_id TEXT NOT NULL DEFAULT '',
  offers INTEGER NOT NULL DEFAULT 0,
  picked_at BIGINT,
  bridged_at BIGINT,
  ended_at BIGINT,
  end_reason TEXT CHECK (end_reason IN ('answered','abandoned','short_abandoned','abandoned_ringing','abandoned_on_hold','overflow_time',
      'overflow_full','overflow_no_agent','closed','exit_key','voicemail','callback_requested','callback_done','callback_failed',
      'callback_expired','callback_cancelled','withdrawn_by_supervisor','rejected_blocked','failed_system','bot_resolved','spam')),
  version BIGINT NOT NULL DEFAULT 1,
  CHECK (state NOT IN ('done','abandoned') OR end_reason IS NOT NULL)
);
CREATE INDEX ix_wi_queue ON work_items(queue, entered_at);
CREATE INDEX ix_wi_open ON work_items(state) WHERE end_reason IS NULL;

-- reservations: agent x offer. slot: 0 for voice, 0..max-1 for chat; lane: voice or text.
-- releasing: withdrawn, but a leg of the agent is not final yet; he gets no other offer and may still win.
CREATE TABLE reservations (
  id TEXT PRIMARY KEY,
  item_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  lane TEXT NOT NULL CHECK (lane IN ('voice','text')),
  slot SMALLINT NOT NULL DEFAULT 0,
  branch SMALLINT NOT NULL DEFAULT 0,
  state TEXT NOT NULL CHECK (state IN ('offered','accepted','releasing','released')),
  offered_at BIGINT NOT NULL,
  deadline_at BIGINT,
  ended_at BIGINT,
  result TEXT CHECK (result IN ('none','answered','rejected','dnd','forwarded','busy','missed','unreachable','media','withdrawn')),
  why TEXT NOT NULL DEFAULT '',
  CHECK (state <> 'released' OR (ended_at IS NOT NULL AND result IS NOT NULL))
);
CREATE UNIQUE INDEX ux_res_item ON reservations(item_id, branch) WHERE state IN ('offered','accepted');
CREATE UNIQUE INDEX ux_res_agent ON reservations(user_id, lane, slot) WHERE state IN ('offered','accepted','releasing');
CREATE INDEX ix_res_item ON reservations(item_id, offered_at);

-- callbacks: a row exists from the confirmation on. key_ms is that of the call whose place is kept.
CREATE TABLE callbacks (
  id TEXT PRIMARY KEY,
  call_id TEXT NOT NULL DEFAULT '',
  item_id TEXT NOT NULL DEFAULT '',
  contact_id TEXT NOT NULL DEFAULT '',
  ticket_id TEXT NOT NULL DEFAULT '',
  queue TEXT NOT NULL,
  language TEXT NOT NULL DEFAULT '',
  player TEXT NOT NULL DEFAULT '',
  target_kind TEXT NOT NULL CHECK (target_kind IN ('number','sip_source','browser')),
  target TEXT NOT NULL CHECK (target <> ''),
  kind TEXT NOT NULL CHECK (kind IN ('keep_place','scheduled','abandoned','crash','dropped')),
  key_ms BIGINT NOT NULL,
  priority SMALLINT NOT NULL DEFAULT 1 CHECK (priority BETWEEN 0 AND 3),
  enqueued_at BIGINT,
  window_from BIGINT,
  window_to BIGINT,
  state TEXT NOT NULL CHECK (state IN ('queued','due','reserving','dialing','human_check','connecting','connected','retry_wait','done',
      'failed','expired','cancelled','superseded')),
  state_detail TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0,
  max_attempts INTEGER NOT NULL DEFAULT 3,
  not_before BIGINT,
  expires_at BIGINT,
  confirmed_at BIGINT NOT NULL,
  ended_at BIGINT,
  version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX ux_cb_live ON callbacks(target_kind, target)
  WHERE state IN ('queued','due','reserving','dialing','human_check','connecting','connected','retry_wait');
CREATE UNIQUE INDEX ux_cb_live_contact ON callbacks(contact_id)
  WHERE contact_id <> '' AND state IN ('queued','due','reserving','dialing','human_check','connecting','connected','retry_wait');
CREATE INDEX ix_cb_confirmed ON callbacks(confirmed_at, id);
CREATE INDEX ix_cb_target ON callbacks(target_kind, target, confirmed_at);

CREATE TABLE callback_attempts (
  id TEXT PRIMARY KEY,
  callback_id TEXT NOT NULL REFERENCES callbacks(id),
  user_id TEXT NOT NULL DEFAULT '',
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  result TEXT NOT NULL DEFAULT '' CHECK (result IN ('','connected','no_answer','busy','invalid','blocked','machine','agent_failed','unknown')),
  counted SMALLINT NOT NULL DEFAULT 0 CHECK (counted IN (0,1))
);
CREATE UNIQUE INDEX ux_attempt_open ON callback_attempts(callback_id) WHERE ended_at IS NULL;
CREATE INDEX ix_attempt_callback ON callback_attempts(callback_id, started_at);

-- == calendars ==

CREATE TABLE calendars (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  tz TEXT NOT NULL,
  always_open SMALLINT NOT NULL DEFAULT 0
);

CREATE TABLE calendar_periods (
  calendar_id TEXT NOT NULL REFERENCES calendars(id),
  weekday SMALLINT NOT NULL CHECK (weekday BETWEEN 0 AND 6),
  from_min SMALLINT NOT NULL CHECK (from_min BETWEEN 0 AND 1439),
  to_min SMALLINT NOT NULL CHECK (to_min BETWEEN 1 AND 2880),
  PRIMARY KEY (calendar_id, weekday, from_min)
);

-- == recordings ==

CREATE TABLE recordings (
  id TEXT PRIMARY KEY,
  interaction_id TEXT,
  call_id TEXT,
  agent_id TEXT NOT NULL DEFAULT '',
  queue TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state IN ('open','stored','incomplete','deleted')),
  incomplete_reason TEXT NOT NULL DEFAULT '',
  path TEXT NOT NULL,
  sha256 TEXT NOT NULL DEFAULT '',
  bytes BIGINT NOT NULL DEFAULT 0,
  ms BIGINT NOT NULL DEFAULT 0,
  dropped BIGINT NOT NULL DEFAULT 0,
  rate_hz INTEGER NOT NULL DEFAULT 8000,
  channels SMALLINT NOT NULL DEFAULT 2,
  node_id TEXT NOT NULL DEFAULT '',
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  retain_until BIGINT,
  legal_hold SMALLINT NOT NULL DEFAULT 0,
  CHECK (state <> 'stored' OR sha256 <> '')
);
CREATE INDEX ix_rec_call ON recordings(call_id);
CREATE INDEX ix_rec_started ON recordings(started_at, id);
CREATE INDEX ix_rec_agent ON recordings(agent_id, started_at);
CREATE INDEX ix_rec_open ON recordings(state) WHERE state = 'open';

-- access_log and audit_log are chains: hash covers the row and prev_hash, seq has no gaps.
CREATE TABLE access_log (
  seq BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  user_id TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('list','play','range','download','share','export','delete','denied')),
  object_id TEXT NOT NULL,
  ip TEXT NOT NULL DEFAULT '',
  from_ms BIGINT NOT NULL DEFAULT -1,
  to_ms BIGINT NOT NULL DEFAULT -1,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX ix_access_obj ON access_log(object_id, seq);

CREATE TABLE audit_log (
  seq BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  actor_id TEXT NOT NULL DEFAULT '',
  action TEXT NOT NULL,
  object_kind TEXT NOT NULL,
  object_id TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT '{}',
  ip TEXT NOT NULL DEFAULT '',
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX ix_audit_obj ON audit_log(object_kind, object_id, seq);

-- == platform ==

-- counters: numbers of tickets and of log rows. UPDATE ... SET value = value + 1 ... RETURNING value in the transaction of the
-- row that uses it: the row lock makes numbers visible in the order of commits.
CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO counters (name, value) VALUES ('ticket', 0);
INSERT INTO counters (name, value) VALUES ('access', 0);
INSERT INTO counters (name, value) VALUES ('audit', 0);

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);

-- +goose Down
DROP TABLE meta;
DROP TABLE counters;
DROP TABLE audit_log;
DROP TABLE access_log;
DROP TABLE recordings;
DROP TABLE calendar_periods;
DROP TABLE calendars;
DROP TABLE callback_attempts;
DROP TABLE callbacks;
DROP TABLE reservations;
DROP TABLE work_items;
DROP TABLE journal;
DROP TABLE call_events;
DROP TABLE call_legs;
DROP TABLE call_segments;
DROP TABLE calls;
DROP TABLE interactions;
DROP TABLE ticket_tags;
DROP TABLE tags;
DROP TABLE ticket_events;
DROP TABLE ticket_links;
DROP TABLE tickets;
DROP TABLE trunks;
DROP TABLE queue_members;
DROP TABLE queues;
DROP TABLE user_states;
DROP TABLE user_skills;
DROP TABLE bindings;
DROP TABLE api_tokens;
DROP TABLE sessions;
DROP TABLE users;
DROP TABLE contact_identities;
DROP TABLE contacts;
