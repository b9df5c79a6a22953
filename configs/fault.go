package configs

import (
	"fmt"
	"strings"
)

// Fault is one setting that cannot work.
type Fault struct {
	Key   string // setting, or path in a site file as queues[2].target
	Value string // what was read; masked where it may hold a password
	Limit string // what it must be
}

// Error says key, value and limit in one sentence.
func (f Fault) Error() string {
	if f.Value == "" {
		return fmt.Sprintf("%s: %s", f.Key, f.Limit)
	}
	return fmt.Sprintf("%s: %s: %s", f.Key, f.Value, f.Limit)
}

// Faults is every fault of one reading, in the order of the file. It is never
// empty where it is returned as an error; errors.As finds it.
type Faults []Fault

// Error lists the faults, one a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single faults to errors.Is and errors.As.
func (f Faults) Unwrap() []error {
	out := make([]error, len(f))
	for i, one := range f {
		out[i] = one
	}
	return out
}

func (f *Faults) add(key string, value any, limit string, args ...any) {
	text := fmt.Sprint(value)
	if s, ok := value.(string); ok {
		text = fmt.Sprintf("%q", s)
	}
	if value == nil {
		text = ""
	}
	*f = append(*f, Fault{Key: key, Value: text, Limit: fmt.Sprintf(limit, args...)})
}

// err returns nil when there is no fault.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// nearest returns the candidate with the fewest edits, or "" when none is near
// enough to be meant.
func nearest(word string, candidates []string) string {
	best, least := "", len(word)/2+2
	for _, c := range candidates {
		if d := edits(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// edits is the Levenshtein distance of two words.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
