package sip_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode"

	"pickup/sip"
)

// Whatever stands in the headers of a REGISTER, what it would store is within
// the limits and holds no control character.
func FuzzRegister(f *testing.F) {
	for _, h := range []string{
		"Contact: <sip:1001@192.0.2.7>;expires=600", "Contact: *\r\nExpires: 0", "Contact: *", "Contact: <sip:a@b>, <sip:c@d>;expires=0", "Expires: -1",
		"Contact: \"x\" <sip:a@[::1]:99999;transport=ws>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"", "Contact: <tel:+1>", "Contact: sip:a@b;expires=59",
		"Path: <sip:edge;lr>,<sip:x\r\nContact: <sip:a@b>", "m: <sip:a@b?Route=%3Csip:evil%3E>", "Contact: <sip:a%00%0d%0a@b>\r\nUser-Agent: \x1b[2J",
	} {
		f.Add(h)
	}
	s := idleServer(f)
	f.Fuzz(func(t *testing.T, headers string) {
		bindings, status, _ := s.PlanRegister(headers)
		if status != 0 && (status < 400 || status > 599) {
			t.Errorf("refused with %d", status)
		}
		if len(bindings) > 8 {
			t.Errorf("%d bindings", len(bindings))
		}
		for _, b := range bindings {
			if text := b.Key + b.ContactURI + b.Path + b.UserAgent; strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("control characters in %q", text)
			}
			if life := b.ExpiresAt.Sub(b.RegisteredAt); life > time.Hour || life < 0 || len(b.ContactURI) > 512 {
				t.Errorf("a binding for %v to %q", life, b.ContactURI)
			}
		}
	})
}

// Our answer to a challenge from outside is one header, and none at all for
// another realm.
func FuzzChallenge(f *testing.F) {
	f.Add(`Digest realm="carrier", nonce="n", qop="auth,auth-int", algorithm=SHA-256, opaque="o"`)
	f.Add(`Digest realm="carrier", nonce="a\"b`)
	f.Add(`Basic realm="carrier"`)
	f.Fuzz(func(t *testing.T, challenge string) {
		if out := sip.AnswerChallenge(challenge, "login", "secret", "carrier", "INVITE", "sip:x"); strings.ContainsAny(out, "\r\n\x00") || strings.Contains(out, "secret") {
			t.Errorf("answered with %q", out)
		}
		if out := sip.AnswerChallenge(challenge, "login", "secret", "another\x00", "INVITE", "sip:x"); out != "" && !strings.Contains(challenge, "another") {
			t.Errorf("another realm was answered with %q", out)
		}
	})
}

// A user part survives its escapes, and no escape brings a control character in.
func FuzzUser(f *testing.F) {
	f.Add("sip%3Auser%40example.com")
	f.Add("%00%0d%0aVia:%ZZ%")
	f.Fuzz(func(t *testing.T, user string) {
		plain := sip.UnescapeUser(user)
		if strings.ContainsFunc(plain, unicode.IsControl) {
			t.Errorf("control characters in %q", plain)
		}
		escaped := sip.EscapeUser(plain)
		if strings.ContainsAny(escaped, "@<>\";? \r\n") {
			t.Errorf("%q is no user part", escaped)
		}
		if again := sip.UnescapeUser(escaped); again != strings.ToValidUTF8(plain, "") {
			t.Errorf("%q comes back as %q", plain, again)
		}
	})
}

// A message that is put into a frame comes out of it, whatever follows; and any
// bytes are cut into what they hold or wait for more.
func FuzzWebSocketFrame(f *testing.F) {
	f.Add([]byte("OPTIONS sip:a SIP/2.0\r\n\r\n"), []byte{0x81, 126, 0})
	f.Add(bytes.Repeat([]byte("a"), 70000), []byte{0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, message, rest []byte) {
		frame := sip.TextFrame(message)
		header := len(frame) - len(message) - 4 // the mask of zeros
		unmasked := append(append([]byte{}, frame[:header]...), frame[header+4:]...)
		unmasked[1] &= 0x7f
		got, after, ok := sip.CutFrame(append(unmasked, rest...))
		if !ok || !bytes.Equal(got, message) || !bytes.Equal(after, rest) {
			t.Errorf("%d bytes came out as %d and %d, %v", len(message), len(got), len(after), ok)
		}
		for left := rest; ; {
			_, next, ok := sip.CutFrame(left)
			if !ok {
				break
			}
			if len(next) >= len(left) {
				t.Fatalf("no end with %d bytes", len(left))
			}
			left = next
		}
	})
}

// To rewrite a message changes neither its body nor whose it is, and doing it
// again changes nothing.
func FuzzNormalise(f *testing.F) {
	torment(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		callID, cseq, end, ok := sip.Head(data)
		tidy := sip.Normalise(data)
		if !ok || end == 0 {
			if !bytes.Equal(tidy, data) {
				t.Error("what has no head was changed")
			}
			return
		}
		tidyID, tidySeq, tidyEnd, ok := sip.Head(tidy)
		if !ok || tidyEnd == 0 {
			t.Fatalf("no head in %q", tidy)
		}
		if tidyID != callID || strings.Join(strings.Fields(cseq), " ") != strings.Join(strings.Fields(tidySeq), " ") {
			t.Errorf("%q %q became %q %q", callID, cseq, tidyID, tidySeq)
		}
		if !bytes.Equal(tidy[tidyEnd:], data[end:]) {
			t.Error("the body was changed")
		}
	})
}

// What is not a key is none; a STUN answer is the length that it says.
func FuzzSmallBodies(f *testing.F) {
	f.Add("Signal=5\r\nDuration=160", []byte("\x00\x01\x00\x00\x21\x12\xa4\x42123456789012"))
	f.Add("signal = #", []byte{0, 1, 0, 8})
	f.Fuzz(func(t *testing.T, body string, packet []byte) {
		if k := sip.RelayDigit(body); k != 0 && !strings.ContainsRune("0123456789*#ABCD", k) {
			t.Errorf("key %q", k)
		}
		if a := sip.STUNAnswer(packet, someone); a != nil && len(a) != 20+int(a[2])<<8+int(a[3]) {
			t.Errorf("%d bytes of STUN", len(a))
		}
	})
}

// A flow that can be read is written as it was stored.
func FuzzFlow(f *testing.F) {
	f.Add("udp:192.0.2.7:5060")
	f.Add("wss:[::1%eth0]:1")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := sip.ParseFlow(s)
		if !ok {
			return
		}
		if again, ok := sip.ParseFlow(got); !ok || again != got {
			t.Errorf("%q is read as %q and then %q", s, got, again)
		}
	})
}
