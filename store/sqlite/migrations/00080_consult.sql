-- +goose Up
-- Entries of agents who consult a queue: 1. They are in no figure until they are
-- the player's.
ALTER TABLE work_items ADD COLUMN consult SMALLINT NOT NULL DEFAULT 0;
