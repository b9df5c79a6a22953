-- +goose Up
-- The words of search_docs, by its id. They are folded before they come here (internal/fold), the same on both engines; this
-- file alone differs between them.
CREATE TABLE search_text (
  id BIGINT PRIMARY KEY REFERENCES search_docs(id) ON DELETE CASCADE,
  words TSVECTOR NOT NULL
);
CREATE INDEX ix_search_words ON search_text USING GIN (words);

-- +goose Down
DROP TABLE search_text;
