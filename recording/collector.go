package recording

import (
	"context"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"time"

	"pickup/internal/logkey"
)

// job is one act of a writer on one recording: make the file if there is none,
// append audio, and close it.
type job struct {
	rec   *Recording
	audio []byte
	last  bool
}

// collector is the goroutine that empties the rings and cuts what is old enough
// for the writers. It owns the timeline of every recording that is not busy.
type collector struct {
	recorder *Recorder
	open     []*Recording
	jobs     chan job        // for writers: audio is appended
	slow     chan job        // for closers: a file is made, or closed
	back     chan *Recording // one of them is done with it
	ready    []job           // for writers, when one is free
	making   []job           // for closers, first
	closing  []job           // for closers
	chunks   [][]byte        // space for jobs, free now
	reorder  time.Duration   // how long a packet may be late
	flush    time.Duration   // how often audio is written
}

// run collects until ctx ends, then closes what is open.
func (c *collector) run(ctx context.Context) {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	ending := ctx.Done()
	last := false
	for !last || len(c.open) > 0 {
		out, next := first(c.jobs, c.ready)
		slow, made := first(c.slow, c.making)
		if slow == nil {
			slow, made = first(c.slow, c.closing)
		}
		select {
		case out <- next:
			c.ready = c.ready[:copy(c.ready, c.ready[1:])] // its memory is kept
			continue
		case slow <- made:
			if made.last {
				c.closing = c.closing[:copy(c.closing, c.closing[1:])]
			} else {
				c.making = c.making[:copy(c.making, c.making[1:])]
			}
			continue
		case rec := <-c.back:
			c.returned(rec)
			continue
		case <-tick.C:
		case <-c.recorder.wake:
		case <-ending:
			ending, last = nil, true
		}
		c.open = append(c.open, c.recorder.take(last)...)
		c.collect(last)
	}
}

// first is the channel and the job to send, nil where there is none.
func first(to chan job, jobs []job) (chan job, job) {
	if len(jobs) == 0 {
		return nil, job{}
	}
	return to, jobs[0]
}

// returned takes a recording back from its writer, and gives it the next job if
// there is one.
func (c *collector) returned(rec *Recording) {
	rec.busy = false
	if rec.chunk != nil && cap(rec.chunk) <= lineRoom && len(c.chunks) < chunksKept {
		c.chunks = append(c.chunks, rec.chunk[:0])
	}
	rec.chunk = nil
	select {
	case <-rec.done: // that was its last job
		for i, r := range c.open {
			if r == rec {
				c.open = append(c.open[:i], c.open[i+1:]...)
				break
			}
		}
	default:
		c.serve(rec)
	}
}

// collect goes once round.
func (c *collector) collect(last bool) {
	for _, rec := range c.open {
		if rec.endAt.IsZero() {
			select {
			case rec.endAt = <-rec.stop:
			default:
				if last {
					rec.endAt = time.Now()
				}
			}
		}
		c.serve(rec)
	}
}

// chunksKept is how many spaces for jobs are kept for the next ones.
const chunksKept = 64

// lend returns empty space for the audio of a job: few are under way at a time.
func (c *collector) lend() []byte {
	last := len(c.chunks) - 1
	if last < 0 {
		return make([]byte, 0, lineRoom)
	}
	chunk := c.chunks[last]
	c.chunks = c.chunks[:last]
	return chunk
}

