//go:build verify

package media

import "testing"

// Every prompt of both languages, quiet, as it is, and so loud that it clips.
func TestNoPromptHoldsAKeyAtAnyLevel(t *testing.T) { talkOff(t, 1, 0.1, 0.3, 1, 1.8, 3) }
