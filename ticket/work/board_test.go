package work_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/ticket"
	"pickup/ticket/work"
)

// disk keeps every decision at once.
type disk struct{}

func (disk) CommitDecisions(_ context.Context, d []queue.Decision) []error {
	return make([]error, len(d))
}

// facts are what there is to do.
type facts struct {
	mu    sync.Mutex
	tasks []work.Task
	err   error
}

func (f *facts) set(tasks ...work.Task) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tasks = tasks
}

func (f *facts) Worked(context.Context, string) (work.Worked, error) {
	return work.Worked{}, work.ErrGone
}

func (f *facts) OpenTasks(context.Context) ([]work.Task, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.tasks), f.err
}

// floor is a queue with a board, in virtual time.
type floor struct {
	t     *testing.T
	queue *queue.Domain
	board *work.Board
	facts *facts
	notes chan work.Note
}

// run runs a story on a floor with agents a1 (skill security) and a2.
func run(t *testing.T, story func(f *floor)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		q, err := queue.New(queue.Config{ReservePercent: -1}, disk{}, log)
		if err != nil {
			t.Fatal(err)
		}
		f := &floor{t: t, queue: q, facts: &facts{}, notes: make(chan work.Note, 100)}
		f.board = work.New(work.Config{}, q, f.facts, log)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = q.Run(ctx) })
		boardCtx, stopBoard := context.WithCancel(ctx)
		var boardDone sync.WaitGroup
		boardDone.Go(func() { _ = f.board.Run(boardCtx) })
		members := []queue.Member{{Agent: "a1"}, {Agent: "a2"}}
		must(t, q.Configure(ctx, []queue.QueueConfig{
			{ID: "q1", Name: "support", Enabled: true, Members: members},
			{ID: "q2", Name: "payments", Enabled: true, Members: members[:1]},
		}, []queue.AgentConfig{
			{ID: "a1", Login: "1001", Name: "Anna", AutoReady: true, Skills: map[string]int{"security": 3}},
			{ID: "a2", Login: "1002", Name: "Bruno", AutoReady: true},
		}))
		story(f)
		stopBoard()
		boardDone.Wait()
		cancel()
		wg.Wait()
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func chatTask(id string) work.Task {
	return work.Task{
		Channel: call.ChannelChat, InteractionID: id, TicketID: "t-" + id, Queue: "support", Priority: 1, Player: "Zoé", Since: time.Now(),
	}
}

func mailTask(id string) work.Task {
	return work.Task{
		Channel: call.ChannelEmail, InteractionID: id, TicketID: "t-" + id, Queue: "support", Priority: 1, Since: time.Now(),
	}
}

// chat enqueues a chat and returns its item.
func (f *floor) chat(id string) queue.ItemID {
	f.t.Helper()
	i, err := f.board.Enqueue(f.t.Context(), chatTask(id), func(n work.Note) { f.notes <- n })
	must(f.t, err)
	synctest.Wait()
	return i.ID
}

func (f *floor) get(id queue.ItemID) work.Item {
	f.t.Helper()
	synctest.Wait()
	i, err := f.board.Get(f.t.Context(), id)
	must(f.t, err)
	return i
}

// want checks where a piece of work stands.
func (f *floor) want(id queue.ItemID, s work.State, agent account.ID) {
	f.t.Helper()
	if i := f.get(id); i.State != s || i.Agent != agent {
		f.t.Fatalf("%s is %s of %q, want %s of %q", id, i.State, i.Agent, s, agent)
	}
}

// heard returns the kinds of the notes since the last call.
func (f *floor) heard() []work.NoteKind {
	synctest.Wait()
	var all []work.NoteKind
	for {
		select {
		case n := <-f.notes:
			all = append(all, n.Kind)
		default:
			return all
		}
	}
}

