package media_test

import (
	"strings"
	"testing"

	"pickup/media"
)

const (
	key28 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="
	key30 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
	key44 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis="
)

func TestCryptoLines(t *testing.T) {
	cases := map[string]struct {
		line string
		want string // the line as we would write it; empty: ignored
	}{
		"counter mode":                      {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30, "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30},
		"a short tag":                       {"2 AES_CM_128_HMAC_SHA1_32 inline:" + key30, "2 AES_CM_128_HMAC_SHA1_32 inline:" + key30},
		"GCM":                               {"3 AEAD_AES_128_GCM inline:" + key28, "3 AEAD_AES_128_GCM inline:" + key28},
		"GCM with a long key":               {"999999999 AEAD_AES_256_GCM inline:" + key44, "999999999 AEAD_AES_256_GCM inline:" + key44},
		"a key without its padding":         {"1 AEAD_AES_128_GCM inline:" + strings.TrimRight(key28, "="), "1 AEAD_AES_128_GCM inline:" + key28},
		"a lifetime":                        {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^20", "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30},
		"a lifetime and an MKI":             {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^20|1:4", "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30},
		"an MKI alone":                      {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|255:1", "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30},
		"a hint for the replay window":      {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " WSH=128", "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30},
		"a parameter that may be ignored":   {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " -NEW=1", "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30},
		"an unknown suite":                  {"1 F8_128_HMAC_SHA1_80 inline:" + key30, ""},
		"a key too short":                   {"1 AEAD_AES_256_GCM inline:" + key28, ""},
		"a key too long":                    {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key44, ""},
		"a key that is no base64":           {"1 AES_CM_128_HMAC_SHA1_80 inline:!" + key30[1:], ""},
		"no key":                            {"1 AES_CM_128_HMAC_SHA1_80", ""},
		"two keys":                          {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|1:1;inline:" + key30 + "|2:1", ""},
		"another key method":                {"1 AES_CM_128_HMAC_SHA1_80 mikey:" + key30, ""},
		"an MKI that does not fit":          {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|256:1", ""},
		"an MKI of no bytes":                {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|1:0", ""},
		"an MKI of 128 bytes":               {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|1:128", ""},
		"a lifetime of words":               {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|forever", ""},
		"unencrypted audio":                 {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " UNENCRYPTED_SRTP", ""},
		"unencrypted reports":               {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " UNENCRYPTED_SRTCP", ""},
		"unauthenticated audio":             {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " UNAUTHENTICATED_SRTP", ""},
		"another rate of derivation":        {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " KDR=1", ""},
		"a tag with a leading zero":         {"01 AES_CM_128_HMAC_SHA1_80 inline:" + key30, ""},
		"a tag of ten digits":               {"1000000000 AES_CM_128_HMAC_SHA1_80 inline:" + key30, ""},
		"a tag with a sign":                 {"-1 AES_CM_128_HMAC_SHA1_80 inline:" + key30, ""},
		"nothing":                           {"", ""},
		"a line that does not end in reach": {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + strings.Repeat(" -A", 300), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, ok := media.ParseCrypto(c.line)
			if ok != (c.want != "") {
				t.Fatalf("taken: %v", ok)
			}
			if want := "a=crypto:" + c.want + "\r\n"; ok && got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func FuzzCrypto(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^20|1:4 WSH=64")
	f.Add("1 AEAD_AES_256_GCM inline:" + key44)
	f.Fuzz(func(t *testing.T, line string) {
		got, ok := media.ParseCrypto(line)
		if !ok {
			return
		}
		again, ok := media.ParseCrypto(strings.TrimSuffix(strings.TrimPrefix(got, "a=crypto:"), "\r\n"))
		if !ok || again != got {
			t.Errorf("%q is read as %q", got, again)
		}
	})
}
