package callflow

import (
	"testing"

	"pickup/queue"
)

// A call that is moved keeps its new key when it is moved to another queue, and the
// timeline says who did it and why.
func TestACallThatIsMovedKeepsItsPlace(t *testing.T) {
	w := newWorld(faultNone)
	before := w.m.key
	var kind string
	var detail map[string]string
	for _, e := range w.m.step(w.now, prioritised{priority: 3, by: "chief", reason: "second call"}) {
		if s, ok := e.(save); ok {
			kind, detail = s.event.Kind, s.event.Detail
		}
	}
	if w.m.priority != 3 || w.m.key != before-2*60_000 {
		t.Errorf("priority %d, key moved by %d ms, want 3 and -120000", w.m.priority, w.m.key-before)
	}
	if kind != "priority_changed" || detail["by"] != "chief" || detail["from"] != "1" || detail["to"] != "3" || detail["reason"] != "second call" {
		t.Errorf("timeline: got %s %v", kind, detail)
	}
	if out := w.m.step(w.now, prioritised{priority: 3, by: "chief", reason: "again"}); len(out) != 0 {
		t.Errorf("the same priority again: got %v, want nothing", out)
	}
	if reply := w.apply(queue.Event{Kind: queue.EventPriority, ItemID: w.item, Priority: 3}); reply.Err != nil {
		t.Errorf("the queue: %v", reply.Err)
	}
}
