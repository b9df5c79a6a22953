package sip

import (
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/callflow"
)

// Times of a REFER.
const (
	referPatience = 5 * time.Second  // for the session to say a word to it
	referExpires  = 60 * time.Second // of its subscription; renewed while the transfer goes on
)

// referral is the REFER that a leg has open, and the subscription that it made
// (RFC 3515 2.4.4). It belongs to the goroutine of its leg and ends with it.
type referral struct {
	q        *request // nil: none is open
	accepted bool     // 202 was sent
	quiet    bool     // its sender wants no NOTIFY (RFC 4488)
	event    string   // value of Event
	served   bool     // there was one before in this dialog: the next has an id
}

// refer serves REFER (RFC 3515). Whom it is for and what comes of it is for the
// session to say; here is judged who may ask, and for what.
func (l *leg) refer(q *request) {
	switch {
	case l.state == legClosing:
		q.refuse(refuse(481))
		return
	case l.login == "" || l.state != legUp: // toll fraud: an agent in a talk, and nobody else
		q.refuse(refuse(403))
		return
	case l.ref.q != nil:
		q.refuse(refuse(491))
		return
	}
	wish, f := l.wishOf(q)
	if f != nil {
		q.refuse(f)
		return
	}
	event := "refer"
	if l.ref.served { // RFC 3515 2.4.6
		event += ";id=" + strconv.FormatUint(uint64(q.CSeq().SeqNo), 10)
	}
	l.ref = referral{q: q, event: event, served: true, quiet: noSubscription(q.Request)}
	l.set(timerRefer, referPatience)
	e := l.event(callflow.LegRefer, 0, "")
	e.Refer = wish
	l.told.tell(e)
}

// wishOf reads what a REFER asks for.
func (l *leg) wishOf(q *request) (*callflow.Refer, *refusal) {
	to, f := parseReferTo(q.Request)
	if f != nil {
		return nil, f
	}
	if !to.number && !l.server.own(l, to.host) {
		return nil, refuse(403, gosip.NewHeader("Warning", `399 pickup "Refer-To is not of this site"`))
	}
	wish := &callflow.Refer{Target: to.user, Replaces: to.replaces}
	if to.replaces == nil {
		return wish, nil
	}
	if other := l.server.legs.named(*to.replaces); other != nil {
		if other.login != l.login { // somebody else's talk
			return nil, refuse(403)
		}
		wish.ReplacesLeg = other.id
	}
	return wish, nil
}

// noSubscription reports a sender who wants to hear nothing of it (RFC 4488 4).
func noSubscription(r *gosip.Request) bool {
	hs := r.GetHeaders("Refer-Sub")
	if len(hs) == 0 {
		return false
	}
	v, _, _ := strings.Cut(hs[0].Value(), ";")
	return strings.EqualFold(strings.TrimSpace(v), "false")
}

// referred is callflow.Leg.Referred.
func (l *leg) referred(status int, text string) {
	switch {
	case l.ref.q == nil || status < 100 || status > 699:
		return
	case !l.ref.accepted && status >= 300:
		f := refuse(status)
		if text = clean(text); text != "" {
			f.reason = text
		}
		l.ref.q.refuse(f)
		l.referOver()
		return
	case !l.ref.accepted:
		l.acceptRefer()
	}
	if status < 200 {
		l.set(timerRefer, referExpires-10*time.Second)
	}
	l.notify(status, text)
	if status >= 200 {
		l.referOver()
	}
}

func (l *leg) acceptRefer() {
	l.ref.accepted = true
	res := l.ref.q.response(202)
	res.AppendHeader(l.server.contact(l.d.flow))
	if l.ref.quiet {
		res.AppendHeader(gosip.NewHeader("Refer-Sub", "false"))
	}
	l.ref.q.respond(res)
}

// referOver forgets the REFER.
func (l *leg) referOver() {
	l.clear(timerRefer)
	l.ref = referral{served: true}
}

// referWaits: no session said anything, or the subscription is about to expire.
func (l *leg) referWaits() {
	if l.ref.q == nil {
		return
	}
	if !l.ref.accepted {
		l.referred(603, "Transfer not available")
		return
	}
	l.referred(100, "")
}

