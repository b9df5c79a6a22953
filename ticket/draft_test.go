package ticket_test

import (
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/store/storetest"
	"pickup/ticket"
)

// What is sent takes its draft along, and no other: a word in a chat neither the
// mail that the agent writes on the same ticket, nor another's.
func TestWhatIsSentDropsItsOwnDraft(t *testing.T) {
	for name, x := range map[string]struct {
		channel call.Channel
		kind    ticket.MessageKind
		text    string
		kept    string // of the writer, "" for none
	}{
		"a chat that is not the draft":      {call.ChannelChat, ticket.MessageAgent, "One moment", "Dear Paul, your with"},
		"a chat that goes on with it":       {call.ChannelChat, ticket.MessageAgent, "Dear Paul, your withdrawal is paid", ""},
		"a chat of an automat":              {call.ChannelChat, ticket.MessageBot, "Dear Paul, your withdrawal is paid", "Dear Paul, your with"},
		"a reply, written again altogether": {call.ChannelSocial, ticket.MessageAgent, "It is paid", ""},
		"a note in the chat":                {call.ChannelChat, ticket.MessageNote, "Paul is a friend", "Dear Paul, your with"},
	} {
		t.Run(name, func(t *testing.T) {
			d := ticket.NewDesk(storetest.NewMemory(), ticket.Policy{}, func() time.Time { return noon }, func(string, string) {})
			in := chat("Bonjour")
			in.Channel = x.channel
			r, err := d.Receive(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for user, body := range map[account.ID]string{"a1": "Dear Paul, your with", "a2": "mine"} {
				err := d.SaveDraft(t.Context(), ticket.Draft{TicketID: r.Ticket.ID, UserID: user, Kind: ticket.MessageAgent, Body: body})
				if err != nil {
					t.Fatal(err)
				}
			}
			err = d.Act(t.Context(), func(tx ticket.DeskTx) error {
				_, err := ticket.Post(t.Context(), tx, ticket.Policy{}, ticket.Actor{ID: "a1"}, ticket.Outgoing{
					TicketID: r.Ticket.ID, Interaction: r.Interaction.ID, Kind: x.kind, Text: x.text, ExpectedLast: -1, To: "p@player.example",
				}, noon)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			all, err := d.Drafts(t.Context(), r.Ticket.ID, "a1")
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, one := range all {
				got += one.Body
			}
			if got != x.kept {
				t.Errorf("left: %q, want %q", got, x.kept)
			}
			if others, err := d.Drafts(t.Context(), r.Ticket.ID, "a2"); err != nil || len(others) != 1 || others[0].Body != "mine" {
				t.Errorf("the other's: %v, %v", others, err)
			}
		})
	}
}
