package sip

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/account"
	"pickup/callflow"
	"pickup/media"
)

// Dialer returns the dialer of one kind of address. Kinds that SIP cannot
// reach get callflow.ErrNoRoute for every call.
func (s *Server) Dialer(kind callflow.AddressKind) callflow.Dialer { return dialer{s, kind} }

// Devices returns the devices of an agent that can be rung now.
func (s *Server) Devices(agent account.ID) []callflow.Address { return s.reg.devices(agent) }

type dialer struct {
	server *Server
	kind   callflow.AddressKind
}

// destination is where one INVITE goes.
type destination struct {
	target gosip.Uri
	flow   *flow
	routes []gosip.Uri
	aor    string
	key    string
	trunk  *Trunk
	ways   *ways  // of trunk: entered
	number string // by trunk
}

// Route implements callflow.Dialer.
func (d dialer) Route(to callflow.Address) error {
	if d.kind != callflow.AddressNumber {
		return nil // what a device or a source says of itself may change until it is dialled
	}
	return d.server.trunks.route(numberUser(to.Value))
}

// Dial implements callflow.Dialer.
func (d dialer) Dial(_ context.Context, inv callflow.Invitation) (callflow.Leg, error) {
	s := d.server
	var to destination
	var err error
	switch {
	case !s.serving.Load() || s.life.Err() != nil:
		return nil, callflow.ErrNoRoute
	case inv.To.Kind != d.kind:
		return nil, fmt.Errorf("dial: address of another kind: %w", callflow.ErrNoRoute)
	case d.kind == callflow.AddressDevice:
		to, err = s.toDevice(inv.To)
	case d.kind == callflow.AddressSIPSource:
		to, err = s.toSource(inv.To.Value)
	case d.kind == callflow.AddressNumber:
		to, err = s.toNumber(inv.To.Value)
	default:
		err = callflow.ErrNoRoute
	}
	if err != nil {
		return nil, err
	}
	l, err := s.dialTo(to, inv)
	if err != nil && to.ways != nil {
		to.ways.leave()
	}
	return l, err
}

func (s *Server) toDevice(a callflow.Address) (destination, error) {
	b, f := s.reg.route(a.AOR, a.Key)
	if f == nil {
		return destination{}, callflow.ErrNoRoute
	}
	to := destination{flow: f, aor: a.AOR, key: a.Key}
	if err := gosip.ParseUri(b.ContactURI, &to.target); err != nil {
		return to, fmt.Errorf("contact of a device: %w", callflow.ErrNoRoute)
	}
	for _, p := range splitAddresses(b.Path) {
		var u gosip.Uri
		if gosip.ParseUri(p, &u) == nil {
			to.routes = append(to.routes, u)
		}
	}
	return to, nil
}

// toSource reads "<user>@<transport>:<address>".
func (s *Server) toSource(value string) (destination, error) {
	i := strings.LastIndexByte(value, '@')
	if i < 1 {
		return destination{}, callflow.ErrNoRoute
	}
	f := s.flowTo(value[i+1:])
	if f == nil {
		return destination{}, callflow.ErrNoRoute
	}
	u := gosip.Uri{Scheme: "sip", User: escapeUser(value[:i]), Host: bracketed(f.addr.Addr().String()), Port: int(f.addr.Port())}
	if f.stream() {
		u.UriParams = gosip.NewParams()
		u.UriParams.Add("transport", f.transport)
	}
	return destination{target: u, flow: f}, nil
}

// dialTo opens the media and starts the leg; its goroutine sends the INVITE.
func (s *Server) dialTo(to destination, inv callflow.Invitation) (callflow.Leg, error) {
	open := s.media.NewLeg
	if to.flow.websocket() {
		open = s.media.NewBrowserLeg
	}
	m, err := open(media.LegOptions{ID: inv.LegID, Peer: to.flow.addr.Addr(), Local: s.localAddr(to.flow), SRTP: to.flow.srtp(), Prefer: inv.Codec})
	if err != nil {
		return nil, fmt.Errorf("media of leg %s: %w", inv.LegID, err)
	}
	l := s.newLeg(inv.LegID, false, m, s.dialogTo(to, inv))
	l.device, l.login = bindingName{to.aor, to.key}, to.aor
	l.out = outboundPart{aor: to.aor, key: to.key, trunk: to.trunk, ways: to.ways, number: to.number, from: inv, timeout: inv.Timeout}
	if to.trunk != nil {
		l.trunk = to.trunk.Name
	}
	l.out.invite = l.compose(to)
	if !safeRequest(l.out.invite) {
		m.Close()
		return nil, fmt.Errorf("invite leg %s: %w", inv.LegID, errUnsafe)
	}
	l.start("")
	l.post(l.dial)
	return l, nil
}

