package callflow_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pickup/call"
	"pickup/callflow"
	"pickup/queue"
	"pickup/recording"
)

// memoryDir is a directory that needs no disk, where the system has one.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "pickup-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestTalkIsRecordedFromTheBridgeToTheEnd(t *testing.T) {
	dir := memoryDir(t)
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{record: dir})
		agent := s.agent("1001", picksUp(time.Second))[0]
		player := s.mustCall("support", "alice")
		time.Sleep(6 * time.Second)
		rec := recording.ID(s.live().Record.RecordingID)
		if row, err := s.ledger.Recording(t.Context(), rec); err != nil || row.State != recording.StateOpen {
			t.Fatalf("during the talk: %+v, %v", row, err)
		}
		for _, key := range "*48" { // the agent pauses it
			agent.last().press(key)
		}
		time.Sleep(5 * time.Second)
		player.hangUp()
		time.Sleep(2 * time.Second)
		r := s.one()
		row, err := s.ledger.Recording(t.Context(), rec)
		if err != nil || row.State != recording.StateStored || row.SHA256 == "" || row.CallID != r.ID || row.AgentID != "agent-1001" {
			t.Errorf("%+v, %v", row, err)
		}
		if d := (row.Duration - r.Talk).Abs(); d > 100*time.Millisecond {
			t.Errorf("recorded %s of a talk of %s", row.Duration, r.Talk)
		}
		if kinds := s.story(r.ID); !slices.Contains(kinds, "recording_paused") {
			t.Errorf("events: %v", kinds)
		}
	})
}

// A store or a disk that is late with recordings makes none of them longer than
// its talk, and one call's end does not wait for another call's recording.
func TestHangUpsAtOnceAreRecordedToTheHangUp(t *testing.T) {
	const calls = 40
	dir := memoryDir(t)
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{record: dir, agents: calls, late: 2 * time.Second})
		var players []*line
		for i := range calls {
			s.agent(fmt.Sprint(1001+i), picksUp(time.Second))
			players = append(players, s.mustCall("support", fmt.Sprint("player", i)))
		}
		time.Sleep(10 * time.Second)
		for _, p := range players {
			p.hangUp()
		}
		time.Sleep(10 * time.Second) // 16 are closed at once
		all := s.ended()
		if len(all) != calls {
			t.Fatalf("%d calls are stored, want %d", len(all), calls)
		}
		for _, r := range all {
			row, err := s.ledger.Recording(t.Context(), recording.ID(r.RecordingID))
			if err != nil || row.State != recording.StateStored || (row.Duration-r.Talk).Abs() > 100*time.Millisecond {
				t.Errorf("recorded %v of a talk of %v: %+v, %v", row.Duration, r.Talk, row, err)
			}
		}
	})
}

func TestRecorderThatFailsEndsNoCall(t *testing.T) {
	dir := filepath.Join(memoryDir(t), "recordings")
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{record: dir})
		s.agent("1001", picksUp(time.Second))
		s.must(os.RemoveAll(dir))
		s.must(os.WriteFile(dir, nil, 0o600)) // no folder can be made in it
		player := s.mustCall("support", "alice")
		time.Sleep(10 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking {
			t.Fatalf("state: %s", v.Record.State)
		}
		player.hangUp()
		time.Sleep(2 * time.Second)
		r := s.one()
		row, err := s.ledger.Recording(t.Context(), recording.ID(r.RecordingID))
		if err != nil || row.State != recording.StateIncomplete || row.Incomplete == "" {
			t.Errorf("%+v, %v", row, err)
		}
		if r.EndReason != call.EndAnswered || r.TicketID == "" {
			t.Errorf("%s, ticket %q", r.EndReason, r.TicketID)
		}
	})
}

func TestCrashKeepsWhatWasSaid(t *testing.T) {
	dir := memoryDir(t)
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{record: dir})
		s.agent("1001", picksUp(time.Second))
		s.mustCall("support", "alice")
		time.Sleep(13 * time.Second) // 10 s of talk
		next := newSite(t, options{record: dir, memory: s.crash()})
		next.must(next.calls.Recover(t.Context(), next.repair))
		r := next.one()
		row, err := next.ledger.Recording(t.Context(), recording.ID(r.RecordingID))
		if err != nil || row.State == recording.StateOpen || row.Duration < 9*time.Second {
			t.Errorf("%+v, %v", row, err)
		}
		if r.EndReason != call.EndFailedSystem || r.Talk != row.Duration || r.TicketID == "" || r.CallbackID == "" {
			t.Errorf("%s, talk %s, ticket %q, callback %q", r.EndReason, r.Talk, r.TicketID, r.CallbackID)
		}
	})
}

