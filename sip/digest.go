package sip

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // RFC 2617 digest: phones know nothing better
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"pickup/account"
)

// Times of the digest.
const (
	nonceLife   = 5 * time.Minute
	freeTries   = 10               // wrong passwords without delay, per source and user
	firstBlock  = 2 * time.Second  // doubled by each further wrong password
	longestWait = 10 * time.Minute // block of a (source, user) and of a source
	sourceTries = 100              // wrong passwords of one source, whoever the users
)

// verdict of a digest check.
type verdict int

const (
	accepted   verdict = iota
	challenged         // no usable credentials: 401
	stale              // right form, old nonce: 401 with stale=true
	wrong              // wrong password or unknown user: 401, counted
	blocked            // too many wrong passwords: 403
	caught             // wrong, and a block begins with it: 401
)

// authority challenges and checks (RFC 7616). A nonce is a time and a
// signature that binds it to the source address, so a challenge costs no
// memory; what is remembered is the nonce count of those that were used well.
// Safe for any goroutine.
type authority struct {
	realm string
	mode  string // "md5", "both", "sha256"
	key   [32]byte

	mu     sync.Mutex
	counts map[string]nonceCount
	tries  map[string]*failures
	swept  time.Time
}

type nonceCount struct {
	nc      uint64
	expires time.Time
}

type failures struct {
	n     int
	until time.Time // blocked until
	last  time.Time
}

func newAuthority(realm, mode string) *authority {
	a := &authority{realm: realm, mode: mode, counts: map[string]nonceCount{}, tries: map[string]*failures{}}
	_, _ = rand.Read(a.key[:])
	return a
}

// challenges returns the values of WWW-Authenticate for source.
func (a *authority) challenges(source netip.Addr, isStale bool, now time.Time) []string {
	tail := `", qop="auth"`
	if isStale {
		tail += ", stale=true"
	}
	make1 := func(algorithm string) string {
		return `Digest realm="` + a.realm + `", nonce="` + a.nonce(source, now) + tail + ", algorithm=" + algorithm
	}
	switch a.mode {
	case "both":
		return []string{make1("MD5"), make1("SHA-256")}
	case "sha256":
		return []string{make1("SHA-256")}
	default:
		return []string{make1("MD5")}
	}
}

func (a *authority) nonce(source netip.Addr, now time.Time) string {
	raw := make([]byte, 16, 32)
	binary.BigEndian.PutUint64(raw, uint64(now.UnixNano())) //nolint:gosec // after 1970
	_, _ = rand.Read(raw[8:16])
	return base64.RawURLEncoding.EncodeToString(append(raw, a.sign(raw, source)...))
}

func (a *authority) sign(raw []byte, source netip.Addr) []byte {
	m := hmac.New(sha256.New, a.key[:])
	m.Write(raw)
	m.Write(source.AsSlice())
	return m.Sum(nil)[:16]
}

// checkNonce reports whether we made the nonce for source, and whether it is
// still young enough.
func (a *authority) checkNonce(nonce string, source netip.Addr, now time.Time) (ours, young bool) {
	raw, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(raw) != 32 {
		return false, false
	}
	if !hmac.Equal(raw[16:], a.sign(raw[:16], source)) {
		return false, false
	}
	age := now.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(raw)))) //nolint:gosec // signed by us
	return true, age >= 0 && age < nonceLife
}

// standing is what the registrar knows of the place that credentials come from:
// whoever guesses from elsewhere must not lock out a phone that works.
type standing struct {
	flow    bool // a device of the user is registered by that very flow
	address bool // one is registered from that address
}

