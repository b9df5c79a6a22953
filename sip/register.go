package sip

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/account"
	"pickup/internal/logkey"
)

// Limits of a registration, in seconds (RFC 3261 10.3).
const (
	minExpires  = 60
	maxExpires  = 3600
	maxContacts = 8
)

// flowTimer is how often, in seconds, a phone has to say something on a connection
// that it registered as a flow (RFC 5626 4.4.1). Without a word in twice that,
// an answer to our OPTIONS is one too, the connection is closed.
const flowTimer = 120

// register serves REGISTER (RFC 3261 10.3).
func (r *registrar) register(q *request) {
	s := r.server
	u, no := s.authenticate(q)
	if no != nil {
		q.refuse(no)
		return
	}
	if unescapeUser(q.To().Address.User) != u.Login { // RFC 3261 10.3, step 4
		q.refuse(refuse(403))
		return
	}
	f := s.flowOf(q.Transport(), q.Source())
	if f == nil {
		q.drop()
		return
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	changes, no := r.plan(q, u, f)
	if no != nil {
		q.refuse(no)
		return
	}
	ctx, cancel := context.WithTimeout(s.life, 5*time.Second)
	defer cancel()
	for _, c := range changes {
		var err error
		if c.drop {
			err = s.store.DropBinding(ctx, c.AOR, c.Key)
		} else {
			err = s.store.SaveBinding(ctx, c.Binding)
		}
		if err != nil {
			s.log.Error("store SIP binding", logkey.Err, err)
			q.refuse(refuse(500))
			return
		}
		if c.drop {
			r.remove(c.AOR, c.Key)
		} else {
			r.put(c.Binding, time.Now())
		}
	}
	s.hosts.add(q.Recipient.Host)
	s.hosts.add(q.To().Address.Host)
	r.confirm(q, u.Login)
}

// change of one binding.
type change struct {
	account.Binding
	drop bool
}

// plan works out what a REGISTER changes, or why it may not.
func (r *registrar) plan(q *request, u account.User, f *flow) ([]change, *refusal) {
	var contacts []*gosip.ContactHeader
	for _, h := range q.GetHeaders("Contact") {
		if c, ok := h.(*gosip.ContactHeader); ok {
			contacts = append(contacts, c)
		}
	}
	def := expiresHeader(q.Request)
	old := r.snapshot(u.Login)
	callID, cseq := q.CallID().Value(), q.CSeq().SeqNo
	path := pathOf(q.Request)
	if !firstHopServes(q.Request, contacts) {
		return nil, refuse(439)
	}
	var out []change
	for _, c := range contacts {
		if c.Address.Wildcard {
			if len(contacts) != 1 || def != 0 {
				return nil, refuse(400)
			}
			for _, b := range old {
				out = append(out, change{Binding: b, drop: true})
			}
			return out, nil
		}
		uri := c.Address.String()
		if sch := lower(c.Address.Scheme); c.Address.Host == "" || (sch != "sip" && sch != "sips") || len(uri) > 512 || clean(uri) != uri {
			return nil, refuse(400)
		}
		seconds := def
		if v, ok := c.Params.Get("expires"); ok {
			seconds = parseExpires(v)
		}
		if seconds > 0 && seconds < minExpires {
			return nil, refuse(423, gosip.NewHeader("Min-Expires", strconv.Itoa(minExpires)))
		}
		key := bindingKey(c)
		b, had := old[key]
		if had && b.SIPCallID == callID && cseq <= b.CSeq {
			return nil, refuse(500) // out of order: RFC 3261 10.3, step 7
		}
		now := time.Now()
		n := account.Binding{
			AOR: u.Login, Key: key, UserID: u.ID, ContactURI: uri, Path: path, Received: r.reachedBy(q, f, &c.Address, path).String(),
			Transport: f.transport, SIPCallID: callID, CSeq: cseq, UserAgent: agentOf(q.Request), RegisteredAt: now,
			ExpiresAt: now.Add(time.Duration(min(seconds, maxExpires)) * time.Second),
		}
		if seconds == 0 {
			if had {
				out = append(out, change{Binding: b, drop: true})
				delete(old, key)
			}
			continue
		}
		old[key] = n
		out = append(out, change{Binding: n})
	}
	if len(old) > maxContacts {
		return nil, refuse(403)
	}
	return out, nil
}

// reachedBy returns the flow of requests to a contact.
func (r *registrar) reachedBy(q *request, f *flow, contact *gosip.Uri, path string) *flow {
	if f.stream() || path != "" {
		return f
	}
	return &flow{transport: f.transport, at: f.at, addr: listens(f.addr, q.Via(), q.ticket.rport, contact, r.server.port)}
}

// listens decides where a phone that registered through UDP from source takes
// requests. The rule for everybody who may be behind a NAT is the source: only
// there does its NAT let us in (symmetric signalling). RFC 3261 says the
// Contact, and a phone that sends from one port and listens at another is found
// only there; it is believed where no NAT can have been on the way:
//   - the Contact is the address that we see, with another port, and
//   - the Via is that address and either the very port that we see, so that
//     nothing was translated, or the port of the Contact without rport: whoever
//     asks for rport listens at its source (RFC 3581 3).
//
// ownPort is ours: requests never go to ourselves.
func listens(source netip.AddrPort, via *gosip.ViaHeader, rport bool, contact *gosip.Uri, ownPort int) netip.AddrPort {
	host, err := literal(contact.Host)
	if err != nil || host != source.Addr() || lower(contact.Scheme) != "sip" {
		return source
	}
	if t, ok := contact.UriParams.Get("transport"); ok && lower(t) != "udp" {
		return source
	}
	if sender, err := literal(via.Host); err != nil || sender != source.Addr() {
		return source
	}
	port := sipPort(contact.Port)
	untouched := sipPort(via.Port) == int(source.Port()) && contact.Port != 0
	named := sipPort(via.Port) == port && !rport
	if port == ownPort || (!untouched && !named) {
		return source
	}
	return netip.AddrPortFrom(source.Addr(), uint16(port)) //nolint:gosec // in range: sipPort
}

// literal reads a host that is an IP address, in brackets or not.
func literal(host string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return a.Unmap(), err
}

// sipPort is a port of a URI or Via; absent or none, 5060.
func sipPort(p int) int {
	if p <= 0 || p > 65535 {
		return 5060
	}
	return p
}

// confirm answers 200 with all bindings of the address of record.
func (r *registrar) confirm(q *request, aor string) {
	res := q.response(200)
	now := time.Now()
	instance := false
	for _, b := range r.snapshot(aor) {
		var u gosip.Uri
		if gosip.ParseUri(b.ContactURI, &u) != nil {
			continue
		}
		left := int(b.ExpiresAt.Sub(now).Round(time.Second) / time.Second)
		flow := ""
		if i := strings.LastIndexByte(b.Key, ';'); i > 0 && strings.HasPrefix(b.Key, "<") {
			flow = `;+sip.instance="` + b.Key[:i] + `"`
			if id := b.Key[i+1:]; id != "" {
				flow += ";reg-id=" + id
			}
		}
		res.AppendHeader(gosip.NewHeader("Contact", "<"+b.ContactURI+">;expires="+strconv.Itoa(max(1, left))+flow))
		instance = instance || strings.HasPrefix(b.Key, "<") && !strings.HasSuffix(b.Key, ";")
	}
	for _, h := range q.GetHeaders("Path") { // RFC 3327 5.3
		res.AppendHeader(gosip.NewHeader("Path", h.Value()))
	}
	if instance && supports(q.Request, "outbound") { // RFC 5626 6
		res.AppendHeader(gosip.NewHeader("Require", "outbound"))
		if f := r.server.flowOf(q.Transport(), q.Source()); f != nil && f.stream() && !f.websocket() && len(q.GetHeaders("Path")) == 0 {
			f.timed.Store(true)
			res.AppendHeader(gosip.NewHeader("Flow-Timer", strconv.Itoa(flowTimer)))
		}
	}
	res.AppendHeader(gosip.NewHeader("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05")+" GMT"))
	q.respond(res)
}

