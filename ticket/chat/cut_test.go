package chat_test

import (
	"errors"
	"testing"
	"time"

	"pickup/call"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

// The lines of both are cut for five minutes, the visitor's page and the agent's
// console: they go on where they were, and what the agent writes before the
// console's stream is back is taken.
func TestBothAreCutForFiveMinutes(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		leave := h.board.Present("a1")
		id := h.open().ID
		_, err := h.board.Accept(h.t.Context(), work.ChatItem(id), "a1")
		h.must(err)
		l, err := h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		h.must(h.agent(id, "a-1", "Bonjour"))
		leave()
		l.Close()
		time.Sleep(5 * time.Minute)

		if v := h.view(id); v.State != chat.StateWaiting || v.LostBy != "a1" || v.Online || v.OfflineSince.IsZero() {
			t.Fatalf("got %s, lost by %q, online %t", v.State, v.LostBy, v.Online)
		}
		h.must(h.agent(id, "a-2", "Je reviens"))
		h.board.Present("a1")
		if v := h.view(id); v.State != chat.StateOpen || v.AgentID != "a1" || v.LostBy != "" {
			t.Fatalf("got %s, %q, lost by %q", v.State, v.AgentID, v.LostBy)
		}
		h.must(h.visitor(id, "v-1", "Moi aussi"))
		h.wants(id, "customer: Bonjour", "state waiting ", "agent Anna", "state open ", "agent: Bonjour", "agent ", "state waiting lost",
			"agent: Je reviens", "agent Anna", "state open ", "customer: Moi aussi")
	})
}

// Who lost a chat has it again after a restart of ours too.
func TestALostChatIsItsAgentsAgainAfterARestart(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		leave := h.board.Present("a1")
		id := h.open().ID
		_, err := h.board.Accept(h.t.Context(), work.ChatItem(id), "a1")
		h.must(err)
		l, err := h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		leave()
		ping(l, 2*time.Minute)
		if v := h.view(id); v.LostBy != "a1" {
			t.Fatalf("got %q", v.LostBy)
		}
		h.end()
		h.start()
		if v := h.view(id); v.LostBy != "a1" {
			t.Fatalf("after the restart: %q", v.LostBy)
		}
		h.board.Present("a1")
		if v := h.view(id); v.AgentID != "a1" || v.State != chat.StateOpen {
			t.Errorf("got %q, %s", v.AgentID, v.State)
		}
	})
}

// Another agent who was there first keeps it.
func TestALostChatThatAnotherTookIsHis(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		leave := h.board.Present("a1")
		id := h.open().ID
		_, err := h.board.Accept(h.t.Context(), work.ChatItem(id), "a1")
		h.must(err)
		l, err := h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		leave()
		h.board.Present("a2")
		ping(l, 80*time.Second)
		h.board.Present("a1") // while a2 is shown it
		_, err = h.board.Accept(h.t.Context(), work.ChatItem(id), "a2")
		h.must(err)
		if v := h.view(id); v.AgentID != "a2" || v.LostBy != "" {
			t.Errorf("got %q, lost by %q", v.AgentID, v.LostBy)
		}
		if err := h.agent(id, "a-1", "trop tard"); !errors.Is(err, chat.ErrNotYours) {
			t.Errorf("got %v", err)
		}
	})
}

// The time of a cut is not silence: who comes back after it is asked before the
// conversation ends, and has his time to answer.
func TestACutIsNotSilence(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		l, err := h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		h.must(h.agent(id, "a-1", "Bonjour"))
		ping(l, time.Minute)
		l.Close()
		time.Sleep(9 * time.Minute)
		if v := h.view(id); v.State != chat.StateOpen {
			t.Fatalf("cut for 9 minutes: %s", v.State)
		}
		l, err = h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		ping(l, 3*time.Minute)
		if v := h.view(id); v.State != chat.StateOpen {
			t.Fatalf("4 minutes of silence: %s", v.State)
		}
		ping(l, 2*time.Minute)
		if v := h.view(id); v.State != chat.StateIdle {
			t.Fatalf("6 minutes of silence: %s", v.State)
		}
		ping(l, 3*time.Minute)
		if v := h.view(id); v.State != chat.StateIdle {
			t.Fatalf("asked 4 minutes ago: %s", v.State)
		}
		ping(l, 2*time.Minute)
		h.ends(id, call.EndAnswered)
	})
}

// Who stays away as long as silence may last has gone.
func TestWhoStaysAwayIsGone(t *testing.T) {
	live(t, chat.Config{}, func(h *house) {
		id := h.answered()
		l, err := h.rooms.Attach(h.t.Context(), id, 0)
		h.must(err)
		h.must(h.agent(id, "a-1", "Bonjour"))
		l.Close()
		time.Sleep(9*time.Minute + 50*time.Second)
		if v := h.view(id); v.State != chat.StateOpen {
			t.Fatalf("got %s", v.State)
		}
		time.Sleep(20 * time.Second)
		h.ends(id, call.EndAnswered)
	})
}
