package email

import "context"

// What the tests of this package's text rules call.
var (
	Unquote  = unquote
	SafeHTML = safeHTML
	PlainOf  = plainOf
	NumberIn = numberIn
)

// AddressIn is plainAddress.
func AddressIn(s string) (string, bool) { return plainAddress(s) }

// FileAll files what is in the inbox.
func (e *Engine) FileAll(ctx context.Context) error {
	if err := e.readMailboxes(ctx); err != nil {
		return err
	}
	for {
		if again, err := e.fileAll(ctx); err != nil || !again {
			return err
		}
	}
}
