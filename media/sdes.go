package media

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/pion/srtp/v3"
)

// Limits of a=crypto lines from outside.
const (
	maxCryptoLines = 16  // of one media line; later ones are not looked at
	maxCryptoSize  = 512 // bytes
	maxMKISize     = 8   // bytes; RFC 4568 allows 128, phones that use it send 1 or 4
)

// suite is a crypto suite of RFC 4568 section 6.2 or RFC 7714 section 14.2.
type suite struct {
	name      string
	key, salt int // bytes of the master key and of the master salt
	profile   srtp.ProtectionProfile
}

// suites are those that we speak, in the order of our own offers.
var suites = []*suite{
	{"AEAD_AES_256_GCM", 32, 12, srtp.ProtectionProfileAeadAes256Gcm},
	{"AEAD_AES_128_GCM", 16, 12, srtp.ProtectionProfileAeadAes128Gcm},
	{"AES_CM_128_HMAC_SHA1_80", 16, 14, srtp.ProtectionProfileAes128CmHmacSha1_80},
	{"AES_CM_128_HMAC_SHA1_32", 16, 14, srtp.ProtectionProfileAes128CmHmacSha1_32},
}

// suiteNamed returns a suite, or nil for one that we do not speak.
func suiteNamed(name string) *suite {
	for _, s := range suites {
		if s.name == name {
			return s
		}
	}
	return nil
}

// cryptoLine is one a=crypto line: a key of the side that wrote it.
type cryptoLine struct {
	tag   uint32
	suite *suite
	key   []byte // master key and salt
	mki   []byte // in each packet of who wrote the line; nil: none
}

// parseCrypto reads the value of an a=crypto attribute (RFC 4568 section 9.1).
// It reports false for what cannot be used: the line is then as if it were not
// there, as section 7.1.2 asks.
func parseCrypto(value string) (cryptoLine, bool) {
	if len(value) > maxCryptoSize {
		return cryptoLine{}, false
	}
	fields := strings.Fields(value)
	if len(fields) < 3 {
		return cryptoLine{}, false
	}
	tag, ok := parseTag(fields[0])
	s := suiteNamed(fields[1])
	if !ok || s == nil || !sessionParametersFit(fields[3:]) {
		return cryptoLine{}, false
	}
	c := cryptoLine{tag: tag, suite: s}
	if c.key, c.mki, ok = parseInline(fields[2], s.key+s.salt); !ok {
		return cryptoLine{}, false
	}
	return c, true
}

// parseTag reads 1 to 9 digits without a leading zero.
func parseTag(text string) (uint32, bool) {
	if text == "" || len(text) > 9 || !digitsOnly(text) || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	tag, err := strconv.ParseUint(text, 10, 32)
	return uint32(tag), err == nil
}

func digitsOnly(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// parseInline reads inline:key|lifetime|MKI:length (section 6.1). Several keys
// in one line are not taken. The lifetime is the business of the key's owner,
// who must offer a new one; it is checked and not kept.
func parseInline(text string, size int) (key, mki []byte, ok bool) {
	const method = "inline:"
	if len(text) < len(method) || !strings.EqualFold(text[:len(method)], method) {
		return nil, nil, false
	}
	parts := strings.Split(text[len(method):], "|")
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[0], "="))
	if err != nil || len(key) != size {
		return nil, nil, false
	}
	parts = parts[1:]
	if len(parts) > 0 && !strings.Contains(parts[0], ":") {
		if !digitsOnly(strings.TrimPrefix(parts[0], "2^")) {
			return nil, nil, false
		}
		parts = parts[1:]
	}
	switch len(parts) {
	case 0:
		return key, nil, true
	case 1:
		mki, ok = parseMKI(parts[0])
		return key, mki, ok
	}
	return nil, nil, false
}

// parseMKI reads value:length, where length is in bytes.
func parseMKI(text string) ([]byte, bool) {
	number, length, _ := strings.Cut(text, ":")
	value, err := strconv.ParseUint(number, 10, 64)
	size, errSize := strconv.ParseUint(length, 10, 8)
	if err != nil || errSize != nil || size < 1 || size > maxMKISize {
		return nil, false
	}
	mki := binary.BigEndian.AppendUint64(nil, value)
	if value>>(8*size) != 0 && size < 8 {
		return nil, false
	}
	return mki[8-size:], true
}

// sessionParametersFit refuses a line whose parameters (section 6.3) we do not
// do: an unencrypted or unauthenticated stream first of all, another rate of
// key derivation, FEC. A window of replay protection is only a hint, and what
// begins with a dash may be ignored.
func sessionParametersFit(parameters []string) bool {
	for _, p := range parameters {
		if !strings.HasPrefix(p, "-") && !strings.HasPrefix(strings.ToUpper(p), "WSH=") {
			return false
		}
	}
	return true
}

// String is the line as it stands in a description.
func (c *cryptoLine) String() string {
	return "a=crypto:" + strconv.FormatUint(uint64(c.tag), 10) + " " + c.suite.name +
		" inline:" + base64.StdEncoding.EncodeToString(c.key) + "\r\n"
}
