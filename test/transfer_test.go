//go:build e2e

package test

import (
	"fmt"
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

// trio is a player who talks to agent 1001, while 1002 is ready.
type trio struct {
	*server
	player, first, second *baresip
	id                    string
}

func startTrio(t *testing.T) *trio {
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
	s.second = startBaresip(t, softphone{account: agentAccount(s.server, "1002", "PCMA"), hz: secondTone})
	s.agents(1, "ready")
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
	time.Sleep(1500 * time.Millisecond) // of talk, which is what is measured
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
		channels, rate := readWAV(s.t, p.b.heard(s.t))
		if got := phases(channels[0], rate); got != p.want {
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
	s := startTrio(t)
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
