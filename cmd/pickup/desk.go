package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/filestore"
	"pickup/internal/logkey"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
	"pickup/web"
)

// metaChatKey is the key that signs the tokens of visitors' pages.
const metaChatKey = "chat.key"

// makeChats makes the board of written work, the rooms of conversations, and the
// store of files.
func (s *server) makeChats(ctx context.Context) error {
	c := s.cfg
	var err error
	if s.files, err = filestore.Open(filepath.Join(c.Data.Dir, "files")); err != nil {
		return err
	}
	s.desk = ticket.NewDesk(s.store, s.tickets(), time.Now, s.deskChanged)
	s.watchers = ticket.NewWatchers(time.Now, func(id string) { s.hub.Publish("watchers", id, nil) })
	s.board = work.New(work.Config{
		OnChange: func(c work.Change) {
			s.hub.Publish("work", string(c.Item), map[string]any{"agent_id": string(c.Agent), "queue": c.Queue})
		},
	}, s.queue, s.store, s.log)
	key, err := s.siteKey(ctx, metaChatKey)
	if err != nil {
		return err
	}
	s.chats, err = chat.New(chat.Config{
		MaxOpen: c.Chat.MaxOpen, OfflineAfter: c.Chat.OfflineAfter, MailAfter: c.Chat.MailAfter, MailGap: c.Chat.MailGap,
		KeepPlace: c.Chat.KeepPlace, IdleWarning: c.Chat.IdleWarning, IdleClose: c.Chat.IdleClose, Language: c.Site.Language,
		Tickets: s.tickets(), AgentName: s.agentName, Mail: s.mailVisitor, OnChange: s.chatChanged,
	}, s.store, s.board, chat.NewSigner(key), s.log)
	return err
}

// siteKey returns a secret of the site; the first start makes it.
func (s *server) siteKey(ctx context.Context, name string) ([]byte, error) {
	kept, ok, err := s.store.Meta(ctx, name)
	if err != nil {
		return nil, err
	}
	if ok {
		key, err := base64.StdEncoding.DecodeString(kept)
		if err != nil || len(key) < 32 {
			return nil, fmt.Errorf("the stored key %s cannot be read", name)
		}
		return key, nil
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, crypto/rand
	return key, s.store.SetMeta(ctx, name, base64.StdEncoding.EncodeToString(key))
}

// tickets are the rules of tickets.
func (s *server) tickets() ticket.Policy {
	return ticket.Policy{MissedAfter: s.cfg.Ticket.MissedAfter, LinkWithin: 72 * time.Hour, Country: s.cfg.Site.Country}
}

// agentName is what a visitor is told of an agent.
func (s *server) agentName(id account.ID) string {
	for _, a := range s.queue.Agents() {
		if a.ID == id {
			return a.Name
		}
	}
	return ""
}

// chatChanged tells the screens, and the board that looks after what a
// conversation leaves.
func (s *server) chatChanged(ch chat.Change) {
	s.hub.Publish("chat", ch.ID, map[string]any{
		"agent_id": string(ch.Agent), "kind": ch.Kind, "last_seq": ch.Seq, "ticket_id": ch.Ticket,
	})
	if ch.Kind == "event" || ch.Kind == "ended" {
		s.hub.Publish("ticket", ch.Ticket, map[string]any{"agent_id": string(ch.Agent)}) // no stream has to look up whose it is
	}
	if ch.Kind == "ended" {
		s.board.Refresh()
	}
	if ch.Kind == "mailed" {
		s.mail.Queued()
	}
}

// chatFigures are what /metrics shows of conversations.
func (s *server) chatFigures() []web.Figure {
	return []web.Figure{{
		Name: "pickup_chats_open", Help: "Conversations that have not ended.", Value: func() float64 { return float64(s.chats.Live()) },
	}}
}

// deskChanged follows what people and mails change at the desk.
func (s *server) deskChanged(topic, id string) {
	s.hub.Publish(topic, id, nil)
	switch topic {
	case "ticket":
		s.board.TicketChanged(id)
	case "call":
		if _, live := s.calls.Live(call.ID(id)); !live {
			s.chats.CallOver(call.ID(id))
		}
	case "interaction":
		s.chats.Changed(id)
	case "message": // it may be a mail
		s.mail.Queued()
	}
}

// Times of what the desk looks after by itself.
const (
	watchersEvery = 5 * time.Second
	closeEvery    = time.Minute
)

// tidyDesk forgets pages that went silent and closes tickets that stayed solved,
// until ctx ends.
func (s *server) tidyDesk(ctx context.Context) error {
	watch, closing := time.NewTicker(watchersEvery), time.NewTicker(closeEvery)
	defer watch.Stop()
	defer closing.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-watch.C:
			s.watchers.Sweep()
		case <-closing.C:
			if _, err := s.desk.CloseSolved(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("close solved tickets", logkey.Err, err)
			}
		}
	}
}
