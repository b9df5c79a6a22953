package sip

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/account"
)

// Times of the keep-alive. Each range is drawn from, so that not all are asked
// at once.
const (
	keepAliveEvery = 16 * time.Second // after any proof of life, plus up to keepAliveMore: with the wait for the answer 30 s at most
	keepAliveMore  = 7 * time.Second
	heartbeatEvery = 3 * time.Second // a browser: 10 s at most
	heartbeatMore  = time.Second
	heartbeatWait  = 5 * time.Second
	askSoon        = 2 * time.Second // after a dialog that ended in silence, plus up to askSoonMore
	askSoonMore    = 4 * time.Second
	keepAliveWait  = 6 * time.Second  // for the answer to an OPTIONS
	retryOut       = 10 * time.Second // OPTIONS to a device that is out
)

// bindingName names a binding across its refreshes; the zero value names none.
type bindingName struct{ aor, key string }

// proved notes that d showed life: by REGISTER, an answer or the end of a dialog.
func (d *device) proved(now time.Time) {
	d.provedAt = now
	every, more := keepAliveEvery, keepAliveMore
	if d.browser() {
		every, more = heartbeatEvery, heartbeatMore
	}
	d.askAt = now.Add(every + rand.N(more)) //nolint:gosec // spreads load, hides nothing
}

// browser reports whether d is a page, reached by a WebSocket: its tab may sleep
// or crash while the connection stands, so it is asked more often.
func (d *device) browser() bool {
	return strings.HasPrefix(d.Received, "ws:") || strings.HasPrefix(d.Received, "wss:")
}

// enter says that the device is in one more dialog with us. Until the last has
// ended no OPTIONS goes to it: the dialog proves it, RTP and session timer
// judge it.
func (r *registrar) enter(n bindingName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dialogs[n]++
}

// leave says that a dialog of the device is over. silent: the device had no
// part in its end, so it is to be asked soon.
func (r *registrar) leave(n bindingName, silent bool, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dialogs[n]--; r.dialogs[n] <= 0 {
		delete(r.dialogs, n)
	}
	d := r.byAOR[n.aor][n.key]
	switch {
	case d == nil || d.out:
	case silent:
		d.askAt = now.Add(askSoon + rand.N(askSoonMore)) //nolint:gosec // see proved
	default:
		d.proved(now)
	}
}

// failed takes a device out until it registers or answers an OPTIONS.
func (r *registrar) failed(aor, key string) { r.failedAt(aor, key, time.Now()) }

func (r *registrar) failedAt(aor, key string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := r.byAOR[aor][key]; d != nil && !d.out {
		d.out = true
		d.askAt = now.Add(retryOut / 2)
		r.dirty.Put(d.UserID)
	}
}

// isDue reports whether d is to be asked at now. One that is out is asked in a
// dialog too: its INVITE may stay open for 32 s.
func (r *registrar) isDue(d *device, now time.Time) bool {
	return !d.asking && now.After(d.askAt) && (d.out || r.dialogs[bindingName{d.AOR, d.Key}] == 0)
}

// due returns the bindings that have expired and those that are to be asked,
// which from then on count as asked.
func (r *registrar) due(now time.Time) (expired, ask []account.Binding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ds := range r.byAOR {
		for _, d := range ds {
			switch {
			case !d.ExpiresAt.After(now):
				expired = append(expired, d.Binding)
			case r.isDue(d, now):
				d.asking = true
				ask = append(ask, d.Binding)
			}
		}
	}
	return expired, ask
}

// sweep looks at every binding once a second.
func (r *registrar) sweep(ctx context.Context, now time.Time) {
	expired, ask := r.due(now)
	for _, b := range expired {
		r.drop(b.AOR, b.Key)
	}
	for _, b := range ask {
		r.server.wg.Go(func() {
			asked := time.Now()
			r.judge(b, r.server.ask(ctx, b), asked, time.Now())
		})
	}
}

// life is what an OPTIONS has shown of a device.
type life int

const (
	lifeNone life = iota // no answer
	lifeWell             // any answer
	lifeDeaf             // an answer that says that its microphone does not work
)

// microphoneHeader is how a page says in its answer to OPTIONS whether its
// microphone works ("lost": it does not). Pages and phones that say nothing are
// not judged by it.
const microphoneHeader = "X-Pickup-Microphone"

// lifeOf reads an answer to OPTIONS.
func lifeOf(res *gosip.Response) life {
	if h := res.GetHeader(microphoneHeader); h != nil && strings.EqualFold(strings.TrimSpace(h.Value()), "lost") {
		return lifeDeaf
	}
	return lifeWell
}

// judge takes the result of an OPTIONS sent to b at the time asked.
func (r *registrar) judge(b account.Binding, seen life, asked, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.byAOR[b.AOR][b.Key]
	if d == nil || d.Received != b.Received {
		return
	}
	d.asking = false
	was, wasDeaf := d.out, d.deaf
	switch {
	case seen != lifeNone:
		d.answered, d.out, d.deaf = true, false, seen == lifeDeaf
		d.proved(now)
	case d.provedAt.After(asked) || r.dialogs[bindingName{b.AOR, b.Key}] > 0: // life showed meanwhile
		if !d.out && !d.askAt.After(now) {
			d.proved(now)
		}
	case d.answered:
		d.out = true
	default:
		d.proved(now) // never answered one: it is not judged by them
	}
	if d.out {
		d.askAt = now.Add(retryOut)
	}
	if was != d.out || wasDeaf != d.deaf {
		r.dirty.Put(d.UserID)
	}
}

// ask sends OPTIONS to a binding; any answer counts.
func (s *Server) ask(ctx context.Context, b account.Binding) life {
	f := s.flowTo(b.Received)
	to := destination{}
	if f == nil || gosip.ParseUri(b.ContactURI, &to.target) != nil {
		return lifeNone
	}
	d := dialog{server: s, callID: newTag() + newTag(), localTag: newTag(), flow: f, target: to.target}
	d.local = gosip.FromHeader{Params: gosip.NewParams(), Address: gosip.Uri{Scheme: "sip", User: "pickup", Host: s.hostFor(f)}}
	d.local.Params.Add("tag", d.localTag)
	d.remote = gosip.ToHeader{Address: *to.target.Clone(), Params: gosip.NewParams()}
	d.remote.Address.UriParams = nil
	for _, p := range splitAddresses(b.Path) {
		var u gosip.Uri
		if gosip.ParseUri(p, &u) == nil {
			d.routes = append(d.routes, u)
		}
	}
	patience := keepAliveWait
	if f.websocket() {
		patience = heartbeatWait
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tx, err := d.send(wait, d.request(gosip.OPTIONS))
	if err != nil {
		return lifeNone
	}
	defer tx.Terminate()
	select {
	case res := <-tx.Responses():
		return lifeOf(res)
	case <-tx.Done():
	case <-wait.Done():
	}
	return lifeNone
}
