//go:build e2e

package test

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pickup/internal/id"
)

// stormer is one socket from which many calls are made that end at once.
type stormer struct {
	t      *testing.T
	server string
	conn   *net.UDPConn
	rtp    int // a port that nobody reads

	mu    sync.Mutex
	calls map[string]*stormCall // by Call-ID
	ends  []atomic.Int64        // calls that ended as they should
	late  atomic.Int64          // answers of the server that came too late for the call to be cut
	left  sync.WaitGroup        // calls that their caller has left, until the server ends them
}

// manners are the ways in which a call ends.
var manners = [...]struct {
	name string
	run  func(*stormCall) bool
}{
	{"BYE at once after the ACK", func(c *stormCall) bool {
		ok := c.invite(200)
		c.ack(ok)
		return c.bye(ok)
	}},
	{"BYE without an ACK", func(c *stormCall) bool { return c.bye(c.invite(200)) }},
	{"CANCEL at the 100", func(c *stormCall) bool {
		c.invite(100)
		return c.cancel()
	}},
	{"CANCEL right behind the INVITE", func(c *stormCall) bool {
		c.send(c.text("INVITE", c.branch, "", 1, c.sdp()))
		return c.cancel()
	}},
	{"BYE twice", func(c *stormCall) bool {
		ok := c.invite(200)
		c.ack(ok)
		c.send(c.text("BYE", "z9hG4bK"+id.New(), ok.get("to"), 2, ""))
		return c.bye(ok)
	}},
	{"waits, talks, and the agent hangs up", func(c *stormCall) bool {
		ok := c.invite(200)
		c.ack(ok)
		return ok.status() == 200 && c.ended(2*time.Minute)
	}},
	{"no ACK", func(c *stormCall) bool {
		if c.invite(200).status() != 200 {
			return false
		}
		c.leave(true)
		return true
	}},
	{"no answer to the agent's BYE", func(c *stormCall) bool {
		ok := c.invite(200)
		c.ack(ok)
		if ok.status() != 200 {
			return false
		}
		c.leave(false)
		return true
	}},
}

// stormCall is one of them.
type stormCall struct {
	*stormer
	user, callID, tag, branch string
	in                        chan sipMessage
	gone                      chan struct{} // closed by the first BYE of the server
	over                      bool          // it is; guarded by stormer.mu
	mute                      bool          // does not answer it
}

// ended waits for the server's BYE.
func (c *stormCall) ended(limit time.Duration) bool {
	select {
	case <-c.gone:
		return true
	case <-time.After(limit):
		c.t.Logf("call %s was never ended", c.callID)
		return false
	}
}

// leave stops the caller's part; its end is waited for beside the storm.
func (c *stormCall) leave(answers bool) {
	c.mu.Lock()
	c.mute = !answers
	c.mu.Unlock()
	c.left.Go(func() {
		if !c.ended(2 * time.Minute) {
			c.t.Errorf("a call that its caller left was never ended")
		}
	})
}

func (c *stormCall) send(text string) {
	to, _ := net.ResolveUDPAddr("udp4", c.server)
	_, _ = c.conn.WriteToUDP([]byte(text), to)
}

func (c *stormCall) sdp() string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n", c.rtp)
}

func (c *stormCall) text(method, branch, to string, cseq int, body string) string {
	kind := ""
	if body != "" {
		kind = "Content-Type: application/sdp\r\n"
	}
	me := c.conn.LocalAddr().String()
	return fmt.Sprintf("%[1]s sip:support@%[2]s SIP/2.0\r\nVia: SIP/2.0/UDP %[3]s;branch=%[4]s;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:%[5]s@%[3]s>;tag=%[6]s\r\nTo: %[7]s\r\nCall-ID: %[8]s\r\nCSeq: %[9]d %[1]s\r\nContact: <sip:%[5]s@%[3]s>\r\n"+
		"%[10]sContent-Length: %[11]d\r\n\r\n%[12]s", method, c.server, me, branch, c.user, c.tag,
		cmp.Or(to, "<sip:support@"+c.server+">"), c.callID, cseq, kind, len(body), body)
}

