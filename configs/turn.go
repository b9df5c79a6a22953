package configs

import (
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxRelays is how many URLs media.turn.urls may hold: a browser tries all of
// them at each call, and slows down beyond a few.
const maxRelays = 8

func (t TURN) check(f *Faults) {
	if len(t.URLs) > maxRelays {
		f.add("media.turn.urls", len(t.URLs), "must hold %d URLs at most", maxRelays)
	}
	relays := false
	for i, u := range t.URLs {
		scheme, ok := relayURL(u)
		if !ok {
			f.add("media.turn.urls["+strconv.Itoa(i)+"]", u, "must be turn:, turns: or stun:, a host and, if need be, a port, as turn:relay.example.org:3478?transport=udp")
		}
		relays = relays || ok && scheme != "stun"
	}
	within(f, "media.turn.lifetime", t.Lifetime, 5*time.Minute, 7*24*time.Hour)
	switch secret, fixed := t.Secret.Reveal() != "", t.Username != "" || t.Password.Reveal() != ""; {
	case secret && fixed:
		f.add("media.turn.secret", t.Secret, "must be empty where media.turn.username and media.turn.password are set: one of the two")
	case relays && !secret && t.Username == "":
		f.add("media.turn.secret", t.Secret, "must be set, or media.turn.username and media.turn.password: a relay serves nobody without credentials")
	case relays && !secret && t.Password.Reveal() == "":
		f.add("media.turn.password", t.Password, "must be set, because media.turn.username is")
	}
	if strings.ContainsFunc(t.Username+t.Password.Reveal(), badRealm) {
		f.add("media.turn.username", t.Username, "must be, as the password, printable ASCII without quote, backslash or colon")
	}
}

// hostName is a name of RFC 1123.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// relayURL reads a URI of RFC 7064 (stun, stuns) or RFC 7065 (turn, turns).
func relayURL(text string) (scheme string, ok bool) {
	scheme, rest, _ := strings.Cut(text, ":")
	switch scheme {
	case "turn", "turns", "stun":
	default:
		return scheme, false
	}
	u, err := url.Parse("x://" + rest)
	if err != nil || u.Path != "" || u.User != nil || u.Fragment != "" || strings.ContainsAny(rest, "/#@") {
		return scheme, false
	}
	switch u.RawQuery {
	case "":
	case "transport=udp":
		ok = scheme == "turn"
	case "transport=tcp":
		ok = scheme != "stun"
	}
	if u.RawQuery != "" && !ok {
		return scheme, false
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return scheme, false
		}
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return scheme, true
	}
	return scheme, hostName.MatchString(u.Hostname())
}
