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

// unruly is a phone, or a proxy with several phones behind it, that sends what it
// likes in any order.
type unruly struct {
	*phone
	t      *testing.T
	rnd    *rand.Rand
	invite string
	sent   map[string]int // the last RSeq of each tag
	acked  map[string]int // the RSeq of its last PRACK
	final  bool           // a final response was sent
	failed bool           // it was an error: sipgo waits in a lock when more comes, and virtual time with it
	cseq   int
}

var unrulyTags = []string{"a", "b", "c"}

// react answers what has come.
func (u *unruly) react(patience time.Duration) {
	for m := u.read(patience); m != ""; m = u.read(patience) {
		method, _, _ := strings.Cut(m, " ")
		switch method {
		case "ACK", "INVITE", "SIP/2.0":
		case "PRACK":
			u.pracked(m)
			u.reply(m, 200, "")
		case "CANCEL":
			u.reply(m, 200, "")
			if !u.final {
				u.final, u.failed = true, true
				u.ofBranch(u.invite, "a", 487, "")
			}
		default:
			u.reply(m, 200, "")
		}
	}
}

// pracked checks that each response is acknowledged once, in order.
func (u *unruly) pracked(m string) {
	tag := tagOf(header(m, "To"))
	rseq, err := strconv.Atoi(strings.Fields(header(m, "RAck"))[0])
	if err != nil || u.acked[tag] != 0 && rseq != u.acked[tag]+1 || rseq > u.sent[tag] {
		u.t.Errorf("PRACK %q of %s after %d, %d was sent", header(m, "RAck"), tag, u.acked[tag], u.sent[tag])
	}
	u.acked[tag] = rseq
}

func (u *unruly) act(l callflow.Leg) {
	tag := unrulyTags[u.rnd.IntN(len(unrulyTags))]
	body := []string{"", offer, "v=0\r\n"}[u.rnd.IntN(3)]
	inDialog := func(method string, extra ...string) {
		u.cseq++
		u.send(u.text(message{
			method: method, user: "x", callID: header(u.invite, "Call-ID"), to: header(u.invite, "From"),
			from: header(u.invite, "To") + ";tag=" + tag, cseq: u.cseq, body: body, extra: extra,
		}))
	}
	n := u.rnd.IntN(12)
	if u.failed && (n < 5 || n == 9 || n == 10) || n == 10 && u.final {
		n = 11
	}
	switch n {
	case 0, 1, 2:
		if u.sent[tag] == 0 {
			u.sent[tag] = 1 + u.rnd.IntN(1000)
		} else if u.acked[tag] == u.sent[tag] {
			u.sent[tag]++
		}
		u.ringing(u.invite, tag, 180+3*u.rnd.IntN(2), strconv.Itoa(u.sent[tag]), body)
	case 3:
		u.ringing(u.invite, tag, 183, strconv.Itoa(1+u.rnd.IntN(5)), body) // any number: told or not, never out of order
		u.sent[tag] = max(u.sent[tag], 5)
	case 4:
		u.ofBranch(u.invite, tag, 183, body)
	case 5:
		inDialog("UPDATE")
	case 6:
		inDialog("INFO", "Content-Type: application/dtmf")
	case 7:
		inDialog("REFER", "Refer-To: <sip:payments@127.0.0.1>")
	case 8:
		inDialog("BYE")
	case 9:
		u.final = true
		u.ofBranch(u.invite, tag, 200, body)
	case 10:
		u.final, u.failed = true, true
		u.ofBranch(u.invite, tag, []int{302, 404, 486, 503, 603}[u.rnd.IntN(5)], "")
	case 11:
		l.End(call.Cause{Status: 487})
	}
}

// Whatever a phone sends, and in which order: each reliable response is
// acknowledged once, nothing panics, and when we have hung up nothing is left.
func TestUnrulyForks(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				p := e.plug("127.0.0.1:7001")
				if m := p.register("1001", "demo-1001"); status(m) != 200 {
					t.Fatalf("got %s", m)
				}
				l, err := e.Dialer(callflow.AddressDevice).Dial(t.Context(), callflow.Invitation{LegID: "leg1", To: e.Devices("u1001")[0], FromUser: "alice"})
				if err != nil {
					t.Fatal(err)
				}
				over := make(chan struct{})
				answered := 0
				l.Bind(func(ev callflow.LegEvent) {
					switch ev.Kind {
					case callflow.LegAnswered:
						answered++
					case callflow.LegRefer:
						l.Referred(100, "")
						l.Referred(200, "")
					case callflow.LegFinal:
						close(over)
					}
				})
				u := &unruly{phone: p, t: t, rnd: rand.New(rand.NewPCG(seed, 1)), invite: p.request("INVITE"), sent: map[string]int{}, acked: map[string]int{}}
				for range 14 {
					u.act(l)
					u.react(20 * time.Millisecond)
				}
				l.End(call.Cause{Status: 487})
				for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); {
					u.react(2 * time.Second)
					if !u.final { // who was never asked to stop answers at last
						u.final = true
						u.ofBranch(u.invite, "a", 480, "")
					}
				}
				select {
				case <-over:
				default:
					t.Error("the leg lives on")
				}
				if m := e.Metrics(); m.Panics != 0 || m.Dialogs != 0 || answered > 1 {
					t.Errorf("%d panics, %d dialogs, %d answers", m.Panics, m.Dialogs, answered)
				}
			})
		})
	}
}