// check judges an Authorization header. found is false where no account has
// the login (or it may not be used from there): the work done is the same.
func (a *authority) check(c *credentials, u account.User, found bool, method, uri string, source netip.Addr, st standing, now time.Time) verdict {
	if c == nil || c.realm != a.realm {
		return challenged
	}
	useSHA := strings.EqualFold(c.algorithm, "SHA-256")
	if (useSHA && a.mode == "md5") || (!useSHA && (a.mode == "sha256" || (c.algorithm != "" && !strings.EqualFold(c.algorithm, "MD5")))) {
		return challenged
	}
	if a.isBlocked(source, c.username, st, now) {
		return blocked
	}
	ours, young := a.checkNonce(c.nonce, source, now)
	ha1 := a.secretOf(u, found, c.username, useSHA)
	right := subtle.ConstantTimeCompare([]byte(c.expected(ha1, method, useSHA)), []byte(strings.ToLower(c.response))) == 1
	if !right || !found || !sameURI(c.uri, uri) {
		if ours {
			if a.failed(source, c.username, now) {
				return caught
			}
			return wrong
		}
		return stale
	}
	if !ours || !young || !a.counted(c, now) {
		return stale
	}
	a.passed(source, c.username)
	return accepted
}

// secretOf is the user's HA1, or a dummy of the same form for nobody.
func (a *authority) secretOf(u account.User, found bool, login string, useSHA bool) string {
	m := hmac.New(sha256.New, a.key[:])
	m.Write([]byte(login))
	dummy := hex.EncodeToString(m.Sum(nil))
	secret := u.HA1MD5
	if useSHA {
		secret = u.HA1SHA256
	} else {
		dummy = dummy[:32]
	}
	if !found || secret == "" {
		return dummy
	}
	return secret
}

// counted checks that the nonce count grows (RFC 7616 3.4); credentials
// without qop may use a nonce once.
func (a *authority) counted(c *credentials, now time.Time) bool {
	nc := uint64(1)
	if c.qop != "" {
		var err error
		if nc, err = strconv.ParseUint(c.nc, 16, 32); err != nil {
			return false
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweep(now)
	if last, ok := a.counts[c.nonce]; ok && nc <= last.nc {
		return false
	}
	a.counts[c.nonce] = nonceCount{nc: nc, expires: now.Add(nonceLife)}
	return true
}

// isBlocked reports a block of the user at that source, which does not hold for
// the flow of a registered device of his, or of the whole source, which does not
// hold for users who have a device there: others may share its address (NAT).
func (a *authority) isBlocked(source netip.Addr, user string, st standing, now time.Time) bool {
	spared := [2]bool{st.flow, st.address}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, k := range tryKeys(source, user) {
		if f := a.tries[k]; f != nil && now.Before(f.until) && !spared[i] {
			return true
		}
	}
	return false
}

func tryKeys(source netip.Addr, user string) [2]string {
	return [2]string{source.String() + "\x00" + user, source.String()}
}

// failed counts a wrong password; the block grows with each. It reports whether
// one begins.
func (a *authority) failed(source netip.Addr, user string, now time.Time) (begins bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweep(now)
	for i, k := range tryKeys(source, user) {
		f := a.tries[k]
		if f == nil {
			f = &failures{}
			a.tries[k] = f
		}
		f.n++
		f.last = now
		free := freeTries
		if i == 1 {
			free = sourceTries
		}
		if over := f.n - free; over >= 0 {
			f.until = now.Add(min(longestWait, firstBlock<<min(over, 16)))
			begins = begins || over == 0
		}
	}
	return begins
}

func (a *authority) passed(source netip.Addr, user string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.tries, tryKeys(source, user)[0])
}

func (a *authority) sweep(now time.Time) {
	if now.Sub(a.swept) < time.Minute {
		return
	}
	a.swept = now
	for k, c := range a.counts {
		if now.After(c.expires) {
			delete(a.counts, k)
		}
	}
	for k, f := range a.tries {
		if now.Sub(f.last) > time.Hour {
			delete(a.tries, k)
		}
	}
}

// credentials of an Authorization header (RFC 7616 3.4).
type credentials struct {
	username, realm, nonce, uri, response, algorithm, cnonce, qop, nc string
}

// parseCredentials reads the value of an Authorization header. It returns nil
// where the scheme is not Digest or a needed part is missing.
func parseCredentials(value string) *credentials {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(value), " ")
	if !ok || !strings.EqualFold(scheme, "Digest") || len(value) > 4096 {
		return nil
	}
	c := &credentials{}
	fields := map[string]*string{
		"username": &c.username, "realm": &c.realm, "nonce": &c.nonce, "uri": &c.uri, "response": &c.response,
		"algorithm": &c.algorithm, "cnonce": &c.cnonce, "qop": &c.qop, "nc": &c.nc,
	}
	for rest != "" {
		var name, val string
		name, rest, ok = strings.Cut(rest, "=")
		if !ok {
			return nil
		}
		if val, rest, ok = parameterValue(strings.TrimLeft(rest, " \t")); !ok {
			return nil
		}
		if f := fields[strings.ToLower(strings.TrimSpace(name))]; f != nil {
			*f = val
		}
	}
	if c.username == "" || c.nonce == "" || c.response == "" || c.uri == "" || (c.qop != "" && c.qop != "auth") {
		return nil
	}
	return c
}

