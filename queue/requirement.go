package queue

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseRequirement reads a requirement as people write it: skills with a level, 1
// where it is left out, apart by commas, a "?" behind one that is optional;
// alternatives apart by "|": "payments 3, chat 2? | vip". "" is nothing. Errors:
// *RequirementError.
func ParseRequirement(text string) (Requirement, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var r Requirement
	for i, part := range strings.Split(text, "|") {
		var all []Need
		for j, one := range strings.Split(part, ",") {
			n, err := parseNeed(one, fmt.Sprintf("[%d][%d]", i, j))
			if err != nil {
				return nil, err
			}
			all = append(all, n)
		}
		r = append(r, all)
	}
	return r, r.Check()
}

func parseNeed(text, at string) (Need, error) {
	fields := strings.Fields(text)
	n := Need{Level: 1}
	if last := len(fields) - 1; last >= 0 && strings.HasSuffix(fields[last], "?") {
		n.Optional = true
		if fields[last] = strings.TrimSuffix(fields[last], "?"); fields[last] == "" {
			fields = fields[:last]
		}
	}
	switch len(fields) {
	case 1:
	case 2:
		level, err := strconv.Atoi(fields[1])
		if err != nil || level < 1 || level > 5 || fields[1] != strconv.Itoa(level) {
			return n, &RequirementError{at + ".level", "1 to 5", fields[1]}
		}
		n.Level = level
	default:
		return n, &RequirementError{at, "a skill and its level", strconv.Quote(text)}
	}
	if strings.ContainsAny(fields[0], "?|,") {
		return n, &RequirementError{at + ".skill", "a name without ? | ,", strconv.Quote(fields[0])}
	}
	n.Skill = fields[0]
	return n, nil
}

// String writes a requirement as ParseRequirement reads it. Steps of Relax are left
// out.
func (r Requirement) String() string {
	var b strings.Builder
	for i, all := range r {
		if i > 0 {
			b.WriteString(" | ")
		}
		for j, n := range all {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(n.Skill)
			if n.Level > 1 {
				b.WriteByte(' ')
				b.WriteString(strconv.Itoa(n.Level))
			}
			if n.Optional {
				b.WriteByte('?')
			}
		}
	}
	return b.String()
}
