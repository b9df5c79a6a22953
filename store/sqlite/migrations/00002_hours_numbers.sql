-- +goose Up
-- Opening hours, the numbers that are dialled, and the limits of a trunk: the same text for SQLite and PostgreSQL.

-- tz: IANA name; '' is the site's. callbacks: 1 on the one calendar that callbacks are dialled by. Weekday 0 is Sunday.
ALTER TABLE calendars ADD COLUMN callbacks SMALLINT NOT NULL DEFAULT 0 CHECK (callbacks IN (0,1));
CREATE UNIQUE INDEX ux_calendar_name ON calendars(name);
CREATE UNIQUE INDEX ux_calendar_callbacks ON calendars(callbacks) WHERE callbacks = 1;

-- day: YYYY-MM-DD. The interval of that day in place of those of its weekday; from_min = to_min: closed
CREATE TABLE calendar_exceptions (
  calendar_id TEXT NOT NULL REFERENCES calendars(id),
  day TEXT NOT NULL,
  from_min SMALLINT NOT NULL DEFAULT 0,
  to_min SMALLINT NOT NULL DEFAULT 0,
  name TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (calendar_id, day, from_min)
);

ALTER TABLE trunks ADD COLUMN max_calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trunks ADD COLUMN disabled SMALLINT NOT NULL DEFAULT 0 CHECK (disabled IN (0,1));

-- number: E.164. target: the dialled name of a queue or a menu, which may come and go
CREATE TABLE trunk_numbers (
  number TEXT PRIMARY KEY,
  trunk_id TEXT NOT NULL REFERENCES trunks(id),
  target TEXT NOT NULL,
  language TEXT NOT NULL DEFAULT ''
);
CREATE INDEX ix_number_trunk ON trunk_numbers(trunk_id);

-- +goose Down
DROP TABLE trunk_numbers;
ALTER TABLE trunks DROP COLUMN disabled;
ALTER TABLE trunks DROP COLUMN max_calls;
DROP TABLE calendar_exceptions;
DROP INDEX ux_calendar_callbacks;
DROP INDEX ux_calendar_name;
ALTER TABLE calendars DROP COLUMN callbacks;
