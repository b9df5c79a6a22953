package sdptest

import (
	"regexp"
	"strings"
)

var ours = regexp.MustCompile(`(?m)^m=audio [1-9][0-9]* `)

// Missing returns the first of the lines that answer does not have in their
// order, or "". PORT in a line stands for the port of ours.
func Missing(answer string, lines []string) string {
	rest := strings.Split(ours.ReplaceAllString(strings.ReplaceAll(answer, "\r\n", "\n"), "m=audio PORT "), "\n")
	for _, want := range lines {
		for len(rest) > 0 && rest[0] != want {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return want
		}
		rest = rest[1:]
	}
	return ""
}
