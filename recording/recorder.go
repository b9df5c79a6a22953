package recording

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"pickup/internal/id"
	"pickup/internal/logkey"
)

const (
	// collectEvery is how often the rings are emptied.
	collectEvery = 100 * time.Millisecond
	// writers append audio, side by side.
	writers = 4
	// closers make files and close them, side by side. That waits for the disk
	// and for the store, so that they are more, and the audio of those who talk
	// never waits behind it.
	closers = 16
	// storeWait is the longest that a writer waits for the store.
	storeWait = 5 * time.Second
	// maxBehind is how much audio waits in memory for a slow disk.
	maxBehind = 20 * sampleRate // frames
)

// Config of a Recorder.
type Config struct {
	Dir     string        // <data>/recordings
	Flush   time.Duration // header and data are at most this far behind the audio; 0: 1s
	Reserve int64         // bytes of free space below which no recording starts; 0: 256 MiB
}

// Check says which setting is wrong.
func (c Config) Check() error {
	switch {
	case c.Dir == "":
		return errors.New("recording: Dir is empty")
	case c.Flush != 0 && (c.Flush < 500*time.Millisecond || c.Flush > time.Minute):
		return fmt.Errorf("recording: Flush is %v, want 500ms to 1m", c.Flush)
	case c.Reserve < 0:
		return fmt.Errorf("recording: Reserve is %d, want 0 or more bytes", c.Reserve)
	}
	return nil
}

// Recorder owns the writers: one goroutine that collects from every recording,
// and a few that write. Its methods may be called from any goroutine.
type Recorder struct {
	cfg   Config
	store Store
	log   *slog.Logger

	mu     sync.Mutex
	fresh  []*Recording // started, not yet known to the collector
	closed bool         // Run has ended: nothing is recorded any more

	wake chan struct{} // somebody stopped a recording
}

// New makes a Recorder; it creates Dir, or says which setting is wrong.
func New(cfg Config, store Store, log *slog.Logger) (*Recorder, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cfg.Flush == 0 {
		cfg.Flush = time.Second
	}
	if cfg.Reserve == 0 {
		cfg.Reserve = 256 << 20
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("recording: Dir: %w", err)
	}
	probe, err := os.CreateTemp(cfg.Dir, ".probe-*")
	if err != nil {
		return nil, fmt.Errorf("recording: Dir cannot be written: %w", err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return nil, fmt.Errorf("recording: Dir: %w", err)
	}
	return &Recorder{cfg: cfg, store: store, log: log, wake: make(chan struct{}, 1)}, nil
}

// Start opens a recording. The row is stored and the file created by a writer;
// an error there makes the recording incomplete, it does not come back here.
// Start returns at once. After Run has ended nothing is written and Stop
// returns a row that says so.
func (r *Recorder) Start(info StartInfo) *Recording {
	rec := newRecording(ID(id.New()), info)
	rec.wake = r.wake
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		rec.over.Store(true)
		rec.row.State, rec.row.Incomplete, rec.row.EndedAt = StateIncomplete, "the recorder is closed", rec.info.At
		close(rec.done)
		return rec
	}
	r.fresh = append(r.fresh, rec)
	return rec
}

// Discard ends a recording that nobody wants and keeps it as a KindDraft. It waits
// for the closing, or until ctx ends.
func (r *Recorder) Discard(ctx context.Context, rec *Recording) {
	rec.Discard()
	row := rec.Stop(ctx)
	if row.State != StateOpen && row.Kind != KindDraft { // it was closed before
		row.Kind = KindDraft
		_ = r.save(ctx, row) // logged; it is then a message too many
	}
}

// Row returns what is stored of a recording. ErrNotFound.
func (r *Recorder) Row(ctx context.Context, id ID) (Row, error) { return r.store.Recording(ctx, id) }

// Run drives the writers until ctx ends, then closes what is open.
func (r *Recorder) Run(ctx context.Context) error {
	c := collector{
		recorder: r, jobs: make(chan job), slow: make(chan job), back: make(chan *Recording, writers+closers),
		reorder: r.cfg.Flush * 3 / 10, flush: r.cfg.Flush / 2,
	}
	// Rows are stored while we close, too.
	life := context.WithoutCancel(ctx)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() { r.write(life, c.jobs, c.back) })
	}
	for range closers {
		wg.Go(func() { r.write(life, c.slow, c.back) })
	}
	c.run(ctx)
	close(c.jobs)
	close(c.slow)
	wg.Wait()
	return nil
}

// take hands over what was started since the last time.
func (r *Recorder) take(last bool) []*Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh := r.fresh
	r.fresh, r.closed = nil, last
	return fresh
}

// Open gives the audio of a stored (or open) recording for reading and seeking.
// Of an open one it holds what its header says at this moment. ErrNotFound when
// there is no row, or no audio any more.
func (r *Recorder) Open(ctx context.Context, id ID) (io.ReadSeekCloser, Row, error) {
	row, err := r.store.Recording(ctx, id)
	if err != nil {
		return nil, Row{}, fmt.Errorf("open recording %s: %w", id, err)
	}
	if row.State == StateDeleted || !filepath.IsLocal(row.Path) {
		return nil, row, fmt.Errorf("open recording %s: %w", id, ErrNotFound)
	}
	file, err := os.Open(filepath.Join(r.cfg.Dir, row.Path)) //nolint:gosec // local, see above
	if errors.Is(err, os.ErrNotExist) {
		return nil, row, fmt.Errorf("open recording %s: no file: %w", id, ErrNotFound)
	}
	if err != nil {
		return nil, row, fmt.Errorf("open recording %s: %w", id, err)
	}
	if row.State != StateOpen {
		return file, row, nil
	}
	var h [headerBytes]byte
	_, err = file.ReadAt(h[:], 0)
	size, ok := dataSize(h[:])
	if err != nil || !ok {
		_ = file.Close()
		return nil, row, fmt.Errorf("open recording %s: no header yet: %w", id, ErrNotFound)
	}
	return &grown{io.NewSectionReader(file, 0, headerBytes+size), file}, row, nil
}

// grown is what a growing file was at one moment.
type grown struct {
	*io.SectionReader
	file *os.File
}

func (g *grown) Close() error { return g.file.Close() }

// save stores a row and says in the log when it could not.
func (r *Recorder) save(ctx context.Context, row Row) error {
	ctx, end := context.WithTimeout(ctx, storeWait)
	defer end()
	err := r.store.SaveRecording(ctx, row)
	if err != nil {
		r.log.ErrorContext(ctx, "recording's row is not stored", logkey.Recording, string(row.ID),
			logkey.Call, string(row.CallID), logkey.State, string(row.State), logkey.Err, err)
	}
	return err
}