func TestAChatIsOfferedAcceptedAndDone(t *testing.T) {
	run(t, func(f *floor) {
		id := f.chat("c1")
		f.want(id, work.Waiting, "")
		f.board.Present("a2")
		f.want(id, work.Offered, "a2")
		if i := f.get(id); i.Why == "" || len(i.Trials) != 1 || time.Until(i.Deadline) != 20*time.Second {
			t.Errorf("got %+v", i)
		}
		if _, err := f.board.Accept(f.t.Context(), id, "a1"); !errors.Is(err, work.ErrTaken) {
			t.Errorf("another took it: %v", err)
		}
		if _, err := f.board.Done(f.t.Context(), id, "a2"); !errors.Is(err, work.ErrState) {
			t.Errorf("done before it was accepted: %v", err)
		}
		for range 2 { // a repeated click
			if _, err := f.board.Accept(f.t.Context(), id, "a2"); err != nil {
				t.Fatal(err)
			}
		}
		f.want(id, work.Active, "a2")
		if _, err := f.board.Done(f.t.Context(), id, "a1"); !errors.Is(err, work.ErrTaken) {
			t.Errorf("another ended it: %v", err)
		}
		_, err := f.board.Done(f.t.Context(), id, "a2")
		must(t, err)
		if _, err := f.board.Get(f.t.Context(), id); !errors.Is(err, work.ErrGone) {
			t.Errorf("still there: %v", err)
		}
		want := []work.NoteKind{work.NoteOffered, work.NoteAssigned, work.NoteEnded}
		if got := f.heard(); !slices.Equal(got, want) {
			t.Errorf("heard %v, want %v", got, want)
		}
	})
}

func TestAnOfferThatNobodyTakesGoesOn(t *testing.T) {
	run(t, func(f *floor) {
		id := f.chat("c1")
		f.board.Present("a1")
		f.want(id, work.Offered, "a1")
		f.board.Present("a2")
		time.Sleep(20 * time.Second)
		f.want(id, work.Offered, "a2")
		if _, err := f.board.Accept(f.t.Context(), id, "a1"); !errors.Is(err, work.ErrTaken) {
			t.Errorf("too late, and taken: %v", err)
		}
		_, err := f.board.Reject(f.t.Context(), id, "a2", "je ne parle pas anglais")
		must(t, err)
		i := f.get(id)
		if n := len(i.Trials); n < 2 || i.Trials[0].Outcome != "missed" || i.Trials[1].Outcome != "rejected" ||
			i.Trials[1].Reason != "je ne parle pas anglais" || i.Trials[0].Why == "" {
			t.Errorf("got %+v", i.Trials)
		}
	})
}

func TestWorkIsDerivedFromFactsAndNeverDoubled(t *testing.T) {
	run(t, func(f *floor) {
		mail, waiting := mailTask("m1"), work.Task{Channel: call.ChannelTicket, TicketID: "t9", Queue: "support", Priority: 1, Since: time.Now()}
		f.facts.set(mail, waiting)
		f.board.Refresh()
		time.Sleep(2 * time.Second)
		_, err := f.board.Enqueue(f.t.Context(), mail, nil) // who filed the mail says so too
		must(t, err)
		all, err := f.board.List(f.t.Context(), work.Filter{})
		must(t, err)
		if len(all) != 2 {
			t.Fatalf("got %d items, want 2: %+v", len(all), all)
		}
		f.board.Present("a1")
		f.want(mail.ItemID(), work.Active, "a1")    // mails are given without an offer
		f.want(waiting.ItemID(), work.Active, "a1") // and so are tickets, beside them
		f.facts.set(waiting)                        // answered
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, err := f.board.Get(f.t.Context(), mail.ItemID()); !errors.Is(err, work.ErrGone) {
			t.Errorf("the answered mail is still work: %v", err)
		}
		f.want(waiting.ItemID(), work.Active, "a1")
		again := mail
		again.Since = time.Now() // he writes again
		f.facts.set(waiting, again)
		f.board.Refresh()
		time.Sleep(2 * time.Second)
		if again.ItemID() == mail.ItemID() {
			t.Fatal("the second burst has the item of the first")
		}
		f.want(again.ItemID(), work.Active, "a1")
	})
}