// exchange sends a request, again where nothing comes, until ok likes a message.
func (c *stormCall) exchange(text string, ok func(sipMessage) bool) sipMessage {
	for pause := 500 * time.Millisecond; pause <= 16*time.Second; pause *= 2 { // timer B and F
		c.send(text)
		for over := time.After(pause); ; {
			select {
			case m := <-c.in:
				if ok(m) {
					return m
				}
				continue
			case <-over:
			}
			break
		}
	}
	return sipMessage{}
}

// invite waits for the 200, or for any answer with want 100.
func (c *stormCall) invite(want int) sipMessage {
	return c.exchange(c.text("INVITE", c.branch, "", 1, c.sdp()), func(m sipMessage) bool {
		return strings.HasSuffix(m.get("cseq"), "INVITE") && m.status() >= want
	})
}

func (c *stormCall) ack(ok sipMessage) {
	c.send(c.text("ACK", "z9hG4bK"+id.New(), ok.get("to"), 1, ""))
}

func (c *stormCall) bye(ok sipMessage) bool {
	if ok.status() != 200 {
		return false
	}
	m := c.exchange(c.text("BYE", "z9hG4bK"+id.New(), ok.get("to"), 3, ""), func(m sipMessage) bool { return m.get("cseq") == "3 BYE" })
	return m.status() == 200 || m.status() == 481 // of two BYE one was the first
}

// cancel takes back the INVITE. Where the 200 was quicker, the call is hung up.
func (c *stormCall) cancel() bool {
	var final sipMessage
	m := c.exchange(c.text("CANCEL", c.branch, "", 1, ""), func(m sipMessage) bool {
		if strings.HasSuffix(m.get("cseq"), "INVITE") && m.status() >= 200 {
			final = m
		}
		return final.status() > 0 && strings.HasSuffix(m.get("cseq"), "CANCEL") || final.status() == 487 || final.status() == 200
	})
	switch final.status() {
	case 487:
		c.send(c.text("ACK", c.branch, final.get("to"), 1, ""))
		return true
	case 200:
		c.late.Add(1)
		c.ack(final)
		return c.bye(final)
	}
	return m.status() == 481
}

// run makes one call.
func (s *stormer) run(n int) {
	way := n % len(manners)
	c := &stormCall{
		stormer: s, user: fmt.Sprintf("storm%d", n%40), callID: id.New(), tag: id.New(), branch: "z9hG4bK" + id.New(), in: make(chan sipMessage, 32),
		gone: make(chan struct{}),
	}
	s.mu.Lock()
	s.calls[c.callID] = c
	s.mu.Unlock()
	if manners[way].run(c) {
		s.ends[way].Add(1)
	}
}

func (s *stormer) read() {
	buf := make([]byte, 65536)
	for {
		n, from, err := s.conn.ReadFromUDP(buf)
		if err != nil {
			return
		}
		m, ok := parseMessage(buf[:n])
		if !ok {
			continue
		}
		s.mu.Lock()
		c := s.calls[m.get("call-id")]
		if c != nil && m.status() == 0 && m.method() == "BYE" && !c.over {
			c.over = true
			close(c.gone)
		}
		mute := c != nil && c.mute
		s.mu.Unlock()
		if m.status() == 0 { // a BYE of the server, or an OPTIONS
			if m.method() != "ACK" && !mute {
				answer := "SIP/2.0 200 OK\r\n"
				for _, h := range []string{"via", "from", "to", "call-id", "cseq"} {
					for _, v := range m.headers[h] {
						answer += h + ": " + v + "\r\n"
					}
				}
				_, _ = s.conn.WriteToUDP([]byte(answer+"content-length: 0\r\n\r\n"), from)
			}
			continue
		}
		if c == nil {
			continue
		}
		select {
		case c.in <- m:
		default:
		}
	}
}

// use is what a server holds for its calls, and of the machine.
type use struct {
	held              float64 // calls, dialogs, legs and entries
	goroutines, files float64
	heap              float64 // bytes
}

func (s *server) use() use {
	held := 0.0
	for _, name := range holding {
		held += s.metric(name)
	}
	return use{held, s.metric("go_goroutines"), s.metric("process_open_fds"), s.metric("go_memstats_heap_alloc_bytes")}
}

// like allows for what is no leak: the database opens connections as it needs
// them, HTTP keeps some of ours, and a collector needs room.
func (u use) like(before use) bool {
	return u.held == before.held && u.goroutines <= before.goroutines+10 && u.files <= before.files+16 && u.heap <= before.heap+24e6
}

