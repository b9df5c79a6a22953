// Package layers holds the import table of the project, and finds what breaks
// it. Imports go strictly down: edges know engines, engines know the
// vocabulary, and engines know nothing of each other. Each third-party module
// lives in one package, so that it can be replaced there.
//
// The files are parsed here and not listed by the go command: a test that runs
// another program is cached as passed after the sources changed.
package layers

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// module is the path that our own imports begin with.
const module = "pickup"

// Violation is one import that the table does not allow, or a package that has
// no row (Import is "" then).
type Violation struct {
	File   string // from the root, with slashes
	Line   int
	Import string
	Why    string
}

// String is "file:line: why".
func (v Violation) String() string {
	return fmt.Sprintf("%s:%d: %s", v.File, v.Line, v.Why)
}

// Check parses every Go file under root and returns what breaks the table, in
// the order of files. Other modules, hidden folders and testdata are passed over.
func Check(root string) ([]Violation, error) {
	var out []Violation
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if entry.IsDir() {
			if rel != "." && foreign(name, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(rel) != ".go" {
			return nil
		}
		found, err := checkFile(name, rel)
		out = append(out, found...)
		return err
	})
	slices.SortStableFunc(out, func(a, b Violation) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line)
	})
	return out, err
}

// foreign reports whether a folder holds nothing of this module.
func foreign(full, name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" {
		return true
	}
	_, err := os.Stat(filepath.Join(full, "go.mod"))
	return err == nil
}

// source is a file as the rules see it.
type source struct {
	dir      string // package folder from the root
	test     bool   // _test.go
	external bool   // package x_test
}

func checkFile(name, rel string) ([]Violation, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, nil, parser.ImportsOnly)
	if err != nil {
		return nil, fmt.Errorf("read imports: %w", err)
	}
	src := source{dir: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go")}
	src.external = src.test && strings.HasSuffix(file.Name.Name, "_test")
	row, key := rowOf(src.dir)
	if row == nil {
		line := set.Position(file.Name.Pos()).Line
		return []Violation{{rel, line, "", fmt.Sprintf("package %s has no row in the table of internal/layers", src.dir)}}, nil
	}
	var out []Violation
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: read imports: %w", rel, err)
		}
		if why := refuse(src, key, row, imported); why != "" {
			out = append(out, Violation{rel, set.Position(spec.Pos()).Line, imported, why})
		}
	}
	return out, nil
}

// rowOf returns the row of a folder: its own, or the nearest parent's.
func rowOf(dir string) (*Row, string) {
	rows := Table()
	for key := dir; key != "."; key = path.Dir(key) {
		if row, ok := rows[key]; ok {
			return &row, key
		}
	}
	return nil, ""
}

// refuse says why src may not import a package, or "".
func refuse(src source, key string, row *Row, imported string) string {
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case imported == module || first == module:
		return refuseOurs(src, key, row, strings.TrimPrefix(strings.TrimPrefix(imported, module), "/"))
	case strings.Contains(first, "."):
		return refuseModule(src, key, row, imported)
	default:
		return refuseStandard(src, key, row, imported)
	}
}

func refuseOurs(src source, key string, row *Row, imported string) string {
	if imported == src.dir || row.All {
		return ""
	}
	if src.external && (slices.Contains(externalTests(), imported) || row.Edge && imported == "store/sqlite") {
		return ""
	}
	_, target := rowOf(imported)
	if target == "" {
		return fmt.Sprintf("%s imports %s, which has no row", src.dir, imported)
	}
	if target == key && key != "internal" { // within one room
		return ""
	}
	if slices.Contains(row.Ours, target) {
		return ""
	}
	return fmt.Sprintf("%s (row %s) must not import %s", src.dir, key, imported)
}

func refuseModule(src source, key string, row *Row, imported string) string {
	for _, prefix := range testModules() {
		if src.test && under(imported, prefix) {
			return ""
		}
	}
	owners := homes()
	for _, prefix := range slices.Sorted(maps.Keys(owners)) {
		if !under(imported, prefix) {
			continue
		}
		if slices.Contains(owners[prefix], src.dir) || slices.Contains(owners[prefix], key) {
			return ""
		}
		return fmt.Sprintf("%s must not import %s: it lives in %s only", src.dir, imported, strings.Join(owners[prefix], ", "))
	}
	if row.Edge {
		return ""
	}
	return fmt.Sprintf("%s must not import %s: other modules are for edges only", src.dir, imported)
}

func refuseStandard(src source, key string, row *Row, imported string) string {
	if imported == "C" && key != "media/opus" {
		return fmt.Sprintf("%s must not use cgo", src.dir)
	}
	if imported == "database/sql" && !under(key, "store") && !row.All {
		return fmt.Sprintf("%s must not import database/sql: it lives in store only", src.dir)
	}
	if row.Pure && !src.test && slices.Contains(impure(), imported) {
		return fmt.Sprintf("%s is pure and must not import %s", src.dir, imported)
	}
	return ""
}

// under reports whether a path is prefix or lies below it.
func under(p, prefix string) bool {
	return p == prefix || strings.HasPrefix(p, prefix+"/")
}
