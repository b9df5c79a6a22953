package chat

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrIdentity says that the operator's word about a visitor cannot be believed.
var ErrIdentity = errors.New("chat: the signed identity is not valid")

// Identity is who the operator's site says that a visitor is.
type Identity struct {
	PlayerID string
	Name     string
	Email    string
	Tier     string
	Locale   string
	Expires  time.Time
}

// maxJWT is how long a token may be.
const maxJWT = 4096

// clockSkew is how far the operator's clock may be from ours.
const clockSkew = 30 * time.Second

// ReadIdentity reads a JSON Web Token (RFC 7519) that the operator's site
// signed with the shared secret: compact form (RFC 7515 7.1), HS256 and nothing
// else, with player_id and exp; nbf is held where it stands. Errors wrap
// ErrIdentity and say what is wrong, never the secret.
func ReadIdentity(token string, secret []byte, now time.Time) (Identity, error) {
	if len(secret) == 0 {
		return Identity{}, fmt.Errorf("%w: no secret is set", ErrIdentity)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > maxJWT || strings.ContainsAny(token, "\r\n") {
		return Identity{}, fmt.Errorf("%w: not a token of three parts", ErrIdentity)
	}
	decode := base64.RawURLEncoding.Strict().DecodeString
	var head struct {
		Alg  string   `json:"alg"`
		Crit []string `json:"crit"`
	}
	if raw, err := decode(parts[0]); err != nil || strictJSON(raw, &head) != nil {
		return Identity{}, fmt.Errorf("%w: its header cannot be read", ErrIdentity)
	}
	if head.Alg != "HS256" || len(head.Crit) > 0 { // RFC 8725 3.1: the algorithm is ours to choose
		return Identity{}, fmt.Errorf("%w: alg must be HS256", ErrIdentity)
	}
	sum, err := decode(parts[2])
	if err != nil {
		return Identity{}, fmt.Errorf("%w: its signature cannot be read", ErrIdentity)
	}
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(parts[0] + "." + parts[1]))
	if !hmac.Equal(sum, m.Sum(nil)) {
		return Identity{}, fmt.Errorf("%w: signed with another secret", ErrIdentity)
	}
	return readClaims(parts[1], now)
}

func readClaims(part string, now time.Time) (Identity, error) {
	var c struct {
		PlayerID string   `json:"player_id"`
		Name     string   `json:"name"`
		Email    string   `json:"email"`
		Tier     string   `json:"tier"`
		Locale   string   `json:"locale"`
		Exp      *float64 `json:"exp"`
		Nbf      *float64 `json:"nbf"`
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil || strictJSON(raw, &c) != nil {
		return Identity{}, fmt.Errorf("%w: its claims cannot be read", ErrIdentity)
	}
	const farthest = 1 << 40 // seconds: far beyond any date, well within an int64
	switch {
	case c.Exp == nil || *c.Exp < 0 || *c.Exp > farthest:
		return Identity{}, fmt.Errorf("%w: exp is missing", ErrIdentity)
	case !now.Before(time.Unix(int64(*c.Exp), 0).Add(clockSkew)):
		return Identity{}, fmt.Errorf("%w: it has expired", ErrIdentity)
	case c.Nbf != nil && (*c.Nbf < 0 || *c.Nbf > farthest || now.Add(clockSkew).Before(time.Unix(int64(*c.Nbf), 0))):
		return Identity{}, fmt.Errorf("%w: it does not hold yet", ErrIdentity)
	case c.PlayerID == "" || len(c.PlayerID) > 128:
		return Identity{}, fmt.Errorf("%w: player_id is missing or too long", ErrIdentity)
	}
	who := Identity{
		PlayerID: c.PlayerID, Name: c.Name, Email: c.Email, Tier: c.Tier, Locale: c.Locale, Expires: time.Unix(int64(*c.Exp), 0),
	}
	for _, text := range []string{who.PlayerID, who.Name, who.Email, who.Tier, who.Locale} {
		if !utf8.ValidString(text) || utf8.RuneCountInString(text) > 200 || clean(text) != text {
			return Identity{}, fmt.Errorf("%w: a claim is too long or holds control characters", ErrIdentity)
		}
	}
	return who, nil
}

// strictJSON reads one value and nothing behind it.
func strictJSON(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("more than one value")
	}
	return nil
}
