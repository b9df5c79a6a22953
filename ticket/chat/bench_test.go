package chat_test

import (
	"context"
	"fmt"
	"testing"

	"pickup/ticket/chat"
)

// BenchmarkSay is a message from the room's mailbox to everybody's frames, with a
// store that answers at once: what a conversation costs beside the disk.
func BenchmarkSay(b *testing.B) {
	h := newHouse(b, chat.Config{})
	h.start()
	defer h.end()
	const rooms = 50 // messages go round, so that no conversation becomes too long or too fast
	var ids []string
	for i := range rooms {
		o, err := h.rooms.Open(context.Background(), chat.Opening{Key: fmt.Sprint("key-", i), Queue: "support", Text: "Bonjour"})
		h.must(err)
		ids = append(ids, o.ID)
		l, err := h.rooms.Attach(context.Background(), o.ID, 0)
		h.must(err)
		defer l.Close()
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		said := chat.Said{Side: chat.Agent, Anyone: true, ClientID: fmt.Sprint("c-", n), Text: "Un message d'une ligne, comme on en écrit."}
		said.Actor.ID = "a1"
		if _, _, err := h.rooms.Say(context.Background(), ids[n%rooms], said); err != nil {
			b.Fatal(err)
		}
		n++
	}
}

func BenchmarkAttach(b *testing.B) {
	h := newHouse(b, chat.Config{})
	h.start()
	defer h.end()
	o, err := h.rooms.Open(context.Background(), chat.Opening{Key: "key", Queue: "support", Text: "Bonjour"})
	h.must(err)
	for i := range 100 {
		_, _, err := h.rooms.Say(context.Background(), o.ID, chat.Said{Side: chat.Agent, Anyone: true, ClientID: fmt.Sprint(i), Text: "x"})
		h.must(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		l, err := h.rooms.Attach(context.Background(), o.ID, 0)
		if err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
}
