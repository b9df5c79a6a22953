package sip

import (
	"context"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/account"
)

// Times of the keep-alive.
const (
	keepAliveEvery = 22 * time.Second // plus up to 8 s, so that not all ask at once
	keepAliveWait  = 6 * time.Second
	retryOut       = 10 * time.Second // OPTIONS to a device that is out
)

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
