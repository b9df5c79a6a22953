package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the relay's REST API is defined with it
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// TURN is the relay that browsers are told of. It is told to who calls, with
// the answer to his offer, and to who signed in and may have a phone; to nobody
// else. The zero value is none.
type TURN struct {
	URLs               []string      // RFC 7064, RFC 7065
	Username, Password string        // fixed credentials, where Secret is empty
	Secret             string        // shared with the relay
	Lifetime           time.Duration // of credentials made from Secret; 0: 12h
}

// ICEServer is one of them in the form of RTCIceServer of the browser.
type ICEServer struct {
	URLs       []string  `json:"urls" nullable:"false"`
	Username   string    `json:"username,omitempty"`
	Credential string    `json:"credential,omitempty"`
	ExpiresAt  MaybeTime `json:"expires_at" doc:"Ask again before; null: they do not expire."`
}

// servers returns the relays for name, which is no secret and no personal
// datum: the relay writes it into its log.
//
// With a secret the username is "expiry:name", expiry in seconds since 1970, and
// the credential base64(HMAC-SHA1(secret, username)): "A REST API For Access To
// TURN Services" (draft-uberti-behave-turn-rest-00, 2.2), as coturn's
// use-auth-secret has it.
func (t TURN) servers(name string, now time.Time) []ICEServer {
	if len(t.URLs) == 0 {
		return []ICEServer{}
	}
	one := ICEServer{URLs: t.URLs, Username: t.Username, Credential: t.Password}
	if t.Secret != "" {
		life := t.Lifetime
		if life == 0 {
			life = 12 * time.Hour
		}
		end := now.Add(life).Truncate(time.Second)
		one.Username = strconv.FormatInt(end.Unix(), 10) + ":" + name
		mac := hmac.New(sha1.New, []byte(t.Secret))
		mac.Write([]byte(one.Username))
		one.Credential, one.ExpiresAt = base64.StdEncoding.EncodeToString(mac.Sum(nil)), at(end)
	}
	return []ICEServer{one}
}

// link adds the relays to an answer as RFC 9725 (4.6) has it: one Link field for
// each URL. STUN has no credentials.
func (t TURN) link(h http.Header, name string) {
	for _, s := range t.servers(name, time.Now()) {
		for _, u := range s.URLs {
			field := "<" + u + `>; rel="ice-server"`
			if !strings.HasPrefix(u, "stun:") {
				field += fmt.Sprintf(`; username=%q; credential=%q; credential-type="password"`, s.Username, s.Credential)
			}
			h.Add("Link", field)
		}
	}
}

func (s *Server) turnOperations(api huma.API) {
	register(api, act{
		id: "list-ice-servers", method: http.MethodGet, path: "/api/v1/ice-servers", tag: "session", rule: agentOrManage,
		summary: "STUN and TURN servers for the phone in the browser, with credentials of yours (media.turn)",
	}, func(ctx context.Context, _ *noInput) (*listOutput[ICEServer], error) {
		servers := s.cfg.TURN.servers(string(who(ctx).user.ID), time.Now())
		return &listOutput[ICEServer]{Body: List[ICEServer]{Items: servers}}, nil
	})
}
