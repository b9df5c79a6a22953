//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The tones of the three who talk.
const (
	playerTone = 1000
	firstTone  = 1700
	secondTone = 2300
)

// phases says which of the three tones are in each stretch of pcm, in order:
// "p" the player, "1" and "2" the agents. What lasts less than 700 ms is passed
// over, and nothing at all too.
func phases(pcm []float64, rate int) string {
	n := rate / 10
	var found []string
	last, length := "", 0
	keep := func() {
		if length >= 7 && last != "" && (len(found) == 0 || found[len(found)-1] != last) {
			found = append(found, last)
		}
	}
	for at := 0; at+n <= len(pcm); at += n {
		now := ""
		for _, tone := range []struct {
			name string
			hz   float64
		}{{"p", playerTone}, {"1", firstTone}, {"2", secondTone}} {
			if db(power(pcm[at:at+n], tone.hz, rate)) > -30 {
				now += tone.name
			}
		}
		if now != last {
			keep()
			last, length = now, 0
		}
		length++
	}
	keep()
	return strings.Join(found, " ")
}

// trio is a player who talks to agent 1001, while a second user has a phone.
type trio struct {
	*server
	player, first, second *baresip
	id                    string
}

func startTrio(t *testing.T, second string) *trio {
	t.Helper()
	s := &trio{server: startServer(t)}
	s.first = startBaresip(t, softphone{account: agentAccount(s.server, "1001", "PCMA"), hz: firstTone})
	s.agents(1, "ready")
	s.player = startBaresip(t, softphone{account: playerAccount("alice", "PCMU"), hz: playerTone, run: []string{"/dial sip:support@" + s.sip}})
	wait(t, 20*time.Second, "the call is talking", func() (bool, string) {
		calls := s.list("/api/v1/calls?state=live")
		if len(calls) == 0 {
			return false, "no live call"
		}
		s.id = calls[0].str("id")
		return calls[0].str("state") == "talking", calls[0].str("state")
	})
	s.second = startBaresip(t, softphone{account: agentAccount(s.server, second, "PCMA"), hz: secondTone})
	wait(t, 10*time.Second, second+" is registered", func() (bool, string) {
		return s.metric("pickup_sip_bindings") == 2, ""
	})
	return s
}

// operate does something with the call, as a supervisor.
func (s *trio) operate(operation, to string) object {
	s.t.Helper()
	var talk object
	s.call("POST", "/api/v1/calls/"+s.id+"/talk", map[string]string{"operation": operation, "to": to}, &talk, 200)
	return talk
}

// talk waits until the call is as ok wants it, and then some seconds.
func (s *trio) talks(what string, ok func(object) bool) {
	s.t.Helper()
	wait(s.t, 10*time.Second, what, func() (bool, string) {
		var talk object
		s.call("GET", "/api/v1/calls/"+s.id+"/talk", nil, &talk, 200)
		return ok(talk), fmt.Sprint(talk)
	})
	s.pass(1500 * time.Millisecond) // of talk, which is what is measured
}

// pass lets people talk.
func (s *trio) pass(long time.Duration) {
	s.t.Helper()
	began := time.Now()
	wait(s.t, long+5*time.Second, "some talk", func() (bool, string) { return time.Since(began) > long, "" })
}

func with(agent string) func(object) bool {
	return func(talk object) bool { return talk.str("state") == "talking" && talk.str("agent") == agent }
}

func aside(talk object) bool { return talk["aside"] == true }

// check compares what everybody heard, and what was recorded, with what he should
// have.
func (s *trio) check(player, first, second, left, right string) {
	s.t.Helper()
	s.player.quit()
	s.first.quit()
	s.second.quit()
	ended := s.ended(1, 10*time.Second)[0]
	for _, p := range []struct {
		name string
		b    *baresip
		want string
	}{{"player", s.player, player}, {"1001", s.first, first}, {"1002", s.second, second}} {
		if got := phases(p.b.heardInAll(s.t), 8000); got != p.want {
			s.t.Errorf("%s heard %q, want %q", p.name, got, p.want)
		}
	}
	channels, rate := readWAV(s.t, s.audio(ended.str("recording_id")))
	for side, want := range []string{left, right} {
		if got := phases(channels[side], rate); got != want {
			s.t.Errorf("channel %d of the recording: %q, want %q", side, got, want)
		}
	}
}

