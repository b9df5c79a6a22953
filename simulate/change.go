package simulate

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"pickup/account"
	"pickup/queue"
)

// Scale makes work of percent times as much: some of it is left out by chance, or
// comes again within a quarter of an hour. 100 is as it is. The same work and
// percent give the same.
func Scale(work []Work, percent int) []Work {
	if percent == 100 {
		return work
	}
	r := rand.New(rand.NewPCG(uint64(max(percent, 0)), 2))
	var all []Work
	for _, w := range work {
		times := percent / 100
		if r.IntN(100) < percent%100 {
			times++
		}
		for i := range times {
			again := w
			if i > 0 {
				again.At = w.At.Add(time.Duration((r.Float64() - 0.5) * float64(30*time.Minute)))
			}
			all = append(all, again)
		}
	}
	slices.SortStableFunc(all, func(a, b Work) int { return a.At.Compare(b.At) })
	return all
}

// With returns s with n agents more in a queue, or fewer where n is negative. Who
// is added is there when one of the members is, in turn, and can do what he can;
// who is taken away is taken by his login, the last one first, out of the whole
// site. s itself is not changed.
func (s Site) With(name string, n int) (Site, error) {
	s.Queues, s.Agents, s.Presence = slices.Clone(s.Queues), slices.Clone(s.Agents), slices.Clone(s.Presence)
	at := slices.IndexFunc(s.Queues, func(q queue.QueueConfig) bool { return lower(q.Name) == lower(name) })
	if at < 0 {
		return s, fmt.Errorf("simulate: no queue %q", name)
	}
	members := s.members(at)
	switch {
	case n > 0 && len(members) == 0:
		return s, fmt.Errorf("simulate: queue %q has no agent whom others could be like", name)
	case n < 0 && -n > len(members):
		return s, fmt.Errorf("simulate: agents of queue %q: at most %d fewer, got %d", name, len(members), -n)
	}
	for i := range n {
		s.copyAgent(members[i%len(members)], account.ID(fmt.Sprintf("%s+%d", lower(name), i+1)))
	}
	for i := range -n {
		s = s.Without(members[len(members)-1-i].ID)
	}
	return s, nil
}

// members are the agents of a queue by login.
func (s *Site) members(at int) []queue.AgentConfig {
	var all []queue.AgentConfig
	for _, a := range s.Agents {
		if slices.ContainsFunc(s.Queues[at].Members, func(m queue.Member) bool { return m.Agent == a.ID }) {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b queue.AgentConfig) int {
		return cmp.Or(strings.Compare(a.Login, b.Login), strings.Compare(string(a.ID), string(b.ID)))
	})
	return all
}

func (s *Site) copyAgent(like queue.AgentConfig, id account.ID) {
	a := like
	a.ID, a.Login = id, string(id)
	s.Agents = append(s.Agents, a)
	for i := range s.Queues {
		q := &s.Queues[i]
		for _, m := range q.Members {
			if m.Agent == like.ID {
				q.Members = append(slices.Clone(q.Members), queue.Member{Agent: id, Rank: m.Rank})
				break
			}
		}
	}
	for _, p := range slices.Clone(s.Presence) {
		if p.Agent == like.ID {
			p.Agent, p.At = id, p.At.Add(time.Microsecond)
			s.Presence = append(s.Presence, p)
		}
	}
}

// Without returns s without an agent.
func (s Site) Without(id account.ID) Site {
	s.Agents = slices.DeleteFunc(slices.Clone(s.Agents), func(a queue.AgentConfig) bool { return a.ID == id })
	s.Presence = slices.DeleteFunc(slices.Clone(s.Presence), func(p Presence) bool { return p.Agent == id })
	s.Queues = slices.Clone(s.Queues)
	for i := range s.Queues {
		s.Queues[i].Members = slices.DeleteFunc(slices.Clone(s.Queues[i].Members), func(m queue.Member) bool { return m.Agent == id })
	}
	return s
}
