package chat

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// Claims are what a page's token says.
type Claims struct {
	Chat    string // id of the conversation
	Visitor string // id of the visitor, kept from one conversation to the next
	Expires time.Time
}

// Signer makes and reads tokens of pages: base64url of the claims in JSON, a
// dot, base64url of their HMAC-SHA256. Its methods may be called from any
// goroutine.
type Signer struct{ key []byte }

// NewSigner returns a Signer of a secret key of at least 32 bytes.
func NewSigner(key []byte) *Signer { return &Signer{key: append([]byte(nil), key...)} }

// wire are claims as they are signed.
type wire struct {
	Chat    string `json:"c"`
	Visitor string `json:"v"`
	Expires int64  `json:"e"` // unix seconds
}

func (s *Signer) mac(text string) []byte {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// Sign makes a token.
func (s *Signer) Sign(c Claims) string {
	body, _ := json.Marshal(wire{c.Chat, c.Visitor, c.Expires.Unix()}) // plain strings: it cannot fail
	text := base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(s.mac(text))
}

// Read returns the claims of a token that holds at now. Errors: ErrToken.
func (s *Signer) Read(token string, now time.Time) (Claims, error) {
	text, sum, ok := strings.Cut(token, ".")
	if !ok || len(token) > 1024 {
		return Claims{}, ErrToken
	}
	want := base64.RawURLEncoding.EncodeToString(s.mac(text)) // compared as text: one token has one form
	if !hmac.Equal([]byte(sum), []byte(want)) {
		return Claims{}, ErrToken
	}
	body, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return Claims{}, ErrToken
	}
	var w wire
	if err := json.Unmarshal(body, &w); err != nil {
		return Claims{}, ErrToken
	}
	c := Claims{Chat: w.Chat, Visitor: w.Visitor, Expires: time.Unix(w.Expires, 0)}
	if !now.Before(c.Expires) {
		return Claims{}, ErrToken
	}
	return c, nil
}
