// Package password turns passwords into PHC strings of argon2id (RFC 9106) and
// checks them.
//
// A derivation takes 19 MiB and about 50 ms on purpose; at most two run at a
// time in a Hasher, so that a flood of sign-ins cannot eat the machine.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrMalformed says that a stored hash is not a PHC string of argon2id within
// our limits.
var ErrMalformed = errors.New("password: stored hash is not usable")

// params of a derivation, RFC 9106 3.1.
type params struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

const (
	keyLength  = 32
	saltLength = 16
	maxMemory  = 64 << 10 // KiB: a stored hash cannot make us take more
	maxPasses  = 10
)

func full() params { return params{memory: 19 << 10, passes: 2, threads: 1} }
func demo() params { return params{memory: 64, passes: 1, threads: 1} }

// Hasher bounds how many derivations run at once. Its methods may be called
// from any goroutine. The zero value is not usable; call New.
type Hasher struct {
	slots chan struct{}
	dummy string // full cost, matches no password
}

// New returns a Hasher that runs two derivations at a time.
func New() *Hasher {
	return &Hasher{slots: make(chan struct{}, 2), dummy: encode(full(), make([]byte, saltLength), make([]byte, keyLength))}
}

// Hash returns the PHC string of a password at full cost. It waits for a free
// slot, or returns the error of ctx.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return Hash(password)
}

// Verify reports whether password belongs to the PHC string. An empty or
// unusable string takes the time of a full derivation and is false, so that an
// unknown user looks like a wrong password. The error is that of ctx.
func (h *Hasher) Verify(ctx context.Context, phc, password string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	ok, err := Verify(phc, password)
	if err != nil {
		_, _ = Verify(h.dummy, password) // only its time is wanted
		return false, nil
	}
	return ok, nil
}

func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Hasher) leave() { <-h.slots }

// Hash returns the PHC string of a password: argon2id, 19 MiB, two passes.
func Hash(password string) (string, error) { return derive(full(), password) }

// HashDemo returns a PHC string that costs next to nothing to make and to
// check. It is for the accounts of the demonstration, whose passwords are printed.
func HashDemo(password string) (string, error) { return derive(demo(), password) }

// Verify reports whether password belongs to the PHC string. It returns
// ErrMalformed for a string that is none of ours.
func Verify(phc, password string) (bool, error) {
	p, salt, key, err := decode(phc)
	if err != nil {
		return false, err
	}
	got := argon2.IDKey([]byte(password), salt, p.passes, p.memory, p.threads, uint32(len(key))) //nolint:gosec // bounded by decode
	return subtle.ConstantTimeCompare(got, key) == 1, nil
}

func derive(p params, password string) (string, error) {
	salt := make([]byte, saltLength)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("password: salt: %w", err)
	}
	return encode(p, salt, argon2.IDKey([]byte(password), salt, p.passes, p.memory, p.threads, keyLength)), nil
}

func encode(p params, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.memory, p.passes, p.threads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

func decode(phc string) (p params, salt, key []byte, err error) {
	part := strings.Split(phc, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, ErrMalformed
	}
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.threads); err != nil {
		return p, nil, nil, ErrMalformed
	}
	if p.memory > maxMemory || p.passes == 0 || p.passes > maxPasses || p.threads == 0 {
		return p, nil, nil, ErrMalformed
	}
	salt, err = base64.RawStdEncoding.DecodeString(part[4])
	if err != nil || len(salt) < 8 || len(salt) > 64 {
		return p, nil, nil, ErrMalformed
	}
	key, err = base64.RawStdEncoding.DecodeString(part[5])
	if err != nil || len(key) < 16 || len(key) > 64 {
		return p, nil, nil, ErrMalformed
	}
	return p, salt, key, nil
}