func TestACategoryAsksForASpecialist(t *testing.T) {
	run(t, func(f *floor) {
		task := mailTask("m1")
		task.Category, task.Priority = ticket.CategorySecurity, 3
		f.board.Present("a2")
		_, err := f.board.Enqueue(f.t.Context(), task, nil)
		must(t, err)
		f.want(task.ItemID(), work.Waiting, "")
		if _, err := f.board.Claim(f.t.Context(), task.ItemID(), "a2"); !errors.Is(err, queue.ErrNotAllowed) {
			t.Errorf("who lacks the skill took it: %v", err)
		}
		f.board.Present("a1")
		f.want(task.ItemID(), work.Active, "a1")
	})
}

func TestPriorityMovesThePlaceAtOnce(t *testing.T) {
	run(t, func(f *floor) {
		first, second := mailTask("m1"), mailTask("m2")
		second.Since = second.Since.Add(time.Millisecond)
		f.facts.set(first, second)
		f.board.Refresh()
		time.Sleep(2 * time.Second)
		if a, b := f.get(first.ItemID()), f.get(second.ItemID()); a.Place.Position != 1 || b.Place.Position != 2 {
			t.Fatalf("places %d and %d", a.Place.Position, b.Place.Position)
		}
		f.board.SetTicketPriority("t-m2", 3)
		synctest.Wait()
		time.Sleep(time.Second) // places are computed at a rate their length allows
		a, b := f.get(first.ItemID()), f.get(second.ItemID())
		if a.Place.Position != 2 || b.Place.Position != 1 || b.Priority != 3 || b.Key >= a.Key {
			t.Errorf("got %+v and %+v", a.Place, b.Place)
		}
		list, err := f.board.List(f.t.Context(), work.Filter{Agent: "a1", Queues: []string{"support"}})
		must(t, err)
		if len(list) != 2 || list[0].ID != second.ItemID() {
			t.Errorf("got %+v", list)
		}
	})
}

func TestClaimParkResumeTransfer(t *testing.T) {
	run(t, func(f *floor) {
		must(t, f.queue.SetState(f.t.Context(), "a1", queue.AgentNotReady, "pause"))
		f.board.Present("a1")
		task := mailTask("m1")
		_, err := f.board.Enqueue(f.t.Context(), task, func(n work.Note) { f.notes <- n })
		must(t, err)
		id := task.ItemID()
		f.want(id, work.Waiting, "")
		_, err = f.board.Claim(f.t.Context(), id, "a1")
		must(t, err)
		f.want(id, work.Active, "a1")
		_, err = f.board.Park(f.t.Context(), id, "a1")
		must(t, err)
		f.want(id, work.Parked, "a1")
		if _, err := f.board.Resume(f.t.Context(), id, "a2"); !errors.Is(err, work.ErrTaken) {
			t.Errorf("another resumed it: %v", err)
		}
		_, err = f.board.Resume(f.t.Context(), id, "a1")
		must(t, err)
		f.want(id, work.Active, "a1")
		if _, err = f.board.Transfer(f.t.Context(), id, "a1", queue.Destination{Queue: "nowhere"}); !errors.Is(err, queue.ErrUnknownQueue) {
			t.Errorf("got %v", err)
		}
		key := f.get(id).Key
		_, err = f.board.Transfer(f.t.Context(), id, "a1", queue.Destination{Queue: "payments"})
		must(t, err)
		i := f.get(id)
		if i.State != work.Waiting || i.Queue != "payments" || i.Key != key || i.Agent != "" {
			t.Errorf("got %+v", i)
		}
		for name, want := range map[string]int{"support": 0, "payments": 1} {
			if list, err := f.board.List(f.t.Context(), work.Filter{Queues: []string{name}}); err != nil || len(list) != want {
				t.Errorf("%d in %s, want %d, %v", len(list), name, want, err)
			}
		}
		if got := f.heard(); !slices.Equal(got, []work.NoteKind{work.NoteAssigned, work.NoteMoved}) {
			t.Errorf("heard %v", got)
		}
		if v := agent(f, "a1"); len(v.Text) != 0 || v.Load != 0 {
			t.Errorf("he still has %+v", v.Text)
		}
	})
}

