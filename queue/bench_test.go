package queue_test

import (
	"fmt"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
)

// crowd is a Core with waiting items that nobody can take, and agents who all
// talk but for the idle ones of each profile.
func crowd(b *testing.B, waiting, agents, skills int, strategy queue.Strategy) (*queue.Core, func(queue.Event) []queue.Effect) {
	b.Helper()
	c := queue.NewCore(queue.Config{})
	now := epoch
	do := func(ev queue.Event) []queue.Effect {
		now = now.Add(time.Microsecond)
		return c.Apply(now, ev)
	}
	q := queue.QueueConfig{ID: "q1", Name: "support", Enabled: true, Strategy: strategy}
	var configs []queue.AgentConfig
	for i := range agents {
		id := account.ID(fmt.Sprintf("a%05d", i))
		q.Members = append(q.Members, queue.Member{Agent: id, Rank: 1})
		configs = append(configs, queue.AgentConfig{
			ID: id, Login: string(id), AutoReady: true,
			Skills: map[string]int{fmt.Sprintf("s%d", i%skills): 3, "fr": 1 + i%5},
		})
	}
	do(queue.Event{Kind: queue.EventConfigure, Queues: []queue.QueueConfig{q}, Agents: configs})
	for _, a := range configs {
		do(queue.Event{Kind: queue.EventReachable, Agent: a.ID, Devices: 1})
	}
	for i := range waiting { // in need of what nobody has, of many classes
		do(queue.Event{Kind: queue.EventJoin, Item: queue.Item{
			ID: queue.ItemID(fmt.Sprintf("w%06d", i)), Queue: "support", Channel: call.ChannelCall, CountsAsOffered: true,
			Needs: []queue.Need{{Skill: fmt.Sprintf("s%d", i%skills), Level: 4}},
		}})
	}
	return c, do
}

// One whole life of a call at 10,000 waiting and 5,000 agents: join, offer,
// commit, answer, bridge, release, final.
func BenchmarkJoinOfferFinish10kx5k(b *testing.B) {
	wholeLives(b, queue.StrategyLongestIdle)
}

// The same by each other strategy, which looks at each of the 250 idle agents who fit.
func BenchmarkStrategies10kx5k(b *testing.B) {
	for _, s := range queue.Strategies()[1:] {
		b.Run(s, func(b *testing.B) { wholeLives(b, queue.Strategy(s)) })
	}
}

func wholeLives(b *testing.B, strategy queue.Strategy) {
	_, do := crowd(b, 10_000, 5_000, 20, strategy)
	ids := make([]queue.ItemID, b.N)
	for i := range ids {
		ids[i] = queue.ItemID(fmt.Sprintf("b%08d", i))
	}
	needs := []queue.Need{{Skill: "s3", Level: 2}}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		var offer queue.OfferID
		for _, e := range do(queue.Event{Kind: queue.EventJoin, Item: queue.Item{
			ID: ids[i], Queue: "support", Channel: call.ChannelCall, CountsAsOffered: true, Needs: needs,
		}}) {
			if e.Kind == queue.EffectCommit && e.Decision.Kind == queue.DecisionOffer {
				offer = e.Decision.Offer
			}
		}
		if offer == "" {
			b.Fatal("no offer")
		}
		do(queue.Event{Kind: queue.EventCommitted, Offer: offer})
		do(queue.Event{Kind: queue.EventAnswered, Offer: offer})
		do(queue.Event{Kind: queue.EventBridged, Offer: offer})
		do(queue.Event{Kind: queue.EventRelease, Offer: offer, Reason: call.EndAnswered})
		do(queue.Event{Kind: queue.EventFinal, Offer: offer})
	}
}

// A busy line: each agent who becomes free takes the next of 10,000.
func BenchmarkAgentFreeTakesNext10k(b *testing.B) {
	c, do := crowd(b, 10_000, 100, 20, queue.StrategyLongestIdle)
	_ = c
	needs := []queue.Need{{Skill: "s3", Level: 3}}
	n := 0
	join := func() (offer queue.OfferID) {
		n++
		for _, e := range do(queue.Event{Kind: queue.EventJoin, Item: queue.Item{
			ID: queue.ItemID(fmt.Sprintf("b%09d", n)), Queue: "support", Channel: call.ChannelCall, CountsAsOffered: true, Needs: needs,
		}}) {
			if e.Kind == queue.EffectCommit && e.Decision.Kind == queue.DecisionOffer {
				offer = e.Decision.Offer
			}
		}
		return offer
	}
	var busy []queue.OfferID
	for range 10_000 {
		if o := join(); o != "" {
			busy = append(busy, o)
			do(queue.Event{Kind: queue.EventCommitted, Offer: o})
			do(queue.Event{Kind: queue.EventAnswered, Offer: o})
			do(queue.Event{Kind: queue.EventBridged, Offer: o})
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		o := busy[i%len(busy)]
		do(queue.Event{Kind: queue.EventRelease, Offer: o, Reason: call.EndAnswered})
		var next queue.OfferID
		for _, e := range do(queue.Event{Kind: queue.EventFinal, Offer: o}) {
			if e.Kind == queue.EffectCommit && e.Decision.Kind == queue.DecisionOffer {
				next = e.Decision.Offer
			}
		}
		do(queue.Event{Kind: queue.EventCommitted, Offer: next})
		do(queue.Event{Kind: queue.EventAnswered, Offer: next})
		do(queue.Event{Kind: queue.EventBridged, Offer: next})
		busy[i%len(busy)] = next
		join()
	}
}

// A mail from its arrival to its end among 1,000 agents who work on text, while
// 10,000 items wait for skills that nobody has.
func BenchmarkMailAmong1000Agents(b *testing.B) {
	_, do := crowd(b, 10_000, 1_000, 20, queue.StrategyLongestIdle)
	for i := range 1_000 {
		do(queue.Event{Kind: queue.EventConsole, Agent: account.ID(fmt.Sprintf("a%05d", i)), On: true})
	}
	needs := []queue.Need{{Skill: "s3", Level: 2}}
	ids := make([]queue.ItemID, b.N)
	for i := range ids {
		ids[i] = queue.ItemID(fmt.Sprintf("m%08d", i))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		var offer queue.OfferID
		for _, e := range do(queue.Event{Kind: queue.EventJoin, Item: queue.Item{
			ID: ids[i], Queue: "support", Channel: call.ChannelEmail, CountsAsOffered: true, Needs: needs,
		}}) {
			if e.Kind == queue.EffectCommit && e.Decision.Kind == queue.DecisionOffer {
				offer = e.Decision.Offer
			}
		}
		if offer == "" {
			b.Fatal("no offer")
		}
		do(queue.Event{Kind: queue.EventCommitted, Offer: offer})
		do(queue.Event{Kind: queue.EventRelease, Offer: offer, Reason: call.EndAnswered})
	}
}
