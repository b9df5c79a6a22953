package storetest

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/store"
)

// Run holds a store to what every engine must do. open returns an empty store;
// the suite closes it.
func Run(t *testing.T, open func(t *testing.T) Full) {
	t.Helper()
	checks := map[string]func(*testing.T, Full){
		"users are found by id and by login":                     users,
		"sessions and tokens open the door until they end":       sessions,
		"bindings are replaced by key":                           bindings,
		"skills are replaced as a whole":                         skills,
		"limits of an agent are replaced as a whole":             limits,
		"queues keep their members":                              queues,
		"trunks keep their lists":                                trunks,
		"a number belongs to one trunk":                          numbers,
		"opening hours are kept whole":                           openingHours,
		"hours of a queue stay while it has them":                hoursInUse,
		"mailboxes are kept whole":                               mailboxes,
		"a fetched mail is kept once until it is filed":          inboxOfMail,
		"settings of the site are kept":                          settings,
		"the audit log tells who did what":                       audits,
		"an item is offered, won, bridged and ended":             itemLife,
		"a second winner of one item is refused":                 secondWinner,
		"one agent has one voice reservation":                    oneReservation,
		"text reservations of an agent have slots":               textReservations,
		"one refused decision does not undo the others":          refusedDecision,
		"the wait goes on after a hang-up within two seconds":    earlyHangUp,
		"an overflow at the door is one entry":                   overflowAtDoor,
		"after a crash reservations are void":                    crashedQueue,
		"states of agents are the last ones":                     agentStates,
		"a record is read as it was written":                     recordRoundTrip,
		"every end reason can be stored":                         everyReason,
		"a live call is live until EndCall":                      liveCalls,
		"the end of a call leaves contact, ticket and recording": endCall,
		"two calls of one player are one contact and one ticket": returningPlayer,
		"a call ends once":                                       endTwice,
		"an anonymous caller has a contact of his own":           anonymous,
		"a short abandon leaves a contact and no ticket":         shortAbandon,
		"ends at once of one player make one contact":            endsAtOnce,
		"calls are listed by filter and page":                    callPages,
		"a figure and its calls are as many":                     figureCalls,
		"recordings are kept, found and listed":                  recordings,
		"the access log is a chain":                              accessLog,
		"one callback is open for a person":                      oneCallback,
		"attempts begin and end with their callback":             attempts,
		"the end of a call links its callback":                   linkedCallback,
		"what a person asked for before is counted":              callbackHistory,
		"the rules of callbacks are kept":                        callbackRules,
		"a callback keeps the link that it does not know":        keptLink,
		"callbacks are listed by filter and page":                callbackPages,
		"a conversation is numbered without a gap":               conversation,
		"a conversation is opened once by one key":               openedOnce,
		"an act of a chat that fails keeps nothing":              failedChat,
		"what waits for work is told with who has it":            openTasks,
		"work keeps each offer with its reason":                  workStory,
		"what is not there is not found":                         notFound,
		"a cursor of somebody else is refused":                   foreignCursor,
		"a context that ended writes nothing":                    endedContext,
		"a closed store says so":                                 closed,
	}
	maps.Copy(checks, deskChecks())
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() { _ = s.Close() })
			check(t, s)
		})
	}
}

// start is the instant at which the suite's stories begin.
var start = time.Date(2026, 3, 5, 14, 0, 0, 123_000_000, time.UTC)

