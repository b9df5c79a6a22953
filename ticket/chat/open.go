package chat

import (
	"context"
	"fmt"
	"time"

	"pickup/account"
	"pickup/ticket"
)

// Opening is what a page says when it begins a conversation.
type Opening struct {
	// Key is chosen by the page at random, at least 128 bits: one key is one
	// conversation, however often it is sent. Who knows it may come back by it.
	Key       string
	VisitorID string // of an earlier token; "": a new visitor
	Identity  Identity
	Queue     string
	Language  string // "fr", "en" or ""
	Name      string // of who is anonymous
	Email     string // the same; not verified
	Page      string // address of the page
	Text      string // the first message; "" where Beside
	Beside    bool   // it is opened beside a call that goes on
	Files     []string
	TicketID  string // the matter it goes on with; "": as ticket.Receive finds it
	ContactID string
	Preferred account.ID // who should answer
}

// Opened is a conversation that began.
type Opened struct {
	Conversation
	Token string
	Again bool // it was there already
}

// Open begins a conversation: its first message is durable and on its ticket,
// and it waits in the queue. Errors: ErrText, ErrFull, ErrStopped, those of the
// store.
func (r *Rooms) Open(ctx context.Context, o Opening) (Opened, error) {
	if r.Live() >= r.cfg.MaxOpen {
		return Opened{}, ErrFull
	}
	in, err := r.incoming(o)
	if err != nil {
		return Opened{}, err
	}
	now := time.Now()
	var opened Opened
	err = r.store.Chat(ctx, func(tx Tx) error {
		opened = Opened{}
		known, ok, err := tx.ChatByKey(ctx, o.Key)
		if err != nil {
			return err
		}
		if ok {
			opened.Chat, opened.Again = known, true
			return nil
		}
		opened.Chat, err = r.begin(ctx, tx, o, in, now)
		return err
	})
	if err != nil {
		return Opened{}, fmt.Errorf("open a chat: %w", err)
	}
	id := opened.ID
	if opened.Conversation, err = r.store.Conversation(ctx, id); err != nil {
		return Opened{}, fmt.Errorf("open a chat: %w", err)
	}
	if opened.State != StateEnded {
		if r.room(id, true) == nil {
			return Opened{}, ErrStopped // it is stored: the next process takes it up
		}
	}
	opened.Token = r.Token(id, opened.VisitorID, now)
	if !opened.Again {
		r.cfg.OnChange(Change{ID: id, Ticket: opened.Interaction.TicketID, Kind: "event", Seq: opened.Interaction.LastSeq})
	}
	return opened, nil
}

// incoming is the first message of an opening.
func (r *Rooms) incoming(o Opening) (ticket.Incoming, error) {
	language := o.Language
	if language == "" {
		language = o.Identity.Locale
	}
	if language != "fr" && language != english {
		language = r.cfg.Language
	}
	m := ticket.Message{Kind: ticket.MessageCustomer, ClientID: "open"}
	text, err := spoken(o.Text, o.Files)
	switch {
	case o.Text == "" && len(o.Files) == 0 && o.Beside:
		m.Kind, m.Automatic = ticket.MessageSystem, true
		text = words(language, "La conversation continue par écrit.", "The conversation goes on in writing.")
	case err != nil:
		return ticket.Incoming{}, err
	}
	m.Text = text
	for _, id := range o.Files {
		m.Attachments = append(m.Attachments, ticket.Attachment{ID: id})
	}
	return ticket.Incoming{
		Channel: chatChannel, TicketID: o.TicketID, ContactID: o.ContactID, Language: language, Queue: o.Queue,
		Name: line(o.Name, 100), Message: m,
	}, nil
}

// begin stores a new conversation.
func (r *Rooms) begin(ctx context.Context, tx Tx, o Opening, in ticket.Incoming, now time.Time) (Chat, error) {
	c := Chat{
		Key: o.Key, VisitorID: o.VisitorID, Name: in.Name, Email: o.Email, State: StateWaiting, Page: line(o.Page, 500),
		Preferred: o.Preferred,
	}
	if c.VisitorID == "" {
		c.VisitorID = newVisitor()
	}
	if o.Identity.PlayerID != "" {
		c.PlayerID, c.Tier = o.Identity.PlayerID, line(o.Identity.Tier, 40)
		c.Name, c.Email = line(o.Identity.Name, 100), o.Identity.Email
		in.Name = c.Name
	}
	if _, ok := emailOf(c.Email); !ok {
		c.Email = ""
	}
	in.From, in.Also = c.identities()
	in.Message.CreatedAt = now
	got, err := ticket.Receive(ctx, tx, r.cfg.Tickets, in)
	if err != nil {
		return Chat{}, err
	}
	c.ID = got.Interaction.ID
	if email, ok := emailOf(c.Email); ok && !c.Verified() {
		// Written down, not looked up: anybody can write another's address.
		if err := tx.AddIdentity(ctx, got.Contact.ID, email, now); err != nil {
			return Chat{}, err
		}
	}
	if c.Preferred == "" { // who knows the matter
		c.Preferred = account.ID(got.Ticket.AssigneeID)
	}
	i := got.Interaction
	if i.QueuedAt.IsZero() {
		i.QueuedAt = now
	}
	if err := tx.SaveInteraction(ctx, i); err != nil {
		return Chat{}, err
	}
	events := []Event{{At: now, Kind: KindState, State: StateWaiting}}
	if o.Beside && o.Preferred != "" { // who talks with him answers in writing too
		c.AgentID, c.State = o.Preferred, StateOpen
		events = []Event{
			{At: now, Kind: KindAssignment, Agent: o.Preferred, AgentName: r.cfg.AgentName(o.Preferred)}, {At: now, Kind: KindState, State: StateOpen},
		}
	}
	if err := tx.SaveChat(ctx, c); err != nil {
		return Chat{}, err
	}
	for _, e := range events {
		if _, err := tx.AddChatEvent(ctx, c.ID, e); err != nil {
			return Chat{}, err
		}
	}
	return c, nil
}

// identities are the addresses by which the visitor of a chat is known. What
// the operator's site signed is verified; so is a visitor's id, because only who
// has its token can say it. What a visitor wrote himself is not among them.
func (c *Chat) identities() (ticket.Identity, []ticket.Identity) {
	visitor := ticket.Identity{Kind: "visitor", Value: c.VisitorID, Raw: c.VisitorID, Verified: true}
	if !c.Verified() {
		return visitor, nil
	}
	// Not the visitor's: two players may share a browser.
	who := Identity{PlayerID: c.PlayerID, Email: c.Email}
	return who.identities()
}
