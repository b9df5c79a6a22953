// Package account is the vocabulary of people and programs that sign in: users,
// roles and what each role may do, digest credentials, sessions, API tokens and
// the bindings of SIP phones.
//
// It holds values and pure functions only: no goroutine, no store, no password
// hashing (that is the edge's work). It imports the standard library alone.
package account

import (
	"crypto/md5" //nolint:gosec // RFC 2617 digest: phones know nothing better
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// ID names a user: a UUIDv7 in text.
type ID string

// Role is what a user is in the call centre. A user has exactly one.
type Role string

// The roles.
const (
	RoleAgent      Role = "agent"
	RoleSupervisor Role = "supervisor"
	RoleReviewer   Role = "reviewer"
	RoleAdmin      Role = "admin"
)

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool {
	return r == RoleAgent || r == RoleSupervisor || r == RoleReviewer || r == RoleAdmin
}

// SeesAll reports whether r reads the calls, recordings and tickets of
// everybody. An agent reads his own.
func (r Role) SeesAll() bool { return r == RoleSupervisor || r == RoleReviewer || r == RoleAdmin }

// Manages reports whether r may change the state of other agents and queues.
func (r Role) Manages() bool { return r == RoleSupervisor || r == RoleAdmin }

// Administers reports whether r may change users, queues and trunks.
func (r Role) Administers() bool { return r == RoleAdmin }

// User is a person who signs in to the console, registers a phone, or both.
type User struct {
	ID           ID
	Login        string // unique; also the user part of the phone's address of record
	Name         string
	Role         Role
	Language     string // "fr" or "en"
	Active       bool   // false: may neither sign in nor register
	Demo         bool   // account of the demonstration; refused anywhere else
	PasswordHash string // PHC string of the console password
	HA1MD5       string // H(login:realm:password), lower-case hex, RFC 7616 3.4.2
	HA1SHA256    string
	CreatedAt    time.Time
}

// HA1 returns the two digest secrets of a user: MD5 and SHA-256 of
// login:realm:password in lower-case hex (RFC 7616 3.4.2).
func HA1(login, realm, password string) (md5Hex, sha256Hex string) {
	text := []byte(login + ":" + realm + ":" + password)
	m := md5.Sum(text) //nolint:gosec // see the import
	s := sha256.Sum256(text)
	return hex.EncodeToString(m[:]), hex.EncodeToString(s[:])
}

// Binding is one registered contact of a user (RFC 3261 10, RFC 5626).
type Binding struct {
	AOR          string // address of record: the login
	Key          string // "<instance>;<reg-id>" where the phone sends them, else the contact URI
	UserID       ID
	ContactURI   string
	Path         string
	Received     string // transport and address to which requests go, "udp:192.0.2.1:5060": its source, or where it listens
	Transport    string // "udp", "tcp", "tls", "ws", "wss"
	SIPCallID    string
	CSeq         uint32
	UserAgent    string
	RegisteredAt time.Time
	ExpiresAt    time.Time
}

// Session is one sign-in to the console.
type Session struct {
	ID          string
	TokenSHA256 string // hex; the token itself is only in the cookie
	UserID      ID
	IP          string
	UserAgent   string
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// Token is a bearer token of a program. It acts as its user.
type Token struct {
	ID          string
	UserID      ID
	Name        string
	TokenSHA256 string // hex
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero: does not expire
}
