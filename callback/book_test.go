package callback_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/internal/hours"
)

// desk is a Book over a fake store and a clock.
type desk struct {
	*callback.Book
	store *store
	clock *clock
}

func newDesk(cfg callback.Config) desk {
	d := desk{store: newStore(), clock: &clock{at: at("2026-03-10T10:00:00Z")}}
	cfg.Now = d.clock.now
	d.Book = callback.NewBook(cfg, d.store)
	return d
}

func promise(target string) callback.Callback {
	return callback.Callback{
		Queue: "support", TargetKind: callback.TargetNumber, Target: target, Kind: callback.KindKeepPlace,
		Key: 1234567, Priority: 1, EnqueuedAt: at("2026-03-10T09:58:00Z"), CallID: call.ID("call-1"), Language: "fr",
	}
}

// confirmed stores a promise or fails the test.
func (d desk) confirmed(t *testing.T, c callback.Callback) callback.Callback {
	t.Helper()
	c, err := d.Confirm(t.Context(), c)
	need(t, err)
	return c
}

// attempt dials and ends one attempt.
func (d desk) attempt(t *testing.T, id string, result callback.Result) callback.Callback {
	t.Helper()
	_, _, err := d.Begin(t.Context(), id, "agent-1")
	need(t, err)
	c, err := d.Finish(t.Context(), id, result)
	need(t, err)
	return c
}

func TestConfirmKeepsThePlace(t *testing.T) {
	d := newDesk(callback.Config{})
	c := d.confirmed(t, promise("+33612345678"))
	if c.State != callback.StateQueued || c.Key != 1234567 || c.ID == "" || c.MaxAttempts != 3 {
		t.Errorf("got %+v, want a queued callback with its key", c)
	}
	if !c.NotBefore.Equal(d.clock.at) || !c.ExpiresAt.Equal(d.clock.at.Add(48*time.Hour)) {
		t.Errorf("not before %v, expires %v, want now and in 48 h", c.NotBefore, c.ExpiresAt)
	}
	if stored := d.store.callbacks[c.ID]; stored != c {
		t.Errorf("stored %+v, returned %+v", stored, c)
	}
}

func TestConfirmRefuses(t *testing.T) {
	d := newDesk(callback.Config{PerDay: 2})
	none := promise("")
	_, err := d.Confirm(t.Context(), none)
	must(t, err, callback.ErrUnreachable)
	odd := promise("x")
	odd.TargetKind = "pigeon"
	_, err = d.Confirm(t.Context(), odd)
	must(t, err, callback.ErrUnreachable)

	first := d.confirmed(t, promise("+33612345678"))
	_, err = d.Confirm(t.Context(), promise("+33612345678"))
	must(t, err, callback.ErrOpen)
	_, err = d.Cancel(t.Context(), first.ID, "player")
	need(t, err)
	second := d.confirmed(t, promise("+33612345678"))
	_, err = d.Cancel(t.Context(), second.ID, "player")
	need(t, err)
	_, err = d.Confirm(t.Context(), promise("+33612345678"))
	must(t, err, callback.ErrTooMany)
	crash := promise("+33612345678")
	crash.Kind = callback.KindCrash
	owed := d.confirmed(t, crash) // what we owe is no request of his
	if got := owed.NotBefore.Sub(d.clock.at); got != 10*time.Second {
		t.Errorf("a crash's callback is dialled after %v, want 10s", got)
	}
	_, err = d.Cancel(t.Context(), owed.ID, "player")
	need(t, err)
	d.clock.pass(24 * time.Hour)
	d.confirmed(t, promise("+33612345678"))
}

