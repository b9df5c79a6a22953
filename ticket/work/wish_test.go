package work_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pickup/queue"
	"pickup/ticket"
	"pickup/ticket/work"
)

// A transfer to an agent is his before it is anybody's, a transfer to a skill
// only theirs who have it; both hold when the category of the matter changes.
func TestATransferToAnAgentAndToASkill(t *testing.T) {
	run(t, func(f *floor) {
		f.board.Present("a1")
		f.board.Present("a2")
		synctest.Wait()
		must(t, f.queue.SetState(f.t.Context(), "a1", queue.AgentNotReady, "pause"))
		must(t, f.queue.SetState(f.t.Context(), "a2", queue.AgentReady, ""))
		task := mailTask("m1")
		f.facts.set(task)
		f.board.Refresh()
		id := task.ItemID()
		time.Sleep(2 * time.Second)
		f.want(id, work.Active, "a2")
		must(t, f.queue.SetState(f.t.Context(), "a1", queue.AgentReady, ""))
		_, err := f.board.Transfer(f.t.Context(), id, "a2", queue.Destination{Agent: "a1", By: "1002"})
		must(t, err)
		synctest.Wait()
		f.want(id, work.Active, "a1")
		if i := f.get(id); !strings.HasPrefix(i.Why, "transferred by 1002 to this agent, ") || i.Wish != (work.Wish{Agent: "a1", By: "1002"}) {
			t.Errorf("why %q, wish %+v", i.Why, i.Wish)
		}
		var unfit *queue.UnfitError
		_, err = f.board.Transfer(f.t.Context(), id, "a1", queue.Destination{Agent: "a2", Queue: "payments", By: "1001"})
		if !errors.As(err, &unfit) || unfit.Field != "queue" {
			t.Errorf("got %v", err)
		}
		f.want(id, work.Active, "a1") // still his

		must(t, f.queue.SetState(f.t.Context(), "a1", queue.AgentNotReady, "pause"))
		_, err = f.board.Transfer(f.t.Context(), id, "a1", queue.Destination{Skill: "security", Level: 2, By: "1001"})
		must(t, err)
		synctest.Wait()
		f.want(id, work.Waiting, "") // a2 is ready, and has not the skill
		task.Category = ticket.CategoryDeposit
		f.facts.set(task)
		f.board.Refresh()
		time.Sleep(2 * time.Second)
		f.want(id, work.Waiting, "")
		must(t, f.queue.SetState(f.t.Context(), "a1", queue.AgentReady, ""))
		synctest.Wait()
		f.want(id, work.Active, "a1")
	})
}

// The wish of a transfer is in the fact: the next process keeps it.
func TestTheWishOfATransferOutlivesTheProcess(t *testing.T) {
	run(t, func(f *floor) {
		f.board.Present("a2")
		synctest.Wait()
		must(t, f.queue.SetState(f.t.Context(), "a2", queue.AgentReady, ""))
		skilled, given := mailTask("m1"), mailTask("m2")
		skilled.Wish = work.Wish{Skill: "security", Level: 3, By: "1002"}
		given.Wish = work.Wish{Agent: "a2", By: "1001"}
		given.Preferred = "a1" // the owner, who gave it away
		f.facts.set(skilled, given)
		f.board.Refresh()
		time.Sleep(2 * time.Second)
		f.want(skilled.ItemID(), work.Waiting, "")
		f.want(given.ItemID(), work.Active, "a2")
		f.board.Present("a1")
		synctest.Wait()
		must(t, f.queue.SetState(f.t.Context(), "a1", queue.AgentReady, ""))
		synctest.Wait()
		f.want(skilled.ItemID(), work.Active, "a1")
		if why := f.get(skilled.ItemID()).Why; !strings.HasPrefix(why, "transferred by 1002, skill security 3, ") {
			t.Errorf("why %q", why)
		}
	})
}
