-- +goose Up
-- Calls that agents make end as not_reached too. SQLite changes a CHECK only in
-- its schema table (https://www.sqlite.org/lang_altertable.html, section 7).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''rejected_blocked'',''failed_system''', '''rejected_blocked'',''not_reached'',''failed_system''')
  WHERE type = 'table' AND name IN ('calls','work_items');
PRAGMA writable_schema = RESET;
