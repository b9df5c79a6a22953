package work

import (
	"time"

	"pickup/account"
	"pickup/call"
)

// console is an agent's screen, or several of them.
type console struct {
	open  int       // streams
	due   time.Time // zero: nothing; else when the queue is told, or his chats go back
	known bool      // the queue was told that it is open
}

// Present says that a stream of an agent's console is open; the function it
// returns says, once, that it closed. An agent is offered written work while
// one is open, and for ConsoleGrace after the last.
func (b *Board) Present(agent account.ID) (leave func()) {
	b.box.Put(func() {
		c := b.consoles[agent]
		if c == nil {
			c = &console{}
			b.consoles[agent] = c
		}
		c.open++
		c.due = time.Time{}
		for _, p := range b.pieces { // before the queue offers them to anybody
			if p.LostBy == agent {
				b.giveBack(p)
			}
		}
		if !c.known {
			c.known = true
			b.queue.SetConsole(agent, true)
		}
	})
	left := make(chan struct{}, 1)
	return func() {
		select {
		case left <- struct{}{}:
		default:
			return // said already
		}
		b.box.Put(func() {
			if c := b.consoles[agent]; c != nil {
				if c.open--; c.open == 0 {
					c.due = time.Now().Add(b.cfg.ConsoleGrace)
				}
			}
		})
	}
}

// consoleDue: an agent's console stayed closed. First he is offered nothing
// more, then who chats with him goes back to the front of the queue, for whoever
// is there first: another agent, or he himself.
func (b *Board) consoleDue(agent account.ID, c *console) {
	if c.known {
		c.known = false
		c.due = time.Now().Add(b.cfg.LeftAfter)
		b.queue.SetConsole(agent, false)
		return
	}
	delete(b.consoles, agent)
	for _, p := range b.pieces {
		if p.Channel == call.ChannelChat && p.holder() == agent {
			b.lost(p)
		}
	}
}

// awaited starts the clock of an agent who held a chat before a restart: when
// his console does not come, the chat goes to somebody else.
func (b *Board) awaited(agent account.ID) {
	if b.consoles[agent] == nil {
		b.consoles[agent] = &console{due: time.Now().Add(b.cfg.LeftAfter)}
	}
}
