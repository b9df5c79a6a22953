package storetest

import (
	"fmt"
	"testing"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/recording"
	"pickup/store"
)

func recordings(t *testing.T, s Full) {
	ctx := t.Context()
	var ids []recording.ID
	for n := range 5 {
		r := recording.Row{
			ID: recording.ID(fmt.Sprintf("r%d", n)), CallID: "c1", AgentID: "user-1", Queue: "support", State: recording.StateOpen,
			Path: fmt.Sprintf("2026/03/05/r%d.wav", n), StartedAt: at(time.Duration(n) * time.Second),
		}
		must(t, s.SaveRecording(ctx, r))
		ids = append([]recording.ID{r.ID}, ids...)
	}
	done := recording.Row{
		ID: "r1", CallID: "c1", AgentID: "user-2", Queue: "payments", State: recording.StateIncomplete, Incomplete: "crash",
		Path: "2026/03/05/r1.wav", SHA256: "abc", Bytes: 44, Duration: 12345 * time.Millisecond, StartedAt: at(time.Second),
		EndedAt: at(14 * time.Second), Dropped: 7,
	}
	must(t, s.SaveRecording(ctx, done))
	late := done
	late.State, late.SHA256 = recording.StateOpen, ""
	must(t, s.SaveRecording(ctx, late)) // a late row does not open it again
	got, err := s.Recording(ctx, "r1")
	must(t, err)
	same(t, "recording", got, done)
	open, err := s.OpenRecordings(ctx)
	must(t, err)
	if len(open) != 4 || open[0].ID != "r0" || open[3].ID != "r4" {
		t.Fatalf("got open %+v", open)
	}
	_, err = s.Recording(ctx, "r9")
	isError(t, err, recording.ErrNotFound)

	var listed []recording.ID
	page := store.Page{Limit: 2}
	for {
		rows, next, err := s.Recordings(ctx, store.RecordingFilter{Page: page})
		must(t, err)
		for _, r := range rows {
			listed = append(listed, r.ID)
		}
		if next == "" {
			break
		}
		page.After = next
	}
	same(t, "recordings, newest first", listed, ids)
	for name, f := range map[string]store.RecordingFilter{
		"agent": {AgentID: "user-2"}, "queue": {Queue: "payments"}, "state": {State: recording.StateIncomplete},
		"window": {From: at(time.Second), To: at(2 * time.Second)},
	} {
		rows, _, err := s.Recordings(ctx, f)
		must(t, err)
		same(t, name, rows, []recording.Row{done})
	}
	if rows, _, err := s.Recordings(ctx, store.RecordingFilter{CallID: "c9"}); err != nil || len(rows) != 0 {
		t.Fatalf("got %v %v", rows, err)
	}
}

func accessLog(t *testing.T, s Full) {
	ctx := t.Context()
	var want []recording.Access
	for n := range 3 {
		a := recording.Access{
			At: at(time.Duration(n) * time.Second), UserID: "user-1", Action: "play", ObjectID: fmt.Sprintf("r%d", n%2),
			IP: "192.0.2.1", FromMS: int64(n), ToMS: -1,
		}
		must(t, s.LogAccess(ctx, a))
		want = append(want, a)
	}
	all, err := s.AccessLog(ctx, "")
	must(t, err)
	same(t, "access log", all, want)
	all, err = s.AccessLog(ctx, "r0")
	must(t, err)
	same(t, "access log of a recording", all, []recording.Access{want[0], want[2]})
	must(t, s.VerifyAccessLog(ctx))
}

// promise is a callback that waits.
func promise(id string) callback.Callback {
	return callback.Callback{
		ID: id, CallID: "c1", ItemID: "item-" + id, Queue: "support", Language: "fr", Player: "alice",
		TargetKind: callback.TargetSIPSource, Target: id + "@udp:198.51.100.7:5060", Kind: callback.KindKeepPlace,
		Key: start.UnixMilli(), Priority: 1, EnqueuedAt: start, WindowFrom: at(time.Minute), State: callback.StateQueued,
		MaxAttempts: 3, NotBefore: at(time.Second), ExpiresAt: at(48 * time.Hour), ConfirmedAt: at(20 * time.Second),
		Proof: callback.ProofKeyed, OwnerID: "agent-1", OwnerUntil: at(2 * time.Hour), Code: "4711", CancelSHA256: "hash-" + id,
		PromisedBy: at(time.Hour),
	}
}

