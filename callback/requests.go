package callback

import (
	"sync"
	"time"
)

// requestsWindow is how long a confirmed request counts against its person.
const requestsWindow = 24 * time.Hour

// requests remembers when each person's callbacks were confirmed, for the cap
// of a day. The zero value is ready.
type requests struct {
	mu     sync.Mutex
	at     map[string][]time.Time // by person key, oldest first
	pruned time.Time
}

// most returns the greatest count within the window among the keys of a person.
func (r *requests) most(person []string, now time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	most := 0
	for _, key := range person {
		most = max(most, len(recent(r.at[key], now)))
	}
	return most
}

// add counts one confirmed request.
func (r *requests) add(person []string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = make(map[string][]time.Time)
	}
	if at.Sub(r.pruned) > time.Hour { // forget who is long gone
		for key, times := range r.at {
			if r.at[key] = recent(times, at); len(r.at[key]) == 0 {
				delete(r.at, key)
			}
		}
		r.pruned = at
	}
	for _, key := range person {
		r.at[key] = append(r.at[key], at)
	}
}

// recent drops what is out of the window.
func recent(times []time.Time, now time.Time) []time.Time {
	for len(times) > 0 && now.Sub(times[0]) >= requestsWindow {
		times = times[1:]
	}
	return times
}
