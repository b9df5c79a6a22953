package queue_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pickup/call"
	"pickup/queue"
)

func written(id queue.ItemID, ch call.Channel) queue.Item {
	return queue.Item{ID: id, Channel: ch, Queue: "support", Priority: 1, CountsAsOffered: true, TicketID: "t-" + string(id)}
}

func TestDomainGivesTextAndACallToOneAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := &memory{}
		d, stop := start(t, queue.Config{}, store, "a")
		defer stop()
		d.SetConsole("a", true)
		mail, err := d.Join(ctx, written("m1", call.ChannelEmail))
		if err != nil {
			t.Fatal(err)
		}
		n := <-mail.Notices()
		if n.Kind != queue.NoticeOffer || !n.Offer.Accepted || n.Offer.Agent != "a" || n.Offer.Item.TicketID != "t-m1" {
			t.Fatalf("got %+v, want an accepted offer to a", n)
		}
		v := d.Agents()[0]
		if !v.Console || v.Load != 34 || len(v.Text) != 1 || v.Text[0].Offer != n.Offer.ID || v.State != queue.AgentReady {
			t.Errorf("got %+v", v)
		}
		en, err := d.Join(ctx, aCall("c1"))
		if err != nil {
			t.Fatal(err)
		}
		ring := <-en.Notices()
		if won, err := d.Answered(ctx, ring.Offer.ID); !won || err != nil {
			t.Fatalf("got %v %v", won, err)
		}
		if n := <-mail.Notices(); n.Kind != queue.NoticeParked {
			t.Errorf("got %+v, want parked", n)
		}
		d.Bridged(ring.Offer.ID)
		q := d.Queues()[0]
		if q.Waiting != 0 || q.Channels[call.ChannelEmail].Held != 1 || q.Channels[call.ChannelCall].Held != 1 {
			t.Errorf("got %+v", q)
		}
		d.Release(ring.Offer.ID, call.EndAnswered)
		d.Final(ring.Offer.ID)
		if n := <-mail.Notices(); n.Kind != queue.NoticeResumed {
			t.Errorf("got %+v, want resumed", n)
		}
		if err := d.Park(ctx, n.Offer.ID); err != nil {
			t.Error(err)
		}
		if err := d.Resume(ctx, n.Offer.ID); err != nil {
			t.Error(err)
		}
		d.Release(n.Offer.ID, call.EndAnswered)
		synctest.Wait()
		if v := d.Agents()[0]; len(v.Text) != 0 || v.Load != 0 {
			t.Errorf("got %+v", v)
		}
	})
}

func TestDomainListsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		d, stop := start(t, queue.Config{}, &memory{}, "a")
		first, err := d.Join(ctx, written("m1", call.ChannelEmail))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Join(ctx, written("m2", call.ChannelEmail)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := d.SetPriority(ctx, "m2", 2); err != nil {
			t.Fatal(err)
		}
		got := d.Waiting("Support", 10)
		if len(got) != 2 || got[0].ID != "m2" || got[0].Position != 1 || got[1].Position != 2 || got[1].TicketID != "t-m1" {
			t.Errorf("got %+v", got)
		}
		if p := first.Place(); p.Position != 2 {
			t.Errorf("place: got %+v, want 2", p)
		}
		q := d.Queues()[0]
		if c := q.Channels[call.ChannelEmail]; q.Waiting != 0 || c.Waiting != 2 || c.LongestWait != time.Minute {
			t.Errorf("got %+v", q)
		}
		if _, err := d.Claim(ctx, "m1", "nobody"); !errors.Is(err, queue.ErrUnknownAgent) {
			t.Errorf("got %v, want ErrUnknownAgent", err)
		}
		o, err := d.Claim(ctx, "m1", "a")
		if err != nil {
			t.Fatal(err)
		}
		if n := <-first.Notices(); n.Offer.ID != o || !n.Offer.Accepted {
			t.Errorf("got %+v, want the claimed offer %s", n, o)
		}
		if err := d.Transfer(ctx, "m1", queue.Destination{Queue: "support", Fresh: true}); err != nil {
			t.Error(err)
		}
		if n := <-first.Notices(); n.Kind != queue.NoticeWithdraw {
			t.Errorf("got %+v, want a withdraw", n)
		}
		stop()
		if got := d.Waiting("", 0); got != nil {
			t.Errorf("after the end: got %+v, want nil", got)
		}
		if _, err := d.Claim(ctx, "m2", "a"); !errors.Is(err, queue.ErrStopped) {
			t.Errorf("after the end: got %v, want ErrStopped", err)
		}
	})
}

// The owner of a mail who reads nothing: nobody waits for him.
func TestDomainParksPastAnOwnerWhoDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		d, stop := start(t, queue.Config{}, &memory{}, "a")
		defer stop()
		d.SetConsole("a", true)
		en, err := d.Join(ctx, written("m1", call.ChannelEmail))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		o := d.Agents()[0].Text[0].Offer
		for range 20 {
			if err := errors.Join(d.Park(ctx, o), d.Resume(ctx, o)); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Transfer(ctx, "m1", queue.Destination{Queue: "support"}); err != nil {
			t.Fatal(err)
		}
		if err := d.Withdraw(ctx, "m1"); err != nil && !errors.Is(err, queue.ErrGone) {
			t.Fatal(err)
		}
		var last queue.NoticeKind
		withdrawn := false
		for n := range en.Notices() {
			last, withdrawn = n.Kind, withdrawn || n.Kind == queue.NoticeWithdraw
			if n.Kind == queue.NoticeOffer && withdrawn {
				d.Leave(ctx, "m1", call.EndAnswered)
			}
			if last == queue.NoticeEnd {
				break
			}
		}
		if !withdrawn {
			t.Error("the withdraw was lost")
		}
		if d.Counters().LostNotices == 0 {
			t.Error("what found no room was not counted")
		}
	})
}