func agent(f *floor, id account.ID) queue.AgentView {
	synctest.Wait()
	for _, v := range f.queue.Agents() {
		if v.ID == id {
			return v
		}
	}
	f.t.Fatalf("no agent %s", id)
	return queue.AgentView{}
}

func TestWhoIsOnThePhoneIsOfferedNoChat(t *testing.T) {
	run(t, func(f *floor) {
		f.queue.SetReachable("a1", 1)
		f.board.Present("a1")
		en, err := f.queue.Join(f.t.Context(), queue.Item{ID: "call-1", Channel: call.ChannelCall, Queue: "support", CallID: "k1", CountsAsOffered: true})
		must(t, err)
		n := <-en.Notices()
		if n.Kind != queue.NoticeOffer || n.Offer.Agent != "a1" {
			t.Fatalf("got %+v", n)
		}
		won, err := f.queue.Answered(f.t.Context(), n.Offer.ID)
		if err != nil || !won {
			t.Fatal(won, err)
		}
		f.queue.Bridged(n.Offer.ID)
		id := f.chat("c1")
		f.want(id, work.Waiting, "")
		f.queue.Release(n.Offer.ID, call.EndAnswered)
		f.queue.Final(n.Offer.ID)
		f.want(id, work.Offered, "a1")
	})
}

func TestACallInterruptsAMail(t *testing.T) {
	run(t, func(f *floor) {
		f.queue.SetReachable("a1", 1)
		f.board.Present("a1")
		task := mailTask("m1")
		_, err := f.board.Enqueue(f.t.Context(), task, nil)
		must(t, err)
		f.want(task.ItemID(), work.Active, "a1")
		en, err := f.queue.Join(f.t.Context(), queue.Item{ID: "call-1", Channel: call.ChannelCall, Queue: "support", CallID: "k1", CountsAsOffered: true})
		must(t, err)
		n := <-en.Notices()
		won, err := f.queue.Answered(f.t.Context(), n.Offer.ID)
		if err != nil || !won {
			t.Fatal(won, err)
		}
		f.queue.Bridged(n.Offer.ID)
		f.want(task.ItemID(), work.Parked, "a1")
		f.queue.Release(n.Offer.ID, call.EndAnswered)
		f.queue.Final(n.Offer.ID)
		f.want(task.ItemID(), work.Active, "a1")
	})
}

func TestAReloadOfTheConsoleIsNoAbsence(t *testing.T) {
	run(t, func(f *floor) {
		leave := f.board.Present("a1")
		id := f.chat("c1")
		_, err := f.board.Accept(f.t.Context(), id, "a1")
		must(t, err)
		leave()
		leave() // said twice, counted once
		time.Sleep(9 * time.Second)
		back := f.board.Present("a1")
		time.Sleep(5 * time.Minute)
		f.want(id, work.Active, "a1")
		if !agent(f, "a1").Console {
			t.Error("his console counts as closed")
		}
		back()
		time.Sleep(11 * time.Second)
		if agent(f, "a1").Console {
			t.Error("his console counts as open")
		}
		f.want(id, work.Active, "a1")
		f.board.Present("a2")
		time.Sleep(time.Minute)
		f.want(id, work.Offered, "a2") // nobody is lost with an agent who left
		if i := f.get(id); i.Class != queue.ClassRepair || i.Trials[0].Outcome != "accepted" {
			t.Errorf("got %+v", i)
		}
	})
}

