package sip

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/account"
	"pickup/callflow"
	"pickup/internal/logkey"
	"pickup/internal/mailbox"
)

// Limits of a registration, in seconds (RFC 3261 10.3).
const (
	minExpires     = 60
	maxExpires     = 3600
	maxContacts    = 8
	keepAliveEvery = 22 * time.Second // plus up to 8 s, so that not all ask at once
	keepAliveWait  = 6 * time.Second
	retryOut       = 10 * time.Second // OPTIONS to a device that is out
)

// device is a binding and what is known of it. Guarded by registrar.mu.
type device struct {
	account.Binding
	answered bool // an OPTIONS to it was answered once: it may be judged by them
	out      bool // failed a call or a keep-alive; back by REGISTER or OPTIONS
	asking   bool
	askAt    time.Time
}

// registrar holds the bindings. The map is small work under one mutex; the
// store, the network and the handler are called without it.
type registrar struct {
	server *Server
	dirty  *mailbox.Box[account.ID] // accounts whose count of devices may have changed

	mu      sync.Mutex
	byAOR   map[string]map[string]*device // by AoR and binding key
	owners  map[account.ID]string         // account to AoR
	writing sync.Mutex                    // one registration at a time is made durable and shown
}

func newRegistrar(s *Server) *registrar {
	return &registrar{server: s, dirty: mailbox.New[account.ID](), byAOR: map[string]map[string]*device{}, owners: map[account.ID]string{}}
}

// load reads the bindings of the last run. Those of a connection wait for it.
func (r *registrar) load(ctx context.Context) error {
	list, err := r.server.store.Bindings(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, b := range list {
		if !b.ExpiresAt.After(now) || !strings.HasPrefix(b.Received, "udp:") {
			if err := r.server.store.DropBinding(ctx, b.AOR, b.Key); err != nil {
				return err
			}
			continue
		}
		r.put(b, now)
	}
	return nil
}

func (r *registrar) put(b account.Binding, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byAOR[b.AOR] == nil {
		r.byAOR[b.AOR] = map[string]*device{}
	}
	d := r.byAOR[b.AOR][b.Key]
	if d == nil || d.Received != b.Received {
		d = &device{askAt: now.Add(time.Second)}
	}
	d.Binding, d.out = b, false
	r.byAOR[b.AOR][b.Key] = d
	r.owners[b.UserID] = b.AOR
	r.dirty.Put(b.UserID)
}

func (r *registrar) remove(aor, key string) (account.Binding, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.byAOR[aor][key]
	if d == nil {
		return account.Binding{}, false
	}
	delete(r.byAOR[aor], key)
	if len(r.byAOR[aor]) == 0 {
		delete(r.byAOR, aor)
	}
	r.dirty.Put(d.UserID)
	return d.Binding, true
}

// drop forgets a binding, here and in the store.
func (r *registrar) drop(aor, key string) {
	if _, ok := r.remove(aor, key); !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.server.life), 5*time.Second)
	defer cancel()
	if err := r.server.store.DropBinding(ctx, aor, key); err != nil {
		r.server.log.Error("drop SIP binding", logkey.Err, err)
	}
}

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
		if sch := lower(c.Address.Scheme); c.Address.Host == "" || (sch != "sip" && sch != "sips") || len(c.Address.String()) > 512 {
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
			AOR: u.Login, Key: key, UserID: u.ID, ContactURI: c.Address.String(), Path: pathOf(q.Request), Received: f.String(),
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
		res.AppendHeader(gosip.NewHeader("Contact", "<"+b.ContactURI+">;expires="+strconv.Itoa(max(1, left))))
		instance = instance || strings.HasPrefix(b.Key, "<") && !strings.HasSuffix(b.Key, ";")
	}
	for _, h := range q.GetHeaders("Path") { // RFC 3327 5.3
		res.AppendHeader(gosip.NewHeader("Path", h.Value()))
	}
	if instance && supports(q.Request, "outbound") { // RFC 5626 6
		res.AppendHeader(gosip.NewHeader("Require", "outbound"))
	}
	res.AppendHeader(gosip.NewHeader("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05")+" GMT"))
	q.respond(res)
}

func (r *registrar) snapshot(aor string) map[string]account.Binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]account.Binding, len(r.byAOR[aor]))
	for k, d := range r.byAOR[aor] {
		out[k] = d.Binding
	}
	return out
}

