package callflow_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/queue"
	"pickup/recording"
)

// others makes the queues of a site: "support" with the rules of o, and more.
func (s *site) others(support queue.Overflow, change func(*queue.QueueConfig), more ...queue.QueueConfig) {
	s.t.Helper()
	q := queue.QueueConfig{
		ID: "q1", Name: "support", Enabled: true, Target: 30 * time.Second, Overflow: support,
		Members: []queue.Member{{Agent: "agent-1001", Rank: 1}},
	}
	if change != nil {
		change(&q)
	}
	for i := range more {
		more[i].ID, more[i].Enabled = more[i].Name, true
	}
	agents := []queue.AgentConfig{{ID: "agent-1001", Login: "1001"}, {ID: "agent-1002", Login: "1002"}}
	s.must(s.queue.Configure(s.t.Context(), append(more, q), agents))
}

func toQueue(name string) queue.Way { return queue.Way{Kind: queue.WayQueue, Queue: name} }

// entriesOf returns the end reasons of what was in a queue.
func (s *site) entriesOf(name string) (reasons []call.EndReason) {
	s.t.Helper()
	all, err := s.ledger.EndedEntries(s.t.Context(), name, time.Now().Add(-24*time.Hour), time.Now().Add(time.Hour))
	s.must(err)
	for _, e := range all {
		if e.Reason != "" { // else he still waits
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

func TestOverflowLeadsToAnotherQueueWithTheSameCallAndKey(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: 2})
		night := queue.QueueConfig{Name: "night", Members: []queue.Member{{Agent: "agent-1002", Rank: 1}}}
		s.others(queue.Overflow{Time: toQueue("night")}, func(q *queue.QueueConfig) { q.MaxWait = 40 * time.Second }, night)
		player := s.mustCall("support", "alice")
		time.Sleep(39 * time.Second)
		before := s.live()
		if before.Record.Queue != "support" {
			t.Fatalf("before the limit: in %s", before.Record.Queue)
		}
		time.Sleep(2 * time.Second)
		v := s.live()
		if v.Record.ID != before.Record.ID || v.Record.Queue != "night" || v.Record.State != call.StateWaiting {
			t.Fatalf("after the limit: %s in %s", v.Record.State, v.Record.Queue)
		}
		later := s.mustCall("night", "bob") // he is behind her, who has waited for longer
		time.Sleep(time.Second)
		second := s.agent("1002", picksUp(time.Second))[0]
		time.Sleep(5 * time.Second)
		if got := second.last().invitation.FromUser; got != "alice" {
			t.Errorf("the agent of the night got %q first", got)
		}
		player.hangUp()
		later.hangUp()
		time.Sleep(time.Second)
		for _, r := range s.ended() {
			if r.From.User != "alice" {
				continue
			}
			if wait := r.Wait(time.Now()).Round(time.Second); r.EndReason != call.EndAnswered || wait < 41*time.Second {
				t.Errorf("alice: %s after %s of waiting", r.EndReason, wait)
			}
			if story := s.story(r.ID); !slices.Contains(story, "overflow") || !slices.Contains(story, "requeued") {
				t.Errorf("her story: %v", story)
			}
		}
		if got := s.entriesOf("support"); !slices.Equal(got, []call.EndReason{call.EndOverflowTime}) {
			t.Errorf("entries of support: %v", got)
		}
	})
}

func TestWhoCannotEnterAQueueIsLedOn(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: 2})
		night := queue.QueueConfig{Name: "night", Members: []queue.Member{{Agent: "agent-1002", Rank: 1}}}
		s.others(queue.Overflow{Full: toQueue("night")}, func(q *queue.QueueConfig) { q.MaxLength = 1 }, night)
		second := s.agent("1002", picksUp(time.Second))[0]
		s.mustCall("support", "alice")
		time.Sleep(time.Second)
		s.mustCall("support", "bob")
		time.Sleep(6 * time.Second)
		if second.last() == nil || second.last().invitation.FromUser != "bob" {
			t.Fatalf("bob is not served in the other queue: %+v", s.calls.AllLive())
		}
		if got := s.entriesOf("support"); !slices.Equal(got, []call.EndReason{call.EndOverflowFull}) {
			t.Errorf("entries of support: %v", got)
		}
	})
}

