package web

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/account"
	"pickup/internal/id"
)

// failureTime is when a refused sign-in is answered, counted from the request:
// the same for an unknown login, a wrong password and an account that is off. A
// machine too busy for it answers at its next multiple, so that the work which a
// login caused cannot be read from the time either.
const failureTime = 250 * time.Millisecond

// Me is the user who is signed in.
type Me struct {
	ID       string `json:"id"`
	Login    string `json:"login"`
	Name     string `json:"name"`
	Role     string `json:"role" enum:"agent,supervisor,reviewer,admin"`
	Language string `json:"language" enum:"fr,en"`
	Demo     bool   `json:"demo" doc:"The server is a demonstration."`
}

type signInInput struct {
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      struct {
		Login    string `json:"login" minLength:"1" maxLength:"128"`
		Password string `json:"password" minLength:"1" maxLength:"1024"`
	}
}

type cookieOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

// NewToken is a token at its birth, the only time that its text is told.
type NewToken struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Token     string    `json:"token,omitempty" doc:"The bearer token; told only here."`
	CreatedAt Time      `json:"created_at"`
	ExpiresAt MaybeTime `json:"expires_at" doc:"Null: it does not expire."`
}

type newTokenInput struct {
	Body struct {
		Name   string `json:"name" minLength:"1" maxLength:"100" doc:"What it is for."`
		LifeMS int64  `json:"life_ms,omitempty" minimum:"0" maximum:"315360000000" doc:"0: it does not expire."`
	}
}

// IDInput names one thing by the path.
type IDInput struct {
	ID string `path:"id" maxLength:"64"`
}

func (s *Server) sessionOperations(api huma.API) {
	register(api, act{
		id: "sign-in", method: http.MethodPost, path: "/api/v1/session", tag: "session", status: http.StatusNoContent,
		summary: "Sign in; the answer carries a cookie", errors: []int{http.StatusUnauthorized, http.StatusTooManyRequests},
	}, s.signIn)
	register(api, act{
		id: "sign-out", method: http.MethodDelete, path: "/api/v1/session", tag: "session", status: http.StatusNoContent,
		summary: "Sign out", rule: everyone,
	}, s.signOut)
	register(api, act{
		id: "me", method: http.MethodGet, path: "/api/v1/me", tag: "session", summary: "Who is signed in", rule: everyone,
	}, func(ctx context.Context, _ *noInput) (*oneOutput[Me], error) {
		u := who(ctx).user
		return &oneOutput[Me]{Me{string(u.ID), u.Login, u.Name, string(u.Role), u.Language, s.cfg.Demo}}, nil
	})
	register(api, act{
		id: "create-token", method: http.MethodPost, path: "/api/v1/tokens", tag: "session", status: http.StatusCreated,
		summary: "Make a bearer token for a program; it acts as you", rule: everyone,
	}, s.createToken)
	register(api, act{
		id: "list-tokens", method: http.MethodGet, path: "/api/v1/tokens", tag: "session", summary: "Your tokens", rule: everyone,
	}, s.listTokens)
	register(api, act{
		id: "delete-token", method: http.MethodDelete, path: "/api/v1/tokens/{id}", tag: "session", status: http.StatusNoContent,
		summary: "Revoke one of your tokens", rule: everyone, errors: []int{http.StatusNotFound},
	}, s.deleteToken)
}