// bindingKey is "<instance>;<reg-id>" where the phone says who it is, else its
// contact URI (RFC 5626 6).
func bindingKey(c *gosip.ContactHeader) string {
	instance, ok := c.Params.Get("+sip.instance")
	instance = strings.Trim(clean(instance), `"`)
	if !ok || instance == "" || len(instance) > 128 {
		return c.Address.String()
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

// route returns a binding and the flow to it; a nil flow: it cannot be reached.
func (r *registrar) route(aor, key string) (account.Binding, *flow) {
	r.mu.Lock()
	d := r.byAOR[aor][key]
	var b account.Binding
	if d != nil {
		b = d.Binding
	}
	r.mu.Unlock()
	if d == nil || !b.ExpiresAt.After(time.Now()) {
		return b, nil
	}
	f := r.server.flowTo(b.Received)
	if f == nil {
		r.drop(aor, key)
	}
	return b, f
}

// devices lists what can be rung of an agent.
func (r *registrar) devices(agent account.ID) []callflow.Address {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []callflow.Address
	now := time.Now()
	for _, d := range r.byAOR[r.owners[agent]] {
		if !d.out && d.ExpiresAt.After(now) && d.UserID == agent {
			out = append(out, callflow.Address{Kind: callflow.AddressDevice, AOR: d.AOR, Key: d.Key, Display: d.ContactURI})
		}
	}
	return out
}

// failed takes a device out until it registers or answers an OPTIONS.
func (r *registrar) failed(aor, key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := r.byAOR[aor][key]; d != nil && !d.out {
		d.out = true
		d.askAt = time.Now().Add(retryOut / 2)
		r.dirty.Put(d.UserID)
	}
}

// usesFlow reports whether a device registered by that connection.
func (r *registrar) usesFlow(f *flow) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ds := range r.byAOR {
		for _, d := range ds {
			if d.Received == f.String() {
				return true
			}
		}
	}
	return false
}

// usesAddress reports whether a device of aor registered from that address.
func (r *registrar) usesAddress(aor string, a netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.byAOR[aor] {
		if _, addr, ok := parseFlow(d.Received); ok && addr.Addr() == a {
			return true
		}
	}
	return false
}

// flowGone drops the bindings of a connection that ended (RFC 5626 5.3).
func (r *registrar) flowGone(f *flow) {
	r.mu.Lock()
	type name struct{ aor, key string }
	var gone []name
	for aor, ds := range r.byAOR {
		for key, d := range ds {
			if d.Received == f.String() {
				gone = append(gone, name{aor, key})
			}
		}
	}
	r.mu.Unlock()
	if r.server.life.Err() != nil {
		return
	}
	for _, n := range gone {
		r.drop(n.aor, n.key)
	}
}

func (r *registrar) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, ds := range r.byAOR {
		n += len(ds)
	}
	return n
}

// run expires bindings, keeps them alive and tells presence, until ctx ends.
func (r *registrar) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	told := map[account.ID]int{}
	var accounts []account.ID
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.dirty.Ready():
			accounts = r.dirty.Take(accounts)
			for _, a := range accounts {
				if n := len(r.devices(a)); n != told[a] {
					told[a] = n
					r.server.handler.Presence(a, n)
				}
			}
		case now := <-tick.C:
			r.sweep(ctx, now)
		}
	}
}

// sweep looks at every binding once a second.
func (r *registrar) sweep(ctx context.Context, now time.Time) {
	r.mu.Lock()
	var expired, due []account.Binding
	for _, ds := range r.byAOR {
		for _, d := range ds {
			switch {
			case !d.ExpiresAt.After(now):
				expired = append(expired, d.Binding)
			case !d.asking && now.After(d.askAt):
				d.asking = true
				due = append(due, d.Binding)
			}
		}
	}
	r.mu.Unlock()
	for _, b := range expired {
		r.drop(b.AOR, b.Key)
	}
	for _, b := range due {
		r.server.wg.Go(func() { r.judge(b, r.server.ask(ctx, b)) })
	}
}

// judge takes the result of an OPTIONS.
func (r *registrar) judge(b account.Binding, answered bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.byAOR[b.AOR][b.Key]
	if d == nil {
		return
	}
	d.asking = false
	was := d.out
	switch {
	case answered:
		d.answered, d.out = true, false
	case d.answered && d.Received == b.Received:
		d.out = true
	}
	d.askAt = time.Now().Add(keepAliveEvery + time.Duration(len(b.Key)*997%8000)*time.Millisecond)
	if d.out {
		d.askAt = time.Now().Add(retryOut)
	}
	if was != d.out {
		r.dirty.Put(d.UserID)
	}
}

// ask sends OPTIONS to a binding; any answer counts.
func (s *Server) ask(ctx context.Context, b account.Binding) bool {
	f := s.flowTo(b.Received)
	to := destination{}
	if f == nil || gosip.ParseUri(b.ContactURI, &to.target) != nil {
		return false
	}
	d := dialog{server: s, callID: newTag() + newTag(), localTag: newTag(), flow: f, target: to.target}
	d.local = gosip.FromHeader{Params: gosip.NewParams(), Address: gosip.Uri{Scheme: "sip", User: "pickup", Host: s.cfg.LocalAddr(f.addr.Addr()).String()}}
	d.local.Params.Add("tag", d.localTag)
	d.remote = gosip.ToHeader{Address: *to.target.Clone(), Params: gosip.NewParams()}
	d.remote.Address.UriParams = nil
	for _, p := range splitAddresses(b.Path) {
		var u gosip.Uri
		if gosip.ParseUri(p, &u) == nil {
			d.routes = append(d.routes, u)
		}
	}
	wait, cancel := context.WithTimeout(ctx, keepAliveWait)
	defer cancel()
	tx, err := d.send(wait, d.request(gosip.OPTIONS))
	if err != nil {
		return false
	}
	defer tx.Terminate()
	select {
	case <-tx.Responses():
		return true
	case <-tx.Done():
	case <-wait.Done():
	}
	return false
}
