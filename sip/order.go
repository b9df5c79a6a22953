package sip

import (
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// turnPatience is how long a message waits for the one before it. The handler of
// that one always comes, however late on a loaded machine, unless its connection
// was lost on the way to it: sipgo gives up looking for that after ten seconds.
// Whatever its transaction swallows got no ticket, and nobody waits for it.
const turnPatience = 10 * time.Second

// seenFor is how long a transaction key is remembered: beyond timer J and L
// (64*T1), so that a retransmission is never taken for a new request.
const seenFor = 40 * time.Second

// order gives the requests of one Call-ID their turn in the order of arrival.
// sipgo runs every message in a goroutine of its own, and CSeq cannot order
// them (INVITE, ACK and CANCEL share it), so a ticket is taken in the reader
// goroutine, before that goroutine starts. Safe for any goroutine.
type order struct {
	mu       sync.Mutex
	last     map[string]*ticket          // by Call-ID: the ticket given last
	held     map[*gosip.Request]*ticket  // not yet claimed by their handler
	seen     map[string]time.Time        // transaction keys
	unserved map[string]*ticket          // by transaction key
	arrival  map[string]arrivalOfRequest // merged-request key -> first transaction
	swept    time.Time
}

type arrivalOfRequest struct {
	key string
	at  time.Time
}

// ticket is the place of one request among those of its Call-ID.
type ticket struct {
	callID   string
	key      string        // transaction key
	before   chan struct{} // closed when the request before is done; nil: none
	done     chan struct{}
	at       time.Time
	inDialog bool // the request had a To-tag before we added ours
	merged   bool // same request by another branch (RFC 3261 8.2.2.2)
	rport    bool // its Via asked for rport before we did (RFC 3581)
}

func newOrder() *order {
	return &order{
		last: map[string]*ticket{}, held: map[*gosip.Request]*ticket{},
		seen: map[string]time.Time{}, unserved: map[string]*ticket{}, arrival: map[string]arrivalOfRequest{},
	}
}

// take gives r a ticket. It is called in the reader goroutine. A request that
// its transaction will swallow (a retransmission, the ACK of a non-2xx) gets
// none.
func (o *order) take(r *gosip.Request, key string, inDialog bool, now time.Time) {
	if r.IsCancel() {
		return // its transaction knows the INVITE by its branch
	}
	callID := ""
	if h := r.CallID(); h != nil {
		callID = h.Value()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sweep(now)
	if key != "" {
		if _, again := o.seen[key]; again {
			return
		}
		o.seen[key] = now
	}
	t := &ticket{callID: callID, key: key, done: make(chan struct{}), at: now, inDialog: inDialog}
	if via := r.Via(); via != nil {
		t.rport = via.Params.Has("rport")
	}
	if !inDialog && !r.IsAck() {
		t.merged = o.merge(r, callID, key, now)
	}
	if p := o.last[callID]; p != nil {
		t.before = p.done
	}
	o.last[callID] = t
	o.held[r] = t
	o.unserved[key] = t
}

func (o *order) merge(r *gosip.Request, callID, key string, now time.Time) bool {
	from, cseq := r.From(), r.CSeq()
	if from == nil || cseq == nil {
		return false
	}
	tag, _ := from.Params.Get("tag")
	id := callID + "\x00" + tag + "\x00" + cseq.Value()
	if first, ok := o.arrival[id]; ok && first.key != key && now.Sub(first.at) < 32*time.Second {
		return true
	}
	o.arrival[id] = arrivalOfRequest{key: key, at: now}
	return false
}

// over is the channel of what is done already.
func over() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// served returns a channel that is closed once the request with this
// transaction key was served; false: none came.
func (o *order) served(key string) (<-chan struct{}, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.unserved[key]; t != nil {
		return t.done, true
	}
	_, ok := o.seen[key]
	return over(), ok
}

// claim returns the ticket of r after its turn has come. The caller calls leave
// when r is done.
func (o *order) claim(r *gosip.Request) *ticket {
	o.mu.Lock()
	t := o.held[r]
	delete(o.held, r)
	o.mu.Unlock()
	if t == nil {
		return &ticket{done: make(chan struct{})}
	}
	if t.before == nil {
		return t
	}
	select {
	case <-t.before:
		return t
	default:
	}
	late := time.NewTimer(turnPatience)
	defer late.Stop()
	select {
	case <-t.before:
	case <-late.C:
	}
	return t
}

// leave lets the next request of the Call-ID go on.
func (o *order) leave(t *ticket) {
	o.mu.Lock()
	o.forget(t)
	o.mu.Unlock()
	close(t.done)
}

// forget takes t out of the indexes.
func (o *order) forget(t *ticket) {
	if o.last[t.callID] == t {
		delete(o.last, t.callID)
	}
	if o.unserved[t.key] == t {
		delete(o.unserved, t.key)
	}
}

// sweep forgets what is too old to matter, every ten seconds.
func (o *order) sweep(now time.Time) {
	if now.Sub(o.swept) < 10*time.Second {
		return
	}
	o.swept = now
	for k, at := range o.seen {
		if now.Sub(at) > seenFor {
			delete(o.seen, k)
		}
	}
	for k, a := range o.arrival {
		if now.Sub(a.at) > seenFor {
			delete(o.arrival, k)
		}
	}
	for r, t := range o.held {
		if now.Sub(t.at) > seenFor {
			delete(o.held, r)
			o.forget(t)
			close(t.done) // its handler never came, nobody else does
		}
	}
}
