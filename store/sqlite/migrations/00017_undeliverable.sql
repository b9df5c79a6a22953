-- +goose Up
-- Why mail to an address comes back for good; '' as long as it arrives.
ALTER TABLE contact_identities ADD COLUMN undeliverable TEXT NOT NULL DEFAULT '';
