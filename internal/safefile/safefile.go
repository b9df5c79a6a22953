// Package safefile takes in files from strangers: what they are is judged by
// their content, never by their name, and pictures are made anew from their
// pixels, so that no place, camera or hidden payload (EXIF, comments, what
// follows the end) is kept. Kinds that are not allowed are refused.
//
// It holds functions without state. Pictures are decoded by the standard library.
package safefile

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // decoder of its first picture
	"image/jpeg"
	"image/png"
	"net/http"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Errors of the package, tested with errors.Is.
var (
	ErrKind    = errors.New("safefile: a file of this kind is not taken")
	ErrPicture = errors.New("safefile: the picture cannot be read, or is too large")
)

// Limits of a picture.
const (
	maxPixels = 40_000_000 // decoded: 160 MB at most
	quality   = 88         // of a JPEG made anew
)

// Cleaned is a file as it may be kept.
type Cleaned struct {
	Data []byte
	MIME string
}

// Clean judges a file by its content: JPEG and PNG are made anew, of a GIF the
// first picture as PNG; PDF and plain text (UTF-8) are kept as they are. Errors:
// ErrKind, ErrPicture.
func Clean(data []byte) (Cleaned, error) {
	kind, _, _ := strings.Cut(http.DetectContentType(data), ";")
	switch kind {
	case "image/jpeg", "image/png":
		out, err := redraw(kind, data)
		return Cleaned{out, kind}, err
	case "image/gif":
		out, err := redraw(kind, data)
		return Cleaned{out, "image/png"}, err
	case "application/pdf":
		return Cleaned{data, kind}, nil
	case "text/plain":
		if utf8.Valid(data) && !bytes.ContainsRune(data, 0) {
			return Cleaned{data, "text/plain; charset=utf-8"}, nil
		}
	}
	return Cleaned{}, fmt.Errorf("%w: %s", ErrKind, kind)
}

// redraw decodes a picture and encodes its pixels.
func redraw(kind string, data []byte) ([]byte, error) {
	size, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || size.Width <= 0 || size.Height <= 0 || size.Width > maxPixels/size.Height {
		return nil, ErrPicture
	}
	var out bytes.Buffer
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, ErrPicture
	}
	if kind == "image/jpeg" {
		err = jpeg.Encode(&out, upright(picture, orientation(data)), &jpeg.Options{Quality: quality})
	} else {
		err = png.Encode(&out, picture)
	}
	if err != nil {
		return nil, fmt.Errorf("encode a picture: %w", err)
	}
	return out.Bytes(), nil
}

// Name is a file name as it may stand in a header and on any disk: the last
// element of what was sent, without control characters and separators, at most
// 100 characters, never empty.
func Name(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), "\\", "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`"<>|:*?/\%;`, r) || r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069' {
			return -1
		}
		return r
	}, name)
	name = strings.Trim(name, " .")
	if r := []rune(name); len(r) > 100 {
		name = string(r[:60]) + "…" + string(r[len(r)-39:])
	}
	if name == "" {
		return "file"
	}
	return name
}
