package callflow_test

import (
	"testing"
	"time"

	"pickup/call"
	"pickup/callback"
	"pickup/callflow"
	"pickup/internal/hours"
	"pickup/queue"
	"pickup/ticket"
)

func TestWhereADialledNumberLeads(t *testing.T) {
	numbers := map[string]callflow.Number{
		"+33123456789":  {To: "support", Language: "fr"},
		"+442079460000": {To: "Welcome", Language: "en"},
		"+33987654321":  {To: "support"},
		"+33111111111":  {To: "gone"},
		"+33222222222":  {To: "*45"},
	}
	for name, c := range map[string]struct {
		dialled  string
		asked    string // language of the caller's phone
		language string // "": 404
		menu     bool
	}{
		"with its plus":                           {"+33123456789", "", "fr", false},
		"without the plus":                        {"33123456789", "", "fr", false},
		"as in its country":                       {"0123456789", "", "fr", false},
		"with the prefix of its country":          {"0033123456789", "", "fr", false},
		"with parameters of a number":             {"+33123456789;phone-context=example.com", "", "fr", false},
		"the number decides the language":         {"+33123456789", "en", "fr", false},
		"a number without one takes the caller's": {"+33987654321", "fr", "fr", false},
		"or that of the site":                     {"+33987654321", "", "en", false},
		"a number of a menu":                      {"+442079460000", "", "en", true},
		"a number of nobody":                      {"+33123456780", "", "", false},
		"the beginning of a number":               {"+3312345678", "", "", false},
		"a number to a queue that is gone":        {"+33111111111", "", "", false},
		"a number to a feature code":              {"+33222222222", "", "", false},
		"a name":                                  {"Support", "", "en", false},
		"a plus":                                  {"+", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				s := newSite(t, options{calls: func(cfg *callflow.Config) {
					cfg.Tickets = ticket.Policy{Country: "FR"}
					cfg.Menus = map[string]callflow.Menu{"welcome": {Prompt: "menu.welcome", Queues: map[rune]string{'1': "support"}, Default: "support"}}
				}})
				s.calls.SetNumbers(numbers)
				l := s.line(true)
				_, err := l.media.Answer(t.Context(), description)
				s.must(err)
				refusal := s.calls.Accept(callflow.Inbound{
					Leg: l, From: call.Party{Kind: call.PartyTrunk, User: "+33600000000"}, To: call.Party{User: c.dialled}, Language: c.asked,
					ArrivedAt: time.Now(),
				})
				if c.language == "" {
					if refusal == nil || refusal.Status != 404 || s.calls.Routable(c.dialled, "") {
						t.Errorf("got %v, want 404", refusal)
					}
					l.media.Close()
					return
				}
				if refusal != nil {
					t.Fatal(refusal)
				}
				v := s.live().Record
				if v.Language != c.language || (v.State == call.StateMenu) != c.menu || !c.menu && v.Queue != "support" || v.To.User != c.dialled {
					t.Errorf("got %+v, want language %s, a menu: %t", v, c.language, c.menu)
				}
			})
		})
	}
}

// morning opens a queue for an hour each day, from the beginning of a bubble on.
func morning(q *queue.QueueConfig) {
	q.Hours = &hours.Hours{}
	for d := range q.Hours.Days {
		q.Hours.Days[d] = [][2]int{{0, 60}}
	}
}

func TestCallToAClosedQueueHearsSoAndEnds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{queue: morning})
		agent := s.agent("1001", picksUp(time.Second))[0]
		time.Sleep(2 * time.Hour)
		player := s.mustCall("support", "alice")
		time.Sleep(time.Second)
		if answered, ended, _ := player.state(); !answered || ended {
			t.Errorf("answered %t, ended %t: want the sentence to be played", answered, ended)
		}
		time.Sleep(10 * time.Second)
		if _, ended, _ := player.state(); !ended {
			t.Error("the line is open")
		}
		if r := s.one(); r.EndReason != call.EndClosed || r.TicketID != "" {
			t.Errorf("got %s, ticket %q; want closed without a ticket", r.EndReason, r.TicketID)
		}
		if agent.rung() != 0 {
			t.Error("an agent was rung")
		}
	})
}

func TestWhoWaitsAtClosingTimeIsServed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{queue: morning})
		time.Sleep(59 * time.Minute)
		player := s.mustCall("support", "alice")
		time.Sleep(5 * time.Minute)
		s.agent("1001", picksUp(time.Second))
		time.Sleep(20 * time.Second)
		if v := s.live(); v.Record.State != call.StateTalking {
			t.Errorf("got %s, want talking", v.Record.State)
		}
		player.hangUp()
	})
}

func TestCallbackWaitsUntilItsQueueIsOpen(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{queue: morning})
		home := s.phone(alice, picksUp(time.Second))
		time.Sleep(59 * time.Minute)
		promised(t, s)
		time.Sleep(5 * time.Minute)
		s.agent("1001", picksUp(time.Second)) // after closing time
		time.Sleep(22 * time.Hour)
		if home.rung() != 0 {
			t.Fatal("called back while it is closed")
		}
		if got := s.state("1001"); got != queue.AgentReady {
			t.Errorf("agent: got %s, want ready", got)
		}
		time.Sleep(time.Hour)
		if home.rung() != 1 {
			t.Errorf("rung %d times in the morning, want once", home.rung())
		}
	})
}

func TestPromiseStandsWhileItsQueueIsClosed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		s := newSite(t, options{queue: morning})
		time.Sleep(59 * time.Minute)
		promised(t, s)
		time.Sleep(5 * time.Minute)
		player := s.mustCall("support", "alice")
		time.Sleep(30 * time.Second)
		if _, ended, _ := player.state(); !ended {
			t.Error("the line is open")
		}
		if got := s.promise(); got.State != callback.StateQueued {
			t.Errorf("callback: got %s, want queued", got.State)
		}
	})
}
