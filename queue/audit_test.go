package queue_test

import (
	"testing"
	"time"

	"pickup/queue"
)

// Every count and every state that could go wrong is found, put right and found
// right after that.
func TestAuditFindsAndRepairs(t *testing.T) {
	wait := func(r *rig) { r.join("i"); r.join("j") }
	talk := func(r *rig) { r.join("i"); r.talk("i") }
	for name, c := range map[string]struct {
		bring func(r *rig)
		state queue.AgentState // of the agent after the repair; "": not looked at
	}{
		"live":        {wait, ""},
		"duty":        {wait, ""},
		"held":        {talk, ""},
		"text":        {wait, ""},
		"waiting":     {wait, ""},
		"shown":       {func(*rig) {}, queue.AgentReady},
		"idle":        {func(*rig) {}, queue.AgentReady},
		"reservation": {func(r *rig) { r.join("i") }, queue.AgentReady},
		"lease":       {func(r *rig) { r.join("i") }, queue.AgentReserved}, // until the legs are final
		"reaped":      {func(r *rig) { r.join("i"); r.leave("i") }, queue.AgentReady},
		"current":     {talk, queue.AgentReady},
		"wrap":        {func(r *rig) { r.join("i"); r.hangup(r.talk("i").ID) }, queue.AgentReady},
	} {
		t.Run(name, func(t *testing.T) {
			r := simple(t, queue.Config{}, func(q *queue.QueueConfig) { q.WrapUp = time.Minute }, "a")
			c.bring(r)
			if e := r.do(queue.Event{Kind: queue.EventAudit}); !e.OK || e.Text != "" {
				t.Fatalf("found before anything is wrong: %q", e.Text)
			}
			r.c.Spoil(name)
			e := r.do(queue.Event{Kind: queue.EventAudit})
			if e.OK || e.Text == "" {
				t.Fatal("nothing found")
			}
			if e := r.do(queue.Event{Kind: queue.EventAudit}); !e.OK {
				t.Errorf("found again: %q", e.Text)
			}
			if v, _ := r.c.AgentView("a"); c.state != "" && v.State != c.state {
				t.Errorf("agent: got %s, want %s", v.State, c.state)
			}
		})
	}
}

// An agent who is consulted is held by an item of no figure.
func TestAuditWhileAnAgentIsConsulted(t *testing.T) {
	r := simple(t, queue.Config{}, nil, "a")
	r.ask("s")
	r.talk("s")
	r.wantState("a", queue.AgentConsulting, "")
	if e := r.do(queue.Event{Kind: queue.EventAudit}); !e.OK || e.Text != "" {
		t.Errorf("found: %q", e.Text)
	}
}
