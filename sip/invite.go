package sip

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/account"
	"pickup/call"
	"pickup/callflow"
	"pickup/internal/id"
	"pickup/internal/logkey"
	"pickup/media"
)

// invited serves an INVITE outside a dialog: name, identity, media, then the
// handler. Nothing but 100 is answered here when it is let in.
func (s *Server) invited(q *request) {
	if s.draining.Load() || s.legs.count() >= s.cfg.MaxCalls {
		q.refuse(refuse(503, gosip.NewHeader("Retry-After", "10")))
		return
	}
	f := s.flowOf(q.Transport(), q.Source())
	if f == nil {
		q.drop()
		return
	}
	name := s.dialledName(q)
	who, no := s.caller(q, name)
	if no != nil {
		q.refuse(no)
		return
	}
	replaces, no := s.replaced(q, who)
	if no != nil {
		q.refuse(no)
		return
	}
	trunk := ""
	if who.trunk != nil {
		if !s.trunks.enter(who.trunk) {
			q.refuse(refuse(503, gosip.NewHeader("Retry-After", "10")))
			return
		}
		trunk = who.trunk.Name
	}
	l, no := s.inboundLeg(q, f)
	if no != nil {
		s.trunks.leave(trunk)
		q.refuse(no)
		return
	}
	l.trunk = trunk
	branch, _ := q.Via().Params.Get("branch")
	l.in.invite = &request{Request: q.Request, tx: q.tx, server: s, ticket: q.ticket, source: q.source}
	q.settled = true // from here on the leg answers
	if who.found {
		l.login = who.user.Login
		s.hosts.add(q.Recipient.Host)
		l.device = s.reg.deviceOf(who.user.Login, f, l.d.target.String())
		l.live()
	}
	l.start(branch)
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			l.post(func() { l.end(call.Cause{Status: 500}) })
		}
	}()
	if !q.tx.OnCancel(func(r *gosip.Request) { l.post(func() { l.gotCancel(r) }) }) {
		l.post(func() { l.gotCancel(nil) }) // it was quicker than we are
	}
	in := s.inboundCall(q, l, f, name, who)
	in.Replaces = replaces
	refusal := s.handler.Accept(in)
	if refusal != nil {
		l.post(func() {
			l.in.retryAfter = refusal.RetryAfter
			l.end(call.Cause{Status: refusal.Status})
		})
		return
	}
	l.post(func() { l.set(timerProgress, firstProgress) })
	s.counters.calls.Add(1)
}

// dialledName is the name that is called: the user of the Request-URI, but where a
// trunk calls the contact that we registered there, that of the To.
func (s *Server) dialledName(q *request) string {
	name := strings.ToLower(unescapeUser(q.Recipient.User))
	if t := s.trunks.of(q.source); t != nil && t.Register && name == strings.ToLower(t.account()) {
		if to := strings.ToLower(unescapeUser(q.To().Address.User)); to != "" {
			return to
		}
	}
	return name
}

// identity is who calls.
type identity struct {
	user   account.User
	found  bool
	trunk  *Trunk
	forged bool // he says that he is one of our users, and nothing speaks for it
}

// caller decides who may call name, and asks for credentials where a feature
// code is dialled or somebody says that he is one of our users from where a
// device of that user is. From anywhere else he is a stranger without a name:
// a challenge would tell everybody which users there are. A name that leads
// nowhere is 404 before any challenge, for everybody but an agent's phone, which
// may dial his colleagues.
func (s *Server) caller(q *request, name string) (identity, *refusal) {
	var none identity
	feature := strings.HasPrefix(name, "*")
	replaces := len(q.GetHeaders("Replaces")) > 0 // the dialog counts, not the name
	if name != "" && !feature && !replaces && !s.handler.Routable(name, "") && s.fromDevice(q) {
		feature = true // a colleague or a number: for agents alone, as a feature code
	}
	if name == "" || (!feature && !replaces && !s.handler.Routable(name, "")) {
		return none, refuse(404)
	}
	if t := s.trunks.of(q.source); t != nil && !feature {
		if t.Disabled {
			return none, refuse(403)
		}
		return identity{trunk: t}, nil
	}
	needed, ours := feature || replaces, false
	if from := unescapeUser(q.From().Address.User); !needed && from != "" {
		u, ok, err := s.user(q, from)
		if err != nil {
			return none, refuse(500)
		}
		ours = ok && u.Active
		needed = s.reg.usesAddress(u.Login, q.source.Addr()) && ours
	}
	if !needed && len(q.GetHeaders("Authorization")) == 0 {
		return identity{forged: ours}, nil
	}
	u, no := s.authenticate(q)
	if no != nil {
		return none, no
	}
	if feature && !s.handler.Routable(name, u.ID) {
		return none, refuse(404)
	}
	return identity{user: u, found: true}, nil
}

