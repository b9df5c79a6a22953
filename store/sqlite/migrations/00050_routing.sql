-- +goose Up
-- What a queue asks of its agents beside what each item needs, and when it asks for
-- less; 0: never. require is text: "payments 3, chat 2? | vip"; '' is nothing.
ALTER TABLE queues ADD COLUMN require TEXT NOT NULL DEFAULT '';
ALTER TABLE queues ADD COLUMN language_level SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE queues ADD COLUMN relax_level_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE queues ADD COLUMN relax_optional_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE queues ADD COLUMN relax_language_ms BIGINT NOT NULL DEFAULT 0;
-- How many agents ring at a time where the strategy rings several, and how fast more
-- of them do; 0 is the default of each.
ALTER TABLE queues ADD COLUMN ring_most SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE queues ADD COLUMN ring_step_ms BIGINT NOT NULL DEFAULT 0;
-- An agent gets items of the queue after they have waited so long.
ALTER TABLE queue_members ADD COLUMN delay_ms BIGINT NOT NULL DEFAULT 0;
