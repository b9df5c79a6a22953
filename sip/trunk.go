package sip

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/sip/locate"
)

// Trunk is a carrier or PBX that calls numbers for us and brings calls.
type Trunk struct {
	Name      string
	Address   string // "host", "host:port"; a name is looked up as RFC 3263 says, beforehand and not during a call
	Transport string // "udp" (also ""), "tcp", "tls"; "auto": the domain says which
	Login     string // for its challenges; "": they are not answered
	Password  string
	Realm     string // the only realm whose challenge is answered; "": that of the trunk's first
	FromUser  string // user part of From; "": the caller ID of the queue
	// Prefixes are the beginnings of the numbers that go through this trunk;
	// none takes all. Those that begin with one of Denied do not.
	Prefixes, Denied []string
	// Networks are where its calls come from, beside its addresses.
	Networks []netip.Prefix
	Rank     int     // lower is tried first; equal: in the order of the store
	MaxCalls int     // at one time, both directions; 0: no limit
	Rate     float64 // new calls a second, both directions, as many as that at once and one at least; 0: no limit
	// Register: our address is registered at the trunk, for so long as Expires
	// asks (0 is 1 h), and kept registered.
	Register bool
	Expires  time.Duration
	Probe    time.Duration // how often OPTIONS asks each of its addresses; 0: never
	Disabled bool          // its calls get 403, and it is not called
}

// split returns host and port of the address; port 0 where it has none.
func (t *Trunk) split() (host string, port int) {
	h, p, err := net.SplitHostPort(t.Address)
	if err != nil {
		return strings.Trim(t.Address, "[]"), 0
	}
	port, _ = strconv.Atoi(p)
	return h, port
}

// domain is the URI of the trunk itself: what it registers for.
func (t *Trunk) domain() gosip.Uri {
	host, port := t.split()
	return gosip.Uri{Scheme: "sip", Host: bracketed(host), Port: port}
}

// account is the user part of our address of record at the trunk, and of the
// Contact by which it calls us.
func (t *Trunk) account() string {
	user, _, _ := strings.Cut(t.Login, "@")
	if user == "" {
		return "pickup"
	}
	return user
}

func (t *Trunk) transport() string {
	if t.Transport == "" {
		return "udp"
	}
	return strings.ToLower(t.Transport)
}

// takes reports whether a number may leave by the trunk.
func (t *Trunk) takes(number string) bool {
	begins := func(p string) bool { return strings.HasPrefix(number, p) }
	return !t.Disabled && (len(t.Prefixes) == 0 || slices.ContainsFunc(t.Prefixes, begins)) && !slices.ContainsFunc(t.Denied, begins)
}

// target is the URI of a number at one address of the trunk.
func (t *Trunk) target(number string, to locate.Target) gosip.Uri {
	u := gosip.Uri{Scheme: "sip", User: number, Host: bracketed(to.Addr.Addr().String()), Port: int(to.Addr.Port())}
	if host, port := t.split(); host != "" && net.ParseIP(host) == nil { // RFC 3263 4: the URI keeps the domain
		u.Host, u.Port = host, port
	}
	if to.Transport != "udp" {
		u.UriParams = gosip.NewParams()
		u.UriParams.Add("transport", to.Transport)
	}
	return u
}

// bracketed is a host as it stands in a URI (RFC 3261 25.1: IPv6reference).
func bracketed(host string) string {
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() && !a.Is4In6() {
		return "[" + a.WithZone("").String() + "]"
	}
	return host
}

// answer returns the header that answers a 401 or 407 of the trunk, of its
// configured realm only; value is "" where there is nothing to answer.
func (t *Trunk) answer(res *gosip.Response, method, uri string) (name, value string) {
	ask, name := "WWW-Authenticate", "Authorization"
	switch {
	case t.Login == "":
		return name, ""
	case res.StatusCode == 407:
		ask, name = "Proxy-Authenticate", "Proxy-Authorization"
	case res.StatusCode != 401:
		return name, ""
	}
	for _, h := range res.GetHeaders(ask) {
		if a := answerChallenge(h.Value(), t.Login, t.Password, t.Realm, method, uri); a != "" {
			return name, a
		}
	}
	return name, ""
}

// TrunkState says how a trunk does.
type TrunkState struct {
	Name string
	// Health is "off" (disabled), "connecting" (nothing is known yet), "well",
	// "down" (Error says why) or "unknown": it neither registers nor is asked.
	Health     string
	Since      time.Time
	Error      string
	Registered bool      // our address is registered there
	Expires    time.Time // until then; the zero time: it is not
	Calls      int       // now, both directions
	Addresses  []string  // where it is called, as "udp 192.0.2.1:5060"
}

func describe(t locate.Target) string { return fmt.Sprintf("%s %s", t.Transport, t.Addr) }
