package ticket

import (
	"net/url"
	"strings"
	"unicode"

	"pickup/call"
	"pickup/internal/e164"
)

// hidden are user parts by which networks say that a number is withheld.
var hidden = map[string]bool{
	"anonymous": true, "unknown": true, "restricted": true, "unavailable": true, "private": true, "withheld": true,
}

// IdentityOf returns the identity of a calling party, or ok=false when he is
// anonymous. An E.164 number is of kind phone whatever the transport, else the
// canonical sip address (user@host without port, lower-case host). A browser
// without a number is a visitor, known by its URI. Only a registered user has
// proved who he is: his identity alone is Verified.
func IdentityOf(p call.Party, country string) (Identity, bool) {
	if anonymous(p) {
		return Identity{}, false
	}
	verified := p.Kind == call.PartyRegistered
	if number, ok := e164.Normalize(p.User, country); ok {
		return Identity{Kind: "phone", Value: number, Raw: p.User, Verified: verified}, true
	}
	for _, uri := range [...]string{p.URI, "sip:" + p.User} { // some phones give the whole address as the user
		address, ok := canonical(uri)
		if !ok || p.Kind == call.PartyBrowser && uri != p.URI {
			continue
		}
		if strings.HasSuffix(address, "@anonymous.invalid") {
			return Identity{}, false // RFC 3323 4.1.1.3
		}
		return Identity{Kind: "sip", Value: address, Raw: uri, Verified: verified}, true
	}
	if p.Kind == call.PartyBrowser && p.URI != "" {
		return Identity{Kind: "visitor", Value: p.URI, Raw: p.URI}, true
	}
	if p.Kind == call.PartyBrowser {
		return Identity{}, false
	}
	return Identity{Kind: "sip", Value: p.User, Raw: p.URI, Verified: verified}, true
}

// anonymous reports whether p hides who he is. The words of the networks count
// on trunks only: "private" may be somebody's name elsewhere.
func anonymous(p call.Party) bool {
	user := strings.ToLower(p.User)
	return p.Anonymous() || user == "anonymous" || p.Kind == call.PartyTrunk && hidden[user]
}

// canonical returns user@host of a SIP URI (RFC 3261 19.1): without scheme,
// password, port, parameters and headers, escapes resolved, host in lower case.
func canonical(uri string) (string, bool) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") {
		return "", false
	}
	at := strings.LastIndexByte(rest, '@')
	if at <= 0 {
		return "", false
	}
	user, _, _ := strings.Cut(rest[:at], ":")
	if plain, err := url.PathUnescape(user); err == nil && !strings.ContainsFunc(plain, unfit) {
		user = plain
	}
	host := hostOf(rest[at+1:])
	if user == "" || host == "" || strings.ContainsFunc(user+host, unfit) {
		return "", false
	}
	return user + "@" + host, true
}

// hostOf returns the host of a hostport with parameters, in lower case.
func hostOf(text string) string {
	if i := strings.IndexAny(text, ";?>"); i >= 0 {
		text = text[:i]
	}
	if strings.HasPrefix(text, "[") { // IPv6 reference
		end := strings.IndexByte(text, ']')
		if end < 0 {
			return ""
		}
		return strings.ToLower(text[:end+1])
	}
	text, _, _ = strings.Cut(text, ":")
	return strings.ToLower(strings.TrimRight(text, "."))
}

// unfit are characters that no stored address holds.
func unfit(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar
}