func (u use) String() string {
	return fmt.Sprintf("%v calls and legs, %v goroutines, %v descriptors, %.1f MB of heap", u.held, u.goroutines, u.files, u.heap/1e6)
}

// stir gives the collector something to do, and those something who forget what
// is old when the next message comes.
func (s *server) stir(storm *stormer) {
	for range 10 {
		s.call("GET", "/api/v1/calls?limit=200", nil, nil, http.StatusOK)
	}
	c := &stormCall{stormer: storm, callID: id.New(), tag: id.New()}
	c.send(c.text("OPTIONS", "z9hG4bK"+id.New(), "", 1, ""))
}

// blow makes all calls, 50 at a time, and waits until each has ended.
func (s *stormer) blow() time.Duration {
	began := time.Now()
	var wg sync.WaitGroup
	turns := make(chan int)
	for range 50 {
		wg.Go(func() {
			for n := range turns {
				s.run(n)
			}
		})
	}
	for n := range stormCalls {
		turns <- n
	}
	close(turns)
	wg.Wait()
	s.left.Wait()
	return time.Since(began)
}

// holding are the gauges that must come back to where they were.
var holding = []string{"pickup_calls_live", "pickup_sip_dialogs", "pickup_media_legs", `pickup_queue_waiting{queue="support"}`}

// Thousands of calls through the queue, most of which end in the instant they
// begin, some after a talk, some because their caller vanished, leave nothing
// behind 40 s later: no leg, port, entry, open recording, reserved agent,
// goroutine, descriptor or memory.
func TestStormOfCallsLeavesNothing(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := startServer(t, "PICKUP_RECORDING_NOTICE=false", "PICKUP_LOG_LEVEL=error", fmt.Sprintf("PICKUP_DEMO_AGENTS=%d", stormAgents))
	for i := range stormAgents {
		agent := newPhone(t, fmt.Sprint(1001+i), s.sip)
		agent.register("demo-" + agent.user)
		agent.silent, agent.deaf, agent.answerAfter, agent.talkFor = true, true, 20*time.Millisecond, 2200*time.Millisecond
	}
	s.agents(stormAgents, "ready")
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadBuffer(1 << 20)
	storm := &stormer{t: t, server: s.sip, conn: conn, rtp: freePort(t), calls: map[string]*stormCall{}, ends: make([]atomic.Int64, len(manners))}
	go storm.read()
	before := s.use()
	for range 10 { // what is alive, not what waits for the collector
		s.stir(storm)
		before.heap = min(before.heap, s.use().heap)
	}
	took := storm.blow()
	for i := range manners {
		want := int64((stormCalls + len(manners) - 1 - i) / len(manners))
		if got := storm.ends[i].Load(); got != want {
			t.Errorf("%s: %d of %d ended so", manners[i].name, got, want)
		}
	}
	t.Logf("%d calls in %v (%.0f a second), %d answers crossed the CANCEL", stormCalls, took.Round(time.Millisecond),
		stormCalls/took.Seconds(), storm.late.Load())
	calm := time.Now()
	wait(t, 40*time.Second, "all is as before", func() (bool, string) {
		s.stir(storm)
		now := s.use()
		return now.like(before), fmt.Sprintf("%v of %v", now, before)
	})
	t.Logf("%v, then %v, %v after the last call", before, s.use(), time.Since(calm).Round(time.Second))
	for _, r := range s.list("/api/v1/recordings") {
		if r.str("state") == "open" {
			t.Errorf("recording %s is open", r.str("id"))
		}
	}
	for _, a := range s.list("/api/v1/agents") {
		switch a.str("state") {
		case "ready", "not_ready", "offline", "wrap_up", "unreachable":
		default:
			t.Errorf("agent %s is %s", a.str("login"), a.str("state"))
		}
	}
	for _, name := range []string{"pickup_sip_panics_total", "pickup_call_panics_total", "pickup_queue_reaped_total", "pickup_callback_repaired_total"} {
		if n := s.metric(name); n != 0 {
			t.Errorf("%s is %v", name, n)
		}
	}
	last := newPhone(t, "after", s.sip) // and it takes calls
	if _, err := last.dial("support"); err != nil {
		t.Error(err)
	}
}
