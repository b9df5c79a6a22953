package ticket_test

import (
	"strings"
	"testing"

	"pickup/call"
	"pickup/ticket"
)

func TestIdentityOf(t *testing.T) {
	sip, trunk, browser := call.PartyAnonymousSIP, call.PartyTrunk, call.PartyBrowser
	for name, c := range map[string]struct {
		kind        call.PartyKind
		uri, user   string
		want, value string
	}{
		"a number is a phone whatever the transport": {sip, "sip:0612345678@198.51.100.7", "0612345678", "phone", "+33612345678"},
		"a trunk's number is a phone":                {trunk, "sip:+33612345678@trunk", "+33612345678", "phone", "+33612345678"},
		"a name is a sip address without port":       {sip, "sip:alice@198.51.100.7:5062;transport=tcp", "alice", "sip", "alice@198.51.100.7"},
		"the host is in lower case, the user is not": {sip, "sip:Alice@Example.ORG", "Alice", "sip", "Alice@example.org"},
		"secure or not is the same person":           {sip, "sips:alice@example.org", "alice", "sip", "alice@example.org"},
		"a password is not kept":                     {sip, "sip:alice:secret@example.org", "alice", "sip", "alice@example.org"},
		"escapes are resolved":                       {sip, "sip:%61lice@example.org", "alice", "sip", "alice@example.org"},
		"an address of IPv6 keeps its brackets":      {sip, "sip:alice@[2001:DB8::1]:5060", "alice", "sip", "alice@[2001:db8::1]"},
		"an extension is no phone":                   {sip, "sip:1001@198.51.100.7", "1001", "sip", "1001@198.51.100.7"},
		"a user that is a whole address is one":      {sip, "0", "alice@Example.ORG", "sip", "alice@example.org"},
		"nobody is anonymous":                        {sip, "sip:198.51.100.7", "", "", ""},
		"who says so is anonymous":                   {sip, "sip:anonymous@198.51.100.7", "anonymous", "", ""},
		"in any case":                                {sip, "sip:Anonymous@198.51.100.7", "Anonymous", "", ""},
		"the host of RFC 3323 is anonymous":          {sip, "sip:c8oqz84zk7z@anonymous.invalid", "c8oqz84zk7z", "", ""},
		"a trunk's withheld number is anonymous":     {trunk, "sip:restricted@trunk", "restricted", "", ""},
		"somebody may be called private":             {sip, "sip:private@example.org", "private", "sip", "private@example.org"},
		"a browser without a name is anonymous":      {browser, "browser:1", "", "", ""},
		"a browser with a name is the visitor it is": {browser, "browser:1", "Zoé", "visitor", "browser:1"},
		"a browser with a number is a phone":         {browser, "browser:1", "06 12 34 56 78", "phone", "+33612345678"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := ticket.IdentityOf(call.Party{Kind: c.kind, URI: c.uri, User: c.user}, "FR")
			if got.Kind != c.want || got.Value != c.value || ok != (c.want != "") || got.Verified {
				t.Errorf("got %+v, %v, want %s %s", got, ok, c.want, c.value)
			}
		})
	}
	if got, _ := ticket.IdentityOf(call.Party{Kind: call.PartyRegistered, URI: "sip:alice@host", User: "alice"}, "FR"); !got.Verified {
		t.Errorf("a registered user is not verified")
	}
}

func FuzzIdentityOf(f *testing.F) {
	f.Add("sip:alice@198.51.100.7:5060;transport=udp", "alice")
	f.Add("sips:%00@[::1", "%00")
	f.Fuzz(func(t *testing.T, uri, user string) {
		got, ok := ticket.IdentityOf(call.Party{URI: uri, User: user}, "FR")
		if ok != (got.Kind != "") || ok && got.Value == "" {
			t.Fatalf("got %+v, %v", got, ok)
		}
		if got.Kind == "sip" && strings.Contains(got.Value, "@") && got.Raw == uri {
			again, _ := ticket.IdentityOf(call.Party{URI: "sip:" + got.Value, User: user}, "FR")
			if strings.Contains(got.Value, "%") || strings.ContainsAny(got.Value, ":;?") {
				return // an escape of an escape, or a user part with a sign
			}
			if again.Value != got.Value {
				t.Fatalf("%q became %q and then %q", uri, got.Value, again.Value)
			}
		}
	})
}