// at is an instant of a story.
func at(d time.Duration) time.Time { return start.Add(d) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func isError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

// agent makes a stored agent.
func agent(t *testing.T, s Full, n int) account.User {
	t.Helper()
	u := account.User{
		ID: account.ID(fmt.Sprintf("user-%d", n)), Login: fmt.Sprint(1000 + n), Name: fmt.Sprintf("Agent %d", n),
		Role: account.RoleAgent, Language: "fr", Active: true, Demo: n%2 == 0, PasswordHash: "$argon2id$x", HA1MD5: "aa",
		HA1SHA256: "bb", CreatedAt: start,
	}
	must(t, s.UpsertUser(t.Context(), u))
	return u
}

func users(t *testing.T, s Full) {
	ctx := t.Context()
	two, one := agent(t, s, 2), agent(t, s, 1)
	all, err := s.Users(ctx)
	must(t, err)
	same(t, "users", all, []account.User{one, two})

	one.Name, one.Role, one.Active = "Zoé", account.RoleSupervisor, false
	must(t, s.UpsertUser(ctx, one))
	got, err := s.UserByID(ctx, one.ID)
	must(t, err)
	same(t, "user by id", got, one)
	got, ok, err := s.UserByLogin(ctx, one.Login)
	must(t, err)
	same(t, "user by login", got, one)
	if !ok {
		t.Fatal("the login was not found")
	}
	if _, ok, err := s.UserByLogin(ctx, "nobody"); ok || err != nil {
		t.Fatalf("got %v %v for a login that nobody has", ok, err)
	}
	clash := one
	clash.ID = "user-other"
	isError(t, s.UpsertUser(ctx, clash), store.ErrConflict)

	must(t, s.SetUserActive(ctx, one.ID, true))
	got, err = s.UserByID(ctx, one.ID)
	must(t, err)
	if !got.Active {
		t.Fatal("the user is not active")
	}
}

func sessions(t *testing.T, s Full) {
	ctx := t.Context()
	u := agent(t, s, 1)
	now := time.Now().UTC().Truncate(time.Millisecond)
	n := account.Session{
		ID: "s1", TokenSHA256: "hash-1", UserID: u.ID, IP: "::1", UserAgent: "firefox", CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	must(t, s.CreateSession(ctx, n))
	old := n
	old.ID, old.TokenSHA256, old.ExpiresAt = "s0", "hash-0", now.Add(-time.Second)
	must(t, s.CreateSession(ctx, old))
	gotSession, gotUser, err := s.SessionByToken(ctx, "hash-1")
	must(t, err)
	same(t, "session", gotSession, n)
	same(t, "its user", gotUser, u)
	_, _, err = s.SessionByToken(ctx, "hash-0")
	isError(t, err, store.ErrNotFound)
	must(t, s.PurgeSessions(ctx, now))
	must(t, s.DeleteSession(ctx, "s1"))
	must(t, s.DeleteSession(ctx, "s1"))
	_, _, err = s.SessionByToken(ctx, "hash-1")
	isError(t, err, store.ErrNotFound)

	forever := account.Token{ID: "t1", UserID: u.ID, Name: "wallboard", TokenSHA256: "k1", CreatedAt: now}
	expired := account.Token{ID: "t2", UserID: u.ID, Name: "old", TokenSHA256: "k2", CreatedAt: now.Add(1), ExpiresAt: now.Add(-1)}
	expired.CreatedAt, expired.ExpiresAt = now.Add(time.Millisecond), now.Add(-time.Millisecond)
	must(t, s.CreateToken(ctx, forever))
	must(t, s.CreateToken(ctx, expired))
	isError(t, s.CreateToken(ctx, forever), store.ErrConflict)
	gotToken, gotUser, err := s.TokenBySHA256(ctx, "k1")
	must(t, err)
	same(t, "token", gotToken, forever)
	same(t, "its user", gotUser, u)
	_, _, err = s.TokenBySHA256(ctx, "k2")
	isError(t, err, store.ErrNotFound)
	all, err := s.Tokens(ctx, u.ID)
	must(t, err)
	same(t, "tokens", all, []account.Token{forever, expired})
	must(t, s.SetUserActive(ctx, u.ID, false))
	_, _, err = s.TokenBySHA256(ctx, "k1")
	isError(t, err, store.ErrNotFound)
	must(t, s.DeleteToken(ctx, "t1"))
	isError(t, s.DeleteToken(ctx, "t1"), store.ErrNotFound)
}

func bindings(t *testing.T, s Full) {
	ctx := t.Context()
	u := agent(t, s, 1)
	b := account.Binding{
		AOR: u.Login, Key: "<urn:uuid:1>;1", UserID: u.ID, ContactURI: "sip:1001@192.0.2.1", Path: "<sip:edge;lr>",
		Received: "udp:192.0.2.1:5060", Transport: "udp", SIPCallID: "c", CSeq: 4294967295, UserAgent: "baresip",
		RegisteredAt: start, ExpiresAt: at(time.Hour),
	}
	must(t, s.SaveBinding(ctx, b))
	second := b
	second.Key, second.Transport, second.ExpiresAt = "<urn:uuid:2>;1", "ws", at(time.Minute)
	must(t, s.SaveBinding(ctx, second))
	b.CSeq, b.ExpiresAt = 5, at(2*time.Hour)
	must(t, s.SaveBinding(ctx, b))
	all, err := s.Bindings(ctx)
	must(t, err)
	same(t, "bindings", all, []account.Binding{b, second})
	must(t, s.PurgeBindings(ctx, at(time.Minute)))
	all, err = s.Bindings(ctx)
	must(t, err)
	same(t, "bindings that are left", all, []account.Binding{b})
	must(t, s.DropBinding(ctx, b.AOR, b.Key))
	must(t, s.DropBinding(ctx, b.AOR, b.Key))
	all, err = s.Bindings(ctx)
	must(t, err)
	if len(all) != 0 {
		t.Fatalf("got %v, want no binding", all)
	}
}

func skills(t *testing.T, s Full) {
	ctx := t.Context()
	u := agent(t, s, 1)
	must(t, s.SetSkills(ctx, u.ID, map[string]int{"french": 5, "payments": 2}))
	must(t, s.SetSkills(ctx, u.ID, map[string]int{"french": 4}))
	got, err := s.Skills(ctx)
	must(t, err)
	same(t, "skills", got, map[account.ID]map[string]int{u.ID: {"french": 4}})
}

func limits(t *testing.T, s Full) {
	ctx := t.Context()
	one, two := agent(t, s, 1), agent(t, s, 2)
	chat, mail := queue.Limit{Max: 2, Weight: 50}, queue.Limit{Max: 1, Parked: 5, Weight: 34}
	must(t, s.SetLimits(ctx, one.ID, map[call.Channel]queue.Limit{call.ChannelChat: {Weight: 33}, call.ChannelSocial: {Max: 1, Weight: 1}}))
	must(t, s.SetLimits(ctx, one.ID, map[call.Channel]queue.Limit{call.ChannelChat: chat, call.ChannelEmail: mail}))
	must(t, s.SetLimits(ctx, two.ID, map[call.Channel]queue.Limit{call.ChannelTicket: {Max: 0, Weight: 34}}))
	got, err := s.Limits(ctx)
	must(t, err)
	same(t, "limits", got, map[account.ID]map[call.Channel]queue.Limit{
		one.ID: {call.ChannelChat: chat, call.ChannelEmail: mail}, two.ID: {call.ChannelTicket: {Weight: 34}},
	})
	must(t, s.SetLimits(ctx, two.ID, nil))
	got, err = s.Limits(ctx)
	must(t, err)
	same(t, "limits when two has the defaults again", got, map[account.ID]map[call.Channel]queue.Limit{
		one.ID: {call.ChannelChat: chat, call.ChannelEmail: mail},
	})
	if err := s.SetLimits(ctx, "nobody", map[call.Channel]queue.Limit{call.ChannelChat: chat}); err == nil {
		t.Error("a user who does not exist has limits")
	}
}

func queues(t *testing.T, s Full) {
	ctx := t.Context()
	one, two := agent(t, s, 1), agent(t, s, 2)
	q := queue.QueueConfig{
		ID: "q1", Name: "Support", Title: map[string]string{"fr": "Assistance", "en": "Support"}, Enabled: true,
		Target: 30 * time.Second, TargetPercent: 80, MaxWait: time.Minute, MaxLength: 7, WrapUp: 5 * time.Second,
		Strategy: queue.StrategyRoundRobin, CallerID: "+33123456789",
		Members: []queue.Member{{Agent: two.ID, Rank: 1}, {Agent: one.ID, Rank: 2}},
	}
	must(t, s.UpsertQueue(ctx, q))
	must(t, s.UpsertQueue(ctx, queue.QueueConfig{ID: "q2", Name: "payments"}))
	q.Name = "support"
	empty := queue.QueueConfig{ID: "q2", Name: "payments", Title: map[string]string{}}
	all, err := s.Queues(ctx)
	must(t, err)
	same(t, "queues", all, []queue.QueueConfig{empty, q})

	members := q.Members
	q.MaxLength, q.Members = 9, nil
	must(t, s.UpsertQueue(ctx, q))
	q.Members = members
	all, err = s.Queues(ctx)
	must(t, err)
	same(t, "members that were not named stay", all[1], q)
	must(t, s.SetMembers(ctx, "q1", []queue.Member{{Agent: one.ID, Rank: 3}}))
	q.Members = []queue.Member{{Agent: one.ID, Rank: 3}}
	all, err = s.Queues(ctx)
	must(t, err)
	same(t, "members", all[1], q)

	isError(t, s.UpsertQueue(ctx, queue.QueueConfig{ID: "q3", Name: "SUPPORT"}), store.ErrConflict)
	must(t, s.DeleteQueue(ctx, "q1"))
	isError(t, s.DeleteQueue(ctx, "q1"), store.ErrNotFound)
}

func settings(t *testing.T, s Full) {
	ctx := t.Context()
	must(t, s.SetMeta(ctx, "demo", "true"))
	must(t, s.SetMeta(ctx, "demo", "false"))
	value, ok, err := s.Meta(ctx, "demo")
	if value != "false" || !ok || err != nil {
		t.Fatalf("got %q %v %v", value, ok, err)
	}
	if value, ok, err := s.Meta(ctx, "realm"); value != "" || ok || err != nil {
		t.Fatalf("got %q %v %v for what was never set", value, ok, err)
	}
	must(t, s.Ping(ctx))
}

func audits(t *testing.T, s Full) {
	ctx := t.Context()
	a := store.Audit{
		At: start, Actor: "user-1", Action: "queue.update", ObjectKind: "queue", ObjectID: "q1",
		Detail: map[string]string{"target": "30s"}, IP: "192.0.2.1",
	}
	b := store.Audit{At: at(time.Second), Action: "start", ObjectKind: "site", ObjectID: "main"}
	must(t, s.LogAudit(ctx, a))
	must(t, s.LogAudit(ctx, b))
	all, err := s.Audits(ctx, "")
	must(t, err)
	same(t, "audit log", all, []store.Audit{a, b})
	all, err = s.Audits(ctx, "q1")
	must(t, err)
	same(t, "audit log of an object", all, []store.Audit{a})
}

func notFound(t *testing.T, s Full) {
	ctx := t.Context()
	for name, read := range map[string]func() error{
		"user":           func() error { _, err := s.UserByID(ctx, "x"); return err },
		"session":        func() error { _, _, err := s.SessionByToken(ctx, "x"); return err },
		"token":          func() error { _, _, err := s.TokenBySHA256(ctx, "x"); return err },
		"call":           func() error { _, _, err := s.Call(ctx, "x"); return err },
		"nameless call":  func() error { _, _, err := s.Call(ctx, ""); return err },
		"call by SIP id": func() error { _, _, err := s.CallBySIPCallID(ctx, "x"); return err },
		"browser's call": func() error { _, _, err := s.CallBySIPCallID(ctx, ""); return err },
		"recording":      func() error { _, err := s.Recording(ctx, "x"); return err },
		"ticket":         func() error { _, err := s.Ticket(ctx, "x"); return err },
		"contact":        func() error { _, err := s.Contact(ctx, "x"); return err },
		"callback":       func() error { _, err := s.Callback(ctx, "x"); return err },
		"active user":    func() error { return s.SetUserActive(ctx, "x", true) },
	} {
		if err := read(); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: got %v, want %v", name, err, store.ErrNotFound)
		}
	}
}

func foreignCursor(t *testing.T, s Full) {
	ctx := t.Context()
	for _, cursor := range []string{"x", "!.c", ".", "zz.", "zzzzzzzzzzzzzzzzzzzz.c1"} {
		page := store.Page{After: cursor}
		_, _, err := s.Calls(ctx, store.CallFilter{Page: page})
		isError(t, err, store.ErrCursor)
		_, _, err = s.Recordings(ctx, store.RecordingFilter{Page: page})
		isError(t, err, store.ErrCursor)
		_, _, err = s.Tickets(ctx, store.TicketFilter{Page: page})
		isError(t, err, store.ErrCursor)
		_, _, err = s.Contacts(ctx, store.ContactFilter{Page: page})
		isError(t, err, store.ErrCursor)
		_, _, err = s.Callbacks(ctx, store.CallbackFilter{Page: page})
		isError(t, err, store.ErrCursor)
	}
}

func endedContext(t *testing.T, s Full) {
	ctx, cancel := cancelled(t)
	cancel()
	if err := s.SetMeta(ctx, "k", "v"); err == nil {
		t.Fatal("a write under a context that had ended was taken")
	}
	if errs := s.CommitDecisions(ctx, []queue.Decision{{Kind: queue.DecisionEnqueue, Item: item("i1")}}); errs[0] == nil {
		t.Fatal("a decision under a context that had ended was taken")
	}
	if _, ok, err := s.Meta(t.Context(), "k"); ok || err != nil {
		t.Fatalf("got %v %v: something was written", ok, err)
	}
}

func closed(t *testing.T, s Full) {
	must(t, s.Close())
	isError(t, s.SetMeta(t.Context(), "k", "v"), store.ErrClosed)
	if _, err := s.LiveCalls(t.Context()); err == nil {
		t.Fatal("a closed store answered")
	}
	errs := s.CommitDecisions(t.Context(), []queue.Decision{{Kind: queue.DecisionEnqueue, Item: item("i1")}})
	isError(t, errs[0], store.ErrClosed)
	isError(t, s.SaveCall(t.Context(), call.Record{ID: "c1"}), store.ErrClosed)
}
