package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/account"
	"pickup/internal/id"
	"pickup/store"
)

// UserObject is a person who signs in, registers a phone, or both.
type UserObject struct {
	ID        string    `json:"id"`
	Login     string    `json:"login"`
	Name      string    `json:"name"`
	Role      string    `json:"role" enum:"agent,supervisor,reviewer,admin"`
	Language  string    `json:"language" enum:"fr,en"`
	Active    bool      `json:"active"`
	Demo      bool      `json:"demo" doc:"An account of the demonstration."`
	CreatedAt MaybeTime `json:"created_at"`
}

type userBody struct {
	Login    string `json:"login" pattern:"^[a-z0-9][a-z0-9._-]{0,62}$" doc:"Also the user part of the phone's address."`
	Name     string `json:"name" minLength:"1" maxLength:"100"`
	Role     string `json:"role" enum:"agent,supervisor,reviewer,admin"`
	Language string `json:"language" enum:"fr,en" default:"fr" required:"false"`
	Active   *bool  `json:"active,omitempty" default:"true" nullable:"false" doc:"Without it: true."`
	Password string `json:"password,omitempty" maxLength:"1024" doc:"At least 8 characters. Needed for a new user and with a new login; else it stays as it is."`
}

type (
	newUserInput struct{ Body userBody }
	putUserInput struct {
		IDInput
		Body userBody
	}
)

func (s *Server) userOperations(api huma.API) {
	const path, one = "/api/v1/users", "/api/v1/users/{id}"
	register(api, act{id: "list-users", method: http.MethodGet, path: path, tag: "users", rule: manages, summary: "Users by login"}, s.listUsers)
	register(api, act{
		id: "create-user", method: http.MethodPost, path: path, tag: "users", rule: administers,
		summary: "Make a user", status: http.StatusCreated, errors: []int{http.StatusConflict},
	}, s.createUser)
	register(api, act{
		id: "put-user", method: http.MethodPut, path: one, tag: "users", rule: administers,
		summary: "Change a user", errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.putUser)
	register(api, act{
		id: "delete-user", method: http.MethodDelete, path: one, tag: "users", rule: administers,
		summary: "Shut a user out; his history stays", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, s.deleteUser)
	s.limitOperations(api)
}

func (s *Server) listUsers(ctx context.Context, _ *noInput) (*listOutput[UserObject], error) {
	all, err := s.parts.Store.Users(ctx)
	if err != nil {
		return nil, s.fail(ctx, "list users", err)
	}
	return page(all, "", showUser), nil
}

func showUser(u account.User) UserObject {
	return UserObject{string(u.ID), u.Login, u.Name, string(u.Role), u.Language, u.Active, u.Demo, at(u.CreatedAt)}
}

func (s *Server) createUser(ctx context.Context, in *newUserInput) (*oneOutput[UserObject], error) {
	return s.saveUser(ctx, account.User{ID: account.ID(id.New()), CreatedAt: time.Now()}, in.Body, "user.create")
}

func (s *Server) putUser(ctx context.Context, in *putUserInput) (*oneOutput[UserObject], error) {
	u, err := s.parts.Store.UserByID(ctx, account.ID(in.ID))
	if err != nil {
		return nil, s.fail(ctx, "read a user", err)
	}
	return s.saveUser(ctx, u, in.Body, "user.update")
}

// saveUser applies b to u. The digest secrets hold the login, so a new login
// needs the password again.
func (s *Server) saveUser(ctx context.Context, u account.User, b userBody, action string) (*oneOutput[UserObject], error) {
	if b.Password == "" && b.Login != u.Login {
		return nil, problem(http.StatusUnprocessableEntity, "", "A password is needed with a new login.", "body.password")
	}
	if b.Password != "" && len(b.Password) < 8 {
		return nil, problem(http.StatusUnprocessableEntity, "", "A password has 8 characters or more.", "body.password")
	}
	if u.ID == who(ctx).user.ID && (!unlessSaid(b.Active) || b.Role != string(u.Role)) {
		return nil, problem(http.StatusConflict, "", "You cannot shut yourself out.", "body.role")
	}
	u.Login, u.Name, u.Role, u.Language, u.Active = b.Login, b.Name, account.Role(b.Role), b.Language, unlessSaid(b.Active)
	if b.Password != "" {
		phc, err := s.hasher.Hash(ctx, b.Password)
		if err != nil {
			return nil, s.fail(ctx, "hash a password", err)
		}
		u.PasswordHash = phc
		u.HA1MD5, u.HA1SHA256 = account.HA1(u.Login, s.cfg.Realm, b.Password)
	}
	err := s.change(ctx, action, "user", string(u.ID), func() error { return s.parts.Store.UpsertUser(ctx, u) })
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(http.StatusConflict, "", "Another user has this login.", "body.login")
	}
	if err != nil {
		return nil, s.fail(ctx, "save a user", err)
	}
	return &oneOutput[UserObject]{showUser(u)}, nil
}

func (s *Server) deleteUser(ctx context.Context, in *IDInput) (*noOutput, error) {
	user := account.ID(in.ID)
	if user == who(ctx).user.ID {
		return nil, problem(http.StatusConflict, "", "You cannot shut yourself out.", "path.id")
	}
	err := s.change(ctx, "user.delete", "user", in.ID, func() error { return s.parts.Store.SetUserActive(ctx, user, false) })
	if err != nil {
		return nil, s.fail(ctx, "shut a user out", err)
	}
	return &noOutput{}, nil
}