// serve empties the rings of one recording and gives it to a writer when there
// is something to do.
func (c *collector) serve(rec *Recording) {
	if rec.final {
		return
	}
	now := time.Since(rec.base)
	if !rec.endAt.IsZero() {
		rec.over.Store(true)
		now = rec.endAt.Sub(rec.base)
	}
	rec.collect(frames(now))
	if rec.busy {
		rec.shed()
		return
	}
	end := frames(now - c.reorder)
	if !rec.endAt.IsZero() {
		end = max(frames(now), rec.line.first)
	}
	if rec.endAt.IsZero() && rec.asked && end-rec.line.first < frames(c.flush) {
		return
	}
	j := job{rec: rec, last: !rec.endAt.IsZero()}
	for _, p := range rec.paused(frames(now) + sampleRate) {
		rec.line.mute(p.from, p.to)
	}
	if end > rec.line.first {
		rec.chunk = rec.line.cut(c.lend(), end)
		j.audio = rec.chunk
	}
	switch {
	case j.last:
		c.closing = append(c.closing, j)
	case !rec.asked:
		c.making = append(c.making, j)
	default:
		c.ready = append(c.ready, j)
	}
	rec.asked, rec.busy, rec.final = true, true, j.last
}

// shed drops the oldest audio of a recording whose disk does not keep up, so
// that memory stays bounded. Its place is silence.
func (r *Recording) shed() {
	held := int64(len(r.line.pcm) / frameBytes)
	if held <= maxBehind {
		return
	}
	r.lost += held
	r.line.mute(r.line.first, r.line.first+held)
}

// write is one writer.
func (r *Recorder) write(ctx context.Context, jobs <-chan job, back chan<- *Recording) {
	for j := range jobs {
		r.do(ctx, j)
		back <- j.rec
	}
}

// do is one job. Whatever fails stands in the row; the call goes on.
func (r *Recorder) do(ctx context.Context, j job) {
	rec := j.rec
	if !rec.out.opened {
		path := filepath.Join(r.cfg.Dir, rec.row.Path)
		// The row first: a file without a row would be nobody's after a crash.
		_ = r.save(ctx, rec.row) // logged; stored again at the end
		rec.out.open(path, r.cfg.Reserve)
		if rec.out.failure == "" {
			if err := sidecarOf(rec.row).save(path); err != nil {
				rec.out.fail("write", err)
			}
		}
		r.report(rec)
	}
	was := rec.out.failure
	rec.out.write(j.audio)
	if was == "" {
		r.report(rec)
	}
	if j.last {
		r.finish(ctx, rec)
	}
}

// report says in the log that a recording failed.
func (r *Recorder) report(rec *Recording) {
	if rec.out.failure != "" {
		r.log.Error("recording is incomplete", logkey.Recording, string(rec.row.ID),
			logkey.Call, string(rec.row.CallID), logkey.Err, rec.out.failure)
	}
}

// finish closes the file and makes the row final.
func (r *Recorder) finish(ctx context.Context, rec *Recording) {
	row := rec.row
	if rec.junk.Load() {
		row.Kind = KindDraft
	}
	row.SHA256 = rec.out.close()
	row.EndedAt = rec.info.At.Add(rec.endAt.Sub(rec.base))
	row.Duration = duration(rec.out.size / frameBytes)
	if rec.out.file != nil {
		row.Bytes = headerBytes + rec.out.size
	}
	full := rec.full.Load()
	row.Dropped = full + rec.late
	row.State = StateStored
	switch {
	case rec.out.failure != "":
		row.State, row.Incomplete = StateIncomplete, rec.out.failure
	case rec.lost > 0:
		row.State = StateIncomplete
		row.Incomplete = fmt.Sprintf("the disk was too slow: %v lost", duration(rec.lost).Round(time.Millisecond))
	case full > 0:
		row.State, row.Incomplete = StateIncomplete, fmt.Sprintf("the recorder was too slow: %d packets lost", full)
	}
	if rec.out.file != nil {
		side := sidecarOf(row)
		side.DataSHA256 = hex.EncodeToString(rec.out.audio.Sum(nil))
		side.measure(rec, rec.line.first)
		if err := side.save(rec.out.file.Name()); err != nil {
			r.log.Warn("recording's sidecar is not written", logkey.Recording, string(row.ID), logkey.Err, err)
		}
	}
	_ = r.save(ctx, row) // logged; repaired at the next start
	rec.row = row
	close(rec.done)
}