func TestWhoLeavesBeforeAnAnswerAbandons(t *testing.T) {
	run(t, func(f *floor) {
		for name, c := range map[string]struct {
			wait time.Duration
			take bool
			want call.EndReason
		}{
			"at once":       {time.Second, false, call.EndShortAbandoned},
			"after a while": {time.Minute, false, call.EndAbandoned},
			"in talk":       {time.Second, true, call.EndAnswered},
		} {
			id := f.chat(name)
			if c.take {
				f.board.Present("a1")
				synctest.Wait()
				_, err := f.board.Accept(f.t.Context(), id, "a1")
				must(t, err)
			}
			time.Sleep(c.wait)
			got, err := f.board.Leave(f.t.Context(), id, "")
			if err != nil || got != c.want {
				t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
			}
		}
	})
}

func TestWhatAnAgentHeldBeforeARestartIsHisStill(t *testing.T) {
	run(t, func(f *floor) {
		task := chatTask("c1")
		task.Holder = "a1"
		_, err := f.board.Enqueue(f.t.Context(), task, func(n work.Note) { f.notes <- n })
		must(t, err)
		f.want(task.ItemID(), work.Active, "a1")
		mail := mailTask("m1")
		mail.Holder, mail.Parked = "a1", true
		f.facts.set(mail)
		f.board.Refresh()
		time.Sleep(2 * time.Second)
		f.want(mail.ItemID(), work.Parked, "a1")
		f.board.Present("a2")
		time.Sleep(time.Minute)
		f.want(task.ItemID(), work.Offered, "a2") // his console did not come back
		if got := f.heard(); !slices.Equal(got, []work.NoteKind{work.NoteAssigned, work.NoteReturned, work.NoteOffered}) {
			t.Errorf("heard %v", got)
		}
	})
}

func TestAfterTheEndRequestsAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, err := queue.New(queue.Config{}, disk{}, slog.New(slog.DiscardHandler))
		must(t, err)
		b := work.New(work.Config{}, q, &facts{}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		cancel()
		must(t, <-done)
		if _, err := b.List(t.Context(), work.Filter{}); !errors.Is(err, work.ErrStopped) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAStoreThatFailsIsAskedAgain(t *testing.T) {
	run(t, func(f *floor) {
		f.facts.mu.Lock()
		f.facts.err = errors.New("disk failed")
		f.facts.mu.Unlock()
		f.board.Refresh()
		time.Sleep(2 * time.Second)
		f.facts.mu.Lock()
		f.facts.err = nil
		f.facts.mu.Unlock()
		f.facts.set(mailTask("m1"))
		time.Sleep(time.Minute)
		all, err := f.board.List(f.t.Context(), work.Filter{})
		if err != nil || len(all) != 1 {
			t.Errorf("got %d, %v", len(all), err)
		}
	})
}

// slowFacts answers when it is told to.
type slowFacts struct {
	*facts
	ask, answer chan struct{}
}

func (f *slowFacts) OpenTasks(ctx context.Context) ([]work.Task, error) {
	tasks, err := f.facts.OpenTasks(ctx)
	f.ask <- struct{}{}
	<-f.answer
	return tasks, err
}

func TestWhatWasDoneWhileTheFactsWereReadStaysDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		q, err := queue.New(queue.Config{ReservePercent: -1}, disk{}, log)
		must(t, err)
		slow := &slowFacts{facts: &facts{}, ask: make(chan struct{}), answer: make(chan struct{})}
		b := work.New(work.Config{}, q, slow, log)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = q.Run(ctx) })
		wg.Go(func() { _ = b.Run(ctx) })
		must(t, q.Configure(ctx, []queue.QueueConfig{{ID: "q1", Name: "support", Enabled: true, Members: []queue.Member{{Agent: "a1"}}}},
			[]queue.AgentConfig{{ID: "a1", Login: "1001", AutoReady: true}}))
		<-slow.ask
		slow.answer <- struct{}{}
		task := mailTask("m1")
		_, err = b.Enqueue(ctx, task, nil)
		must(t, err)
		b.Present("a1")
		synctest.Wait()
		slow.set(task) // the facts are read now, and he is done before they arrive
		b.Refresh()
		<-slow.ask
		_, err = b.Done(ctx, task.ItemID(), "a1")
		must(t, err)
		slow.answer <- struct{}{}
		synctest.Wait()
		if _, err := b.Get(ctx, task.ItemID()); !errors.Is(err, work.ErrGone) {
			t.Errorf("it is back: %v", err)
		}
		cancel()
		close(slow.answer)
		wg.Wait()
	})
}

