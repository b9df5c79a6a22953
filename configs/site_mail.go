package configs

import (
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
)

// SiteMailbox is one address of support.
type SiteMailbox struct {
	Name        string            `koanf:"name"` // display name of what is sent
	Address     string            `koanf:"address"`
	Aliases     []string          `koanf:"aliases"`
	Queue       string            `koanf:"queue"`    // where its mail waits
	Language    string            `koanf:"language"` // where the mail does not tell; "fr" where left out
	Disabled    bool              `koanf:"disabled"`
	IMAP        SiteMailServer    `koanf:"imap"`
	Folder      string            `koanf:"folder"` // "": INBOX
	SMTP        SiteMailServer    `koanf:"smtp"`   // no host: sends nothing
	AuthServID  string            `koanf:"authserv_id"`
	Signatures  map[string]string `koanf:"signatures"` // by language
	Acknowledge bool              `koanf:"acknowledge"`
}

// SiteMailServer is one mail server. Password is in the clear.
type SiteMailServer struct {
	Host     string `koanf:"host"`
	Port     int    `koanf:"port"`     // 0: that of the protocol
	Security string `koanf:"security"` // "tls", "starttls", "none"; "" is "tls"
	User     string `koanf:"user"`     // "": no sign-in
	Password string `koanf:"password"` // "": stays as it is
}

// completeMailboxes sets what the file leaves to a default.
func (s *Site) completeMailboxes() {
	for i := range s.Mailboxes {
		b := &s.Mailboxes[i]
		if b.Language == "" {
			b.Language = "fr"
		}
		for _, server := range []*SiteMailServer{&b.IMAP, &b.SMTP} {
			if server.Host != "" && server.Security == "" {
				server.Security = "tls"
			}
		}
	}
}

func (s *Site) checkMailboxes(f *Faults) {
	seen := map[string]string{}
	for i, b := range s.Mailboxes {
		path := fmt.Sprintf("mailboxes[%d]", i)
		for j, a := range append([]string{b.Address}, b.Aliases...) {
			at := path + ".address"
			if j > 0 {
				at = fmt.Sprintf("%s.aliases[%d]", path, j-1)
			}
			if got, err := mail.ParseAddress(a); err != nil || got.Address != a {
				f.add(at, a, "must be a mail address without a name")
			}
			if first, ok := seen[strings.ToLower(a)]; ok {
				f.add(at, a, "is an address of %s already", first)
			}
			seen[strings.ToLower(a)] = path
		}
		if !s.hasQueue(b.Queue) {
			f.add(path+".queue", b.Queue, "must be a name under queues")
		}
		oneOf(f, path+".language", b.Language, Languages()...)
		for _, language := range slices.Sorted(maps.Keys(b.Signatures)) {
			oneOf(f, path+".signatures", language, Languages()...)
		}
		if b.IMAP.Host == "" {
			f.add(path+".imap.host", "", "is missing")
		}
		checkMailServer(f, path+".imap", b.IMAP)
		checkMailServer(f, path+".smtp", b.SMTP)
	}
}

func checkMailServer(f *Faults, path string, m SiteMailServer) {
	if m.Host == "" {
		return
	}
	between(f, path+".port", m.Port, 0, 65535)
	oneOf(f, path+".security", m.Security, "tls", "starttls", "none")
}
