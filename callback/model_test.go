package callback_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pickup/callback"
)

// A store that fails at any step never leaves the book ahead of it: what was
// told stands in the store, and what failed did not happen.
func TestNothingIsToldBeforeItIsStored(t *testing.T) {
	d := newDesk(callback.Config{})
	d.store.fail = true
	_, err := d.Confirm(t.Context(), promise("+33612345678"))
	must(t, err, errDisk)
	d.store.fail = false
	c := d.confirmed(t, promise("+33612345678")) // neither open nor counted

	steps := []func() error{
		func() error { _, _, err := d.Begin(t.Context(), c.ID, "agent-1"); return err },
		func() error { _, err := d.Advance(t.Context(), c.ID, callback.StateHumanCheck); return err },
		func() error { _, err := d.Finish(t.Context(), c.ID, callback.ResultNoAnswer); return err },
		func() error { _, err := d.Supersede(t.Context(), c.ID); return err },
	}
	for i, step := range steps {
		before := d.store.callbacks[c.ID]
		d.store.fail = true
		must(t, step(), errDisk)
		d.store.fail = false
		if d.store.callbacks[c.ID] != before {
			t.Errorf("step %d changed a row that was refused", i)
		}
		need(t, step()) // and it can be done again
	}
	if got := d.store.callbacks[c.ID].State; got != callback.StateSuperseded {
		t.Errorf("got %s in the end, want superseded", got)
	}
}

func TestRecover(t *testing.T) {
	d := newDesk(callback.Config{})
	make3 := func(target string, key int64) callback.Callback {
		p := promise(target)
		p.Key = key
		return d.confirmed(t, p)
	}
	later, dialing, talking, overdue := make3("a", 900), make3("b", 100), make3("c", 200), make3("d", 300)
	for _, id := range []string{dialing.ID, talking.ID} {
		_, _, err := d.Begin(t.Context(), id, "agent-1")
		need(t, err)
	}
	_, err := d.Advance(t.Context(), talking.ID, callback.StateConnected)
	need(t, err)
	old := d.store.callbacks[overdue.ID]
	old.ExpiresAt = d.clock.at.Add(-time.Second)
	d.store.callbacks[overdue.ID] = old

	half := make3("e", 50) // a running state, and no attempt
	half.State = callback.StateConnecting
	d.store.callbacks[half.ID] = half

	again := callback.NewBook(callback.Config{Now: d.clock.now}, d.store) // after the crash
	open, err := again.Recover(t.Context())
	need(t, err)
	if len(open) != 3 || open[0].ID != half.ID || open[1].ID != dialing.ID || open[2].ID != later.ID {
		t.Fatalf("got %+v, want the three that stand, by key", open)
	}
	if open[0].State != callback.StateRetryWait {
		t.Errorf("the half one is %s, want retry_wait", open[0].State)
	}
	if c := open[1]; c.State != callback.StateRetryWait || c.Attempts != 0 || !c.NotBefore.Equal(d.clock.at.Add(time.Minute)) {
		t.Errorf("the one that was dialled: got %+v", c)
	}
	if c := d.store.callbacks[talking.ID]; c.State != callback.StateDone {
		t.Errorf("the one that talked is %s, want done", c.State)
	}
	if c := d.store.callbacks[overdue.ID]; c.State != callback.StateExpired {
		t.Errorf("the overdue one is %s, want expired", c.State)
	}
	for _, a := range d.store.attempts {
		if a.EndedAt.IsZero() {
			t.Errorf("attempt %+v is still open", a)
		}
	}
	if second, err := again.Recover(t.Context()); err != nil || len(second) != 3 {
		t.Errorf("a second recovery gives %d, %v", len(second), err)
	}
}

func TestExpire(t *testing.T) {
	d := newDesk(callback.Config{})
	waiting, dialing := d.confirmed(t, promise("a")), d.confirmed(t, promise("b"))
	_, _, err := d.Begin(t.Context(), dialing.ID, "agent-1")
	need(t, err)
	if ended, err := d.Expire(t.Context()); err != nil || len(ended) != 0 {
		t.Fatalf("got %v, %v before the last day", ended, err)
	}
	d.clock.pass(48 * time.Hour)
	ended, err := d.Expire(t.Context())
	need(t, err)
	if len(ended) != 1 || ended[0].ID != waiting.ID || ended[0].State != callback.StateExpired {
		t.Errorf("got %+v, want the one that waited", ended)
	}
}

