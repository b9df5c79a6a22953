package callflow_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
)

// detail returns the details of an event of the only live call.
func (s *site) detail(kind string) map[string]string {
	s.t.Helper()
	for _, e := range slices.Backward(s.live().Timeline) {
		if e.Kind == kind {
			return e.Detail
		}
	}
	s.t.Errorf("no event %s in %v", kind, s.kinds())
	return nil
}

// The keys of a card number are counted and nothing else is kept of them.
func TestMaskedKeysAreCounted(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := talking(t, options{}, rings, rings)
		player.press('9') // not masked: not counted
		s.mustOperate(callflow.OpMask, "1001", callflow.Target{})
		s.mustOperate(callflow.OpMask, "1001", callflow.Target{}) // idempotent
		if v := s.live(); !v.Masked || !player.media.Masked() || phones[0].last().media.Masked() {
			t.Errorf("masked: call %t, player %t, agent %t", v.Masked, player.media.Masked(), phones[0].last().media.Masked())
		}
		const card = "4970101234567890"
		for _, key := range card {
			player.press(key)
		}
		time.Sleep(time.Second)
		s.mustOperate(callflow.OpUnmask, "1001", callflow.Target{})
		s.mustOperate(callflow.OpUnmask, "1001", callflow.Target{})
		if v := s.live(); v.Masked || player.media.Masked() {
			t.Errorf("unmasked: call %t, player %t", v.Masked, player.media.Masked())
		}
		if got := s.detail("keys_unmasked"); got["keys"] != "16" || got["by"] != "1001" {
			t.Errorf("keys_unmasked: %v", got)
		}
		player.hangUp()
		s.over(call.EndAnswered)
		_, events, err := s.ledger.Call(t.Context(), s.one().ID)
		s.must(err)
		for _, e := range events {
			for v := range maps.Values(e.Detail) {
				if strings.Contains(v, card[:6]) {
					t.Errorf("a key is stored: %+v", e)
				}
			}
		}
	})
}

// Who talks next did not ask for the mask: it ends with the talk of who did.
func TestAMaskEndsWithTheTalk(t *testing.T) {
	for name, leave := range map[string]func(s *site, phones [3]*phone){
		"a transfer":            func(s *site, _ [3]*phone) { s.mustOperate(callflow.OpTransfer, "1001", toAgent("1002")) },
		"parked":                func(s *site, _ [3]*phone) { s.mustOperate(callflow.OpPark, "1001", callflow.Target{}) },
		"the agent's line dies": func(_ *site, phones [3]*phone) { phones[0].last().hangUp() },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s, player, phones := talking(t, options{}, picksUp(2*time.Second), rings)
				s.mustOperate(callflow.OpMask, "1001", callflow.Target{})
				player.press('1')
				time.Sleep(time.Second)
				leave(s, phones)
				time.Sleep(time.Second)
				if len(s.calls.AllLive()) > 0 {
					if v := s.live(); v.Masked || player.media.Masked() {
						t.Errorf("masked: call %t, player %t", v.Masked, player.media.Masked())
					}
					if got := s.detail("keys_unmasked"); got["keys"] != "1" {
						t.Errorf("keys_unmasked: %v", got)
					}
				}
				player.hangUp()
				time.Sleep(time.Minute)
			})
		})
	}
}

func TestAMaskNeedsATalk(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		player := s.mustCall("support", "alice")
		time.Sleep(time.Second)
		if err := s.operate(callflow.OpMask, "1001", callflow.Target{}); err == nil {
			t.Error("masked while nobody has the player")
		}
		player.hangUp()
		time.Sleep(time.Minute)
	})
}

func TestTheCodeOfTheMask(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s, player, phones := talking(t, options{}, rings, rings)
		for _, want := range []bool{true, false} {
			for _, key := range "*49" {
				phones[0].last().press(key)
			}
			time.Sleep(time.Second)
			if v := s.live(); v.Masked != want {
				t.Errorf("masked: %t, want %t", v.Masked, want)
			}
		}
		player.hangUp()
		s.over(call.EndAnswered)
	})
}