func oneCallback(t *testing.T, s Full) {
	ctx := t.Context()
	c := promise("a")
	must(t, s.ConfirmCallback(ctx, c))
	got, err := s.Callback(ctx, "a")
	must(t, err)
	same(t, "callback", got, c)
	twin := promise("b")
	twin.Target = c.Target
	isError(t, s.ConfirmCallback(ctx, twin), callback.ErrOpen)

	c.State, c.Detail, c.EndedAt = callback.StateCancelled, "player", at(time.Minute)
	must(t, s.SaveCallback(ctx, c))
	must(t, s.ConfirmCallback(ctx, twin))
	c.State = callback.StateQueued
	isError(t, s.SaveCallback(ctx, c), callback.ErrOpen)
	known, other := promise("k"), promise("o")
	known.ContactID, other.ContactID = "person", "person"
	must(t, s.ConfirmCallback(ctx, known))
	isError(t, s.ConfirmCallback(ctx, other), callback.ErrOpen)
	isError(t, s.SaveCallback(ctx, promise("x")), callback.ErrNotFound)
	_, err = s.Callback(ctx, "x")
	isError(t, err, callback.ErrNotFound)

	early := promise("z")
	early.Key = start.UnixMilli() - 1
	must(t, s.ConfirmCallback(ctx, early))
	open, err := s.OpenCallbacks(ctx)
	must(t, err)
	same(t, "open callbacks by key and id", open, []callback.Callback{early, twin, known})
}

func attempts(t *testing.T, s Full) {
	ctx := t.Context()
	c := promise("a")
	must(t, s.ConfirmCallback(ctx, c))
	c.State = callback.StateDialing
	a := callback.Attempt{ID: "t1", CallbackID: "a", AgentID: "user-1", StartedAt: at(time.Minute)}
	must(t, s.BeginAttempt(ctx, c, a))
	second := a
	second.ID = "t2"
	beyond := c
	beyond.Attempts = 9
	isError(t, s.BeginAttempt(ctx, beyond, second), callback.ErrOpen)
	got, err := s.Callback(ctx, "a")
	must(t, err)
	same(t, "callback after a refused attempt", got, c)
	open, err := s.OpenAttempts(ctx)
	must(t, err)
	same(t, "open attempts", open, []callback.Attempt{a})

	a.EndedAt, a.Result, a.Counted = at(2*time.Minute), callback.ResultNoAnswer, true
	c.State, c.Attempts, c.NotBefore = callback.StateRetryWait, 1, at(12*time.Minute)
	must(t, s.EndAttempt(ctx, c, a))
	got, err = s.Callback(ctx, "a")
	must(t, err)
	same(t, "callback after the attempt", got, c)
	second.StartedAt = at(12 * time.Minute)
	must(t, s.BeginAttempt(ctx, c, second))
	all, err := s.Attempts(ctx, "a")
	must(t, err)
	same(t, "attempts", all, []callback.Attempt{a, second})
	isError(t, s.EndAttempt(ctx, c, callback.Attempt{ID: "t9", CallbackID: "a", EndedAt: start}), callback.ErrNotFound)
}

func callbackHistory(t *testing.T, s Full) {
	ctx := t.Context()
	asked, crash, left := promise("a"), promise("b"), promise("c")
	over := func(c *callback.Callback, kind callback.Kind, after time.Duration) {
		c.Kind, c.State, c.ConfirmedAt, c.EndedAt = kind, callback.StateDone, at(after), at(after)
		c.Target, c.ConnectedAt = "+33612345678", at(after)
		must(t, s.ConfirmCallback(ctx, *c))
	}
	over(&asked, callback.KindScheduled, time.Minute)
	over(&crash, callback.KindCrash, time.Minute)
	over(&left, callback.KindAbandoned, time.Minute)
	other := promise("d")
	other.ContactID, other.ConfirmedAt = "person", at(2*time.Minute)
	must(t, s.ConfirmCallback(ctx, other))
	for n, c := range []callback.Callback{asked, left, left} {
		must(t, s.BeginAttempt(ctx, c, callback.Attempt{
			ID: fmt.Sprint("t", n), CallbackID: c.ID, StartedAt: at(time.Duration(n) * time.Minute), EndedAt: at(time.Hour),
		}))
	}
	for name, c := range map[string]struct {
		person callback.Callback
		since  callback.Since
		want   callback.History
	}{
		"of a number":             {callback.Callback{TargetKind: asked.TargetKind, Target: asked.Target}, callback.Since{}, callback.History{Requests: 1, Unasked: 2}},
		"of a contact, too":       {callback.Callback{TargetKind: asked.TargetKind, Target: asked.Target, ContactID: "person"}, callback.Since{}, callback.History{Requests: 2, Unasked: 2}},
		"from an instant on":      {callback.Callback{TargetKind: asked.TargetKind, Target: asked.Target}, callback.Since{Requests: at(time.Minute), Unasked: at(time.Minute)}, callback.History{Unasked: 1}},
		"nobody is no contact":    {callback.Callback{TargetKind: callback.TargetNumber, Target: "x"}, callback.Since{}, callback.History{}},
		"of another kind of line": {callback.Callback{TargetKind: callback.TargetBrowser, Target: asked.Target}, callback.Since{}, callback.History{}},
	} {
		got, err := s.CallbackHistory(ctx, c.person, c.since)
		must(t, err)
		same(t, name, got, c.want)
	}
}