// Rules that lead in a circle are refused when they are configured; where they
// stand all the same, a call ends at voicemail, or here, without a recorder,
// with a sentence (R26).
func TestRulesInACircleEnd(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		s.others(queue.Overflow{Closed: toQueue("b")}, closedNow,
			queue.QueueConfig{Name: "b", Overflow: queue.Overflow{Closed: toQueue("support")}, Hours: never()})
		player := s.mustCall("support", "alice")
		time.Sleep(10 * time.Second)
		if !player.gone() {
			t.Fatal("the call goes round for ever")
		}
		r := s.one()
		if r.EndReason != call.EndClosed || !slices.Contains(s.story(r.ID), "overflow_loop") {
			t.Errorf("ended %s: %v", r.EndReason, s.story(r.ID))
		}
	})
}

func TestACallbackIsOfferedInPlaceOfWhatCannotBe(t *testing.T) {
	cases := map[string]struct {
		press  rune
		reason call.EndReason
		open   bool // he waits on
	}{
		"1 is a callback":                        {press: '1', reason: call.EndCallbackRequested},
		"nothing is pressed: he hears the limit": {reason: call.EndOverflowTime},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{})
				s.others(queue.Overflow{Time: queue.Way{Kind: queue.WayCallback}}, func(q *queue.QueueConfig) { q.MaxWait = 30 * time.Second })
				player := s.mustCall("support", "alice")
				time.Sleep(33 * time.Second)
				if v := s.live(); v.Record.State != call.StateWaiting {
					t.Fatalf("while it is offered he is %s", v.Record.State)
				}
				if c.press != 0 {
					player.press(c.press)
				}
				time.Sleep(40 * time.Second)
				r := s.one()
				if r.EndReason != c.reason || r.TicketID == "" {
					t.Errorf("ended %s, ticket %q, want %s and a ticket: %v", r.EndReason, r.TicketID, c.reason, s.story(r.ID))
				}
				if c.press == '1' && s.promise().State != callback.StateQueued {
					t.Errorf("promise: %+v", s.promise())
				}
			})
		})
	}
}

// At closing time nobody who waits is cut: he may have a callback, or go on
// waiting (R17).
func TestClosingTimeOffersACallbackAndCutsNobody(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{})
		now := time.Now().UTC()
		open := everyDay(now.Hour()*60+now.Minute(), now.Hour()*60+now.Minute()+2)
		s.others(queue.Overflow{Closing: queue.Way{Kind: queue.WayCallback}}, func(q *queue.QueueConfig) { q.Hours = open })
		stays, goes := s.mustCall("support", "alice"), s.mustCall("support", "bob")
		time.Sleep(2*time.Minute + 3*time.Second)
		goes.press('1')
		time.Sleep(time.Minute)
		if stays.gone() {
			t.Fatal("who waited was cut")
		}
		if !goes.gone() || s.promise().Player != "bob" {
			t.Errorf("who wanted a callback: %+v", s.promises())
		}
		agent := s.agent("1001", picksUp(time.Second))[0]
		time.Sleep(5 * time.Second)
		if agent.last() == nil || agent.last().invitation.FromUser != "alice" {
			t.Error("who waited on is not served after hours")
		}
		stays.hangUp()
		time.Sleep(time.Second)
	})
}

// A queue that is deleted with callers goes on to its target, never to nothing (R14).
func TestADeletedQueueDrainsToItsTarget(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{agents: 2})
		night := queue.QueueConfig{Name: "night"}
		s.others(queue.Overflow{Closed: toQueue("night")}, nil, night)
		player := s.mustCall("support", "alice")
		time.Sleep(10 * time.Second)
		night.ID, night.Enabled = "night", true
		s.must(s.queue.Configure(t.Context(), []queue.QueueConfig{night}, []queue.AgentConfig{{ID: "agent-1001", Login: "1001"}}))
		time.Sleep(time.Second)
		if v := s.live(); player.gone() || v.Record.Queue != "night" {
			t.Errorf("in %q, gone %t", v.Record.Queue, player.gone())
		}
		player.hangUp()
		time.Sleep(time.Second)
	})
}

// voicemailSite is one whose queue leads to voicemail out of hours.
func voicemailSite(t *testing.T, dir string) *site {
	t.Helper()
	s := newSite(t, options{record: dir, calls: func(c *callflowConfig) { c.Voicemail, c.Record = true, true }})
	s.others(queue.Overflow{Closed: queue.Way{Kind: queue.WayVoicemail}}, closedNow)
	return s
}

