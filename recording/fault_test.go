package recording_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"pickup/internal/id"
	"pickup/recording"
)

// The environment by which the test binary becomes the process that is killed.
const (
	childDir   = "PICKUP_TEST_RECORDING_DIR"
	childLimit = "PICKUP_TEST_RECORDING_LIMIT" // of a file, in bytes
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// child records a tone until it is killed, or until the disk is full.
func child(dir string) {
	if limit := os.Getenv(childLimit); limit != "" {
		var bytes uint64
		_, _ = fmt.Sscan(limit, &bytes)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: bytes}); err != nil {
			panic(err)
		}
	}
	r, err := recording.New(recording.Config{Dir: dir, Reserve: 1}, newStore(), slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	go func() { _ = r.Run(context.Background()) }()
	started := time.Now()
	rec := r.Start(recording.StartInfo{CallID: "call-1", At: started})
	fmt.Printf("%s %d\n", rec.ID(), started.UnixNano())
	player := &voice{law: 8, side: 0, hz: 440}
	tick := time.NewTicker(20 * time.Millisecond)
	for i := 0; ; i++ {
		<-tick.C
		player.send(rec, time.Since(started), 160)
		if os.Getenv(childLimit) != "" && i == 150 {
			row := rec.Stop(context.Background())
			fmt.Printf("%s %d %s\n", row.State, row.Bytes, row.Incomplete)
			return
		}
	}
}

// victim is one child process, and what it did until it was killed.
type victim struct {
	dir, rec string
	started  time.Time
	talked   time.Duration
	err      error
}

// run starts the child, kills it after a while and waits for its end.
func (v *victim) run(life time.Duration) {
	cmd := exec.Command(os.Args[0]) //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), childDir+"="+v.dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if v.err = err; err != nil {
		return
	}
	var nano int64
	_, v.err = fmt.Fscan(out, &v.rec, &nano)
	v.started = time.Unix(0, nano)
	kill := time.NewTimer(life)
	<-kill.C
	v.talked = time.Since(v.started)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// A process that is killed at a random moment loses a second at most.
func TestKilledWhileWriting(t *testing.T) {
	victims := make([]victim, 20)
	var wg sync.WaitGroup
	for i := range victims {
		victims[i].dir = t.TempDir()
		wg.Go(func() { victims[i].run(500*time.Millisecond + rand.N(2500*time.Millisecond)) })
	}
	wg.Wait()
	for _, v := range victims {
		if v.err != nil {
			t.Fatal(v.err)
		}
		path := v.started.UTC().Format("2006/01/02/") + v.rec + ".wav"
		st := newStore(recording.Row{ID: recording.ID(v.rec), State: recording.StateOpen, Path: path, StartedAt: v.started})
		rows := repaired(t, v.dir, st)
		if len(rows) != 1 || rows[0].State != recording.StateIncomplete || rows[0].SHA256 == "" {
			t.Fatalf("got %+v", rows)
		}
		left, _ := audio(t, filepath.Join(v.dir, path))
		if got := time.Duration(len(left)) * 125 * time.Microsecond; got < v.talked-time.Second || got > v.talked+100*time.Millisecond {
			t.Errorf("%v of %v is there", got, v.talked)
		}
	}
}

