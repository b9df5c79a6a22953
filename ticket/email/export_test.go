package email

// What the tests of this package's text rules call.
var (
	SubjectKey = subjectKey
	Unquote    = unquote
	SafeHTML   = safeHTML
	PlainOf    = plainOf
	NumberIn   = numberIn
)

// AddressIn is plainAddress.
func AddressIn(s string) (string, bool) { return plainAddress(s) }
