package web

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
)

// origin is where a request comes from.
type origin struct {
	addr   netip.Addr // of the client, not of a trusted proxy
	secure bool       // TLS up to us or to the proxy
}

type originKey struct{}

func sourceOf(ctx context.Context) netip.Addr {
	o, _ := ctx.Value(originKey{}).(origin)
	return o.addr
}

func secure(ctx context.Context) bool {
	o, _ := ctx.Value(originKey{}).(origin)
	return o.secure
}

// withOrigin finds the client behind trusted proxies: the last address of
// X-Forwarded-For that is not one of them. What a client wrote itself stands
// further left and is never believed.
func (s *Server) withOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := origin{secure: r.TLS != nil}
		if peer, err := netip.ParseAddr(hostOnly(r.RemoteAddr)); err == nil {
			o.addr = peer.Unmap()
		}
		if s.trusted(o.addr) {
			hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
			for i := len(hops) - 1; i >= 0 && s.trusted(o.addr); i-- {
				hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
				if err != nil {
					break
				}
				o.addr = hop.Unmap()
			}
			o.secure = o.secure || r.Header.Get("X-Forwarded-Proto") == "https"
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), originKey{}, o)))
	})
}

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.cfg.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
