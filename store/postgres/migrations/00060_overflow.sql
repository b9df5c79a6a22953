-- +goose Up
-- Where callers of a queue go by a rule, as JSON; '{}' is nowhere.
ALTER TABLE queues ADD COLUMN overflow TEXT NOT NULL DEFAULT '{}';
-- 'talk', 'voicemail' (a message that a player left), 'draft' (one that he recorded anew).
ALTER TABLE recordings ADD COLUMN kind TEXT NOT NULL DEFAULT 'talk';
