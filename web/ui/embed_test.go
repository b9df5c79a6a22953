package ui_test

import (
	"io/fs"
	"strings"
	"testing"

	"pickup/web/ui"
)

func TestFilesHoldWhatBuiltSays(t *testing.T) {
	_, err := fs.Stat(ui.Files(), "index.html")
	if got := err == nil; got != ui.Built() {
		t.Fatalf("index.html there: %v, Built: %v", got, ui.Built())
	}
	if _, err := fs.Stat(ui.Files(), ".keep"); err != nil && !ui.Built() {
		t.Fatalf("dist has neither pages nor its marker: %v", err)
	}
}

// A page that names an asset which is not embedded would be blank.
func TestPagesNameOnlyEmbeddedAssets(t *testing.T) {
	if !ui.Built() {
		t.Log("the console is not built: nothing to compare")
		return
	}
	for _, page := range []string{"index.html", "call.html"} {
		text, err := fs.ReadFile(ui.Files(), page)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), `"/assets/`)[1:] {
			name := "assets/" + part[:strings.IndexByte(part, '"')]
			if _, err := fs.Stat(ui.Files(), name); err != nil {
				t.Errorf("%s names %s: %v", page, name, err)
			}
		}
	}
}
