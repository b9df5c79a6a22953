package layers_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pickup/internal/layers"
)

func TestImportsGoDown(t *testing.T) {
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the root of the project is not where this test looks: %v", err)
	}
	found, err := layers.Check(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// A test that finds nothing proves nothing: each rule finds what is planted.
func TestPlantedViolationsAreFound(t *testing.T) {
	tests := map[string]struct {
		file, text string
		want       []string // parts of the complaints; none: allowed
	}{
		"an engine that knows another engine":         {"queue/a.go", `package queue; import _ "pickup/callback"`, []string{"must not import callback"}},
		"an engine that knows an edge":                {"ticket/a.go", `package ticket; import _ "pickup/web"`, []string{"must not import web"}},
		"an engine that knows its store":              {"recording/a.go", `package recording; import _ "pickup/store"`, []string{"must not import store"}},
		"the vocabulary looks up":                     {"account/a.go", `package account; import _ "pickup/call"`, []string{"must not import call"}},
		"call may use account":                        {"call/a.go", `package call; import _ "pickup/account"`, nil},
		"callflow composes the engines":               {"callflow/a.go", `package callflow; import (_ "pickup/queue"; _ "pickup/internal/id")`, nil},
		"callflow knows no edge":                      {"callflow/a.go", `package callflow; import _ "pickup/sip"`, []string{"must not import sip"}},
		"settings are read by cmd alone":              {"web/a.go", `package web; import _ "pickup/configs"`, []string{"must not import configs"}},
		"cmd reads settings":                          {"cmd/pickup/a.go", `package main; import _ "pickup/configs"`, nil},
		"nobody imports cmd":                          {"web/a.go", `package web; import _ "pickup/cmd/pickup"`, []string{"must not import cmd/pickup"}},
		"leaves know nothing of ours":                 {"internal/id/a.go", `package id; import _ "pickup/internal/logkey"`, []string{"must not import internal/logkey"}},
		"a package without a row":                     {"util/a.go", `package util`, []string{"package util has no row"}},
		"an import without a row":                     {"web/a.go", `package web; import _ "pickup/util"`, []string{"has no row"}},
		"a sub-folder has its parent's row":           {"recording/review/a.go", `package review; import (_ "pickup/recording"; _ "pickup/queue")`, []string{"must not import queue"}},
		"a sub-folder with a row of its own":          {"store/sqlite/a.go", `package sqlite; import (_ "pickup/store"; _ "github.com/mattn/go-sqlite3")`, nil},
		"the other engine's driver":                   {"store/sqlite/a.go", `package sqlite; import _ "github.com/jackc/pgx/v5"`, []string{"lives in store/postgres only"}},
		"sipgo outside sip":                           {"callflow/a.go", `package callflow; import _ "github.com/emiago/sipgo/sip"`, []string{"lives in sip, test only"}},
		"an unnamed module in an edge":                {"sip/a.go", `package sip; import _ "golang.org/x/time/rate"`, nil},
		"an unnamed module in an engine":              {"queue/a.go", `package queue; import _ "golang.org/x/time/rate"`, []string{"for edges only"}},
		"a module of a longer name is another module": {"queue/a.go", `package queue; import _ "github.com/pionx/rtp"`, []string{"for edges only"}},
		"property tests everywhere":                   {"queue/a_test.go", `package queue_test; import _ "pgregory.net/rapid"`, nil},
		"property testing in product code":            {"queue/a.go", `package queue; import _ "pgregory.net/rapid"`, []string{"for edges only"}},
		"storetest in an external test":               {"callflow/a_test.go", `package callflow_test; import _ "pickup/store/storetest"`, nil},
		"storetest in an internal test":               {"callflow/a_test.go", `package callflow; import _ "pickup/store/storetest"`, []string{"must not import store/storetest"}},
		"storetest in product code":                   {"callflow/a.go", `package callflow; import _ "pickup/store/storetest"`, []string{"must not import store/storetest"}},
		"a database in an edge's external test":       {"ticket/email/a_test.go", `package email_test; import _ "pickup/store/sqlite"`, nil},
		"a database in an engine's external test":     {"callflow/a_test.go", `package callflow_test; import _ "pickup/store/sqlite"`, []string{"must not import store/sqlite"}},
		"SQL outside the store":                       {"ticket/a.go", `package ticket; import _ "database/sql"`, []string{"lives in store only"}},
		"a socket in a pure engine":                   {"queue/a.go", `package queue; import _ "net"`, []string{"is pure"}},
		"cgo":                                         {"media/a.go", `package media; import "C"`, []string{"must not use cgo"}},
		"hidden folders are passed over":              {".cache/a.go", `package cache; import _ "pickup/cmd/pickup"`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			path := filepath.Join(root, filepath.FromSlash(test.file))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			found, err := layers.Check(root)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != len(test.want) {
				t.Fatalf("got %v, want %q", found, test.want)
			}
			for i, w := range test.want {
				if !strings.Contains(found[i].String(), w) || found[i].File != test.file {
					t.Errorf("got %v, want %q", found[i], w)
				}
			}
		})
	}
}

func TestAnotherModuleIsNotOurs(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "tools")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"go.mod": "module tools\n", "a.go": "package tools"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := layers.Check(root); err != nil || len(found) != 0 {
		t.Errorf("got %v %v, want nothing", found, err)
	}
}

func TestAFileThatIsNoGoIsAnError(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.go"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := layers.Check(root); err == nil {
		t.Error("got no error")
	}
}

// Imports go strictly down: no row reaches itself again.
func TestTheTableHasNoCycle(t *testing.T) {
	table := layers.Table()
	var visit func(key string, path []string)
	visit = func(key string, path []string) {
		if slices.Contains(path, key) {
			t.Fatalf("cycle: %s", strings.Join(append(path, key), " -> "))
		}
		for _, next := range table[key].Ours {
			if _, ok := table[next]; !ok {
				t.Errorf("row %s names %s, which has no row", key, next)
			}
			visit(next, append(slices.Clone(path), key))
		}
	}
	for key := range table {
		visit(key, nil)
	}
}