// repaired runs Repair over a directory.
func repaired(t testing.TB, dir string, st *store) []recording.Row {
	t.Helper()
	r, err := recording.New(recording.Config{Dir: dir}, st, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := r.Repair(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// A file system that takes no more makes the recording incomplete; what was
// written is whole.
func TestDiskThatIsFull(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0]) //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), childDir+"="+dir, childLimit+"=40001")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var state, reason string
	var bytes int
	if n, _ := fmt.Sscanf(lines[len(lines)-1], "%s %d %s", &state, &bytes, &reason); n != 3 ||
		state != "incomplete" || reason != "write:" || bytes > 40001 || bytes < 20000 {
		t.Errorf("got %q, want an incomplete recording of at most 40001 bytes", lines)
	}
	found, _ := filepath.Glob(filepath.Join(dir, "*/*/*/*.wav"))
	if len(found) != 1 {
		t.Fatalf("got files %v", found)
	}
	if left, _ := audio(t, found[0]); len(left) != (bytes-44)/4 {
		t.Errorf("%d frames are whole", len(left))
	}
}

func TestRecordingThatCannotBegin(t *testing.T) {
	for name, c := range map[string]struct {
		reserve int64
		prepare func(dir string) error
		want    string
	}{
		"without free space": {1 << 62, func(string) error { return nil }, "create: " + recording.ErrNoSpace.Error()},
		"where a file stands in the way": {1, func(dir string) error {
			return os.WriteFile(filepath.Join(dir, time.Now().UTC().Format("2006")), nil, 0o600)
		}, "create: not a directory"},
		"in a directory that is gone": {1, func(dir string) error {
			return errors.Join(os.Remove(dir), os.WriteFile(dir, nil, 0o600))
		}, "create: not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "recordings")
				s := newStudio(t, recording.Config{Dir: dir, Reserve: c.reserve}, newStore())
				defer s.close()
				if err := c.prepare(dir); err != nil {
					t.Fatal(err)
				}
				r := s.Start(recording.StartInfo{CallID: "call-1"})
				player := &voice{law: 8}
				for range 100 {
					time.Sleep(20 * time.Millisecond)
					player.send(r, 0, 160)
				}
				row := r.Stop(t.Context())
				if row.State != recording.StateIncomplete || row.Incomplete != c.want || row.Bytes != 0 || row.SHA256 != "" {
					t.Errorf("got %+v, want %q", row, c.want)
				}
			})
		})
	}
}

func TestStoreThatFailsDoesNotHurtTheAudio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore()
		st.fail = true
		s := newStudio(t, recording.Config{}, st)
		defer s.close()
		r := s.Start(recording.StartInfo{})
		time.Sleep(time.Second)
		row := r.Stop(t.Context())
		if left, _ := audio(t, filepath.Join(s.dir, row.Path)); len(left) != 8000 || row.State != recording.StateStored {
			t.Errorf("got %d frames and %+v", len(left), row)
		}
	})
}

func TestRunThatEndsClosesWhatIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, recording.Config{}, newStore())
		r := s.Start(recording.StartInfo{})
		time.Sleep(1500 * time.Millisecond)
		fresh := s.Start(recording.StartInfo{})
		s.close()
		for rec, want := range map[*recording.Recording]time.Duration{r: 1500 * time.Millisecond, fresh: 0} {
			if row := rec.Stop(t.Context()); row.State != recording.StateStored || row.Duration != want {
				t.Errorf("got %+v, want %v stored", row, want)
			}
		}
		if row := s.Start(recording.StartInfo{}).Stop(t.Context()); row.State != recording.StateIncomplete {
			t.Errorf("a recording was started after the end: %+v", row)
		}
	})
}

func TestRingThatOverflowsIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, recording.Config{}, newStore())
		defer s.close()
		r := s.Start(recording.StartInfo{})
		player := &voice{law: 8}
		for range 100 { // faster than any phone: nobody empties the ring meanwhile
			player.send(r, 0, 160)
		}
		r.Packet(0, 8, 1, 1, 0, make([]byte, 1000))
		r.Packet(7, 8, 1, 1, 0, make([]byte, 10))
		time.Sleep(time.Second)
		row := r.Stop(t.Context())
		if row.State != recording.StateIncomplete || row.Dropped < 37 || !strings.Contains(row.Incomplete, "37 packets") {
			t.Errorf("got %+v, want 37 lost", row)
		}
	})
}