// notify tells how the transfer stands (RFC 3515 2.4.5): a status line in a
// message/sipfrag (RFC 3420).
func (l *leg) notify(status int, text string) {
	if l.ref.quiet || l.state != legUp {
		return
	}
	state := "active;expires=" + strconv.Itoa(int(referExpires/time.Second))
	if status >= 200 {
		state = "terminated;reason=noresource"
	}
	if text = clean(text); text == "" {
		text = reasonOf(status)
	}
	l.follow()
	r := l.d.request(gosip.NOTIFY)
	r.AppendHeader(l.server.contact(l.d.flow))
	r.AppendHeader(gosip.NewHeader("Event", l.ref.event))
	r.AppendHeader(gosip.NewHeader("Subscription-State", state))
	r.AppendHeader(gosip.NewHeader("Content-Type", "message/sipfrag;version=2.0"))
	r.SetBody([]byte("SIP/2.0 " + strconv.Itoa(status) + " " + text + "\r\n"))
	event := l.ref.event
	l.transact(r, func(res *gosip.Response) {
		switch {
		case res == nil || res.StatusCode < 300:
		case res.StatusCode == 481 && l.ref.q != nil && l.ref.event == event: // RFC 5057 5.1: he wants no more of them
			l.ref.quiet = true
		}
	})
}

// referTo is where a REFER points.
type referTo struct {
	user, host string
	number     bool // a tel: URI, which has no host
	replaces   *callflow.DialogID
}

// parseReferTo reads Refer-To (RFC 3515 2.1), of which there must be one.
func parseReferTo(r *gosip.Request) (referTo, *refusal) {
	var value string
	n := 0
	for _, h := range r.Headers() {
		if longName(h.Name()) == "refer-to" {
			value = h.Value()
			n++
		}
	}
	uri, ok := addressOf(value)
	if n != 1 || !ok {
		return referTo{}, refuse(400)
	}
	scheme, rest, _ := strings.Cut(uri, ":")
	switch strings.ToLower(scheme) {
	case "tel":
		number, _, _ := strings.Cut(rest, ";")
		if number = numberUser(number); number == "" {
			return referTo{}, refuse(400)
		}
		return referTo{user: number, number: true}, nil
	case "sip", "sips":
		return sipReferTo(uri)
	}
	return referTo{}, refuse(416)
}

func sipReferTo(uri string) (referTo, *refusal) {
	var u gosip.Uri
	if gosip.ParseUri(uri, &u) != nil || u.Host == "" {
		return referTo{}, refuse(400)
	}
	if u.UriParams != nil {
		if method, ok := u.UriParams.Get("method"); ok && !strings.EqualFold(method, "INVITE") {
			f := refuse(400)
			f.reason = "Refer-To method is not INVITE"
			return referTo{}, f
		}
	}
	to := referTo{user: strings.ToLower(unescapeUser(u.User)), host: u.Host}
	if to.user == "" || clean(to.user) != to.user {
		return referTo{}, refuse(400)
	}
	_, headers, _ := strings.Cut(uri, "?")
	for field := range strings.SplitSeq(headers, "&") {
		name, value, _ := strings.Cut(field, "=")
		if !strings.EqualFold(unescapeUser(name), "Replaces") {
			continue
		}
		id, _, ok := parseReplaces(unescapeUser(value))
		if !ok || to.replaces != nil {
			return referTo{}, refuse(400)
		}
		to.replaces = &id
	}
	return to, nil
}

// addressOf takes the URI out of the one address of a header; false: there is
// none, or more than one.
func addressOf(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, `"`) {
		end := 1
		for ; end < len(s) && s[end] != '"'; end++ {
			if s[end] == '\\' {
				end++
			}
		}
		if end >= len(s) {
			return "", false
		}
		s = s[end+1:]
	}
	_, rest, bracketed := strings.Cut(s, "<")
	if !bracketed {
		uri, params, _ := strings.Cut(s, ";")
		return strings.TrimSpace(uri), uri != "" && !strings.ContainsAny(uri+params, ",>? ")
	}
	uri, after, closed := strings.Cut(rest, ">")
	return strings.TrimSpace(uri), closed && uri != "" && !strings.Contains(after, ",")
}

// own reports whether a host is this site, as the peer of l may name it: an
// address of ours, the realm, or what phones that proved themselves dial.
func (s *Server) own(l *leg, host string) bool {
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == strings.ToLower(s.cfg.Realm) || host == s.cfg.LocalAddr(l.d.flow.addr.Addr()).String() ||
		strings.EqualFold(host, strings.Trim(l.d.local.Address.Host, "[]")) {
		return true
	}
	return s.hosts.has(host)
}

// dropRefer ends a REFER with its dialog: nobody is told any more.
func (l *leg) dropRefer() {
	if q := l.ref.q; q != nil && !l.ref.accepted {
		q.refuse(refuse(481))
	}
	l.ref = referral{}
}
