-- +goose Up
-- Calls between people of ours. SQLite changes a CHECK only in its schema table
-- (https://www.sqlite.org/lang_altertable.html, section 7).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'direction IN (''in'',''out'')', 'direction IN (''in'',''out'',''internal'')')
  WHERE type = 'table' AND name = 'calls';
PRAGMA writable_schema = RESET;
