package queue_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// served joins a call and lets the agent who gets it talk for d.
func served(t *testing.T, d *queue.Domain, id queue.ItemID, talk time.Duration) {
	t.Helper()
	en, err := d.Join(t.Context(), aCall(id))
	if err != nil {
		t.Fatal(err)
	}
	n := <-en.Notices()
	d.Answered(t.Context(), n.Offer.ID)
	d.Bridged(n.Offer.ID)
	time.Sleep(talk)
	d.Release(n.Offer.ID, call.EndAnswered)
	d.Final(n.Offer.ID)
	synctest.Wait()
}

func TestEstimate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := start(t, queue.Config{}, &memory{}, "a", "b")
		defer stop()
		ctx := t.Context()
		line := func(n int) []*queue.Entry {
			var out []*queue.Entry
			for i := range n {
				en, err := d.Join(ctx, aCall(queue.ItemID(fmt.Sprintf("w%02d", i))))
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, en)
			}
			return out
		}
		leave := func(line []*queue.Entry) {
			for _, en := range line {
				d.Leave(ctx, en.ID(), call.EndExitKey)
			}
		}
		// Four calls of one minute are too few to say anything.
		for i := range 4 {
			served(t, d, queue.ItemID(fmt.Sprintf("s%d", i)), time.Minute)
		}
		for _, a := range []account.ID{"a", "b"} {
			d.SetState(ctx, a, queue.AgentNotReady, "")
		}
		w := line(3)
		if p := w[2].Place(); p.EstimateHigh != 0 || p.Position != 3 {
			t.Errorf("got %+v, want no estimate with 4 samples", p)
		}
		leave(w)
		for _, a := range []account.ID{"a", "b"} {
			d.SetState(ctx, a, queue.AgentReady, "")
		}
		for i := range 4 {
			served(t, d, queue.ItemID(fmt.Sprintf("t%d", i)), time.Minute)
		}
		// Both agents talk: two servers at one call a minute, the first of the
		// line waits 30 s, the eighth 4 minutes.
		w = line(10)
		for _, en := range w[:2] {
			n := <-en.Notices()
			d.Answered(ctx, n.Offer.ID)
			d.Bridged(n.Offer.ID)
		}
		time.Sleep(time.Second) // rates are measured once a second
		d.Leave(ctx, w[9].ID(), call.EndExitKey)
		for i, want := range map[int][2]time.Duration{
			2: {0, time.Minute},                   // 30 s
			5: {time.Minute, 3 * time.Minute},     // 2 min
			8: {2 * time.Minute, 5 * time.Minute}, // 3.5 min
		} {
			if p := w[i].Place(); p.EstimateLow != want[0] || p.EstimateHigh != want[1] {
				t.Errorf("place %d: got %s to %s, want %s to %s", p.Position, p.EstimateLow, p.EstimateHigh, want[0], want[1])
			}
		}
		if v := d.Queues()[0]; v.EstimateLow != 2*time.Minute || v.EstimateHigh != 6*time.Minute {
			t.Errorf("newcomer: got %s to %s, want 2 to 6 min", v.EstimateLow, v.EstimateHigh)
		}
		// The samples grow old: after 15 minutes nothing is said.
		time.Sleep(16 * time.Minute)
		if p := w[5].Place(); p.EstimateHigh != 0 {
			t.Errorf("got %+v, want no estimate from old samples", p)
		}
	})
}

func TestEstimateIsNeverBelowTheHeadOfTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := start(t, queue.Config{}, &memory{}, "a")
		defer stop()
		ctx := t.Context()
		for i := range 6 {
			served(t, d, queue.ItemID(fmt.Sprintf("s%d", i)), time.Second)
		}
		d.SetState(ctx, "a", queue.AgentNotReady, "")
		d.Join(ctx, aCall("head"))
		time.Sleep(5 * time.Minute)
		last, _ := d.Join(ctx, aCall("last"))
		// One second of work each, but the head has waited five minutes.
		if p := last.Place(); p.EstimateHigh < 5*time.Minute {
			t.Errorf("got %+v, want at least 5 minutes", p)
		}
	})
}

// An agent has three chats at a time: three who wait are served three times as
// fast as by one who talks.
func TestEstimateOfChats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := start(t, queue.Config{}, &memory{}, "a")
		defer stop()
		ctx := t.Context()
		d.SetConsole("a", true)
		join := func(id queue.ItemID) *queue.Entry {
			en, err := d.Join(ctx, written(id, call.ChannelChat))
			if err != nil {
				t.Fatal(err)
			}
			return en
		}
		take := func(en *queue.Entry) queue.OfferID {
			n := <-en.Notices()
			d.Answered(ctx, n.Offer.ID)
			d.Bridged(n.Offer.ID)
			return n.Offer.ID
		}
		for i := range 6 {
			o := take(join(queue.ItemID(fmt.Sprintf("s%d", i))))
			time.Sleep(2 * time.Minute)
			d.Release(o, call.EndAnswered)
		}
		for i := range 3 {
			take(join(queue.ItemID(fmt.Sprintf("busy%d", i))))
		}
		first := join("w1")
		join("w2")
		third := join("w3")
		// 2 min by 3 places = 40 s for each step; 30 s bands of 0.7 and 1.3.
		if p := first.Place(); p.Position != 1 || p.EstimateLow != 0 || p.EstimateHigh != time.Minute {
			t.Errorf("first: got %+v, want 0 to 1 min", p)
		}
		if p := third.Place(); p.Position != 3 || p.EstimateLow != time.Minute || p.EstimateHigh != 3*time.Minute {
			t.Errorf("third: got %+v, want 1 to 3 min", p)
		}
		if q := d.Queues()[0]; q.EstimateHigh != 0 {
			t.Errorf("calls: got %+v, want no estimate", q)
		}
	})
}
