package sip

import (
	"net/netip"

	gosip "github.com/emiago/sipgo/sip"
)

// Inspect, Credentials, BindingKey and Frames show the parsers to the fuzz
// targets.

// Inspect runs the read filter and says whether the message was kept.
func (s *Server) Inspect(data []byte, source netip.AddrPort, reply func([]byte)) bool {
	return s.inspect(data, "UDP", source, reply) != nil
}

// Credentials parses an Authorization value and computes a response with it.
func Credentials(value string) bool {
	c := parseCredentials(value)
	return c != nil && c.expected("x", "REGISTER", true) != ""
}

// BindingKey parses a Contact and returns its key.
func BindingKey(contact string) string {
	m, err := gosip.ParseMessage([]byte("REGISTER sip:a SIP/2.0\r\nContact: " + contact + "\r\n\r\n"))
	if err != nil {
		return ""
	}
	r, ok := m.(*gosip.Request)
	if !ok || r.Contact() == nil {
		return ""
	}
	return bindingKey(r.Contact())
}

// Frames cuts a stream, given in two parts, into messages.
func (s *Server) Frames(a, b []byte) (n int) {
	f := framer{server: s}
	for _, part := range [][]byte{a, b} {
		f.add(part)
		for {
			m, _, err := f.cut()
			if err != nil || m == nil {
				break
			}
			n++
		}
	}
	return n
}
