package callflow

import (
	"strings"

	"pickup/account"
	"pickup/call"
)

// code is what an agent presses during a call, so that any phone can do what the
// console does.
type code struct {
	op  func(*machine) OperationKind
	arg bool // a number follows, and #
}

func always(k OperationKind) func(*machine) OperationKind {
	return func(*machine) OperationKind { return k }
}

// codes are the codes within a call. Those outside of one are in feature.go.
var codes = map[string]code{
	"*48": {op: func(m *machine) OperationKind {
		if m.tonePaused {
			return OpResumeRecording
		}
		return OpPauseRecording
	}},
	"*49": {op: func(m *machine) OperationKind {
		if m.masked {
			return OpUnmask
		}
		return OpMask
	}},
	"*70": {op: func(m *machine) OperationKind {
		if m.rec.State == call.StateHeld {
			return OpRetrieve
		}
		return OpHold
	}},
	"*71": {op: always(OpTransfer), arg: true},
	"*72": {op: always(OpConsult), arg: true},
	"*73": {op: always(OpToggle)},
	"*74": {op: always(OpComplete)},
	"*75": {op: always(OpCancel)},
	"*76": {op: always(OpConference)},
	"*78": {op: always(OpPark)},
}

const (
	codeLength   = 3  // of every code
	codeArgument = 20 // keys of a number at the most
)

// codeMatcher finds codes in the keys of an agent and holds back what may be the
// beginning of one.
type codeMatcher struct{ held []rune }

// key takes one key. It returns the keys to pass on, and the code that is
// complete, if one is, with its number. A number ends with #; a * in it, or too
// many keys, drop the code.
func (c *codeMatcher) key(digit rune) (pass []rune, code, arg string) {
	c.held = append(c.held, digit)
	if len(c.held) > codeLength { // within a number
		known := string(c.held[:codeLength])
		switch {
		case digit == '#':
			arg = string(c.held[codeLength : len(c.held)-1])
			c.held = nil
			return nil, known, arg
		case digit == '*', len(c.held) > codeLength+codeArgument:
			c.held = nil
		}
		return nil, "", ""
	}
	for len(c.held) > 0 && !begins(string(c.held)) {
		pass = append(pass, c.held[0])
		c.held = c.held[1:]
	}
	if known := string(c.held); len(c.held) == codeLength && !codes[known].arg {
		c.held = nil
		return pass, known, ""
	}
	return pass, "", ""
}

// begins reports whether keys are a code or the beginning of one.
func begins(keys string) bool {
	for known := range codes {
		if strings.HasPrefix(known, keys) {
			return true
		}
	}
	return false
}

// dialledCode is a code that an agent pressed: the session finds whom its number
// means and does the operation.
type dialledCode struct {
	kind    OperationKind
	arg     string
	by      account.ID
	byLogin string
}

func (dialledCode) isEffect() {}

// dialled does the operation of a code. The agent hears a sign when it cannot be
// done.
func (s *Session) dialled(e dialledCode) {
	op := Operation{Kind: e.kind, By: e.by, ByLogin: e.byLogin}
	leg := s.m.winnerLeg
	fail := func(err error) {
		if l := s.mediaOf(leg); err != nil && l != nil {
			l.Play(tokenKey, s.mgr.cfg.Language, promptRefused)
		}
	}
	if e.kind == OpTransfer || e.kind == OpConsult {
		to, err := s.mgr.Target(e.arg)
		if err != nil {
			fail(err)
			return
		}
		op.To = to
	}
	s.ticket++
	s.replies[s.ticket] = fail
	s.answer(operationAsked{op, s.ticket})
}