func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, recording.Config{}, newStore())
		defer s.close()
		started := time.Now()
		r := s.Start(recording.StartInfo{At: started})
		player := &voice{law: 8, hz: 440}
		for range 150 {
			time.Sleep(20 * time.Millisecond)
			player.send(r, time.Since(started), 160)
		}
		synctest.Wait()
		f, row, err := s.Open(t.Context(), r.ID())
		if err != nil || row.State != recording.StateOpen {
			t.Fatalf("open: %v, %+v", err, row)
		}
		size, err := f.Seek(0, io.SeekEnd)
		if err != nil || size < 44+4*16000 {
			t.Errorf("of 3 s, %d bytes are there: more than 1 s is missing", size)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		row = r.Stop(t.Context())
		f, _, err = s.Open(t.Context(), r.ID())
		if err != nil {
			t.Fatal(err)
		}
		if size, _ = f.Seek(0, io.SeekEnd); size != row.Bytes {
			t.Errorf("got %d bytes, want %d", size, row.Bytes)
		}
		_ = f.Close()
		_, _, err = s.Open(t.Context(), "nobody")
		if !errors.Is(err, recording.ErrNotFound) {
			t.Errorf("an unknown id: %v", err)
		}
		for name, change := range map[string]func(*recording.Row){
			"deleted": func(r *recording.Row) { r.State = recording.StateDeleted },
			"outside": func(r *recording.Row) { r.Path = "../../etc/passwd" },
			"gone":    func(r *recording.Row) { r.Path = "2020/01/01/x.wav" },
		} {
			odd := row
			change(&odd)
			s.store.rows[odd.ID] = odd
			if _, _, err := s.Open(t.Context(), odd.ID); !errors.Is(err, recording.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestNewNamesTheSetting(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  recording.Config
		want string
	}{
		"no directory":        {recording.Config{}, "Dir"},
		"a file":              {recording.Config{Dir: file}, "Dir"},
		"a flush of a moment": {recording.Config{Dir: t.TempDir(), Flush: time.Millisecond}, "Flush"},
		"a negative reserve":  {recording.Config{Dir: t.TempDir(), Reserve: -1}, "Reserve"},
	} {
		if _, err := recording.New(c.cfg, newStore(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want it to name %s", name, err, c.want)
		}
	}
}

func TestRepair(t *testing.T) {
	for name, c := range map[string]struct {
		bytes  []byte
		reason string
		frames int
	}{
		"a file that is missing":          {nil, "file missing", 0},
		"an empty file":                   {[]byte{}, "cut by a crash before any audio", 0},
		"a torn header":                   {make([]byte, 20), "cut by a crash before any audio", 0},
		"a header that was never written": {make([]byte, 44+400), "cut by a crash", 100},
		"a tail that is torn":             {make([]byte, 44+403), "cut by a crash", 100},
	} {
		t.Run(name, func(t *testing.T) {
			dir, name := t.TempDir(), id.New()+".wav"
			if c.bytes != nil {
				if err := os.WriteFile(filepath.Join(dir, name), c.bytes, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			st := newStore(recording.Row{ID: "r", State: recording.StateOpen, Path: name, StartedAt: time.Now()})
			rows := repaired(t, dir, st)
			if len(rows) != 1 || rows[0].State != recording.StateIncomplete || rows[0].Incomplete != c.reason || st.rows["r"] != rows[0] {
				t.Fatalf("got %+v, want %q", rows, c.reason)
			}
			if c.bytes == nil {
				return
			}
			if c.frames > 0 {
				if left, _ := audio(t, filepath.Join(dir, name)); len(left) != c.frames {
					t.Errorf("%d frames, want %d", len(left), c.frames)
				}
			}
			if again := repaired(t, dir, st); len(again) != 0 {
				t.Errorf("it was mended twice")
			}
		})
	}
	st := newStore(recording.Row{ID: "r", State: recording.StateOpen, Path: "../../etc/passwd"})
	if rows := repaired(t, t.TempDir(), st); len(rows) != 1 || rows[0].Incomplete != "file missing" {
		t.Errorf("a path outside: got %+v", rows)
	}
}

// A recording that was closed and whose row alone was lost is stored, not cut.
func TestRepairBelievesAClosedFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, recording.Config{}, newStore())
		r := s.Start(recording.StartInfo{CallID: "c"})
		time.Sleep(time.Second)
		row := r.Stop(t.Context())
		s.close()
		open := row
		open.State, open.SHA256, open.EndedAt = recording.StateOpen, "", time.Time{}
		rows := repaired(t, s.dir, newStore(open))
		if len(rows) != 1 || rows[0].State != recording.StateStored || rows[0].SHA256 != row.SHA256 || rows[0].Duration != row.Duration {
			t.Errorf("got %+v, want %+v", rows, row)
		}
	})
}

// Whatever bytes a crash left, what is mended is a WAV file of ours.
func FuzzRepair(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("RIFF\x24\x00\x00\x00WAVEfmt "))
	f.Add(make([]byte, 447))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "r.wav"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		rows := repaired(t, dir, newStore(recording.Row{ID: "r", State: recording.StateOpen, Path: "r.wav"}))
		if len(rows) != 1 || rows[0].SHA256 == "" || rows[0].Bytes < 44 || rows[0].Bytes > max(44, int64(len(text))) {
			t.Fatalf("got %+v", rows)
		}
		if rows[0].Bytes > 44 {
			if left, _ := audio(t, filepath.Join(dir, "r.wav")); len(left) != int(rows[0].Bytes-44)/4 {
				t.Fatalf("%d frames in %d bytes", len(left), rows[0].Bytes)
			}
		}
	})
}
