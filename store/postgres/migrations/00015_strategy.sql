-- +goose Up
-- Who gets a call of a queue; '' is the longest idle agent.
ALTER TABLE queues ADD COLUMN strategy TEXT NOT NULL DEFAULT '';
