package ticket_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/store/storetest"
	"pickup/ticket"
)

func TestATicketGoesWhereItsWorkWent(t *testing.T) {
	for name, x := range map[string]struct {
		channel  call.Channel
		assignee string // before
		h        ticket.Handover
		want     string // assignee
		queue    string // of the interaction
		told     []string
	}{
		"to another queue": {
			call.ChannelEmail, "", ticket.Handover{Queue: "payments", Had: "a1"}, "", "payments", []string{"transferred", "queue_changed"},
		},
		"his own to an agent": {
			call.ChannelEmail, "a1",
			ticket.Handover{Queue: "security", Had: "a1", Agent: "a2"},
			"a2", "security",
			[]string{"transferred", "assignee_changed"},
		},
		"his own to a skill": {
			call.ChannelEmail, "a1",
			ticket.Handover{Queue: "security", Had: "a1", Skill: "security", Level: 2},
			"", "security",
			[]string{"transferred", "assignee_changed"},
		},
		"another's mail, by who did it in his absence": {
			call.ChannelEmail, "a3", ticket.Handover{Queue: "security", Had: "a1"}, "a3", "security", []string{"transferred"},
		},
		"nobody's to an agent: whose it is, is seen when he has it": {
			call.ChannelEmail, "", ticket.Handover{Queue: "security", Had: "a1", Agent: "a2"}, "", "security", []string{"transferred"},
		},
		"a chat, which another has by now": {
			call.ChannelChat, "a2",
			ticket.Handover{Queue: "payments", Had: "a1", Agent: "a2"},
			"a2", "Security",
			[]string{"transferred", "queue_changed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := storetest.NewMemory()
			d := ticket.NewDesk(store, ticket.Policy{}, func() time.Time { return noon }, func(string, string) {})
			in := chat("Bonjour")
			in.Channel = x.channel
			r, err := d.Receive(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if x.assignee != "" {
				to := account.ID(x.assignee)
				if _, err = d.Edit(t.Context(), ticket.Actor{}, r.Ticket.ID, r.Ticket.Version, ticket.Change{AssigneeID: &to}); err != nil {
					t.Fatal(err)
				}
			}
			was, err := store.Ticket(t.Context(), r.Ticket.ID)
			if err != nil {
				t.Fatal(err)
			}
			h := x.h
			h.ItemID, h.TicketID, h.InteractionID, h.Channel, h.From = "item", r.Ticket.ID, r.Interaction.ID, x.channel, "security"
			h.Reason, h.By = " He knows it ", "1001"
			if err := d.HandOver(t.Context(), ticket.Actor{ID: "a1", Name: "Anna"}, h); err != nil {
				t.Fatal(err)
			}
			now, err := store.Ticket(t.Context(), r.Ticket.ID)
			if err != nil {
				t.Fatal(err)
			}
			if now.Ticket.AssigneeID != x.want || !strings.EqualFold(now.Ticket.Queue, h.Queue) || now.Interactions[0].Queue != x.queue {
				t.Errorf("got %q in %s, interaction in %s", now.Ticket.AssigneeID, now.Ticket.Queue, now.Interactions[0].Queue)
			}
			events := now.Events[len(was.Events):]
			var kinds []string
			for _, e := range events {
				kinds = append(kinds, e.Kind)
				if e.Actor != "a1" || !e.At.Equal(noon) {
					t.Errorf("%s by %q at %v", e.Kind, e.Actor, e.At)
				}
			}
			if !slices.Equal(kinds, x.told) {
				t.Fatalf("told %v, want %v", kinds, x.told)
			}
			want := map[string]string{"channel": string(x.channel), "from": "security", "queue": h.Queue, "reason": "He knows it"}
			for key, value := range map[string]string{"agent": string(h.Agent), "skill": h.Skill} {
				if value != "" {
					want[key] = value
				}
			}
			if h.Level > 0 {
				want["level"] = "2"
			}
			if !maps.Equal(events[0].Detail, want) {
				t.Errorf("got %v, want %v", events[0].Detail, want)
			}
		})
	}
}

func TestATransferHasAReason(t *testing.T) {
	d := ticket.NewDesk(storetest.NewMemory(), ticket.Policy{}, func() time.Time { return noon }, func(string, string) {})
	for _, reason := range []string{"", " \n", strings.Repeat("x", ticket.MaxReason+1)} {
		err := d.HandOver(t.Context(), ticket.Actor{}, ticket.Handover{TicketID: "none", Reason: reason})
		if f, ok := errors.AsType[*ticket.FieldError](err); !ok || f.Field != "reason" || f.Limit != "1 to 1000 bytes" {
			t.Errorf("%d bytes: got %v", len(reason), err)
		}
	}
	err := d.HandOver(t.Context(), ticket.Actor{}, ticket.Handover{TicketID: "none", Reason: "x"})
	if !errors.Is(err, ticket.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
