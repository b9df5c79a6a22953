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
	closing  sync.WaitGroup  // ends that wait for their recording
	life     context.Context // they wait no longer than this
	giveUp   context.CancelFunc
}

// write is one thing to be stored.
type write struct {
	what   string
	call   call.ID
	do     func(ctx context.Context) error
	once   bool                 // not tried again: its failure has another owner
	record call.Record          // of a save
	events []call.TimelineEvent // of a save; nil: it is none
}

func newJournal(store Store, policy ticket.Policy, onChange func(topic, id string), log *slog.Logger) *journal {
	j := &journal{store: store, policy: policy, log: log, onChange: onChange}
	for i := range j.lanes {
		j.lanes[i] = mailbox.New[write]()
	}
	// Sessions, which start before run, hand ends over; run cuts what is late.
	j.life, j.giveUp = context.WithCancel(context.Background())
	return j
}

// stopGrace is how long the store may take for the last writes.
const stopGrace = 10 * time.Second

// run writes until stop is closed and nothing is left, stopGrace after that at
// most, or until ctx ends. Nothing is put after stop is closed.
func (j *journal) run(ctx context.Context, stop <-chan struct{}) {
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	context.AfterFunc(ctx, j.giveUp)
	over, last := make(chan struct{}), make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-stop:
		case <-ctx.Done():
		case <-over:
			return
		}
		grace := time.AfterFunc(stopGrace, giveUp)
		defer grace.Stop()
		j.closing.Wait()
		close(last)
		<-over
	}()
	for _, lane := range j.lanes {
		j.done.Go(func() { j.lane(ctx, last, lane) })
	}
	j.done.Wait()
}

func (j *journal) lane(ctx context.Context, last <-chan struct{}, box *mailbox.Box[write]) {
	var taken []write
	for {
		select {
		case <-box.Ready():
			taken = box.Take(taken)
			for _, w := range merge(taken) {
				j.write(ctx, w)
			}
		case <-last:
			for _, w := range merge(box.Close()) {
				j.write(ctx, w)
			}
			return
		case <-ctx.Done():
			return
		}
	}
}

// merge puts the saves of one call that gathered into one, in the place of the
// first: a store that is late has less to do, not more.
func merge(taken []write) []write {
	out := taken[:0]
	at := make(map[call.ID]int, len(taken))
	for _, w := range taken {
		if w.events == nil {
			delete(at, w.call) // what follows is saved after it
			out = append(out, w)
			continue
		}
		if i, ok := at[w.call]; ok {
			out[i].what, out[i].record = w.what, w.record
			out[i].events = append(out[i].events, w.events...)
			continue
		}
		at[w.call] = len(out)
		out = append(out, w)
	}
	return out
}

// write stores one thing, and tries again with growing pauses.
func (j *journal) write(ctx context.Context, w write) {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := j.attempt(ctx, w)
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
	j.put(write{what: "call " + ev.Kind, call: rec.ID, record: rec, events: []call.TimelineEvent{ev}})
}

// attempt does one write.
func (j *journal) attempt(ctx context.Context, w write) error {
	if w.events == nil {
		return w.do(ctx)
	}
	if err := j.store.SaveCall(ctx, w.record, w.events...); err != nil {
		return err
	}
	j.onChange("call", string(w.call))
	return nil
}

// do runs another write of a call in its order; a failure is logged, not
// repeated.
func (j *journal) do(id call.ID, f func(ctx context.Context) error) {
	j.put(write{what: "callback", call: id, do: f, once: true})
}

// end writes the end of the call in one act once its recording is closed, which
// other calls do not wait for.
func (j *journal) end(rec call.Record, tape *recording.Recording) {
	if tape == nil {
		j.putEnd(rec, nil)
		return
	}
	j.closing.Go(func() {
		row := tape.Stop(j.life)
		j.putEnd(rec, &row)
	})
}

func (j *journal) putEnd(rec call.Record, row *recording.Row) {
	j.put(write{what: "end", call: rec.ID, do: func(ctx context.Context) error {
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
