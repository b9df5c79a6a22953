package sip_test

import (
	"testing"

	"pickup/sip"
)

func TestTheTraceKeepsNoSecret(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"a digest": {
			`Authorization: Digest username="1001", nonce="abc", uri="sip:h", response="0123", cnonce = "x", opaque=""`,
			`Authorization: Digest username="1001", nonce="****", uri="sip:h", response="****", cnonce="****", opaque="****"`,
		},
		"a key of SRTP, its lifetime and its index stay": {
			"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32\r\na=sendrecv\r\n",
			"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:****|2^20|1:32\r\na=sendrecv\r\n",
		},
		"two keys in a line": {
			"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA|1:4;inline:BBBB|2:4\r\n",
			"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:****|1:4;inline:****|2:4\r\n",
		},
		"the key line of old": {"t=0 0\r\nk=base64:c2VjcmV0\r\nm=audio 1 RTP/SAVP 0\r\n", "t=0 0\r\nk=****\r\nm=audio 1 RTP/SAVP 0\r\n"},
		"nothing secret":      {"INVITE sip:support@h SIP/2.0\r\nX-Rack=1\r\n", "INVITE sip:support@h SIP/2.0\r\nX-Rack=1\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sip.Mask(c.in); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
