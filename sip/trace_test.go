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
		"a key in INFO": {
			"INFO sip:1001@h SIP/2.0\r\nContent-Type: application/dtmf-relay\r\nContent-Length: 22\r\n\r\nSignal=5\r\nDuration=160",
			"INFO sip:1001@h SIP/2.0\r\nContent-Type: application/dtmf-relay\r\nContent-Length: 22\r\n\r\n****",
		},
		"a key alone, compact": {
			"INFO sip:1001@h SIP/2.0\nc : Application/DTMF;x=1\nl: 1\n\n5",
			"INFO sip:1001@h SIP/2.0\nc : Application/DTMF;x=1\nl: 1\n\n****",
		},
		"a type that only looks like it": {
			"INFO sip:h SIP/2.0\r\nX-Content-Type: application/dtmf\r\n\r\n5", "INFO sip:h SIP/2.0\r\nX-Content-Type: application/dtmf\r\n\r\n5",
		},
		"nothing secret": {"INVITE sip:support@h SIP/2.0\r\nX-Rack=1\r\n", "INVITE sip:support@h SIP/2.0\r\nX-Rack=1\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sip.Mask(c.in); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