func (s *Server) signIn(ctx context.Context, in *signInInput) (*cookieOutput, error) {
	start := time.Now()
	source := sourceOf(ctx)
	if wait := s.throttle.wait(source.String(), in.Body.Login, start); wait > 0 {
		return nil, retry(problem(http.StatusTooManyRequests, problemSignIn, "Too many attempts; wait.", ""), wait)
	}
	user, known, err := s.parts.Store.UserByLogin(ctx, in.Body.Login)
	if err != nil {
		return nil, s.fail(ctx, "read a user", err)
	}
	phc := user.PasswordHash
	if !known && s.cfg.Demo {
		phc = s.demoDummy // costs what the accounts of the demonstration cost
	}
	ok, err := s.hasher.Verify(ctx, phc, in.Body.Password)
	if err != nil {
		return nil, s.fail(ctx, "check a password", err)
	}
	if !ok || !known || !user.Active {
		s.throttle.failed(source.String(), in.Body.Login, start)
		s.metrics.signIns.WithLabelValues("refused").Inc()
		pause(ctx, untilRefusal(time.Since(start)))
		return nil, problem(http.StatusUnauthorized, problemSignIn, "Login or password is wrong.", "")
	}
	s.throttle.succeeded(source.String(), in.Body.Login)
	s.metrics.signIns.WithLabelValues("accepted").Inc()
	token := newToken()
	session := account.Session{
		ID: id.New(), TokenSHA256: hashToken(token), UserID: user.ID, IP: source.String(), UserAgent: clip(in.UserAgent, 200),
		CreatedAt: start, ExpiresAt: start.Add(s.cfg.SessionLife),
	}
	if err := s.parts.Store.CreateSession(ctx, session); err != nil {
		return nil, s.fail(ctx, "save a session", err)
	}
	return &cookieOutput{s.cookie(ctx, token, session.ExpiresAt)}, nil
}

// untilRefusal is how long a refusal waits that was known after a time.
func untilRefusal(after time.Duration) time.Duration { return failureTime - after%failureTime }

func (s *Server) signOut(ctx context.Context, _ *noInput) (*cookieOutput, error) {
	if a := who(ctx); a.session != "" {
		if err := s.parts.Store.DeleteSession(ctx, a.session); err != nil {
			return nil, s.fail(ctx, "delete a session", err)
		}
	}
	return &cookieOutput{s.cookie(ctx, "", time.Unix(1, 0))}, nil
}

func (s *Server) cookie(ctx context.Context, token string, expires time.Time) http.Cookie {
	return http.Cookie{
		Name: cookieName, Value: token, Path: "/", Expires: expires, HttpOnly: true,
		Secure: secure(ctx), SameSite: http.SameSiteLaxMode,
	}
}

func (s *Server) createToken(ctx context.Context, in *newTokenInput) (*oneOutput[NewToken], error) {
	now, text := time.Now(), newToken()
	t := account.Token{ID: id.New(), UserID: who(ctx).user.ID, Name: in.Body.Name, TokenSHA256: hashToken(text), CreatedAt: now}
	if in.Body.LifeMS > 0 {
		t.ExpiresAt = now.Add(time.Duration(in.Body.LifeMS) * time.Millisecond)
	}
	if err := s.parts.Store.CreateToken(ctx, t); err != nil {
		return nil, s.fail(ctx, "save a token", err)
	}
	shown := showToken(t)
	shown.Token = text
	return &oneOutput[NewToken]{shown}, nil
}

func showToken(t account.Token) NewToken {
	return NewToken{ID: t.ID, Name: t.Name, CreatedAt: Time(t.CreatedAt), ExpiresAt: at(t.ExpiresAt)}
}

func (s *Server) listTokens(ctx context.Context, _ *noInput) (*listOutput[NewToken], error) {
	all, err := s.parts.Store.Tokens(ctx, who(ctx).user.ID)
	if err != nil {
		return nil, s.fail(ctx, "list tokens", err)
	}
	return page(all, "", showToken), nil
}

func (s *Server) deleteToken(ctx context.Context, in *IDInput) (*noOutput, error) {
	all, err := s.parts.Store.Tokens(ctx, who(ctx).user.ID)
	if err != nil {
		return nil, s.fail(ctx, "list tokens", err)
	}
	for _, t := range all {
		if t.ID == in.ID {
			if err := s.parts.Store.DeleteToken(ctx, t.ID); err != nil {
				return nil, s.fail(ctx, "delete a token", err)
			}
			return &noOutput{}, nil
		}
	}
	return nil, problem(http.StatusNotFound, "", "You have no such token.", "path.id")
}

// pause waits for d, or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// clip cuts s to at most n bytes.
func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// hostOnly returns the address of a host:port.
func hostOnly(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return hostport
	}
	return host
}
