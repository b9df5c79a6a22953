package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// pathOf returns where a recording lies below the directory of recordings.
func pathOf(id ID, at time.Time) string {
	return at.UTC().Format("2006/01/02/") + string(id) + ".wav"
}

// output is the file of one recording. Whoever works on a job owns it; there is
// no more than one job for a recording at any time.
type output struct {
	id      ID
	file    *os.File
	size    int64 // bytes of audio in the file
	head    [headerBytes]byte
	audio   hash.Hash // of the audio, as it is written
	opened  bool      // it was tried
	failure string    // first thing that went wrong: nothing is written after it
}

// open makes the file, with the header of no audio.
func (o *output) open(path string, reserve int64) {
	o.opened = true
	o.audio = sha256.New()
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		o.fail("create", err)
		return
	}
	if free, err := freeSpace(dir); err == nil && free < reserve {
		o.fail("create", ErrNoSpace)
		return
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640) //nolint:gosec // our own name
	if err != nil {
		o.fail("create", err)
		return
	}
	o.file = file
	h := header(0)
	if _, err := file.Write(h[:]); err != nil {
		o.fail("write", err)
	}
}

// write appends audio, then makes the header true. What a short write left is
// kept as far as it is whole frames.
func (o *output) write(audio []byte) {
	if o.failure != "" || len(audio) == 0 {
		return
	}
	if o.size+int64(len(audio)) > maxData {
		o.fail("write", errors.New("the file is full"))
		return
	}
	n, err := o.file.WriteAt(audio, headerBytes+o.size)
	n -= n % frameBytes
	o.size += int64(n)
	o.audio.Write(audio[:n])
	if err != nil {
		o.fail("write", err)
		return
	}
	o.head = header(o.size)
	if _, err := o.file.WriteAt(o.head[:], 0); err != nil {
		o.fail("write", err)
	}
}

// close makes the file whole and durable. It returns the hash of all its bytes,
// "" where there is none.
//
// The header stands in front of the audio and its sizes are known last, so the
// hash of the file cannot be finished while it grows: the file is read back
// once, from the page cache. The hash of the audio alone did grow with it and
// proves that what was read back is what was written.
func (o *output) close() (sum string) {
	if o.file == nil {
		return ""
	}
	defer func() {
		if err := o.file.Close(); err != nil {
			o.fail("close", err)
		}
	}()
	if o.failure != "" { // keep what is whole
		if err := o.file.Truncate(headerBytes + o.size); err != nil {
			return ""
		}
		h := header(o.size)
		if _, err := o.file.WriteAt(h[:], 0); err != nil {
			return ""
		}
	}
	if err := o.file.Sync(); err != nil {
		o.fail("sync", err)
	}
	sum, audio, err := hashFile(o.file)
	if err != nil {
		o.fail("read back", err)
		return ""
	}
	if audio != hex.EncodeToString(o.audio.Sum(nil)) {
		o.fail("read back", errors.New("the disk returns other bytes than were written"))
	}
	syncDir(filepath.Dir(o.file.Name()))
	return sum
}

// fail keeps the first failure.
func (o *output) fail(doing string, err error) {
	if o.failure != "" {
		return
	}
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err // the reason without our directory
	}
	o.failure = fmt.Sprintf("%s: %v", doing, err)
}

// hashFile returns the hash of all bytes of a file and that of what follows its
// header, in one pass.
func hashFile(file io.ReaderAt) (whole, audio string, err error) {
	var h [headerBytes]byte
	if _, err := file.ReadAt(h[:], 0); err != nil {
		return "", "", err
	}
	all, data := sha256.New(), sha256.New()
	all.Write(h[:])
	from := io.NewSectionReader(file, headerBytes, maxData+frameBytes)
	if _, err := io.CopyBuffer(io.MultiWriter(all, data), from, make([]byte, 64<<10)); err != nil {
		return "", "", err
	}
	return hex.EncodeToString(all.Sum(nil)), hex.EncodeToString(data.Sum(nil)), nil
}

// syncDir makes new names in dir durable. Some file systems cannot, and the
// file itself is safe: an error is no failure of the recording.
func syncDir(dir string) {
	d, err := os.Open(dir) //nolint:gosec // our own directory
	if err != nil {
		return
	}
	_ = d.Sync()
	_ = d.Close()
}

// freeSpace returns the bytes that may still be written below dir.
func freeSpace(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * s.Bsize, nil //nolint:gosec // a file system has less than 2^63 bytes
}