func TestTheWholeWayToATalk(t *testing.T) {
	d := newDesk(callback.Config{})
	c := d.confirmed(t, promise("+33612345678"))
	c, a, err := d.Begin(t.Context(), c.ID, "agent-1")
	need(t, err)
	if c.State != callback.StateDialing || a.AgentID != "agent-1" || d.store.attempts[a.ID] != a {
		t.Fatalf("got %s with %+v, want dialing and a stored attempt", c.State, a)
	}
	_, _, err = d.Begin(t.Context(), c.ID, "agent-2")
	must(t, err, callback.ErrState)
	for _, to := range []callback.State{callback.StateHumanCheck, callback.StateHumanCheck, callback.StateConnecting, callback.StateConnected} {
		c, err = d.Advance(t.Context(), c.ID, to)
		need(t, err)
		if c.State != to || d.store.callbacks[c.ID].State != to {
			t.Fatalf("got %s, want %s", c.State, to)
		}
	}
	_, err = d.Advance(t.Context(), c.ID, callback.StateDialing)
	must(t, err, callback.ErrState)
	c, err = d.Finish(t.Context(), c.ID, callback.ResultConnected)
	need(t, err)
	if c.State != callback.StateDone || c.Attempts != 1 || c.EndedAt.IsZero() || c.Open() {
		t.Errorf("got %+v, want done after one attempt", c)
	}
	_, err = d.Finish(t.Context(), c.ID, callback.ResultConnected)
	must(t, err, callback.ErrState)
}

func TestAnAttemptThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		results []callback.Result
		state   callback.State
		detail  string
		after   time.Duration
		counted int
	}{
		"no answer is tried again after 10 minutes":     {[]callback.Result{callback.ResultNoAnswer}, callback.StateRetryWait, "", 10 * time.Minute, 1},
		"a second no answer after 60 minutes":           {[]callback.Result{"no_answer", "no_answer"}, callback.StateRetryWait, "", time.Hour, 2},
		"a third no answer is the end":                  {[]callback.Result{"no_answer", "no_answer", "no_answer"}, callback.StateFailed, "no_answer", 0, 3},
		"busy is tried again after 3 minutes":           {[]callback.Result{callback.ResultBusy}, callback.StateRetryWait, "", 3 * time.Minute, 1},
		"a third busy is the end":                       {[]callback.Result{"no_answer", "no_answer", "busy"}, callback.StateFailed, "busy", 0, 3},
		"a machine is like no answer":                   {[]callback.Result{callback.ResultMachine}, callback.StateRetryWait, "", 10 * time.Minute, 1},
		"an invalid number ends at once":                {[]callback.Result{callback.ResultInvalid}, callback.StateFailed, "invalid", 0, 1},
		"a blocked number ends at once":                 {[]callback.Result{callback.ResultBlocked}, callback.StateFailed, "blocked", 0, 1},
		"an agent's failure costs the player nothing":   {[]callback.Result{callback.ResultAgentFailed}, callback.StateRetryWait, "", 3 * time.Minute, 0},
		"an unknown end is tried again after a minute":  {[]callback.Result{callback.ResultUnknown}, callback.StateRetryWait, "", time.Minute, 0},
		"agents' failures do not use up the attempts":   {[]callback.Result{"agent_failed", "agent_failed", "agent_failed", "agent_failed"}, callback.StateRetryWait, "", 3 * time.Minute, 0},
		"attempts that count are counted between those": {[]callback.Result{"agent_failed", "no_answer", "unknown"}, callback.StateRetryWait, "", time.Minute, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(callback.Config{})
			got := d.confirmed(t, promise("+33612345678"))
			for _, result := range c.results {
				d.clock.set(got.NotBefore)
				got = d.attempt(t, got.ID, result)
			}
			if got.State != c.state || got.Detail != c.detail || got.Attempts != c.counted {
				t.Errorf("got %s(%s) after %d, want %s(%s) after %d", got.State, got.Detail, got.Attempts, c.state, c.detail, c.counted)
			}
			if got.Open() && got.NotBefore.Sub(d.clock.at) != c.after {
				t.Errorf("next try in %v, want %v", got.NotBefore.Sub(d.clock.at), c.after)
			}
			if got.Key != 1234567 {
				t.Errorf("key %d, want the one of the place", got.Key)
			}
		})
	}
}

// within are the hours of a queue.
func within(all ...*hours.Hours) func(string) []*hours.Hours {
	return func(string) []*hours.Hours { return all }
}