func TestAMergedTicketTakesItsWorkAlong(t *testing.T) {
	run(t, func(f *floor) {
		task := mailTask("m1")
		_, err := f.board.Enqueue(f.t.Context(), task, nil)
		must(t, err)
		f.board.Present("a1")
		f.want(task.ItemID(), work.Active, "a1")
		merged := task
		merged.TicketID = "winner"
		_, err = f.board.Enqueue(f.t.Context(), merged, nil)
		must(t, err)
		if f.board.Holding("a1", task.TicketID) != work.HoldsNot || f.board.Holding("a1", "winner") != work.Holds ||
			f.board.Holding("a2", "winner") != work.HoldsNot || len(f.board.Holders("winner")) != 1 || len(f.board.TicketsOf("a1")) != 1 {
			t.Error("the work is not with its ticket")
		}
	})
}

func TestUrgentMailHasAnHour(t *testing.T) {
	run(t, func(f *floor) {
		normal, urgent := mailTask("m1"), mailTask("m2")
		urgent.Priority = ticket.PriorityUrgent
		f.facts.set(normal, urgent)
		f.board.Refresh()
		time.Sleep(2 * time.Second)
		a, b := f.get(normal.ItemID()), f.get(urgent.ItemID())
		if a.DueAt.Sub(a.Since) != 4*time.Hour || b.DueAt.Sub(b.Since) != time.Hour || b.Key >= a.Key {
			t.Errorf("due in %s and %s", a.DueAt.Sub(a.Since), b.DueAt.Sub(b.Since))
		}
	})
}

func TestAQueueThatDoesNotExistIsAskedAgain(t *testing.T) {
	run(t, func(f *floor) {
		task := mailTask("m1")
		task.Queue = "later"
		f.facts.set(task)
		f.board.Refresh()
		time.Sleep(2 * time.Second)
		if _, err := f.board.Get(f.t.Context(), task.ItemID()); !errors.Is(err, work.ErrGone) {
			t.Errorf("got %v", err)
		}
		must(t, f.queue.Configure(f.t.Context(), []queue.QueueConfig{{ID: "q9", Name: "later", Enabled: true}}, nil))
		time.Sleep(time.Minute)
		f.want(task.ItemID(), work.Waiting, "")
	})
}

func TestACategoryThatChangesAsksForOtherAgents(t *testing.T) {
	run(t, func(f *floor) {
		must(t, f.queue.SetState(f.t.Context(), "a1", queue.AgentOffline, ""))
		id := f.chat("c1")
		f.board.Present("a2")
		f.want(id, work.Offered, "a2")
		before := f.get(id)
		task := chatTask("c1")
		task.Since, task.Category = before.Since, ticket.CategorySecurity
		_, err := f.board.Enqueue(f.t.Context(), task, nil)
		must(t, err)
		f.want(id, work.Waiting, "") // he lacks the skill
		if _, err := f.board.Accept(f.t.Context(), id, "a2"); !errors.Is(err, work.ErrTaken) {
			t.Errorf("he took it: %v", err)
		}
		f.board.Present("a1")
		synctest.Wait()
		must(t, f.queue.SetState(f.t.Context(), "a1", queue.AgentReady, ""))
		f.want(id, work.Offered, "a1")
		if got := f.get(id); got.Key != before.Key {
			t.Errorf("it lost its place: %d, was %d", got.Key, before.Key)
		}
		_, err = f.board.Accept(f.t.Context(), id, "a1")
		must(t, err)
		if v := agent(f, "a2"); len(v.Text) != 0 {
			t.Errorf("he still has %+v", v.Text)
		}
	})
}
