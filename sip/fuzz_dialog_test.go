package sip_test

import (
	"strings"
	"testing"
	"unicode"

	"pickup/sip"
)

func breaksALine(s string) bool { return strings.IndexFunc(s, unicode.IsControl) >= 0 }

// Whatever a Refer-To says, what passes is one name or number that breaks no line.
func FuzzReferTo(f *testing.F) {
	for _, s := range []string{
		"<sip:1002@h?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>", "sip:a@h;x=y", "<tel:+33-1;ext=2>", `"A, \"B" <sips:x@[::1]:5061>`,
		"<sip:a@b>, <sip:c@d>", "<sip:%0d%0a@h>", "<sip:a@h;method=BYE?x=y&Replaces=1>", "<>", "<http://a>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		user, _, replaces, status := sip.ReferTo(value)
		switch {
		case status == 0 && (user == "" || breaksALine(user)):
			t.Errorf("got user %q of %q", user, value)
		case status != 0 && status != 400 && status != 416:
			t.Errorf("got %d", status)
		case replaces != nil && (breaksALine(replaces.CallID+replaces.LocalTag+replaces.RemoteTag) || replaces.CallID == ""):
			t.Errorf("got %+v of %q", replaces, value)
		}
	})
}

// A Replaces that passes names a whole dialog.
func FuzzReplaces(f *testing.F) {
	for _, s := range []string{"a@b;to-tag=1;from-tag=2", "a;early-only;to-tag=1;from-tag=2", "a;to-tag=;from-tag=1", ";", "a;to-tag=1;to-tag=2;from-tag=3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		id, _, ok := sip.Replaces(value)
		if ok && (id.CallID == "" || id.LocalTag == "" || id.RemoteTag == "" || breaksALine(id.CallID+id.LocalTag+id.RemoteTag)) {
			t.Errorf("got %+v of %q", id, value)
		}
	})
}

// RAck is three words, the first two numbers.
func FuzzRAck(f *testing.F) {
	for _, s := range []string{"1 1 INVITE", "4294967295 2147483647 INVITE", "0 1 INVITE", "1 1", "-1 +1 x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if rseq, _, ok := sip.RAck(value); ok && (rseq == 0 || len(strings.Fields(value)) != 3) {
			t.Errorf("%q passed", value)
		}
	})
}

// Who diverted a call is one word of a line.
func FuzzDiverted(f *testing.F) {
	for _, s := range []string{`"A, B" <sip:b@c>;reason=x, <sip:a@c>`, "<sip:a@c>;index=1, <sip:b@c?Privacy=history>;index=1.1,<sip:c@d>;index=1.1.1", `"\`, "<,>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range []string{"Diversion", "History-Info"} {
			if got := sip.Diverted(name, value); breaksALine(got) {
				t.Errorf("got %q of %q", got, value)
			}
		}
	})
}

// Hold by each of its styles, and where it stands.
func TestHowHoldIsRead(t *testing.T) {
	const head, audio = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n", "m=audio 4000 RTP/AVP 8\r\n"
	for name, c := range map[string]struct {
		sdp  string
		held bool
	}{
		"nothing said":             {head + "c=IN IP4 192.0.2.1\r\n" + audio, false},
		"sendrecv":                 {head + "c=IN IP4 192.0.2.1\r\n" + audio + "a=sendrecv\r\n", false},
		"sendonly":                 {head + "c=IN IP4 192.0.2.1\r\n" + audio + "a=sendonly\r\n", true},
		"inactive, last line open": {head + "c=IN IP4 192.0.2.1\r\n" + audio + "a=inactive", true},
		"recvonly is no hold":      {head + "c=IN IP4 192.0.2.1\r\n" + audio + "a=recvonly\r\n", false},
		"for the session":          {head + "c=IN IP4 192.0.2.1\r\na=sendonly\r\n" + audio, true},
		"the stream wins":          {head + "c=IN IP4 192.0.2.1\r\na=sendonly\r\n" + audio + "a=sendrecv\r\n", false},
		"by address":               {head + "c=IN IP4 0.0.0.0\r\n" + audio, true},
		"by address of the stream": {head + "c=IN IP4 192.0.2.1\r\n" + audio + "c=IN IP4 0.0.0.0\r\n", true},
		"by address, IPv6":         {head + "c=IN IP6 ::\r\n" + audio, true},
		"only of the session":      {head + "c=IN IP4 0.0.0.0\r\n" + audio + "c=IN IP4 192.0.2.1\r\n", false},
		"of a video":               {head + "c=IN IP4 192.0.2.1\r\n" + audio + "m=video 4002 RTP/AVP 99\r\na=sendonly\r\n", false},
		"a refused audio before":   {head + "c=IN IP4 192.0.2.1\r\nm=audio 0 RTP/AVP 8\r\na=sendrecv\r\n" + audio + "a=sendonly\r\n", true},
		"bare line feeds":          {strings.ReplaceAll(head+"c=IN IP4 192.0.2.1\r\n"+audio+"a=sendonly\r\n", "\r\n", "\n"), true},
		"no audio":                 {head + "c=IN IP4 0.0.0.0\r\nm=video 4002 RTP/AVP 99\r\n", false},
		"empty":                    {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sip.Holds([]byte(c.sdp)); got != c.held {
				t.Errorf("got %v", got)
			}
		})
	}
}

func FuzzHolds(f *testing.F) {
	f.Add([]byte("c=IN IP4 0.0.0.0\r\nm=audio 1 RTP/AVP 8\r\na=sendonly"))
	f.Add([]byte("m=\r\nm=audio\r\na=\nc="))
	f.Fuzz(func(t *testing.T, sdp []byte) {
		if sip.Holds(sdp) && !strings.Contains(strings.ToLower(string(sdp)), "audio") {
			t.Error("held without audio")
		}
	})
}
