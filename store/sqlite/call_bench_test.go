//go:build sqlite_fts5

package sqlite_test

import (
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callflow"
	"pickup/internal/id"
	"pickup/queue"
	"pickup/recording"
	"pickup/store"
	"pickup/store/sqlite"
)

// BenchmarkCall is what the database does for one call that waits, is offered,
// talks, is recorded and leaves its ticket, 40 of them at once: the writes that
// queue, callflow and recording make, in their order. cpu-us/call is processor
// time of the whole process, user and system.
func BenchmarkCall(b *testing.B) {
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "pickup.db"), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const lanes = 40
	var n atomic.Int64
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime(b)
	for lane := range lanes {
		all.Go(func() {
			for n.Add(1) <= int64(b.N) {
				storeCall(b, s, lane)
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-us/call")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// storeCall is one call of a caller who calls again and again.
func storeCall(b *testing.B, s *store.Store, lane int) {
	ctx, now := b.Context(), time.Now()
	check := func(err error) {
		if err != nil {
			b.Error(err)
		}
	}
	decide := func(all ...queue.Decision) {
		for i := range all {
			all[i].At, all[i].QueueID = now, "q1"
		}
		for _, err := range s.CommitDecisions(ctx, all) {
			check(err)
		}
	}
	event := func(kind string, detail map[string]string) call.TimelineEvent {
		return call.TimelineEvent{At: time.Now(), Kind: kind, Detail: detail}
	}
	agent := account.ID(fmt.Sprintf("agent-%d", lane))
	uri := fmt.Sprintf("sip:r%d@198.51.100.7", lane)
	r := call.Record{
		ID: call.ID(id.New()), Direction: call.Inbound, SIPCallID: id.New(), Language: "fr", Queue: "support", State: call.StateWaiting,
		From: call.Party{Kind: call.PartyAnonymousSIP, URI: uri, User: fmt.Sprintf("r%d", lane)}, To: call.Party{URI: "sip:support@192.0.2.1"},
		ItemID: id.New(), ArrivedAt: now, MediaAt: now, EnqueuedAt: now,
	}
	item := queue.Item{
		ID: queue.ItemID(r.ItemID), Channel: call.ChannelCall, Queue: "support", CallID: r.ID, Class: queue.ClassLive,
		Key: now.Add(30 * time.Second).UnixMilli(), Priority: 1, EnqueuedAt: now,
	}
	offer := queue.OfferID(id.New())
	state := func(st queue.AgentState) queue.Decision {
		return queue.Decision{Kind: queue.DecisionAgentState, Agent: agent, State: st}
	}

	check(s.SaveCall(ctx, r, event("arrived", nil), event("answered", nil), event("queued", map[string]string{"queue": "support"})))
	decide(queue.Decision{Kind: queue.DecisionEnqueue, Item: item})
	decide(queue.Decision{Kind: queue.DecisionOffer, Item: item, Offer: offer, Agent: agent, Deadline: now.Add(20 * time.Second), Why: "idle the longest"},
		state(queue.AgentReserved))
	decide(queue.Decision{Kind: queue.DecisionAccept, Item: item, Offer: offer, Agent: agent}, state(queue.AgentConnecting))
	row := recording.Row{ID: recording.ID(id.New()), CallID: r.ID, AgentID: agent, Queue: "support", State: recording.StateOpen, Path: "x.wav", StartedAt: now}
	r.State, r.AgentID, r.BridgedAt, r.RecordingID = call.StateTalking, agent, now.Add(time.Second), string(row.ID)
	decide(queue.Decision{Kind: queue.DecisionBridged, Item: item}, state(queue.AgentTalking))
	check(s.SaveRecording(ctx, row))
	check(s.SaveCall(ctx, r, event("offered", map[string]string{"agent": string(agent)}), event("picked", nil), event("bridged", nil)))
	decide(queue.Decision{Kind: queue.DecisionEnd, Item: item, Reason: call.EndAnswered},
		queue.Decision{Kind: queue.DecisionReleasing, Item: item, Offer: offer, Agent: agent},
		queue.Decision{Kind: queue.DecisionRelease, Item: item, Offer: offer, Agent: agent}, state(queue.AgentWrapUp))
	row.State, row.Bytes, row.EndedAt, row.SHA256 = recording.StateStored, 64044, now, fmt.Sprintf("%064d", lane)
	check(s.SaveRecording(ctx, row))
	r.EndedAt, r.EndReason = now.Add(3*time.Second), call.EndAnswered
	r.Legs = []call.LegRecord{{ID: call.LegID(id.New()), Kind: "player", StartedAt: now}, {ID: call.LegID(id.New()), Kind: "agent", AgentID: agent, StartedAt: now}}
	_, err := s.EndCall(ctx, callflow.Ending{Record: r, Recording: &row, Events: []call.TimelineEvent{event("ended", nil)}})
	check(err)
	decide(state(queue.AgentReady))
}
