package sip_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
)

// caller is a player's phone that sends what it likes in any order.
type caller struct {
	*phone
	rnd   *rand.Rand
	to    string // with our tag, once it is known
	rack  string // of the last reliable response
	okSeq int    // the CSeq of the last 2xx to an INVITE
	cseq  int
}

func (c *caller) react(patience time.Duration) {
	for m := c.read(patience); m != ""; m = c.read(patience) {
		if !strings.HasPrefix(m, "SIP/2.0 ") {
			if !strings.HasPrefix(m, "ACK ") {
				c.reply(m, 200, []string{"", offer}[c.rnd.IntN(2)])
			}
			continue
		}
		if c.to == "" && status(m) > 100 {
			c.to = header(m, "To")
		}
		if rseq := header(m, "RSeq"); rseq != "" {
			c.rack = "RAck: " + rseq + " " + header(m, "CSeq")
		}
		if n, method, _ := strings.Cut(header(m, "CSeq"), " "); method == "INVITE" && status(m) == 200 {
			c.okSeq, _ = strconv.Atoi(n)
		}
	}
}

func (c *caller) act(l callflow.Leg) {
	body := []string{"", offer, offer + "a=sendonly\r\n", "v=0\r\n"}[c.rnd.IntN(4)]
	send := func(method string, cseq int, extra ...string) {
		to := c.to
		if to == "" {
			to = "<sip:support@127.0.0.1>;tag=none"
		}
		c.send(c.text(message{method: method, callID: "x1", to: to, cseq: cseq, body: body, extra: extra}))
	}
	c.cseq++
	switch c.rnd.IntN(17) {
	case 0, 1:
		send("PRACK", c.cseq, c.rack)
	case 2:
		send("PRACK", c.cseq, "RAck: 1 1 INVITE")
	case 3:
		send("UPDATE", c.cseq)
	case 4:
		send("INVITE", c.cseq)
	case 5, 6, 13, 14:
		send("ACK", c.okSeq)
	case 7:
		if c.rnd.IntN(4) == 0 {
			c.send(c.text(message{method: "CANCEL", callID: "x1", branch: "z9hG4bKfirst"}))
		}
	case 8:
		if c.rnd.IntN(6) == 0 {
			send("BYE", c.cseq)
		}
	case 9:
		send("REFER", c.cseq, "Refer-To: <sip:payments@127.0.0.1>")
	case 10, 11, 15, 16:
		l.Answer()
	case 12:
		if c.rnd.IntN(6) == 0 {
			l.End(call.Cause{Status: 486})
		}
	}
}

// Whatever a caller sends, and in which order: nothing panics, he is told of no
// more than one answer and one end, and after our End nothing is left.
func TestUnrulyCallers(t *testing.T) {
	all := map[callflow.LegEventKind]int{}
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				c := &caller{phone: e.plug("127.0.0.1:7001"), rnd: rand.New(rand.NewPCG(seed, 2)), cseq: 1, rack: "RAck: 1 1 INVITE", okSeq: 1}
				m := message{method: "INVITE", callID: "x1", branch: "z9hG4bKfirst", extra: []string{"Supported: timer, 100rel"}}
				if c.rnd.IntN(2) == 0 {
					m.extra = []string{requires100rel}
				}
				if c.rnd.IntN(2) == 0 {
					m.body = offer
				}
				c.send(c.text(m))
				l := e.inbound().Leg
				over := make(chan struct{})
				seen := map[callflow.LegEventKind]int{}
				held := 0
				l.Bind(func(ev callflow.LegEvent) {
					seen[ev.Kind]++
					switch ev.Kind {
					case callflow.LegHeld:
						held++
					case callflow.LegRetrieved:
						held--
					case callflow.LegFinal:
						close(over)
					}
					if held < 0 || held > 1 || held > 0 && seen[callflow.LegAnswered] == 0 {
						t.Errorf("held %d times, answered %d times", held, seen[callflow.LegAnswered])
					}
				})
				for range 16 {
					c.act(l)
					c.react(300 * time.Millisecond)
				}
				l.End(call.Cause{Status: 486})
				for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); {
					c.react(2 * time.Second)
				}
				select {
				case <-over:
				default:
					t.Error("the leg lives on")
				}
				if seen[callflow.LegAnswered] > 1 || seen[callflow.LegHungUp] > 1 || seen[callflow.LegRefer] > 0 {
					t.Errorf("got events %v", seen)
				}
				for kind, n := range seen {
					all[kind] += n
				}
				if m := e.Metrics(); m.Panics != 0 || m.Dialogs != 0 {
					t.Errorf("%d panics, %d dialogs", m.Panics, m.Dialogs)
				}
			})
		})
	}
	if all[callflow.LegAnswered] < 10 || all[callflow.LegHeld] == 0 || all[callflow.LegHungUp] < 10 {
		t.Errorf("of 100 calls too little happened: %v", all)
	}
	t.Log(all)
}
