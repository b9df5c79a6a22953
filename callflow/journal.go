package callflow

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"pickup/call"
	"pickup/internal/logkey"
	"pickup/internal/mailbox"
	"pickup/recording"
	"pickup/ticket"
)

// journalLanes is how many writers share the calls. One call's writes stay in
// order on one lane; several lanes let the store commit them in groups.
const journalLanes = 16

// journal writes what sessions decided, beside them: no call waits for the
// store. A write that fails is tried again until the server stops, so that a
// store that is away for a while loses nothing.
type journal struct {
	store    Store
	policy   ticket.Policy
	log      *slog.Logger
	onChange func(topic, id string)
	lanes    [journalLanes]*mailbox.Box[write]
	done     sync.WaitGroup
}

// write is one thing to be stored.
type write struct {
	what string
	call call.ID
	do   func(ctx context.Context) error
	once bool // not tried again: its failure has another owner
}

func newJournal(store Store, policy ticket.Policy, onChange func(topic, id string), log *slog.Logger) *journal {
	j := &journal{store: store, policy: policy, log: log, onChange: onChange}
	for i := range j.lanes {
		j.lanes[i] = mailbox.New[write]()
	}
	return j
}

// stopGrace is how long the store may take for the last writes.
const stopGrace = 10 * time.Second

// run writes until stop is closed and nothing is left, stopGrace after that at
// most, or until ctx ends.
func (j *journal) run(ctx context.Context, stop <-chan struct{}) {
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-stop:
		case <-over:
			return
		}
		grace := time.NewTimer(stopGrace)
		defer grace.Stop()
		select {
		case <-grace.C:
			giveUp()
		case <-over:
		}
	}()
	for _, lane := range j.lanes {
		j.done.Go(func() { j.lane(ctx, stop, lane) })
	}
	j.done.Wait()
}

func (j *journal) lane(ctx context.Context, stop <-chan struct{}, box *mailbox.Box[write]) {
	var taken []write
	for {
		select {
		case <-box.Ready():
			taken = box.Take(taken)
			for _, w := range taken {
				j.write(ctx, w)
			}
		case <-stop:
			for _, w := range box.Close() {
				j.write(ctx, w)
			}
			return
		case <-ctx.Done():
			return
		}
	}
}

// write stores one thing, and tries again with growing pauses.
func (j *journal) write(ctx context.Context, w write) {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := w.do(ctx)
		if err == nil {
			return
		}
		j.log.Error("not stored", "what", w.what, logkey.Call, string(w.call), logkey.Err, err)
		if w.once || ctx.Err() != nil {
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

func (j *journal) put(w write) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(w.call))
	if !j.lanes[h.Sum32()%journalLanes].Put(w) {
		j.log.Error("not stored: stopped", "what", w.what, logkey.Call, string(w.call))
	}
}

// save writes a record with one line of its timeline.
func (j *journal) save(rec call.Record, ev call.TimelineEvent) {
	rec.Legs = nil
	j.put(write{what: "call " + ev.Kind, call: rec.ID, do: func(ctx context.Context) error {
		if err := j.store.SaveCall(ctx, rec, ev); err != nil {
			return err
		}
		j.onChange("call", string(rec.ID))
		return nil
	}})
}

// do runs another write of a call in its order; a failure is logged, not
// repeated.
func (j *journal) do(id call.ID, f func(ctx context.Context) error) {
	j.put(write{what: "callback", call: id, do: f, once: true})
}

// end closes the recording and writes the end of the call in one act.
func (j *journal) end(rec call.Record, tape *recording.Recording) {
	var row *recording.Row
	j.put(write{what: "end", call: rec.ID, do: func(ctx context.Context) error {
		if tape != nil && row == nil {
			r := tape.Stop(ctx)
			row = &r
		}
		linked, err := j.store.EndCall(ctx, Ending{Record: rec, Recording: row, Policy: j.policy})
		if err != nil {
			return err
		}
		j.onChange("call", string(rec.ID))
		if row != nil {
			j.onChange("recording", string(row.ID))
		}
		if linked.Ticket.ID != "" {
			j.onChange("ticket", linked.Ticket.ID)
		}
		return nil
	}})
}