func TestHoldOfTheAgentsPhone(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		agent := s.agent("1001", picksUp(time.Second))[0]
		player := s.mustCall("support", "alice")
		time.Sleep(13 * time.Second)
		offer := func(direction string) {
			_, err := agent.last().media.Answer(t.Context(), append(slices.Clone(description), "a="+direction+"\r\n"...))
			s.must(err)
		}
		offer("sendonly")
		time.Sleep(5 * time.Second)
		if v := s.live(); v.Record.State != call.StateHeld || s.state("1001") != queue.AgentHolding {
			t.Errorf("call %s, agent %s", v.Record.State, s.state("1001"))
		}
		offer("sendrecv")
		time.Sleep(5 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking {
			t.Errorf("call %s", v.Record.State)
		}
		offer("sendonly")
		time.Sleep(2 * time.Second)
		player.hangUp()
		time.Sleep(time.Second)
		r := s.one()
		if r.EndReason != call.EndAbandonedOnHold || r.Hold.Round(time.Second) != 7*time.Second || r.Talk.Round(time.Second) != 15*time.Second {
			t.Errorf("%s, hold %s, talk %s", r.EndReason, r.Hold, r.Talk)
		}
	})
}

// welcome is a menu of one queue.
func welcome(c *callflow.Config) {
	c.Menus = map[string]callflow.Menu{"welcome": {Prompt: "menu", Queues: map[rune]string{'1': "support"}, Default: "support", LanguageKey: '9'}}
}

func TestMenuLeadsToAQueue(t *testing.T) {
	cases := map[string]struct {
		keys     string
		joined   time.Duration // after the answer, at least
		language string
	}{
		"by its key":               {"1", 0, "en"},
		"by no key twice":          {"", 10 * time.Second, "en"},
		"by a wrong key, then one": {"51", 0, "en"},
		"in the other language":    {"91", 0, "fr"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{calls: welcome})
				player := s.mustCall("welcome", "alice")
				time.Sleep(500 * time.Millisecond)
				if v := s.live(); v.Record.State != call.StateMenu || !v.Record.EnqueuedAt.IsZero() {
					t.Fatalf("%s, in the queue since %s", v.Record.State, v.Record.EnqueuedAt)
				}
				for _, key := range c.keys {
					player.press(key)
				}
				time.Sleep(20 * time.Second)
				r := s.live().Record
				if r.State != call.StateWaiting || r.Queue != "support" || r.Language != c.language {
					t.Errorf("%s in %q, language %s", r.State, r.Queue, r.Language)
				}
				if after := r.EnqueuedAt.Sub(r.MediaAt); after < c.joined {
					t.Errorf("joined after %s", after)
				}
			})
		})
	}
}

func TestKeysWhileWaiting(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		player := s.mustCall("support", "alice")
		player.press('2') // during the notice, which is not cut
		time.Sleep(time.Second)
		if got := s.live().Record.Language; got != "fr" {
			t.Errorf("language: got %s", got)
		}
		s.agent("1001", picksUp(time.Second))
		time.Sleep(1500 * time.Millisecond)
		if got := s.live().Record.State; got != call.StateConnecting {
			t.Errorf("state: got %s, want connecting until the notice of 3 s is over", got)
		}
		time.Sleep(time.Second)
		if got := s.live().Record.State; got != call.StateTalking {
			t.Errorf("state: got %s", got)
		}
	})
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		player := s.mustCall("support", "alice")
		time.Sleep(10 * time.Second)
		for _, key := range "33029" {
			player.press(key)
			time.Sleep(3 * time.Second)
		}
		if r := s.live().Record; r.State != call.StateWaiting || r.Language != "fr" {
			t.Errorf("%s, %s", r.State, r.Language)
		}
	})
}

func TestFeatureCodesOfAnAgentsPhone(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		s.agent("1001", rings)
		dial := func(code string) {
			t.Helper()
			l := s.line(true)
			_, err := l.media.Answer(t.Context(), description)
			s.must(err)
			if refusal := s.calls.Accept(callflow.Inbound{
				Leg: l, To: call.Party{User: code}, Account: "agent-1001", Login: "1001", ArrivedAt: time.Now(),
			}); refusal != nil {
				t.Fatal(refusal)
			}
			time.Sleep(3 * time.Second)
			if answered, ended, _ := l.state(); !answered || !ended {
				t.Errorf("%s: answered %t, ended %t within 3 s", code, answered, ended)
			}
		}
		for _, c := range []struct {
			code string
			want queue.AgentState
		}{{"*46", queue.AgentNotReady}, {"*45", queue.AgentReady}, {"*47", queue.AgentReady}} {
			dial(c.code)
			if got := s.state("1001"); got != c.want {
				t.Errorf("after %s: got %s, want %s", c.code, got, c.want)
			}
		}
		if _, refusal := s.call("*45", "alice"); refusal == nil || refusal.Status != 404 {
			t.Errorf("a code without an account: %v", refusal)
		}
	})
}

func TestHangUpByHand(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		player := s.mustCall("support", "alice")
		time.Sleep(30 * time.Second)
		id := s.live().Record.ID
		s.must(s.calls.Hangup(t.Context(), id, "agent-9"))
		time.Sleep(time.Second)
		if _, ended, _ := player.state(); !ended {
			t.Error("the line is open")
		}
		if r := s.one(); r.EndReason != call.EndWithdrawn {
			t.Errorf("reason: got %s", r.EndReason)
		}
		if err := s.calls.Hangup(t.Context(), id, "agent-9"); err == nil {
			t.Error("a call that is over was hung up")
		}
	})
}
