package web_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"pickup/web"
)

// The console's client is generated from the golden file: a change of the API
// shows there.
func TestTheDescriptionOfTheAPIIsTheCommittedOne(t *testing.T) {
	got, err := web.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatal("openapi.json is not what the code describes; run: go test ./web -run TestTheDescription -update")
	}
}

var update = flag.Bool("update", false, "rewrite what is made: openapi.json, docs/roles.md")
