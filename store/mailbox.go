package store

import (
	"context"
	"time"

	"pickup/ticket"
)

// servers are the two mail servers of a mailbox as one document.
type servers struct {
	IMAP ticket.MailServer `json:"imap"`
	SMTP ticket.MailServer `json:"smtp"`
}

// UpsertMailbox inserts a mailbox or replaces that of the same ID. ErrConflict
// when another has the address.
func (s *Store) UpsertMailbox(ctx context.Context, b ticket.Mailbox) error {
	aliases, err := text(append([]string{}, b.Aliases...))
	if err != nil {
		return err
	}
	both, err := text(servers{b.IMAP, b.SMTP})
	if err != nil {
		return err
	}
	signatures := b.Signatures
	if signatures == nil {
		signatures = map[string]string{}
	}
	signed, err := text(signatures)
	if err != nil {
		return err
	}
	return s.act(ctx, "save a mailbox", func(t *tx) error {
		_, err := t.exec(`INSERT INTO mailboxes (id, name, address, aliases, queue, language, enabled, folder, servers, authserv_id, signatures,
				acknowledge, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, address = excluded.address, aliases = excluded.aliases, queue = excluded.queue,
				language = excluded.language, enabled = excluded.enabled, folder = excluded.folder, servers = excluded.servers,
				authserv_id = excluded.authserv_id, signatures = excluded.signatures, acknowledge = excluded.acknowledge,
				version = mailboxes.version + 1`,
			b.ID, b.Name, b.Address, aliases, b.Queue, b.Language, flag(b.Enabled), b.Folder, both, b.AuthServID, signed,
			flag(b.Acknowledge), time.Now().UnixMilli())
		return err
	})
}

// Mailboxes returns all mailboxes, ordered by address.
func (s *Store) Mailboxes(ctx context.Context) ([]ticket.Mailbox, error) {
	all, err := list(ctx, s.read, func(row scanner) (b ticket.Mailbox, err error) {
		var both servers
		err = row.Scan(&b.ID, &b.Name, &b.Address, document{&b.Aliases}, &b.Queue, &b.Language, switched{&b.Enabled}, &b.Folder,
			document{&both}, &b.AuthServID, document{&b.Signatures}, switched{&b.Acknowledge}, &b.Version)
		b.IMAP, b.SMTP = both.IMAP, both.SMTP
		if len(b.Aliases) == 0 {
			b.Aliases = nil
		}
		if len(b.Signatures) == 0 {
			b.Signatures = nil
		}
		return b, err
	}, `SELECT id, name, address, aliases, queue, language, enabled, folder, servers, authserv_id, signatures, acknowledge, version
		FROM mailboxes ORDER BY address`)
	return all, failed("read mailboxes", err)
}

// DeleteMailbox removes a mailbox; its mail stays. ErrNotFound when there is none.
func (s *Store) DeleteMailbox(ctx context.Context, id string) error {
	return s.act(ctx, "delete a mailbox", func(t *tx) error { return t.one(`DELETE FROM mailboxes WHERE id = $1`, id) })
}

// MailPosition implements ticket.Inbox.
func (s *Store) MailPosition(ctx context.Context, mailboxID string) (ticket.MailPosition, error) {
	all, err := list(ctx, s.read, func(row scanner) (p ticket.MailPosition, err error) {
		err = row.Scan(&p.UIDValidity, &p.LastUID)
		return p, err
	}, `SELECT uid_validity, last_uid FROM mail_positions WHERE mailbox_id = $1`, mailboxID)
	if err != nil || len(all) == 0 {
		return ticket.MailPosition{}, failed("read the position of a mailbox", err)
	}
	return all[0], nil
}

// KeepRaw implements ticket.Inbox.
func (s *Store) KeepRaw(ctx context.Context, r ticket.RawMail, p ticket.MailPosition) error {
	return s.act(ctx, "keep a raw mail", func(t *tx) error {
		_, err := t.exec(`INSERT INTO mail_raw (id, mailbox_id, uid_validity, uid, sha256, size, last_error, arrived_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (mailbox_id, uid_validity, uid) DO NOTHING`,
			r.ID, r.MailboxID, int64(r.UIDValidity), int64(r.UID), r.SHA256, r.Size, r.LastError, r.ArrivedAt.UnixMilli())
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO mail_positions (mailbox_id, uid_validity, last_uid) VALUES ($1, $2, $3)
			ON CONFLICT (mailbox_id) DO UPDATE SET uid_validity = excluded.uid_validity, last_uid = excluded.last_uid`,
			r.MailboxID, int64(p.UIDValidity), int64(p.LastUID))
		return err
	})
}

// UnfiledMail implements ticket.Inbox.
func (s *Store) UnfiledMail(ctx context.Context, limit int) ([]ticket.RawMail, error) {
	all, err := list(ctx, s.read, func(row scanner) (r ticket.RawMail, err error) {
		err = row.Scan(&r.ID, &r.MailboxID, &r.UIDValidity, &r.UID, &r.SHA256, &r.Size, &r.Attempts, &r.LastError, moment{&r.ArrivedAt})
		return r, err
	}, `SELECT id, mailbox_id, uid_validity, uid, sha256, size, attempts, last_error, arrived_at FROM mail_raw
		WHERE filed = 0 ORDER BY attempts, arrived_at, id LIMIT $1`, Page{Limit: limit}.limit())
	return all, failed("read the inbox", err)
}

// RawFiled implements ticket.Inbox.
func (s *Store) RawFiled(ctx context.Context, id, reason string) error {
	return s.act(ctx, "mark a mail", func(t *tx) error {
		if reason == "" {
			return t.one(`UPDATE mail_raw SET filed = 1 WHERE id = $1`, id)
		}
		return t.one(`UPDATE mail_raw SET attempts = attempts + 1, last_error = $1 WHERE id = $2`, reason, id)
	})
}
