-- +goose Up
-- Calls that agents make end as not_reached too.
ALTER TABLE calls DROP CONSTRAINT calls_end_reason_check;
ALTER TABLE calls ADD CONSTRAINT calls_end_reason_check CHECK (end_reason IN ('','answered','abandoned','short_abandoned','abandoned_ringing',
  'abandoned_on_hold','overflow_time','overflow_full','overflow_no_agent','closed','exit_key','voicemail','callback_requested','callback_done',
  'callback_failed','callback_expired','callback_cancelled','withdrawn_by_supervisor','rejected_blocked','not_reached','failed_system'));
ALTER TABLE work_items DROP CONSTRAINT work_items_end_reason_check;
ALTER TABLE work_items ADD CONSTRAINT work_items_end_reason_check CHECK (end_reason IN ('answered','abandoned','short_abandoned','abandoned_ringing',
  'abandoned_on_hold','overflow_time','overflow_full','overflow_no_agent','closed','exit_key','voicemail','callback_requested','callback_done',
  'callback_failed','callback_expired','callback_cancelled','withdrawn_by_supervisor','rejected_blocked','not_reached','failed_system','bot_resolved','spam'));
