package sip

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/sip/locate"
)

var errNoAnswer = errors.New("no answer")

// Times of our registrations at trunks.
const (
	registerDefault = time.Hour        // what we ask for
	registerLeast   = 30 * time.Second // the soonest refresh, whatever the trunk grants
	registerMost    = 24 * time.Hour   // the longest that a Min-Expires makes us ask for
	retryFirst      = 5 * time.Second  // after a first failure, then twice as long each time
	retryMost       = 5 * time.Minute
	unregisterWait  = 2 * time.Second
)

// registration is our REGISTER at a trunk: one Call-ID for all of them, so that
// they are one after the other (RFC 3261 10.2). It belongs to the line's goroutine.
type registration struct {
	callID, tag string
	cseq        uint32
	ask         time.Duration // what a 423 made of Trunk.Expires
	failures    int
	at          locate.Target // where it stands; the zero value: nowhere
}

// refused is a final response that is none to go on with.
type refused struct{ res *gosip.Response }

func (r refused) Error() string { return fmt.Sprintf("%d %s", r.res.StatusCode, clean(r.res.Reason)) }

// StatusOf is the status of a trunk's refusal in an error of TryTrunk; 0: there is
// none.
func StatusOf(err error) int {
	if r, ok := errors.AsType[refused](err); ok {
		return r.res.StatusCode
	}
	return 0
}

// register registers once and returns when to do so again.
func (n *line) register(ctx context.Context) time.Duration {
	var last error = locate.ErrNotFound
	for _, t := range n.order() {
		granted, err := n.registerAt(ctx, t)
		if ctx.Err() != nil {
			return retryMost
		}
		if err == nil {
			n.reg.failures, n.reg.at = 0, t
			n.judge("well", "")
			return refreshIn(granted)
		}
		n.blame(t.Addr, 0)
		last = fmt.Errorf("%s: %w", describe(t), err)
		if r, ok := errors.AsType[refused](err); ok && r.res.StatusCode < 500 {
			break // the other addresses are of the same mind
		}
	}
	n.mu.Lock()
	lost := !n.expires.After(time.Now())
	n.mu.Unlock()
	if lost { // until then the trunk has it still
		n.judge("down", "REGISTER: "+last.Error())
	}
	n.reg.failures++
	return max(backOff(n.reg.failures), retryAfterOf(last))
}

// refreshIn is when a registration is refreshed: at 80 to 90 per cent of it, so
// that a lost REGISTER can be sent again.
func refreshIn(granted time.Duration) time.Duration {
	return max(registerLeast/2, granted*8/10+rand.N(granted/10+1)) //nolint:gosec // spreads, hides nothing
}

// backOff is the pause after so many failures: it doubles, up to retryMost, and
// the half of it is random (RFC 5626 4.5).
func backOff(failures int) time.Duration {
	d := retryMost
	if failures <= 6 {
		d = min(retryMost, retryFirst<<max(0, failures-1))
	}
	return d/2 + rand.N(d/2) //nolint:gosec // spreads, hides nothing
}

func retryAfterOf(err error) time.Duration {
	if r, ok := errors.AsType[refused](err); ok {
		return min(avoidMost, secondsOf(r.res, "Retry-After"))
	}
	return 0
}

// secondsOf reads a header that begins with seconds; 0: there is none.
func secondsOf(res *gosip.Response, name string) time.Duration {
	h := res.GetHeader(name)
	if h == nil {
		return 0
	}
	digits, _, _ := strings.Cut(h.Value(), ";")
	digits, _, _ = strings.Cut(digits, "(")
	v, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(v) * time.Second
}

// registerAt registers at one address and returns for how long.
func (n *line) registerAt(ctx context.Context, t locate.Target) (time.Duration, error) {
	f, err := n.server.connect(ctx, t)
	if err != nil {
		return 0, err
	}
	if n.reg.ask == 0 {
		if n.reg.ask = n.Expires; n.reg.ask == 0 {
			n.reg.ask = registerDefault
		}
	}
	for tries, longer := 0, false; ; {
		res, err := n.sendRegister(ctx, f, n.reg.ask, "", "")
		for ; err == nil && (res.StatusCode == 401 || res.StatusCode == 407) && tries < 2; tries++ { // the second: stale
			give, value := n.answer(res, "REGISTER", n.domainString())
			if value == "" || (tries == 1 && !staleNonce(res)) {
				break
			}
			res, err = n.sendRegister(ctx, f, n.reg.ask, give, value)
		}
		switch {
		case err != nil:
			return 0, err
		case res.StatusCode == 423 && !longer && secondsOf(res, "Min-Expires") > n.reg.ask: // RFC 3261 10.2.8
			n.reg.ask, longer, tries = min(registerMost, secondsOf(res, "Min-Expires")), true, 0
		case res.StatusCode >= 300:
			return 0, refused{res}
		default:
			granted := n.granted(res, f)
			n.hold(f, time.Now().Add(granted))
			return granted, nil
		}
	}
}

