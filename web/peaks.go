package web

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"pickup/recording"
)

// Form of a recording beyond its header: frames of two PCM16 samples, player first.
const frameBytes = 4

// Peaks is the outline of a recording, for a waveform.
type Peaks struct {
	DurationMS int64 `json:"duration_ms"`
	Left       []int `json:"left" nullable:"false" doc:"The player: the highest value of each part, 0 to 255."`
	Right      []int `json:"right" nullable:"false" doc:"The agent."`
}

type (
	peaksInput struct {
		IDInput
		Buckets     int    `query:"buckets" minimum:"1" maximum:"4000" default:"800" doc:"In how many parts of one length it is divided."`
		IfNoneMatch string `header:"If-None-Match"`
	}
	peaksOutput struct {
		ETag         string `header:"ETag"`
		CacheControl string `header:"Cache-Control"`
		Body         Peaks
	}
)

func (s *Server) peakOperations(api huma.API) {
	register(api, act{
		id: "get-recording-peaks", method: http.MethodGet, path: "/api/v1/recordings/{id}/peaks", tag: "recordings", rule: everyone,
		summary: "Its outline, for a waveform; who may hear it may see it", errors: []int{http.StatusNotFound, http.StatusNotModified},
	}, s.getPeaks)
}

// getPeaks reads the file once from end to end. A finished recording does not
// change: a client that has its outline is told so without reading.
func (s *Server) getPeaks(ctx context.Context, in *peaksInput) (*peaksOutput, error) {
	row, err := s.parts.Store.Recording(ctx, recording.ID(in.ID))
	if err != nil {
		return nil, s.fail(ctx, "read a recording", err)
	}
	if err := own(ctx, row.AgentID); err != nil {
		return nil, err
	}
	out := &peaksOutput{CacheControl: "private, no-cache"}
	if row.SHA256 != "" && row.State != recording.StateDeleted {
		out.ETag = fmt.Sprintf(`"%s-%d"`, row.SHA256, in.Buckets)
		if in.IfNoneMatch == out.ETag {
			return nil, huma.Status304NotModified()
		}
	}
	audio, _, err := s.parts.Recorder.Open(ctx, row.ID)
	if err != nil {
		return nil, s.fail(ctx, "open a recording", err)
	}
	defer func() { _ = audio.Close() }() // read only: nothing can be lost
	if out.Body, err = peaksOf(ctx, audio, in.Buckets); err != nil {
		return nil, s.fail(ctx, "read the audio of a recording", err)
	}
	return out, nil
}

// peaksOf measures the audio behind the header in n parts. A file cut short
// is what is there of it; parts without audio are 0.
func peaksOf(ctx context.Context, audio io.ReadSeeker, n int) (Peaks, error) {
	size, err := audio.Seek(0, io.SeekEnd)
	if err != nil {
		return Peaks{}, err
	}
	if _, err = audio.Seek(wavHeader, io.SeekStart); err != nil {
		return Peaks{}, err
	}
	frames := max(size-wavHeader, 0) / frameBytes
	p := Peaks{DurationMS: frames * frameBytes / bytesPerMS, Left: make([]int, n), Right: make([]int, n)}
	in := bufio.NewReaderSize(audio, 64<<10)
	var frame [frameBytes]byte
	for i := range frames {
		if i%(1<<20) == 0 && ctx.Err() != nil {
			return p, ctx.Err()
		}
		if _, err := io.ReadFull(in, frame[:]); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				break // shortened while it was read
			}
			return p, err
		}
		part := i * int64(n) / frames
		p.Left[part] = max(p.Left[part], height(frame[:2]))
		p.Right[part] = max(p.Right[part], height(frame[2:]))
	}
	return p, nil
}

// height is the absolute value of a sample, 0 to 255.
func height(sample []byte) int {
	v := int(int16(binary.LittleEndian.Uint16(sample))) //nolint:gosec // its bits are what they are
	return min(max(v, -v), 1<<15-1) >> 7
}
