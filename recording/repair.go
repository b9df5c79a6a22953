package recording

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"pickup/internal/logkey"
)

// Reasons of an incomplete recording that repair finds.
const (
	reasonMissing = "file missing"
	reasonCut     = "cut by a crash"
	reasonEmpty   = "cut by a crash before any audio"
)

// Repair mends every recording that a crash left open from its own bytes:
// sizes, hash, duration, row (stored, or incomplete with its reason). It is
// called before Run and before calls are accepted. It returns the mended rows.
// A file that cannot be mended does not keep the others from it.
func (r *Recorder) Repair(ctx context.Context) ([]Row, error) {
	open, err := r.store.OpenRecordings(ctx)
	if err != nil {
		return nil, fmt.Errorf("repair recordings: %w", err)
	}
	var mended []Row
	var failed []error
	for _, row := range open {
		row = r.mend(row)
		if err := r.store.SaveRecording(ctx, row); err != nil {
			failed = append(failed, fmt.Errorf("repair recording %s: %w", row.ID, err))
			continue
		}
		r.log.InfoContext(ctx, "recording repaired", logkey.Recording, string(row.ID),
			logkey.Call, string(row.CallID), logkey.State, string(row.State))
		mended = append(mended, row)
	}
	return mended, errors.Join(failed...)
}

// mend makes the file of a row whole and returns the row that is true of it.
func (r *Recorder) mend(row Row) Row {
	if row.Path == "" || !filepath.IsLocal(row.Path) {
		return broken(row, reasonMissing)
	}
	path := filepath.Join(r.cfg.Dir, row.Path)
	file, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // local, see above
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return broken(row, reasonMissing)
		}
		return broken(row, reasonOf(err))
	}
	defer func() { _ = file.Close() }()
	size, err := mendFile(file)
	if err != nil {
		return broken(row, reasonOf(err))
	}
	sum, audio, err := hashFile(file)
	if err != nil {
		return broken(row, reasonOf(err))
	}
	row.Bytes, row.SHA256 = headerBytes+size, sum
	row.Duration = duration(size / frameBytes)
	row.EndedAt = row.StartedAt.Add(row.Duration)
	row.State, row.Incomplete = StateIncomplete, reasonCut
	if size == 0 {
		row.Incomplete = reasonEmpty
	}
	side, ok := loadSidecar(path)
	if ok && side.ID == row.ID && side.SHA256 == sum && side.EndedAt != nil {
		// It was closed; only its row was not stored any more.
		row.State, row.Incomplete, row.Dropped, row.EndedAt = side.State, side.Incomplete, side.Dropped, *side.EndedAt
		return row
	}
	mendedSide := sidecarOf(row)
	mendedSide.DataSHA256, mendedSide.Repaired = audio, true
	if err := mendedSide.save(path); err != nil {
		r.log.Warn("recording's sidecar is not written", logkey.Recording, string(row.ID), logkey.Err, err)
	}
	return row
}

// mendFile cuts a torn tail off, writes the header that is true of what
// remains, and makes that durable. It returns the size of the audio.
func mendFile(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errors.New("it is no file")
	}
	size := min(max(0, info.Size()-headerBytes), maxData)
	size -= size % frameBytes
	if err := file.Truncate(headerBytes + size); err != nil {
		return 0, err
	}
	h := header(size)
	if _, err := file.WriteAt(h[:], 0); err != nil {
		return 0, err
	}
	return size, file.Sync()
}

// broken returns the row of a recording that cannot be mended.
func broken(row Row, reason string) Row {
	row.State, row.Incomplete = StateIncomplete, reason
	if row.EndedAt.IsZero() {
		row.EndedAt = row.StartedAt
	}
	return row
}

// reasonOf is the text of an error without our directory.
func reasonOf(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return "repair: " + err.Error()
}
