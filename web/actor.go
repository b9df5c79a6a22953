package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"pickup/account"
	"pickup/store"
)

// cookieName holds the session's token.
const cookieName = "pickup_session"

// actor is who makes a request.
type actor struct {
	user    account.User
	session string // id of the session, "" for a bearer token
}

type actorKey struct{}

// who returns the actor of a request that passed require.
func who(ctx context.Context) actor {
	a, _ := ctx.Value(actorKey{}).(actor)
	return a
}

// allow says which actors may call an operation.
type allow func(account.Role) bool

// The rules. Where an agent reads his own only, the handler says so.
func everyone(account.Role) bool        { return true }
func seesAll(r account.Role) bool       { return r.SeesAll() }
func manages(r account.Role) bool       { return r.Manages() }
func administers(r account.Role) bool   { return r.Administers() }
func agentOrManage(r account.Role) bool { return r == account.RoleAgent || r.Manages() }

// newToken returns 32 random bytes in URL-safe text.
func newToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails, crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

// hashToken is what is stored of a token.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// identify finds the actor of a request by bearer token or cookie. It returns
// nil without error when there is none, or what is presented is not valid.
func (s *Server) identify(r *http.Request) (*actor, error) {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		_, user, err := s.parts.Store.TokenBySHA256(r.Context(), hashToken(strings.TrimSpace(bearer)))
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil //nolint:nilnil // nobody we know
		}
		return &actor{user: user}, err
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil, nil //nolint:nilnil // nobody
	}
	session, user, err := s.parts.Store.SessionByToken(r.Context(), hashToken(cookie.Value))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // signed out or expired
	}
	return &actor{user: user, session: session.ID}, err
}

// withActor puts the actor into the context of every request to the API, and
// refuses changes that another site's page asks for with our cookie.
func (s *Server) withActor(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			if err := guard.Check(r); err != nil {
				writeProblem(w, problem(http.StatusForbidden, problemOrigin, "The request comes from another site.", "header.Origin"))
				return
			}
		}
		a, err := s.identify(r)
		if err != nil {
			writeProblem(w, s.fail(r.Context(), "identify", err))
			return
		}
		if a != nil {
			r = r.WithContext(context.WithValue(r.Context(), actorKey{}, *a))
		}
		next.ServeHTTP(w, r)
	})
}

// refusal says why the actor of ctx may not, or nil.
func refusal(ctx context.Context, rule allow) *huma.ErrorModel {
	a, ok := ctx.Value(actorKey{}).(actor)
	if !ok {
		return problem(http.StatusUnauthorized, problemSignIn, "Sign in first.", "")
	}
	if !rule(a.user.Role) {
		return problem(http.StatusForbidden, "", "Your role may not do this.", "")
	}
	return nil
}

// require is huma's middleware that holds a rule before anything is parsed.
func require(rule allow) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		m := refusal(ctx.Context(), rule)
		if m == nil {
			next(ctx)
			return
		}
		writeRefusal(ctx, m)
	}
}

// guarded holds a rule in front of a plain handler.
func guarded(rule allow, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := refusal(r.Context(), rule); m != nil {
			writeProblem(w, m)
			return
		}
		next(w, r)
	})
}
