// Package email is the mail edge of the desk: it fetches mail by IMAP, files each
// in its ticket, and sends by SMTP what the desk put in the outbox.
//
// The raw mail is in the file store before anything is parsed, and is never
// dropped: what cannot be read becomes a ticket that says so (quarantine).
// Formats: RFC 5322 (messages), 2045 to 2047 and 2231 (MIME), 3464 (delivery
// reports), 3834 (automatic answers), 8601 (Authentication-Results).
package email