func TestTerminalStatesAcceptNothing(t *testing.T) {
	for _, s := range []callback.State{
		callback.StateDone, callback.StateFailed, callback.StateExpired, callback.StateCancelled, callback.StateSuperseded,
	} {
		for _, e := range []callback.Event{
			callback.EventTurn, callback.EventReserved, callback.EventDialed, callback.EventPickedUp, callback.EventAccepted,
			callback.EventBridged, callback.EventRetry, callback.EventCompleted, callback.EventGaveUp, callback.EventExpired,
			callback.EventCancelled, callback.EventSuperseded,
		} {
			to, err := s.Next(e)
			if to != s || !errors.Is(err, callback.ErrState) || !s.Terminal() {
				t.Errorf("%s accepts %s", s, e)
			}
		}
	}
}

// naive is a callback as simply as it can be told.
type naive struct {
	waiting, dialing, ended bool
	attempts                int
	notBefore               time.Time
}

// The book agrees with a naive model whatever is asked of it, in any order,
// with a store that fails now and then.
func TestBookAgreesWithANaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDesk(callback.Config{PerDay: 1 << 30})
		models := map[string]*naive{}
		var ids []string
		for range rapid.IntRange(1, 60).Draw(t, "acts") {
			d.store.fail = rapid.IntRange(0, 5).Draw(t, "disk") == 0
			d.clock.pass(time.Duration(rapid.IntRange(0, 30).Draw(t, "minutes")) * time.Minute)
			now := d.clock.at
			act := rapid.SampledFrom([]string{"confirm", "begin", "finish", "cancel", "supersede", "recover"}).Draw(t, "act")
			if act == "confirm" || len(ids) == 0 {
				target := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "target")
				taken := false
				for _, id := range ids {
					taken = taken || !models[id].ended && d.store.callbacks[id].Target == target
				}
				c, err := d.Confirm(t.Context(), promise(target))
				if (err == nil) != (!taken && !d.store.fail) {
					t.Fatalf("confirm %s: %v with taken %v, failing %v", target, err, taken, d.store.fail)
				}
				if err == nil {
					ids = append(ids, c.ID)
					models[c.ID] = &naive{waiting: true, notBefore: now}
				}
				continue
			}
			id := rapid.SampledFrom(ids).Draw(t, "id")
			m := models[id]
			overdue := !now.Before(d.store.callbacks[id].ExpiresAt)
			if overdue && act != "cancel" && act != "supersede" {
				continue // expiry has its own tests
			}
			ok := !d.store.fail
			var err error
			switch act {
			case "begin":
				ok = ok && m.waiting && !now.Before(m.notBefore)
				if _, _, err = d.Begin(t.Context(), id, "agent"); err == nil {
					m.waiting, m.dialing = false, true
				}
			case "finish":
				ok = ok && m.dialing
				result := rapid.SampledFrom([]callback.Result{"connected", "no_answer", "busy", "invalid", "agent_failed", "unknown"}).Draw(t, "result")
				if _, err = d.Finish(t.Context(), id, result); err == nil {
					m.finish(result, now)
				}
			case "cancel", "supersede":
				ok = ok && m.waiting
				if act == "cancel" {
					if d.store.callbacks[id].State == callback.StateCancelled {
						continue
					}
					_, err = d.Cancel(t.Context(), id, "player")
				} else {
					_, err = d.Supersede(t.Context(), id)
				}
				if err == nil {
					m.waiting, m.ended = false, true
				}
			case "recover":
				if d.store.fail {
					continue
				}
				if _, err = d.Recover(t.Context()); err == nil {
					for _, id := range ids {
						switch m := models[id]; {
						case m.dialing:
							m.finish("unknown", now)
						}
						if !now.Before(d.store.callbacks[id].ExpiresAt) && m.waiting {
							m.waiting, m.ended = false, true
						}
					}
				}
			}
			if (err == nil) != ok {
				t.Fatalf("%s: got %v, the model says %v (%+v, %+v)", act, err, ok, *m, d.store.callbacks[id])
			}
			for id, m := range models {
				c := d.store.callbacks[id]
				if c.Key != 1234567 || c.Attempts != m.attempts || c.State.Running() != m.dialing || c.State.Terminal() != m.ended {
					t.Fatalf("after %s: %+v, the model %+v", act, c, *m)
				}
			}
		}
	})
}

func (m *naive) finish(result callback.Result, now time.Time) {
	m.dialing, m.waiting = false, true
	switch result {
	case "connected", "invalid":
		m.attempts++
		m.waiting, m.ended = false, true
		return
	case "no_answer":
		m.notBefore = now.Add([]time.Duration{10 * time.Minute, time.Hour, time.Hour}[m.attempts])
		m.attempts++
	case "busy":
		m.notBefore = now.Add(3 * time.Minute)
		m.attempts++
	case "unknown":
		m.notBefore = now.Add(time.Minute)
	default:
		m.notBefore = now.Add(3 * time.Minute)
	}
	if m.attempts == 3 {
		m.waiting, m.ended = false, true
	}
}