func (n *line) domainString() string {
	u := n.domain()
	return u.String()
}

// staleNonce reports that only the nonce was too old (RFC 7616 3.3).
func staleNonce(res *gosip.Response) bool {
	for _, h := range append(res.GetHeaders("WWW-Authenticate"), res.GetHeaders("Proxy-Authenticate")...) {
		v := strings.ToLower(strings.ReplaceAll(h.Value(), " ", ""))
		if strings.Contains(v, "stale=true") || strings.Contains(v, `stale="true"`) {
			return true
		}
	}
	return false
}

// sendRegister sends one REGISTER; expires 0 takes the registration back, below 0
// it only asks (RFC 3261 10.2.3).
func (n *line) sendRegister(ctx context.Context, f *flow, expires time.Duration, name, value string) (*gosip.Response, error) {
	if n.reg.callID == "" {
		n.reg.callID, n.reg.tag = newTag()+newTag(), newTag()
	}
	aor := n.domain()
	aor.User, aor.Port = escapeUser(n.account()), 0
	d := dialog{server: n.server, callID: n.reg.callID, localTag: n.reg.tag, localCSeq: n.reg.cseq, flow: f, target: n.domain()}
	d.local = gosip.FromHeader{Params: gosip.NewParams(), Address: aor}
	d.local.Params.Add("tag", d.localTag)
	d.remote = gosip.ToHeader{Address: aor, Params: gosip.NewParams()}
	r := d.request(gosip.REGISTER)
	n.reg.cseq = d.localCSeq
	if expires >= 0 {
		r.AppendHeader(n.contact(f))
		r.AppendHeader(gosip.NewHeader("Expires", expiresOf(expires)))
	}
	r.AppendHeader(gosip.NewHeader("Allow", allow))
	if value != "" {
		r.AppendHeader(gosip.NewHeader(name, value))
	}
	return n.server.roundTrip(ctx, &d, r)
}

// contact is where the trunk calls us: its user part tells which account it is.
func (n *line) contact(f *flow) *gosip.ContactHeader {
	c := n.server.contact(f)
	c.Address.User = escapeUser(n.account())
	return c
}

// granted reads for how long our contact is registered (RFC 3261 10.2.4). A trunk
// may show other contacts of the account beside it.
func (n *line) granted(res *gosip.Response, f *flow) time.Duration {
	ours := n.contact(f).Address
	all := res.GetHeaders("Contact")
	for _, h := range all {
		c, ok := h.(*gosip.ContactHeader)
		if !ok || (len(all) > 1 && (c.Address.User != ours.User || c.Address.Host != ours.Host || sipPort(c.Address.Port) != sipPort(ours.Port))) {
			continue
		}
		if v, ok := c.Params.Get("expires"); ok {
			if s, err := strconv.ParseUint(v, 10, 31); err == nil && s > 0 {
				return time.Duration(s) * time.Second
			}
		}
	}
	if s := secondsOf(res, "Expires"); s > 0 {
		return s
	}
	return n.reg.ask
}

// hold notes a registration and keeps its connection open.
func (n *line) hold(f *flow, until time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.expires = until
	if n.flow == f {
		return
	}
	if n.flow != nil {
		n.flow.users.Add(-1)
	}
	f.users.Add(1)
	n.flow = f
}

// unregister takes the registration back when the line ends, if it can be done
// at once.
func (n *line) unregister() {
	n.mu.Lock()
	f, live := n.flow, n.expires.After(time.Now())
	n.flow, n.expires = nil, time.Time{}
	n.mu.Unlock()
	if f == nil {
		return
	}
	defer f.users.Add(-1)
	if !live {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(n.life), unregisterWait)
	defer cancel()
	res, err := n.sendRegister(ctx, f, 0, "", "")
	if err == nil && (res.StatusCode == 401 || res.StatusCode == 407) {
		if give, value := n.answer(res, "REGISTER", n.domainString()); value != "" {
			_, _ = n.sendRegister(ctx, f, 0, give, value)
		}
	}
}
