package sip

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"

	"pickup/account"
	"pickup/callflow"
	"pickup/internal/logkey"
	"pickup/internal/mailbox"
)

// device is a binding and what is known of it. Guarded by registrar.mu.
type device struct {
	account.Binding
	answered bool // an OPTIONS to it was answered once: it may be judged by them
	out      bool // failed a call or a keep-alive; back by REGISTER or OPTIONS
	deaf     bool // a page that says that its microphone does not work
	asking   bool // an OPTIONS is out
	askAt    time.Time
	provedAt time.Time // it showed life last
}

// registrar holds the bindings. The map is small work under one mutex; the
// store, the network and the handler are called without it.
type registrar struct {
	server *Server
	dirty  *mailbox.Box[account.ID] // accounts whose count of devices may have changed

	mu      sync.Mutex
	byAOR   map[string]map[string]*device // by AoR and binding key
	owners  map[account.ID]string         // account to AoR
	dialogs map[bindingName]int           // live dialogs of a device
	writing sync.Mutex                    // one registration at a time is made durable and shown
}

func newRegistrar(s *Server) *registrar {
	return &registrar{
		server: s, dirty: mailbox.New[account.ID](), byAOR: map[string]map[string]*device{},
		owners: map[account.ID]string{}, dialogs: map[bindingName]int{},
	}
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

// put keeps a binding. Its REGISTER is an answer too: it shows that the device
// lives, and through UDP it renewed the way through a NAT.
func (r *registrar) put(b account.Binding, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byAOR[b.AOR] == nil {
		r.byAOR[b.AOR] = map[string]*device{}
	}
	d := r.byAOR[b.AOR][b.Key]
	if d == nil || d.Received != b.Received {
		d = &device{}
	}
	d.Binding, d.out = b, false // whether a microphone works is said by an OPTIONS alone
	d.proved(now)
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

func (r *registrar) snapshot(aor string) map[string]account.Binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]account.Binding, len(r.byAOR[aor]))
	for k, d := range r.byAOR[aor] {
		out[k] = d.Binding
	}
	return out
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
	var out []callflow.Address
	for _, d := range r.phones(agent) {
		if d.rung() {
			out = append(out, callflow.Address{Kind: callflow.AddressDevice, AOR: d.AOR, Key: d.Key, Display: d.ContactURI})
		}
	}
	return out
}

// rung reports whether d can be rung.
func (d *device) rung() bool { return !d.out && !d.deaf }

// phones lists the devices of an agent. Of several flows of one the newest that
// can be rung stands for it: the others ring only when that one is out (RFC 5626 5.3).
func (r *registrar) phones(agent account.ID) []device {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	newest := map[string]*device{} // by phone
	for _, d := range r.byAOR[r.owners[agent]] {
		if !d.ExpiresAt.After(now) || d.UserID != agent {
			continue
		}
		phone := phoneOf(d.Key)
		other := newest[phone]
		if other == nil || d.rung() && !other.rung() || d.rung() == other.rung() && d.RegisteredAt.After(other.RegisteredAt) {
			newest[phone] = d
		}
	}
	out := make([]device, 0, len(newest))
	for _, d := range newest {
		out = append(out, *d)
	}
	return out
}

// presence is how the devices of an agent stand together.
func (r *registrar) presence(agent account.ID) callflow.Presence {
	var p callflow.Presence
	for _, d := range r.phones(agent) {
		switch {
		case d.rung():
			p.Devices++
		case d.out:
			p.Silent++
			p.Why = callflow.CauseNoResponse
		default:
			p.Silent++
			if p.Why == "" {
				p.Why = callflow.CauseMicrophone
			}
		}
	}
	return p
}

// phoneOf is the instance of a binding key without its reg-id, or the contact.
func phoneOf(key string) string {
	if i := strings.LastIndexByte(key, ';'); i > 0 && strings.HasPrefix(key, "<") {
		return key[:i]
	}
	return key
}

// usesFlow reports whether a device registered by that connection.
func (r *registrar) usesFlow(f *flow) bool {
	name := f.String()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ds := range r.byAOR {
		for _, d := range ds {
			if d.Received == name {
				return true
			}
		}
	}
	return false
}

// flowsInUse returns the flows, as they are stored, of all bindings.
func (r *registrar) flowsInUse() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]bool, len(r.byAOR))
	for _, ds := range r.byAOR {
		for _, d := range ds {
			out[d.Received] = true
		}
	}
	return out
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

// standing says what is registered for aor where a request comes from; f is nil
// where that connection is gone.
func (r *registrar) standing(aor string, f *flow) standing {
	if f == nil {
		return standing{}
	}
	name, st := f.String(), standing{address: r.usesAddress(aor, f.addr.Addr())}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.byAOR[aor] {
		st.flow = st.flow || d.Received == name
	}
	return st
}

// deviceOf names the binding of aor from which a call came by f with that
// contact; the zero name where none did.
func (r *registrar) deviceOf(aor string, f *flow, contact string) bindingName {
	name := f.String()
	r.mu.Lock()
	defer r.mu.Unlock()
	var found bindingName
	for key, d := range r.byAOR[aor] {
		if d.ContactURI == contact {
			return bindingName{aor, key}
		}
		if d.Received == name {
			found = bindingName{aor, key}
		}
	}
	return found
}

// flowGone drops the bindings of a connection that ended (RFC 5626 5.3).
func (r *registrar) flowGone(f *flow) {
	received := f.String()
	r.mu.Lock()
	type name struct{ aor, key string }
	var gone []name
	for aor, ds := range r.byAOR {
		for key, d := range ds {
			if d.Received == received {
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
	told := map[account.ID]callflow.Presence{}
	var accounts []account.ID
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.dirty.Ready():
			accounts = r.dirty.Take(accounts)
			for _, a := range accounts {
				if p := r.presence(a); p != told[a] {
					told[a] = p
					r.server.handler.Presence(a, p)
				}
			}
		case now := <-tick.C:
			r.sweep(ctx, now)
		}
	}
}
