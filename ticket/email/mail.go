package email

import (
	"time"
)

// Limits of what is read of one mail. What is beyond stays in the raw mail.
const (
	maxHeader   = 1 << 20     // bytes of the header
	maxText     = 256 << 10   // bytes of one text or HTML part that are shown
	maxSource   = 4 * maxText // bytes of such a part that are looked at
	maxReport   = 64 << 10    // bytes of a delivery report, and of a returned header, that are read
	maxSubject  = 998         // bytes (RFC 5322 2.1.1)
	maxParts    = 200
	maxNesting  = 20
	maxAddress  = 254 // RFC 5321 4.5.3.1.3
	maxIDs      = 100 // Message-IDs in References
	maxFileName = 120 // letters
	maxBoundary = 200 // bytes; RFC 2046 5.1.1 says 70
)

// Address is a mail address with its name.
type Address struct {
	Name  string
	Email string // as it came, domain in lower case
}

// Mail is a mail as the desk needs it.
type Mail struct {
	MessageID  string // without angle brackets; "synth-<sha256>" where the mail had none
	Synthetic  bool   // MessageID is ours
	InReplyTo  []string
	References []string // oldest first
	From       Address
	ReplyTo    Address   // zero: none
	To, Cc     []Address // as written
	Delivered  []string  // addresses of Delivered-To, X-Original-To and Envelope-To
	Subject    string
	Date       time.Time // of the sender; zero: none or unusable
	Text       string    // what is new in it, plain
	Quoted     string    // what it quotes
	HTML       string    // as it came, not safe
	Files      []File
	BodySHA256 string // hex, of all after the header
	SHA256     string // hex, of the whole
	Automatic  string // why it is an automatic mail; "": it is not
	Bounce     *Bounce
	Loop       string // X-Pickup-Message of our own mail; "": not ours
	Proved     bool   // our mail server says DMARC passed for From (RFC 8601, 7489)
	Damaged    bool   // a part could not be read; what could is here
}

// File is an attachment.
type File struct {
	Name      string // safe
	MIME      string // by its content; the declared type only tells apart what content does not
	ContentID string
	Inline    bool
	Size      int64  // bytes
	SHA256    string // hex, in the file store
}

// Bounce is a report of a mail that was not delivered (RFC 3464).
type Bounce struct {
	MessageID string // of the mail that came back; "": the report does not say
	Recipient string
	Status    string // "5.1.1"
	Action    string // "failed", "delayed", ...
	Reason    string // Diagnostic-Code
}

// Final reports whether the mail will not arrive any more.
func (b *Bounce) Final() bool { return b.Action == "failed" || b.Action == "" }

// nobodyThere reports whether a status says that the address takes no mail at all
// (RFC 3463 3.2, 3.3), and not only that mail.
func nobodyThere(status string) bool {
	switch status {
	case "5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1":
		return true
	}
	return false
}
