package web_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// rolesMark begins the part of the page that is made from the table of roles.
const rolesMark = "<!-- roles: made by go test ./web -run TestTheRolesPage -update -->\n"

// rolesTable is the table of roles as the page shows it.
func rolesTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("\n| operation | not signed in | agent, his | agent, another's | supervisor | reviewer | administrator |\n|---|---|---|---|---|---|---|\n")
	for _, op := range described(t) {
		fmt.Fprintf(&b, "| `%s %s`", op.method, op.path)
		for _, status := range strings.Fields(roles[op.id].status) {
			word := "yes"
			switch {
			case strings.HasPrefix(op.path, "/w/v1/"):
				word = "page" // no role counts
			case op.id == "sign-in":
			case status == "401", status == "403":
				word = "-"
			case status == "404" && op.id == "delete-token":
				word = "-" // another's is not there for him
			}
			b.WriteString(" | " + word)
		}
		b.WriteString(" |\n")
	}
	return b.String()
}

// docs/roles.md says what the table of roles says, which is tried as each role.
func TestTheRolesPageSaysWhatTheTableSays(t *testing.T) {
	const page = "../docs/roles.md"
	text, err := os.ReadFile(page)
	must(t, err)
	prose, made, ok := strings.Cut(string(text), rolesMark)
	if !ok {
		t.Fatalf("%s lacks the line %s", page, rolesMark)
	}
	want := rolesTable(t)
	if *update {
		must(t, os.WriteFile(page, []byte(prose+rolesMark+want), 0o644))
		made = want
	}
	if made != want {
		t.Fatal("docs/roles.md is not what the table of roles says; run: go test ./web -run TestTheRolesPage -update")
	}
}