func TestHoursOfAPromise(t *testing.T) {
	week := func(from, to int, closed ...string) *hours.Hours {
		h := &hours.Hours{Closed: closed}
		for d := 1; d <= 5; d++ {
			h.Days[d] = [][2]int{{from * 60, to * 60}}
		}
		return h
	}
	queue, site := week(9, 18), week(10, 20, "2026-03-16")
	for name, c := range map[string]struct {
		hours            []*hours.Hours
		at, due, expires string // due "": refused
	}{
		"always": {nil, "2026-03-10T23:00:00Z", "2026-03-10T23:00:00Z", "2026-03-12T23:00:00Z"},
		"both must allow it": {
			[]*hours.Hours{queue, site}, "2026-03-10T08:00:00Z", "2026-03-10T10:00:00Z", "2026-03-12T18:00:00Z",
		},
		"the end is not in the night": {
			[]*hours.Hours{queue}, "2026-03-10T17:00:00Z", "2026-03-10T17:00:00Z", "2026-03-12T17:00:00Z",
		},
		"over a weekend it lasts until the end of Monday": {
			[]*hours.Hours{queue}, "2026-03-13T17:55:00Z", "2026-03-13T17:55:00Z", "2026-03-16T18:00:00Z",
		},
		"over a holiday until the end of Tuesday": {
			[]*hours.Hours{queue, site}, "2026-03-13T17:55:00Z", "2026-03-13T17:55:00Z", "2026-03-17T18:00:00Z",
		},
		"made on a closed day it is for the next": {
			[]*hours.Hours{queue}, "2026-03-14T12:00:00Z", "2026-03-16T09:00:00Z", "2026-03-16T12:00:00Z",
		},
		"hours that never meet":     {[]*hours.Hours{week(9, 12), week(14, 18)}, "2026-03-10T09:00:00Z", "", ""},
		"a place that never opens":  {[]*hours.Hours{{}}, "2026-03-10T09:00:00Z", "", ""},
		"a queue that has no hours": {[]*hours.Hours{nil, queue}, "2026-03-10T08:00:00Z", "2026-03-10T09:00:00Z", "2026-03-12T18:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(callback.Config{Hours: within(c.hours...)})
			d.clock.set(at(c.at))
			got, err := d.Confirm(t.Context(), promise("+33612345678"))
			if c.due == "" {
				must(t, err, callback.ErrUnreachable)
				return
			}
			need(t, err)
			if !got.NotBefore.Equal(at(c.due)) || !got.ExpiresAt.Equal(at(c.expires)) {
				t.Errorf("due %v until %v, want %s until %s", got.NotBefore, got.ExpiresAt, c.due, c.expires)
			}
		})
	}
}

func TestBeginRefuses(t *testing.T) {
	day := [][2]int{{8 * 60, 21 * 60}}
	d := newDesk(callback.Config{Hours: within(&hours.Hours{Days: [7][][2]int{day, day, day, day, day, day, day}})})
	d.clock.set(at("2026-03-10T20:55:00Z"))
	c := d.confirmed(t, promise("+33612345678"))
	d.clock.pass(10 * time.Minute) // its turn came too late
	c, _, err := d.Begin(t.Context(), c.ID, "agent-1")
	must(t, err, callback.ErrState)
	if want := at("2026-03-11T08:00:00Z"); !c.NotBefore.Equal(want) || d.store.callbacks[c.ID] != c {
		t.Errorf("not before %v, want %v, and stored", c.NotBefore, want)
	}
	d.clock.set(at("2026-03-11T07:59:59Z"))
	_, _, err = d.Begin(t.Context(), c.ID, "agent-1")
	must(t, err, callback.ErrState)
	d.clock.set(at("2026-03-12T20:55:00Z"))
	c, _, err = d.Begin(t.Context(), c.ID, "agent-1")
	must(t, err, callback.ErrState)
	if c.State != callback.StateExpired || d.store.callbacks[c.ID].State != callback.StateExpired {
		t.Errorf("got %s, want expired", c.State)
	}
	_, _, err = d.Begin(t.Context(), "nobody", "agent-1")
	must(t, err, callback.ErrNotFound)
}

