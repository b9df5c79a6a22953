package sip

import (
	"slices"
	"strings"
	"sync"

	"pickup/call"
	"pickup/callflow"
)

// face is what other goroutines may know of a leg's dialog.
type face struct {
	tags []string // of the peer; several while branches of our INVITE ring
	up   bool
}

// show renews the leg's face. In its goroutine, or before that starts.
func (l *leg) show() {
	f := &face{up: l.state == legUp}
	if l.d.remoteTag != "" {
		f.tags = []string{l.d.remoteTag}
	} else {
		for tag := range l.out.early {
			f.tags = append(f.tags, tag)
		}
	}
	l.face.Store(f)
}

// named returns the leg of a dialog, or nil: both tags must fit (RFC 3891 3).
func (t *legTable) named(id callflow.DialogID) *leg {
	t.mu.Lock()
	l := t.dialogs[dialogKey(id.CallID, id.LocalTag)]
	t.mu.Unlock()
	if l == nil {
		return nil
	}
	if f := l.face.Load(); f == nil || !slices.Contains(f.tags, id.RemoteTag) {
		return nil
	}
	return l
}

// parseReplaces reads a value of Replaces (RFC 3891 6.1). Its to-tag is that of
// who gets the INVITE: ours.
func parseReplaces(value string) (id callflow.DialogID, earlyOnly, ok bool) {
	callID, params, _ := strings.Cut(value, ";")
	id.CallID = strings.TrimSpace(callID)
	seen := map[string]bool{}
	for p := range strings.SplitSeq(params, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		k, v = strings.ToLower(strings.TrimSpace(k)), strings.TrimSpace(v)
		if seen[k] && k != "" {
			return id, false, false
		}
		seen[k] = true
		switch k {
		case "to-tag":
			id.LocalTag = v
		case "from-tag":
			id.RemoteTag = v
		case "early-only":
			earlyOnly = true
		}
	}
	ok = id.CallID != "" && id.LocalTag != "" && id.RemoteTag != "" && clean(value) == value && !strings.ContainsAny(value, ", ")
	return id, earlyOnly, ok
}

// replaced finds the leg whose place an INVITE takes (RFC 3891 3); "": it asks for
// none. Only the agent whose dialog it is may ask.
func (s *Server) replaced(q *request, who identity) (call.LegID, *refusal) {
	hs := q.GetHeaders("Replaces")
	if len(hs) == 0 {
		return "", nil
	}
	id, earlyOnly, ok := parseReplaces(hs[0].Value())
	if len(hs) > 1 || !ok {
		return "", refuse(400)
	}
	if !who.found {
		return "", refuse(403)
	}
	l := s.legs.named(id)
	if l == nil {
		return "", refuse(481)
	}
	f := l.face.Load()
	switch {
	case l.login != who.user.Login:
		return "", refuse(403)
	case !f.up && l.inbound: // RFC 3891 3: an early dialog that we did not begin
		return "", refuse(481)
	case f.up && earlyOnly:
		return "", refuse(486)
	}
	return l.id, nil
}

// maxHosts bounds the names under which this site is known.
const maxHosts = 256

// hosts are the names and addresses under which phones that proved who they are
// reach this site. Safe for any goroutine; the zero value is empty.
type hosts struct {
	mu    sync.Mutex
	known map[string]bool
}

func (h *hosts) add(host string) {
	host = strings.ToLower(strings.Trim(host, "[]"))
	h.mu.Lock()
	defer h.mu.Unlock()
	if host == "" || len(h.known) >= maxHosts {
		return
	}
	if h.known == nil {
		h.known = map[string]bool{}
	}
	h.known[host] = true
}

func (h *hosts) has(host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.known[host]
}