// dialogTo makes the dialog of an INVITE of ours.
func (s *Server) dialogTo(to destination, inv callflow.Invitation) dialog {
	d := dialog{
		server: s, callID: newTag() + newTag(), localTag: newTag(), localCSeq: 0,
		flow: to.flow, routes: to.routes, target: to.target, dials: to.trunk != nil,
	}
	user := inv.FromUser
	if to.trunk != nil {
		user = cmp.Or(to.trunk.FromUser, inv.CallerID, inv.FromUser)
	}
	d.local = gosip.FromHeader{
		DisplayName: quoteDisplay(inv.FromDisplay), Params: gosip.NewParams(),
		Address: gosip.Uri{Scheme: "sip", User: escapeUser(user), Host: s.hostFor(to.flow)},
	}
	if to.trunk != nil && to.trunk.Register { // the account is of its domain
		d.local.Address.Host = to.trunk.domain().Host
	}
	if user == anonymous { // RFC 3323 4.1.1.3
		d.local.Address.Host = "anonymous.invalid"
	}
	d.local.Params.Add("tag", d.localTag)
	d.remote = gosip.ToHeader{Address: *to.target.Clone(), Params: gosip.NewParams()}
	d.remote.Address.UriParams = nil
	return d
}

// compose makes the INVITE without its offer.
func (l *leg) compose(to destination) *gosip.Request {
	s, inv := l.server, l.out.from
	r := l.d.request(gosip.INVITE)
	r.AppendHeader(s.contact(to.flow))
	r.AppendHeader(gosip.NewHeader("Allow", allow))
	r.AppendHeader(gosip.NewHeader("Supported", supported))
	l.askSession(r, "")
	for name, v := range map[string]string{"X-Pickup-Call": string(inv.CallID), "X-Pickup-Queue": inv.Queue} {
		if v != "" && to.aor != "" { // agents only
			r.AppendHeader(gosip.NewHeader(name, clean(v)))
		}
	}
	if l.d.local.Address.User == anonymous {
		r.AppendHeader(gosip.NewHeader("Privacy", "id"))
	}
	if to.aor != "" && (inv.AutoAnswer || s.cfg.AutoAnswer) {
		s.askAutoAnswer(r, to.flow)
	}
	if to.trunk != nil && to.trunk.FromUser != "" && inv.CallerID != "" && inv.CallerID != to.trunk.FromUser {
		u := gosip.Uri{Scheme: "sip", User: escapeUser(inv.CallerID), Host: l.d.local.Address.Host} // RFC 3325 9.2
		r.AppendHeader(gosip.NewHeader("P-Preferred-Identity", "<"+u.String()+">"))
	}
	return r
}

// anonymous is the user of a caller who does not want to be known (RFC 3323 4.1.1.3).
const anonymous = "anonymous"

// askAutoAnswer asks a phone to answer by itself, in each of the ways that phones
// know: the Call-Info of Broadsoft, the Alert-Info of Polycom and its like, and
// RFC 5373. A phone that does not want to rings.
func (s *Server) askAutoAnswer(r *gosip.Request, f *flow) {
	host := s.contact(f).Address.Host
	r.AppendHeader(gosip.NewHeader("Call-Info", "<sip:"+host+">;answer-after=0"))
	r.AppendHeader(gosip.NewHeader("Alert-Info", "<http://"+host+"/>;info=alert-autoanswer;delay=0"))
	r.AppendHeader(gosip.NewHeader("Answer-Mode", "Auto"))
}

// splitAddresses takes "<sip:a;lr>, <sip:b;lr>" apart.
func splitAddresses(s string) []string {
	var out []string
	for {
		_, rest, ok := strings.Cut(s, "<")
		if !ok {
			return out
		}
		uri, after, ok := strings.Cut(rest, ">")
		if !ok {
			return out
		}
		out = append(out, uri)
		s = after
	}
}
