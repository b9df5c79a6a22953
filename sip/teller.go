package sip

import (
	"sync"

	"pickup/callflow"
)

// teller delivers events in order to a sink that may be bound late.
type teller struct {
	mu      sync.Mutex
	sink    func(callflow.LegEvent)
	backlog []callflow.LegEvent
}

func (t *teller) tell(e callflow.LegEvent) {
	t.mu.Lock()
	sink := t.sink
	if sink == nil {
		t.backlog = append(t.backlog, e)
	}
	t.mu.Unlock()
	if sink != nil {
		sink(e)
	}
}

func (t *teller) bind(sink func(callflow.LegEvent)) {
	t.mu.Lock()
	for len(t.backlog) > 0 {
		waiting := t.backlog
		t.backlog = nil
		t.mu.Unlock()
		for _, e := range waiting {
			sink(e)
		}
		t.mu.Lock()
	}
	t.sink = sink
	t.mu.Unlock()
}
