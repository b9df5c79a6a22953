package ticket

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
)

// MaxReason is how long the reason of a transfer may be, in bytes.
const MaxReason = 1000

// Handover is one transfer of a piece of work of a ticket.
type Handover struct {
	ItemID        string
	TicketID      string
	InteractionID string // "" for a ticket that waits by itself
	Channel       call.Channel
	From          string     // queue it was in
	Queue         string     // queue it waits in now
	Had           account.ID // who held it, or was offered it; "": it waited
	Agent         account.ID // to whom; "": to the queue
	Skill         string     // asked for; "": none
	Level         int        // of Skill
	Fresh         bool       // it waits behind all others
	Reason        string     // 1 to MaxReason bytes
	By            string     // login of who did it
	At            time.Time  // given by the desk
}

// CheckReason returns a *FieldError for a reason that a transfer cannot have.
func CheckReason(reason string) error {
	if strings.TrimSpace(reason) == "" || len(reason) > MaxReason {
		return &FieldError{"reason", strconv.Itoa(len(reason)), "1 to " + strconv.Itoa(MaxReason) + " bytes"}
	}
	return nil
}

// HandOver stores a transfer that the queue has made: the next process finds the
// work where it went, and the ticket's timeline says who gave it away, when, to
// whom and why. The ticket goes along: to the queue, and from the hands of who
// had it to those of the agent, who may be nobody. The conversation of a chat
// writes down by itself which queue it is in.
func (d *Desk) HandOver(ctx context.Context, by Actor, h Handover) error {
	if err := CheckReason(h.Reason); err != nil {
		return err
	}
	return d.Act(ctx, func(tx DeskTx) error {
		h.At = d.now()
		return handOver(ctx, tx, h, story{at: h.At, actor: string(by.ID)})
	})
}

func handOver(ctx context.Context, tx DeskTx, h Handover, told story) error {
	t, err := current(ctx, tx, h.TicketID)
	if err != nil {
		return err
	}
	h.TicketID, h.Reason = t.ID, clean(strings.TrimSpace(h.Reason))
	level, fresh := "", ""
	if h.Skill != "" {
		level = strconv.Itoa(h.Level)
	}
	if h.Fresh {
		fresh = "true"
	}
	told.tell("transferred", "channel", string(h.Channel), "from", h.From, "queue", h.Queue, "agent", string(h.Agent),
		"skill", h.Skill, "level", level, "new_request", fresh, "reason", h.Reason)
	if err := tx.SaveHandover(ctx, h); err != nil {
		return fmt.Errorf("save the transfer of %s: %w", h.ItemID, err)
	}
	if h.Channel != call.ChannelChat && h.InteractionID != "" {
		i, ok, err := tx.Interaction(ctx, h.InteractionID)
		if err != nil {
			return err
		}
		if i.Queue = h.Queue; ok {
			if err := tx.SaveInteraction(ctx, i); err != nil {
				return fmt.Errorf("save interaction %s: %w", i.ID, err)
			}
		}
	}
	if !t.State.Immutable() {
		h.carry(&t, &told)
		t.UpdatedAt = later(t.UpdatedAt, told.at)
		if _, err := tx.SaveTicket(ctx, t); err != nil {
			return fmt.Errorf("save ticket %s: %w", t.ID, err)
		}
	}
	return tx.AddEvents(ctx, t.ID, told.lines...)
}

// carry lets the ticket go where its work went.
func (h *Handover) carry(t *Ticket, told *story) {
	if !strings.EqualFold(t.Queue, h.Queue) {
		told.changed("queue", t.Queue, h.Queue, "transfer")
		t.Queue = h.Queue
	}
	had := account.ID(t.AssigneeID)
	switch {
	case had == "", h.Channel == call.ChannelChat && had != h.Had: // who accepts a chat takes the ticket
	case h.Agent != "" || had == h.Had:
		told.changed("assignee", t.AssigneeID, string(h.Agent), "transfer")
		t.AssigneeID = string(h.Agent)
	}
}
