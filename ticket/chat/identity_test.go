package chat_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"hash"
	"strings"
	"testing"
	"time"

	"pickup/ticket/chat"
)

var (
	secret = []byte("the operator's secret, 32 bytes!")
	noon   = time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
)

func part(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// sign makes a token of a header and claims.
func sign(h func() hash.Hash, key []byte, head, claims string) string {
	text := part(head) + "." + part(claims)
	m := hmac.New(h, key)
	m.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

const (
	head   = `{"alg":"HS256","typ":"JWT"}`
	claims = `{"player_id":"p-42","name":"Zoé","email":"zoe@example.org","tier":"gold","locale":"fr","exp":1772712300}` // 12:05
)

func TestASignedIdentityIsRead(t *testing.T) {
	got, err := chat.ReadIdentity(sign(sha256.New, secret, head, claims), secret, noon)
	want := chat.Identity{PlayerID: "p-42", Name: "Zoé", Email: "zoe@example.org", Tier: "gold", Locale: "fr", Expires: time.Unix(1772712300, 0)}
	if err != nil || got != want {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestIdentitiesThatAreNotBelieved(t *testing.T) {
	good := sign(sha256.New, secret, head, claims)
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"nothing":                     "",
		"no signature":                parts[0] + "." + parts[1] + ".",
		"two parts":                   parts[0] + "." + parts[1],
		"another secret":              sign(sha256.New, []byte("another secret"), head, claims),
		"alg none":                    part(`{"alg":"none"}`) + "." + part(claims) + ".",
		"alg none, signed":            sign(sha256.New, secret, `{"alg":"none"}`, claims),
		"alg in other letters":        sign(sha256.New, secret, `{"alg":"hs256"}`, claims),
		"HS512":                       sign(sha512.New, secret, `{"alg":"HS512"}`, claims),
		"RS256 with our key as HMAC":  sign(sha256.New, secret, `{"alg":"RS256"}`, claims),
		"critical headers":            sign(sha256.New, secret, `{"alg":"HS256","crit":["exp"]}`, claims),
		"claims of another":           parts[0] + "." + part(strings.Replace(claims, "42", "43", 1)) + "." + parts[2],
		"no exp":                      sign(sha256.New, secret, head, `{"player_id":"p"}`),
		"exp as text":                 sign(sha256.New, secret, head, `{"player_id":"p","exp":"1772712300"}`),
		"expired":                     sign(sha256.New, secret, head, `{"player_id":"p","exp":1772711000}`),
		"exp beyond time":             sign(sha256.New, secret, head, `{"player_id":"p","exp":1e300}`),
		"not yet":                     sign(sha256.New, secret, head, `{"player_id":"p","exp":1772712300,"nbf":1772712200}`),
		"no player":                   sign(sha256.New, secret, head, `{"exp":1772712300}`),
		"a player of control letters": sign(sha256.New, secret, head, `{"player_id":"p\u0000","exp":1772712300}`),
		"a name too long":             sign(sha256.New, secret, head, `{"player_id":"p","exp":1772712300,"name":"`+strings.Repeat("x", 201)+`"}`),
		"too long":                    sign(sha256.New, secret, head, `{"player_id":"p","exp":1772712300,"x":"`+strings.Repeat("x", 4096)+`"}`),
		"padding":                     parts[0] + "." + parts[1] + "." + parts[2] + "=",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := chat.ReadIdentity(token, secret, noon)
			if !errors.Is(err, chat.ErrIdentity) || got != (chat.Identity{}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	if _, err := chat.ReadIdentity(sign(sha256.New, nil, head, claims), nil, noon); !errors.Is(err, chat.ErrIdentity) {
		t.Error("without a secret an empty one opens")
	}
}

func TestTokensOfPages(t *testing.T) {
	s := chat.NewSigner(secret)
	c := chat.Claims{Chat: "c1", Visitor: "v1", Expires: noon.Add(time.Hour)}
	token := s.Sign(c)
	if got, err := s.Read(token, noon); err != nil || got.Chat != "c1" || got.Visitor != "v1" || !got.Expires.Equal(c.Expires) {
		t.Fatalf("got %+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		token string
		at    time.Time
	}{
		"expired":        {token, noon.Add(time.Hour)},
		"another key":    {chat.NewSigner([]byte("another key of thirty-two bytes!")).Sign(c), noon},
		"changed":        {"A" + token[1:], noon},
		"cut":            {token[:len(token)-1], noon},
		"nothing":        {"", noon},
		"no signature":   {strings.Split(token, ".")[0] + ".", noon},
		"signed garbage": {"e30." + strings.Split(token, ".")[1], noon},
	} {
		if got, err := s.Read(c.token, c.at); !errors.Is(err, chat.ErrToken) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func FuzzReadIdentity(f *testing.F) {
	f.Add(sign(sha256.New, secret, head, claims))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		who, err := chat.ReadIdentity(token, secret, noon)
		if err == nil && (who.PlayerID == "" || who.Expires.Before(noon.Add(-time.Minute))) {
			t.Fatalf("believed %+v", who)
		}
	})
}

func FuzzReadToken(f *testing.F) {
	s := chat.NewSigner(secret)
	good := s.Sign(chat.Claims{Chat: "c", Visitor: "v", Expires: noon.Add(time.Hour)})
	f.Add(good)
	f.Fuzz(func(t *testing.T, token string) {
		if got, err := s.Read(token, noon); err == nil && token != good {
			t.Fatalf("forged %+v", got)
		}
	})
}