func TestAMessageIsLeft(t *testing.T) {
	cases := map[string]struct {
		do     func(s *site, l *line)
		speaks time.Duration
		reason call.EndReason
		kinds  []recording.Kind // of the recordings, the oldest first
	}{
		"# and # again sends it": {
			speaks: 4 * time.Second,
			do:     func(_ *site, l *line) { l.press('#'); time.Sleep(3 * time.Second); l.press('#') },
			reason: call.EndVoicemail, kinds: []recording.Kind{recording.KindVoicemail},
		},
		"who hangs up has sent it": {
			speaks: 4 * time.Second, do: func(_ *site, l *line) { l.hangUp() },
			reason: call.EndVoicemail, kinds: []recording.Kind{recording.KindVoicemail},
		},
		"silence ends it, and who chooses nothing has sent it": {
			speaks: 4 * time.Second, do: func(*site, *line) { time.Sleep(time.Minute) },
			reason: call.EndVoicemail, kinds: []recording.Kind{recording.KindVoicemail},
		},
		"listened to, recorded anew and sent": {
			speaks: 4 * time.Second,
			do: func(s *site, l *line) {
				l.press('#')
				time.Sleep(2 * time.Second)
				l.press('1')
				time.Sleep(8 * time.Second)
				l.press('2')
				time.Sleep(time.Second)
				s.speak(l, 3*time.Second)
				l.press('#')
				time.Sleep(time.Second)
				l.press('3')
			},
			reason: call.EndVoicemail, kinds: []recording.Kind{recording.KindDraft, recording.KindVoicemail},
		},
		"nothing is said: there is no message": {
			do: func(*site, *line) { time.Sleep(time.Minute) }, reason: call.EndClosed, kinds: []recording.Kind{recording.KindDraft},
		},
		"who hangs up at the greeting has left none": {
			do: func(_ *site, l *line) { l.hangUp() }, reason: call.EndClosed, kinds: []recording.Kind{recording.KindDraft},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := voicemailSite(t, t.TempDir())
				player := s.mustCall("support", "alice")
				time.Sleep(2 * time.Second) // the greeting, and the tone
				if v := s.live(); v.Record.State != call.StateVoicemail {
					t.Fatalf("state %s: %v", v.Record.State, v.Timeline)
				}
				s.speak(player, c.speaks)
				c.do(s, player)
				time.Sleep(20 * time.Second)
				r := s.one()
				if r.EndReason != c.reason {
					t.Errorf("ended %s, want %s: %v", r.EndReason, c.reason, s.story(r.ID))
				}
				rows := s.recordings()
				var kinds []recording.Kind
				for _, row := range rows {
					kinds = append(kinds, row.Kind)
				}
				if !slices.Equal(kinds, c.kinds) {
					t.Errorf("recordings %v, want %v", kinds, c.kinds)
				}
				if c.reason != call.EndVoicemail {
					if r.RecordingID != "" {
						t.Errorf("the call has recording %s", r.RecordingID)
					}
					return
				}
				last := rows[len(rows)-1]
				if r.RecordingID != string(last.ID) || last.State != recording.StateStored || last.Duration < 3*time.Second || last.Duration > 15*time.Second {
					t.Errorf("the call has %s, the recording is %+v", r.RecordingID, last)
				}
				detail, err := s.ledger.Ticket(t.Context(), r.TicketID)
				s.must(err)
				if k := detail.Ticket; k.Type != "voicemail" || k.Queue != "support" || !strings.Contains(k.Subject, "support") {
					t.Errorf("ticket: %+v", k)
				}
			})
		})
	}
}

// kill -9 while he speaks: what was said is there, with its ticket.
func TestAMessageSurvivesACrash(t *testing.T) {
	virtual(t, func(t *testing.T) {
		dir := t.TempDir()
		s := voicemailSite(t, dir)
		player := s.mustCall("support", "alice")
		time.Sleep(2 * time.Second)
		s.speak(player, 6*time.Second)
		memory := s.crash()
		after := newSite(t, options{memory: memory, record: dir, calls: func(c *callflowConfig) { c.Voicemail = true }})
		after.must(after.calls.Recover(t.Context(), after.repair))
		r := after.one()
		if r.EndReason != call.EndVoicemail || r.TicketID == "" || r.RecordingID == "" {
			t.Fatalf("record %+v: %v", r, after.story(r.ID))
		}
		row := after.recordings()[0]
		if row.Kind != recording.KindVoicemail || row.Duration < 5*time.Second {
			t.Errorf("recording: %+v", row)
		}
	})
}