// parameterValue reads a token or quoted string and the comma after it.
func parameterValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ",")
		return strings.TrimSpace(value), rest, true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			_, rest, _ = strings.Cut(s[i+1:], ",")
			return b.String(), rest, true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// expected computes the response that the right password gives (RFC 7616 3.4.1).
func (c *credentials) expected(ha1, method string, useSHA bool) string {
	h := func(s string) string {
		var f hash.Hash = md5.New() //nolint:gosec // see the import
		if useSHA {
			f = sha256.New()
		}
		f.Write([]byte(s))
		return hex.EncodeToString(f.Sum(nil))
	}
	ha2 := h(method + ":" + c.uri)
	if c.qop == "" {
		return h(ha1 + ":" + c.nonce + ":" + ha2)
	}
	return h(strings.Join([]string{ha1, c.nonce, c.nc, c.cnonce, c.qop, ha2}, ":"))
}

// answerChallenge computes the Authorization of ours for a trunk, or "" where
// the realm is not the one that is configured; realm "" answers any.
func answerChallenge(challenge, login, password, realm, method, uri string) string {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(challenge), " ")
	if !strings.EqualFold(scheme, "Digest") {
		return ""
	}
	got := map[string]string{}
	for rest != "" {
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			return ""
		}
		var v string
		if v, rest, ok = parameterValue(strings.TrimLeft(after, " \t")); !ok {
			return ""
		}
		got[strings.ToLower(strings.TrimSpace(name))] = v
	}
	alg := got["algorithm"]
	useSHA := strings.EqualFold(alg, "SHA-256")
	if realm == "" {
		realm = got["realm"]
	}
	if got["realm"] != realm || (alg != "" && !useSHA && !strings.EqualFold(alg, "MD5")) {
		return ""
	}
	md5Hex, shaHex := account.HA1(login, realm, password)
	ha1 := md5Hex
	if useSHA {
		ha1 = shaHex
	}
	c := &credentials{nonce: got["nonce"], uri: uri}
	out := `Digest username="` + quoteDisplay(login) + `", realm="` + quoteDisplay(realm) + `", nonce="` + quoteDisplay(c.nonce) + `", uri="` + uri + `"`
	if got["qop"] != "" {
		c.qop, c.nc, c.cnonce = "auth", "00000001", newTag()
		out += `, qop=auth, nc=00000001, cnonce="` + c.cnonce + `"`
	}
	out += `, response="` + c.expected(ha1, method, useSHA) + `"`
	if alg != "" {
		out += ", algorithm=" + alg
	}
	return out
}

// sameURI compares the digest-uri with the Request-URI: equal text, or equal
// scheme, user, host and port (RFC 7616 3.4.6; some phones leave parameters out).
func sameURI(digestURI, requestURI string) bool {
	if digestURI == requestURI {
		return true
	}
	cut := func(s string) string {
		if i := strings.IndexAny(s, ";?"); i >= 0 {
			s = s[:i]
		}
		return strings.ToLower(s)
	}
	return cut(digestURI) == cut(requestURI)
}
