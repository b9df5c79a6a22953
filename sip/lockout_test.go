package sip_test

import (
	"fmt"
	"testing"

	"pickup/call"
)

// guess sends a wrong password for a login and returns the answer.
func (p *phone) guess(login string) string {
	p.t.Helper()
	m := message{method: "REGISTER", user: login, callID: fmt.Sprintf("guess-%s-%d", login, p.n), from: "<sip:" + login + "@127.0.0.1>;tag=g"}
	p.send(p.text(m))
	challenge := header(p.responseTo(m.callID, "REGISTER"), "WWW-Authenticate")
	m.cseq, m.extra = 2, []string{credentials(challenge, login, "guess", "REGISTER", "sip:"+login+"@127.0.0.1", 1)}
	p.send(p.text(m))
	return p.responseTo(m.callID, "REGISTER")
}

// Whoever guesses, from the very address of the agent too (they may share a
// NAT), locks himself out and not the agent's phone.
func TestGuessingNeverLocksTheRealAgentOut(t *testing.T) {
	e := startEdge(t, nil)
	agent, thief := e.phone(), e.phone()
	if m := agent.register("1001", "demo-1001"); status(m) != 200 {
		t.Fatalf("got %s", m)
	}
	for range 10 {
		if m := thief.guess("1001"); status(m) != 401 {
			t.Fatalf("a free try: %s", m)
		}
	}
	if m := thief.guess("1001"); status(m) != 403 || header(m, "Retry-After") == "" {
		t.Errorf("the eleventh: %s", m)
	}
	if m := agent.register("1001", "demo-1001"); status(m) != 200 {
		t.Errorf("the agent's refresh: %s", m)
	}
	if m := e.Metrics(); m.Wrong != 10 || m.Blocked != 1 {
		t.Errorf("counted %d wrong, %d blocked", m.Wrong, m.Blocked)
	}
	for i := range 90 { // the address has used up its tries
		thief.guess(fmt.Sprintf("nobody-%d", i))
	}
	if m := thief.guess("somebody"); status(m) != 403 {
		t.Errorf("the address is not blocked: %s", m)
	}
	if m := agent.register("1001", "demo-1001"); status(m) != 200 {
		t.Errorf("the agent's refresh, his address blocked: %s", m)
	}
}

// Who says in From that he is one of our users is asked to prove it where a
// device of that user is. Anywhere else he calls as a stranger without a name,
// as anybody does: the answer does not tell which users there are.
func TestForgedFromIsAStrangerWithoutAName(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	for _, user := range []string{"1001", "4444"} {
		p.send(p.text(message{method: "INVITE", callID: "forged-" + user, from: `"The boss" <sip:` + user + `@127.0.0.1>;tag=1`, body: offer}))
		in := e.inbound()
		if known := user == "1001"; known && (in.From.User != "" || in.From.Display != "") || !known && in.From.User != user {
			t.Errorf("%s is shown as %+v", user, in.From)
		}
		if in.Account != "" || in.Login != "" || in.From.Kind != call.PartyAnonymousSIP {
			t.Errorf("%s was believed: %+v", user, in)
		}
		in.Leg.End(call.Cause{Status: 486})
		if m := p.responseTo("forged-"+user, "INVITE"); status(m) != 486 {
			t.Errorf("%s: got %s", user, m)
		}
	}
	if m := e.phone().register("1001", "demo-1001"); status(m) != 200 {
		t.Fatalf("got %s", m)
	}
	p.send(p.text(message{method: "INVITE", callID: "asked", from: "<sip:1001@127.0.0.1>;tag=2", body: offer}))
	if m := p.responseTo("asked", "INVITE"); status(m) != 401 || header(m, "WWW-Authenticate") == "" {
		t.Errorf("beside the device of 1001: %s", m)
	}
}