// firstHopServes reports that a flow that is asked for can be kept: where the
// REGISTER came by a proxy, the one next to the phone, whose Path is the last,
// must know of flows (RFC 5626 6).
func firstHopServes(m *gosip.Request, contacts []*gosip.ContactHeader) bool {
	asked := slices.ContainsFunc(contacts, func(c *gosip.ContactHeader) bool {
		_, instance := c.Params.Get("+sip.instance")
		_, id := c.Params.Get("reg-id")
		return instance && id
	})
	if !asked || !supports(m, "outbound") || len(m.GetHeaders("Via")) < 2 {
		return true
	}
	path := splitAddresses(pathOf(m))
	var last gosip.Uri
	return len(path) > 0 && gosip.ParseUri(path[len(path)-1], &last) == nil && last.UriParams.Has("ob")
}

// bindingKey is "<instance>;<reg-id>" where the phone says who it is, else its
// contact URI (RFC 5626 6).
func bindingKey(c *gosip.ContactHeader) string {
	instance, ok := c.Params.Get("+sip.instance")
	instance = strings.Trim(clean(instance), `"`)
	if !ok || instance == "" || len(instance) > 128 {
		return clean(c.Address.String())
	}
	id, _ := c.Params.Get("reg-id")
	if _, err := strconv.ParseUint(id, 10, 31); err != nil {
		id = ""
	}
	return instance + ";" + id
}

// parseExpires reads seconds; what is malformed counts as 3600 (RFC 3261 10.2.1.1).
func parseExpires(v string) int {
	n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 32)
	if err != nil {
		return maxExpires
	}
	return int(min(n, maxExpires))
}

func expiresHeader(m *gosip.Request) int {
	if h := m.GetHeader("Expires"); h != nil {
		return parseExpires(h.Value())
	}
	return maxExpires
}

func pathOf(m *gosip.Request) string {
	var all []string
	for _, h := range m.GetHeaders("Path") {
		all = append(all, clean(h.Value()))
	}
	return strings.Join(all, ", ")
}

func agentOf(m *gosip.Request) string {
	h := m.GetHeader("User-Agent")
	if h == nil {
		return ""
	}
	v := clean(h.Value())
	return v[:min(len(v), 200)]
}

func supports(m *gosip.Request, tag string) bool {
	for _, name := range []string{"Supported", "k"} {
		for _, h := range m.GetHeaders(name) {
			for _, v := range strings.Split(h.Value(), ",") {
				if strings.EqualFold(strings.TrimSpace(v), tag) {
					return true
				}
			}
		}
	}
	return false
}