func TestRetryPastTheLastDayExpires(t *testing.T) {
	d := newDesk(callback.Config{Expiry: 5 * time.Minute})
	c := d.confirmed(t, promise("+33612345678"))
	if c = d.attempt(t, c.ID, callback.ResultNoAnswer); c.State != callback.StateExpired || c.Detail != "no_answer" {
		t.Errorf("got %s(%s), want expired(no_answer)", c.State, c.Detail)
	}
}

func TestCancelAndSupersede(t *testing.T) {
	d := newDesk(callback.Config{})
	c := d.confirmed(t, promise("+33612345678"))
	_, err := d.Cancel(t.Context(), c.ID, "stranger")
	must(t, err, callback.ErrState)
	_, _, err = d.Begin(t.Context(), c.ID, "agent-1")
	need(t, err)
	_, err = d.Cancel(t.Context(), c.ID, "supervisor") // he is being dialled
	must(t, err, callback.ErrState)
	_, err = d.Supersede(t.Context(), c.ID)
	must(t, err, callback.ErrState)
	_, err = d.Finish(t.Context(), c.ID, callback.ResultBusy)
	need(t, err)
	s, err := d.Supersede(t.Context(), c.ID)
	need(t, err)
	if s.State != callback.StateSuperseded || s.Key != c.Key || !s.EnqueuedAt.Equal(c.EnqueuedAt) {
		t.Errorf("got %+v, want superseded with the place of %+v", s, c)
	}
	_, err = d.Supersede(t.Context(), c.ID) // the place is taken once
	must(t, err, callback.ErrState)
	_, err = d.Cancel(t.Context(), c.ID, "player")
	must(t, err, callback.ErrState)

	c = d.confirmed(t, promise("+33612345679"))
	for range 2 { // a repeated cancel is a success
		got, err := d.Cancel(t.Context(), c.ID, "supervisor")
		need(t, err)
		if got.State != callback.StateCancelled || got.Detail != "supervisor" {
			t.Errorf("got %s(%s), want cancelled(supervisor)", got.State, got.Detail)
		}
	}
}

func TestOnlyOneOfManyWinsAPlace(t *testing.T) {
	d := newDesk(callback.Config{PerDay: 1})
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 20 {
		wg.Go(func() {
			if _, err := d.Confirm(t.Context(), promise("+33612345678")); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d confirmed, want 1", won)
	}
	open, _ := d.store.OpenCallbacks(t.Context())
	begun := 0
	for range 20 {
		wg.Go(func() {
			if _, _, err := d.Begin(t.Context(), open[0].ID, "agent-1"); err == nil {
				mu.Lock()
				begun++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if begun != 1 {
		t.Errorf("%d attempts begun, want 1", begun)
	}
}

func TestAttemptThatNobodyMakesIsTakenBack(t *testing.T) {
	d := newDesk(callback.Config{})
	c := d.confirmed(t, promise("+33612345678"))
	got, err := d.Void(t.Context(), c.ID, "")
	need(t, err)
	if got.State != callback.StateQueued {
		t.Errorf("nothing ran: got %s, want queued", got.State)
	}
	_, first, err := d.Begin(t.Context(), c.ID, "agent-1")
	need(t, err)
	if got, err = d.Void(t.Context(), c.ID, "another"); err != nil || got.State != callback.StateDialing {
		t.Errorf("another attempt: got %s, %v, want dialing", got.State, err)
	}
	d.store.fail = true
	if _, err = d.Void(t.Context(), c.ID, first.ID); !errors.Is(err, errDisk) {
		t.Errorf("got %v, want the store's error", err)
	}
	d.store.fail = false
	for range 2 { // told twice
		got, err = d.Void(t.Context(), c.ID, first.ID)
		need(t, err)
		if got.State != callback.StateRetryWait || got.Attempts != 0 || got.Key != c.Key {
			t.Errorf("got %s, %d attempts, want retry_wait and none counted", got.State, got.Attempts)
		}
	}
	d.clock.pass(2 * time.Minute)
	if _, _, err = d.Begin(t.Context(), c.ID, "agent-1"); err != nil {
		t.Error(err)
	}
}