// fromDevice reports whether a request says that it is from a user who has a
// device at the address it came from. Only there a name that leads nowhere for
// others is challenged: anybody else cannot tell users from nobody by it.
func (s *Server) fromDevice(q *request) bool {
	from := unescapeUser(q.From().Address.User)
	return from != "" && s.reg.usesAddress(from, q.source.Addr())
}

func (s *Server) user(q *request, login string) (account.User, bool, error) {
	_ = q
	ctx, cancel := context.WithTimeout(s.life, 2*time.Second)
	defer cancel()
	u, ok, err := s.store.UserByLogin(ctx, login)
	if err != nil {
		s.log.Error("read user for SIP", logkey.Err, err)
	}
	return u, ok, err
}

// authenticate checks the credentials of q. The refusal is the challenge, the
// same for users and for nobody.
func (s *Server) authenticate(q *request) (account.User, *refusal) {
	var c *credentials
	for _, h := range q.GetHeaders("Authorization") {
		if got := parseCredentials(h.Value()); got != nil && got.realm == s.cfg.Realm {
			c = got
			break
		}
	}
	var u account.User
	var st standing
	found := false
	if c != nil {
		st = s.reg.standing(c.username, s.flowOf(q.Transport(), q.Source()))
		near := s.cfg.DemoOpen || nearby(q.source.Addr(), kernelAddr) // asked for users and for nobody: same time
		var err error
		if u, found, err = s.user(q, c.username); err != nil {
			return account.User{}, refuse(500)
		}
		found = found && u.Active && (!u.Demo || near)
	}
	now := time.Now()
	v := s.digest.check(c, u, found, string(q.Method), q.Recipient.String(), q.source.Addr(), st, now)
	switch v {
	case accepted:
		return u, nil
	case wrong, caught:
		s.counters.wrong.Add(1)
		if v == caught {
			s.log.Warn("passwords are being guessed: source blocked for a while", slog.String("source", q.source.Addr().String()))
		}
	case blocked:
		s.counters.blocked.Add(1)
		return account.User{}, refuse(403, gosip.NewHeader("Retry-After", "60"))
	}
	no := refuse(401)
	for _, ch := range s.digest.challenges(q.source.Addr(), v == stale, now) {
		no.headers = append(no.headers, gosip.NewHeader("WWW-Authenticate", ch))
	}
	return account.User{}, no
}

// nearby reports loopback, private and link-local addresses, and those of this
// machine: a phone on it may send from an outer interface to loopback. local
// gives the address from which this machine would send to one; its own it
// would send to from itself. (An advertised address is no proof: behind a NAT
// others come from it too.)
func nearby(a netip.Addr, local func(netip.Addr) netip.Addr) bool {
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || local(a) == a
}

// inboundLeg opens the media of an INVITE and makes its leg.
func (s *Server) inboundLeg(q *request, f *flow) (*leg, *refusal) {
	if ct := q.ContentType(); ct != nil && len(q.Body()) > 0 && !isSDP(ct.Value()) {
		q.SetBody(nil) // a body that may be ignored (the gate looked)
	}
	offer := q.Body()
	o := media.LegOptions{ID: call.LegID(id.New()), Peer: q.source.Addr(), Local: s.localAddr(f), SRTP: f.srtp()}
	open := s.media.NewLeg
	if browserOffer(offer) || (len(offer) == 0 && f.websocket()) {
		open = s.media.NewBrowserLeg
	}
	m, err := open(o)
	if err != nil {
		return nil, mediaRefusal(err)
	}
	l := s.newLeg(o.ID, true, m, s.fromInvite(q, f))
	l.rel.asked = lists(q.Request, "100rel", "Require")
	l.held = holds(offer)
	if len(offer) > 0 {
		ctx, cancel := context.WithTimeout(s.life, 5*time.Second)
		defer cancel()
		if l.in.answer, err = m.Answer(ctx, offer); err != nil {
			m.Close()
			return nil, mediaRefusal(err)
		}
	}
	return l, nil
}

