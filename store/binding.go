package store

import (
	"context"
	"time"

	"pickup/account"
)

// SaveBinding inserts a phone's contact or replaces the one of the same AOR and Key.
func (s *Store) SaveBinding(ctx context.Context, b account.Binding) error {
	return s.act(ctx, "save a binding", func(t *tx) error {
		_, err := t.exec(`INSERT INTO bindings (aor, binding_key, user_id, contact_uri, path, received, transport, sip_call_id, cseq,
				user_agent, registered_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			ON CONFLICT (aor, binding_key) DO UPDATE SET user_id = excluded.user_id, contact_uri = excluded.contact_uri,
				path = excluded.path, received = excluded.received, transport = excluded.transport,
				sip_call_id = excluded.sip_call_id, cseq = excluded.cseq, user_agent = excluded.user_agent,
				registered_at = excluded.registered_at, expires_at = excluded.expires_at`,
			b.AOR, b.Key, b.UserID, b.ContactURI, b.Path, b.Received, b.Transport, b.SIPCallID, int64(b.CSeq), b.UserAgent,
			b.RegisteredAt.UnixMilli(), b.ExpiresAt.UnixMilli())
		return err
	})
}

// DropBinding removes a contact. One that is gone already is no error.
func (s *Store) DropBinding(ctx context.Context, aor, key string) error {
	return s.act(ctx, "drop a binding", func(t *tx) error {
		_, err := t.exec(`DELETE FROM bindings WHERE aor = $1 AND binding_key = $2`, aor, key)
		return err
	})
}

// Bindings returns every stored contact, expired ones too, ordered by AOR and Key.
func (s *Store) Bindings(ctx context.Context) ([]account.Binding, error) {
	all, err := list(ctx, s.read, func(row scanner) (b account.Binding, err error) {
		err = row.Scan(&b.AOR, &b.Key, &b.UserID, &b.ContactURI, &b.Path, &b.Received, &b.Transport, &b.SIPCallID, &b.CSeq,
			&b.UserAgent, moment{&b.RegisteredAt}, moment{&b.ExpiresAt})
		return b, err
	}, `SELECT aor, binding_key, user_id, contact_uri, path, received, transport, sip_call_id, cseq, user_agent, registered_at,
		expires_at FROM bindings ORDER BY aor, binding_key`)
	return all, failed("read the bindings", err)
}

// PurgeBindings removes the contacts that expired before now.
func (s *Store) PurgeBindings(ctx context.Context, now time.Time) error {
	return s.act(ctx, "purge bindings", func(t *tx) error {
		_, err := t.exec(`DELETE FROM bindings WHERE expires_at <= $1`, now.UnixMilli())
		return err
	})
}
