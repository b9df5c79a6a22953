package configs

import (
	"slices"
	"strings"
	"time"
)

// SiteWay is where callers go who cannot stay in a queue.
type SiteWay struct {
	Kind   string `koanf:"kind"`   // queue, callback, voicemail, message; "": no rule
	Queue  string `koanf:"queue"`  // of kind queue; of kind voicemail: whose message it is, "": the queue's that is left
	Prompt string `koanf:"prompt"` // of kind message: the last sentence; "": that of the reason
}

// SiteOverflow are the rules by which callers leave a queue.
type SiteOverflow struct {
	Time     SiteWay `koanf:"time"`     // waited max_wait
	Full     SiteWay `koanf:"full"`     // max_length wait already
	Estimate SiteWay `koanf:"estimate"` // estimate above estimate_above; "": as time
	NoAgent  SiteWay `koanf:"no_agent"` // nobody is there; only with leave_when_empty
	Closed   SiteWay `koanf:"closed"`   // out of hours; and who waits when the queue is disabled or deleted
	Closing  SiteWay `koanf:"closing"`  // who waits when the hours end; "": is served

	EstimateAbove  time.Duration `koanf:"estimate_above"`   // 0: no such rule
	LeaveWhenEmpty bool          `koanf:"leave_when_empty"` // who waits leaves when no agent is on duty
	EmptyAfter     time.Duration `koanf:"empty_after"`      // for so long; 0: 60s
	Staffed        string        `koanf:"staffed"`          // hours in which agents are expected; "": never
}

// Ways returns the kinds of a way out of a queue.
func Ways() []string { return []string{"queue", "callback", "voicemail", "message"} }

func (s *Site) checkOverflow(f *Faults, path string, q SiteQueue) {
	o := q.Overflow
	for _, w := range []struct {
		name string
		way  SiteWay
	}{{"time", o.Time}, {"full", o.Full}, {"estimate", o.Estimate}, {"no_agent", o.NoAgent}, {"closed", o.Closed}, {"closing", o.Closing}} {
		at := path + ".overflow." + w.name
		if w.way.Kind == "" {
			if w.way != (SiteWay{}) {
				f.add(at+".kind", "", "must be one of %s", strings.Join(Ways(), ", "))
			}
			continue
		}
		oneOf(f, at+".kind", w.way.Kind, Ways()...)
		switch {
		case w.way.Kind == "queue" && !s.hasQueue(w.way.Queue), w.way.Kind == "voicemail" && w.way.Queue != "" && !s.hasQueue(w.way.Queue):
			f.add(at+".queue", w.way.Queue, "must be a name under queues")
		case w.way.Kind != "queue" && w.way.Kind != "voicemail" && w.way.Queue != "":
			f.add(at+".queue", w.way.Queue, "must be left out: %s leads to no queue", w.way.Kind)
		}
		if w.way.Kind == "message" {
			promptID(f, at+".prompt", w.way.Prompt, true)
		} else if w.way.Prompt != "" {
			f.add(at+".prompt", w.way.Prompt, "must be left out: %s has sentences of its own", w.way.Kind)
		}
	}
	if o.EstimateAbove != 0 {
		within(f, path+".overflow.estimate_above", o.EstimateAbove, time.Second, 4*time.Hour)
	}
	if o.EmptyAfter != 0 {
		within(f, path+".overflow.empty_after", o.EmptyAfter, time.Second, time.Hour)
	}
	if o.Staffed != "" && !slices.ContainsFunc(s.Hours, func(h SiteHours) bool { return h.Name == o.Staffed }) {
		f.add(path+".overflow.staffed", o.Staffed, "must be a name under hours")
	}
	if circle := s.circle(q.Name, nil); circle != nil {
		f.add(path+".overflow", strings.Join(circle, " > "), "must not lead back to a queue that the call has left")
	}
}

// circle returns the queues of a circle through the last of path that the rules
// of the file make, or nil.
func (s *Site) circle(name string, path []string) []string {
	if i := slices.Index(path, name); i >= 0 {
		return append(slices.Clone(path[i:]), name)
	}
	path = append(slices.Clone(path), name)
	for _, q := range s.Queues {
		if q.Name != name {
			continue
		}
		o := q.Overflow
		for _, w := range []SiteWay{o.Time, o.Full, o.Estimate, o.NoAgent, o.Closed, o.Closing} {
			if w.Kind == "queue" {
				if found := s.circle(strings.ToLower(w.Queue), path); found != nil {
					return found
				}
			}
		}
	}
	return nil
}
