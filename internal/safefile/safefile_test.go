package safefile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"unicode/utf8"

	"pickup/internal/safefile"
)

// picture is 40 x 20: its left half is red, its right half blue.
func picture() image.Image {
	p := image.NewRGBA(image.Rect(0, 0, 40, 20))
	for y := range 20 {
		for x := range 40 {
			c := color.RGBA{R: 255, A: 255}
			if x >= 20 {
				c = color.RGBA{B: 255, A: 255}
			}
			p.Set(x, y, c)
		}
	}
	return p
}

func encode(t testing.TB, kind string) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch kind {
	case "jpeg":
		err = jpeg.Encode(&b, picture(), nil)
	case "png":
		err = png.Encode(&b, picture())
	case "gif":
		err = gif.Encode(&b, picture(), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withExif puts a place and an orientation into a JPEG.
func withExif(photo []byte, orientation uint16) []byte {
	tiff := []byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00")
	tiff = binary.LittleEndian.AppendUint16(tiff, orientation)
	tiff = append(tiff, "\x00\x00 GPS 48.8566N 2.3522E"...)
	body := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{0xFF, 0xD8, 0xFF, 0xE1}, binary.BigEndian.AppendUint16(nil, uint16(len(body)+2))...)
	return append(append(out, body...), photo[2:]...)
}

func TestAPhotoLosesItsPlaceAndKeepsItsWayUp(t *testing.T) {
	got, err := safefile.Clean(withExif(encode(t, "jpeg"), 6))
	if err != nil || got.MIME != "image/jpeg" {
		t.Fatal(got.MIME, err)
	}
	if bytes.Contains(got.Data, []byte("GPS")) || bytes.Contains(got.Data, []byte("Exif")) {
		t.Error("the place is still there")
	}
	p, err := jpeg.Decode(bytes.NewReader(got.Data))
	if err != nil || p.Bounds().Dx() != 20 || p.Bounds().Dy() != 40 {
		t.Fatalf("got %v, %v, want it turned", p.Bounds(), err)
	}
	if r, _, b, _ := p.At(10, 5).RGBA(); r < b { // a quarter turn to the right: what was left is above
		t.Error("turned the wrong way")
	}
}

func TestEveryWayUp(t *testing.T) {
	for orientation := uint16(1); orientation <= 8; orientation++ {
		got, err := safefile.Clean(withExif(encode(t, "jpeg"), orientation))
		if err != nil {
			t.Fatal(err)
		}
		p, err := jpeg.Decode(bytes.NewReader(got.Data))
		if err != nil || p.Bounds().Dx()*p.Bounds().Dy() != 800 {
			t.Errorf("%d: %v %v", orientation, p.Bounds(), err)
		}
	}
}

func TestWhatIsTaken(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		mime string
	}{
		"a PNG":                           {append(encode(t, "png"), "<script>alert(1)</script>"...), "image/png"},
		"a GIF, as a still picture":       {encode(t, "gif"), "image/png"},
		"a PDF":                           {[]byte("%PDF-1.7\n..."), "application/pdf"},
		"plain text":                      {[]byte("Réf. 42\n"), "text/plain; charset=utf-8"},
		"a photo that was cut at its end": {append(encode(t, "jpeg"), make([]byte, 100)...), "image/jpeg"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := safefile.Clean(c.data)
			if err != nil || got.MIME != c.mime || bytes.Contains(got.Data, []byte("script")) {
				t.Errorf("got %s, %v", got.MIME, err)
			}
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	huge := encode(t, "png")
	binary.BigEndian.PutUint32(huge[16:], 60000) // width in IHDR
	binary.BigEndian.PutUint32(huge[20:], 60000)
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"a page":               {[]byte("<!DOCTYPE html><script>alert(1)</script>"), safefile.ErrKind},
		"a drawing of scripts": {[]byte(`<?xml version="1.0"?><svg onload="alert(1)"/>`), safefile.ErrKind},
		"a program":            {[]byte("MZ\x90\x00\x03\x00\x00\x00"), safefile.ErrKind},
		"an archive":           {[]byte("PK\x03\x04aaaaaaaa"), safefile.ErrKind},
		"nothing that is text": {[]byte{0x00, 0x01, 0x02}, safefile.ErrKind},
		"half a photo":         {encode(t, "jpeg")[:200], safefile.ErrPicture},
		"a bomb of pixels":     {huge, safefile.ErrPicture},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := safefile.Clean(c.data); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for sent, want := range map[string]string{
		"photo.jpg": "photo.jpg", "../../etc/passwd": "passwd", `C:\temp\a.pdf`: "a.pdf", "": "file", "...": "file",
		"a\r\nSet-Cookie: x.png": "aSet-Cookie x.png", `x";.exe`: "x.exe", "évidence.pdf": "évidence.pdf",
		"invoice\u202Egpj.exe": "invoicegpj.exe",
	} {
		if got := safefile.Name(sent); got != want {
			t.Errorf("%q: got %q, want %q", sent, got, want)
		}
	}
	if got := safefile.Name(strings.Repeat("é", 300) + ".png"); utf8.RuneCountInString(got) != 100 || !strings.HasSuffix(got, ".png") {
		t.Errorf("got %q", got)
	}
}

func FuzzClean(f *testing.F) {
	for _, kind := range []string{"jpeg", "png", "gif"} {
		f.Add(encode(f, kind))
	}
	f.Add(withExif(encode(f, "jpeg"), 6))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		got, err := safefile.Clean(data)
		if err == nil && len(got.Data) == 0 && len(data) > 0 {
			t.Fatal("nothing is left")
		}
		if n := safefile.Name(string(data)); n == "" || strings.ContainsAny(n, "/\\\r\n\"") {
			t.Fatalf("name %q", n)
		}
	})
}
