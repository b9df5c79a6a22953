-- +goose Up
-- How a trunk is reached, registered at and chosen, and the number that a queue shows: the same text for SQLite and PostgreSQL.

-- auto_transport: 1 where the domain says which (RFC 3263); transport is then without meaning. call_rate: new calls a second,
-- expires_s: asked for by REGISTER, probe_s: between OPTIONS; 0 each is none, or the default
ALTER TABLE trunks ADD COLUMN auto_transport SMALLINT NOT NULL DEFAULT 0 CHECK (auto_transport IN (0,1));
ALTER TABLE trunks ADD COLUMN realm TEXT NOT NULL DEFAULT '';
ALTER TABLE trunks ADD COLUMN from_user TEXT NOT NULL DEFAULT '';
ALTER TABLE trunks ADD COLUMN denied TEXT NOT NULL DEFAULT '[]';
ALTER TABLE trunks ADD COLUMN tried INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trunks ADD COLUMN call_rate DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE trunks ADD COLUMN registers SMALLINT NOT NULL DEFAULT 0 CHECK (registers IN (0,1));
ALTER TABLE trunks ADD COLUMN expires_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trunks ADD COLUMN probe_s INTEGER NOT NULL DEFAULT 0;

-- E.164; '' shows what the trunk says
ALTER TABLE queues ADD COLUMN caller_id TEXT NOT NULL DEFAULT '';