// browserOffer reports an offer that only WebRTC can answer. A fingerprint beside
// plain audio is a phone's that would like it encrypted (RFC 8643).
func browserOffer(sdp []byte) bool {
	return bytes.Contains(sdp, []byte("UDP/TLS/RTP/SAVP")) ||
		bytes.Contains(sdp, []byte("a=fingerprint:")) && bytes.Contains(sdp, []byte("RTP/SAVP"))
}

// mediaRefusal maps the errors of media to a status.
func mediaRefusal(err error) *refusal {
	switch {
	case errors.Is(err, media.ErrNoPorts):
		return refuse(503, gosip.NewHeader("Retry-After", "10"))
	case errors.Is(err, media.ErrNoCommonCodec): // RFC 3261 20.43
		return refuse(488, gosip.NewHeader("Warning", `305 pickup "Incompatible media format"`))
	case errors.Is(err, media.ErrBadSDP):
		return refuse(488, gosip.NewHeader("Warning", `399 pickup "Session description not usable"`))
	}
	return refuse(500)
}

// inboundCall describes the call to the handler.
func (s *Server) inboundCall(q *request, l *leg, f *flow, name string, who identity) callflow.Inbound {
	from, to := q.From(), q.To()
	in := callflow.Inbound{
		Leg: l, SIPCallID: clean(l.d.callID), Language: language(q.Request), ArrivedAt: time.Now(), Transport: f.transport,
		From: call.Party{
			Kind: call.PartyAnonymousSIP, User: unescapeUser(from.Address.User), Display: clean(from.DisplayName),
			Source: f.String(),
		},
		To: call.Party{Kind: call.PartyAnonymousSIP, User: name, Display: clean(to.DisplayName), URI: "sip:" + name},
	}
	if who.forged {
		in.From.User, in.From.Display = "", ""
	}
	in.From.URI = "sip:" + in.From.User + "@" + q.source.Addr().String()
	if in.From.User == "" {
		in.From.URI = "sip:" + q.source.Addr().String()
	}
	if u := unescapeUser(l.d.target.User); u != "" { // telephony.md 1.10: targets (b)
		in.From.ReachBack = u + "@" + f.String()
	}
	switch {
	case who.trunk != nil:
		in.From.Kind = call.PartyTrunk
		if user, display, ok := asserted(q.Request); ok {
			in.From.User, in.From.Display = user, display
		}
		if hides(q.Request) {
			in.From.User, in.From.Display = anonymous, "Anonymous"
		}
		in.DivertedFrom = diverted(q.Request)
		in.From.URI = "sip:" + in.From.User + "@" + who.trunk.Name
		in.From.ReachBack = in.From.User
	case who.found:
		in.From.Kind = call.PartyRegistered
		in.From.URI = "sip:" + who.user.Login
		in.Account, in.Login = who.user.ID, who.user.Login
	case hides(q.Request):
		in.From.User, in.From.Display, in.From.URI = anonymous, "Anonymous", "sip:anonymous@anonymous.invalid"
	}
	return in
}

// language reads the first of fr and en in Accept-Language.
func language(r *gosip.Request) string {
	for _, h := range r.GetHeaders("Accept-Language") {
		for _, v := range strings.Split(strings.ToLower(h.Value()), ",") {
			v = strings.TrimSpace(v)
			if strings.HasPrefix(v, "fr") {
				return "fr"
			}
			if strings.HasPrefix(v, "en") {
				return "en"
			}
		}
	}
	return ""
}
