-- +goose Up
-- The words of search_docs, by its id. They are folded before they come here (internal/fold), the same on both engines; this
-- file alone differs between them.
CREATE VIRTUAL TABLE search_text USING fts5(title, body, owners, content='', contentless_delete=1,
  tokenize="unicode61 remove_diacritics 0");

-- +goose Down
DROP TABLE search_text;