// Three softphones: the agent asks a colleague, all three talk, the agent leaves.
func TestConsultationAndConferenceOfSoftphones(t *testing.T) {
	t.Parallel()
	s := startTrio(t, "1002")
	s.talks("they talk", with("1001"))
	s.operate("consult", "1002")
	s.talks("the colleague is asked", aside)
	s.operate("toggle", "")
	s.talks("back to the player", with("1001"))
	s.operate("toggle", "")
	s.talks("and to the colleague", aside)
	s.operate("conference", "")
	s.talks("all talk", with("1001"))
	s.first.quit()
	s.talks("the colleague has him", with("1002"))
	s.check("1 12 2", "p 2 p 2 p2", "1 p1 p", "p", "1 12 2")
}

// set chooses the state of an agent, as a supervisor.
func (s *trio) set(login, state string) {
	s.t.Helper()
	for _, a := range s.list("/api/v1/agents") {
		if a.str("login") == login {
			s.call("PUT", "/api/v1/agents/"+a.str("id")+"/state", object{"state": state, "reason": "test"}, nil, 200)
			return
		}
	}
	s.t.Fatalf("no agent %s", login)
}

// The agent asks the queue itself, of which nobody is free: he waits and has a
// place, until a colleague is ready, who then gets the player.
func TestConsultationOfAQueueBySoftphones(t *testing.T) {
	t.Parallel()
	s := startTrio(t, "1002")
	s.set("1002", "not_ready")
	s.talks("they talk", with("1001"))
	s.operate("consult", "support")
	s.talks("he waits for the queue", func(talk object) bool {
		p := talk["parties"].([]any)
		return len(p) == 1 && object(p[0].(map[string]any)).str("queue") == "support" && object(p[0].(map[string]any))["place"] == 1.0
	})
	s.set("1002", "ready")
	s.talks("the colleague is asked", aside)
	s.operate("complete", "")
	s.talks("the colleague has him", with("1002"))
	s.check("1 2", "p 2", "1 p", "p", "1 2")
	if got := s.list("/api/v1/queues")[0]; got.str("name") == "support" && got["offered"] != 2.0 {
		t.Errorf("the queue counts %v calls, want 2: the player's, and his again with the colleague", got["offered"])
	}
}

// A supervisor listens, whispers, takes part, and takes the call.
func TestSupervisorOnASoftphone(t *testing.T) {
	t.Parallel()
	s := startTrio(t, "2001")
	s.signIn("2001", "demo-2001")
	monitor := func(way string) func(object) bool {
		return func(talk object) bool {
			for _, p := range talk["parties"].([]any) {
				if p := object(p.(map[string]any)); p.str("kind") == "monitor" {
					return p["talking"] == true && p.str("listens") == way
				}
			}
			return false
		}
	}
	s.operate("listen", "")
	s.talks("he listens", monitor("listen"))
	s.operate("whisper", "")
	s.talks("he whispers", monitor("whisper"))
	s.operate("barge", "")
	s.talks("he takes part", monitor("barge"))
	s.operate("take_over", "")
	s.talks("he has the call", with("2001"))
	s.check("1 12 2", "p p2", "p1 p", "p", "1 12 2")
}

// A phone transfers by REFER: blind, and then back by a second call of its own.
func TestREFEROfASoftphone(t *testing.T) {
	t.Parallel()
	s := startTrio(t, "1002")
	s.talks("they talk", with("1001"))
	s.first.command("/transfer sip:1002@" + s.sip)
	s.talks("the colleague has him", with("1002"))
	s.second.command("/hold")
	s.second.command("/dial sip:1001@" + s.sip)
	s.talks("the colleague consults on a second line", func(talk object) bool {
		parties := talk["parties"].([]any)
		return len(parties) == 1 && object(parties[0].(map[string]any))["talking"] == true
	})
	s.second.command("/line 1")
	s.second.command("/hangup") // the player's line: he is the colleague's now
	s.talks("he gave him back", with("1001"))
	s.check("1 2 1", "p 2 p", "p 1", "p", "1 2 1")
}

// The same at the console: every button, in both languages, bright and dark.
func TestTalkAtTheConsole(t *testing.T) {
	s := startTrio(t, "1002")
	guest := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { s.second.command("/hangup") }))
	defer guest.Close()
	s.script("console_talk.mjs", object{"call": s.id, "hangUpGuest": guest.URL})
}
