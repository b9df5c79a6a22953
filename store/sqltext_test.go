package store_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var placeholder = regexp.MustCompile(`\$(\d+)`)

// SQLite numbers $n by the order in which they appear, whatever n says: in every
// text a new number must be the next one.
func TestPlaceholdersAscendByFirstUse(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts(tree) {
			if !placeholder.MatchString(text) {
				continue
			}
			checked++
			if n := outOfOrder(text); n != 0 {
				t.Errorf("%s: $%d comes too early or too late in %q", file, n, text)
			}
		}
	}
	if checked < 50 {
		t.Fatalf("only %d texts were found: the test looks in the wrong place", checked)
	}
}

func TestOutOfOrderFindsWhatItMust(t *testing.T) {
	for text, want := range map[string]int{"$1 $2 $1 $3": 0, "$2 $1": 2, "$1 $3": 3, "nothing": 0, "$1 $1 $2": 0} {
		if got := outOfOrder(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

// texts returns the string literals of a file; literals joined by + are one.
func texts(tree *ast.File) []string {
	var found []string
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.ADD {
				if text, ok := joined(n); ok {
					found = append(found, text)
					return false
				}
			}
		case *ast.BasicLit:
			if text, ok := joined(n); ok {
				found = append(found, text)
			}
		}
		return true
	})
	return found
}

// joined is the text of an expression; what is not a literal counts as a space.
func joined(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			left, okLeft := joined(e.X)
			right, okRight := joined(e.Y)
			return left + " " + right, okLeft || okRight
		}
	}
	return "", false
}

// outOfOrder returns the first number that is neither known nor the next, or 0.
func outOfOrder(text string) int {
	highest := 0
	for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(match[1])
		if err != nil || n > highest+1 {
			return n
		}
		highest = max(highest, n)
	}
	return 0
}

// One SQL means one model: the migrations of both engines are the same text, but
// for the index of words and the change of a CHECK, which each engine has in its
// own way.
func TestMigrationsOfBothEnginesAreTheSameText(t *testing.T) {
	lite, err := filepath.Glob("sqlite/migrations/*.sql")
	if err != nil || len(lite) == 0 {
		t.Fatalf("no migration found: %v", err)
	}
	for _, file := range lite {
		switch filepath.Base(file) {
		case "00011_search.sql", "00030_not_reached.sql", "00081_internal.sql":
			continue
		}
		one, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join("postgres/migrations", filepath.Base(file)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, other) {
			t.Errorf("%s differs between the engines", filepath.Base(file))
		}
	}
}