func callbackRules(t *testing.T, s Full) {
	ctx := t.Context()
	got, err := s.CallbackRules(ctx)
	must(t, err)
	same(t, "rules of a site that says nothing", got, callback.Rules{})
	want := callback.Rules{
		Allowed: []string{"FR", "+41"}, Denied: []string{"+33899"}, Special: true, PerDay: 5,
		Blocked:   []callback.Block{{Number: "+33612345678", Until: at(time.Hour), Note: "hoax"}, {Number: "+4470*"}},
		Offer:     callback.Offer{Estimate: time.Minute, Waited: -1, Closing: time.Hour},
		Requested: [][2]int{{480, 1260}},
		Countries: map[string]callback.CountryRule{"FR": {
			Requested: [][2]int{{540, 600}}, Unrequested: [7][][2]int{1: {{600, 780}}}, Holidays: true, Limit: 4, Period: 720 * time.Hour,
		}},
	}
	must(t, s.SetCallbackRules(ctx, want))
	got, err = s.CallbackRules(ctx)
	must(t, err)
	for i := range got.Blocked { // JSON knows no location
		got.Blocked[i].Until = want.Blocked[i].Until
	}
	same(t, "rules", got, want)
}

func linkedCallback(t *testing.T, s Full) {
	ctx := t.Context()
	agentID := agent(t, s, 1).ID
	must(t, s.ConfirmCallback(ctx, promise("a")))
	r := record("c1")
	r.CallbackID, r.EndReason, r.EndedAt = "a", call.EndCallbackRequested, at(25*time.Second)
	linked, err := s.EndCall(ctx, ending(r))
	must(t, err)
	got, err := s.Callback(ctx, "a")
	must(t, err)
	if got.ContactID != linked.Contact.ID || got.TicketID != linked.Ticket.ID || got.TicketID == "" {
		t.Fatalf("got callback %+v, want contact and ticket of %+v", got, linked)
	}
	// The same person asked from another address: the link must not fail the end.
	must(t, s.ConfirmCallback(ctx, promise("b")))
	r = answered("c2", agentID)
	r.CallbackID = "b"
	linked, err = s.EndCall(ctx, ending(r))
	must(t, err)
	got, err = s.Callback(ctx, "b")
	must(t, err)
	if got.TicketID != linked.Ticket.ID || got.ContactID != "" {
		t.Fatalf("got callback %+v", got)
	}
}

func keptLink(t *testing.T, s Full) {
	ctx := t.Context()
	c := promise("a")
	c.ContactID, c.TicketID = "person", "ticket"
	must(t, s.ConfirmCallback(ctx, c))
	forgetful := c
	forgetful.ContactID, forgetful.TicketID, forgetful.State = "", "", callback.StateDue
	must(t, s.SaveCallback(ctx, forgetful))
	got, err := s.Callback(ctx, "a")
	must(t, err)
	c.State = callback.StateDue
	same(t, "callback", got, c)
}

func callbackPages(t *testing.T, s Full) {
	ctx := t.Context()
	for n := range 5 {
		c := promise(fmt.Sprint(n))
		c.ConfirmedAt = at(time.Duration(n) * time.Second)
		if n == 2 {
			c.State, c.Detail, c.EndedAt, c.Queue, c.CallID = callback.StateFailed, "busy", at(time.Hour), "payments", "c2"
		}
		must(t, s.ConfirmCallback(ctx, c))
	}
	var ids []string
	page := store.Page{Limit: 2}
	for {
		got, next, err := s.Callbacks(ctx, store.CallbackFilter{Page: page})
		must(t, err)
		for _, c := range got {
			ids = append(ids, c.ID)
		}
		if next == "" {
			break
		}
		page.After = next
	}
	same(t, "callbacks, newest first", ids, []string{"4", "3", "2", "1", "0"})
	for name, f := range map[string]store.CallbackFilter{
		"state": {States: []callback.State{callback.StateFailed, callback.StateDone}}, "queue": {Queue: "payments"},
		"call": {CallID: "c2"}, "target": {Target: "2@udp:198.51.100.7:5060"},
	} {
		got, _, err := s.Callbacks(ctx, f)
		must(t, err)
		if len(got) != 1 || got[0].ID != "2" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}
