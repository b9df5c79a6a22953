package sip

import (
	"slices"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// maxDiversions bounds what is read of a call's way to us.
const maxDiversions = 32

// diverted reads who sent a trunk's call on to us: the number or name that was
// dialled before, of the latest diversion. "": the call came straight, or whoever
// diverted it wants that kept (RFC 5806 4, RFC 7044 5, RFC 3323).
func diverted(r *gosip.Request) string {
	if list := listed(r, "Diversion"); len(list) > 0 { // the latest stands first
		if p := strings.ToLower(paramOf(list[0], "privacy")); p != "" && p != "off" {
			return ""
		}
		user, _ := identityOf(list[0])
		return clean(user)
	}
	return diverter(listed(r, "History-Info"))
}

// diverter reads History-Info (RFC 7044): the entry before the last that names
// somebody else.
func diverter(entries []string) string {
	slices.SortStableFunc(entries, func(a, b string) int { return slices.Compare(indexOf(a), indexOf(b)) })
	if len(entries) < 2 {
		return ""
	}
	target, _ := identityOf(entries[len(entries)-1])
	for i := len(entries) - 2; i >= 0; i-- {
		user, _ := identityOf(entries[i])
		if user == "" || user == target {
			continue
		}
		if strings.Contains(strings.ToLower(entries[i]), "privacy=history") {
			return ""
		}
		return clean(user)
	}
	return ""
}

// indexOf reads the index of an entry, as "1.2.1" (RFC 7044 10.3).
func indexOf(entry string) []int {
	var out []int
	for part := range strings.SplitSeq(paramOf(entry, "index"), ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return out
		}
		out = append(out, n)
	}
	return out
}

// paramOf is a parameter after the address of an entry; "": it has none.
func paramOf(entry, name string) string {
	if i := strings.LastIndexByte(entry, '>'); i >= 0 {
		entry = entry[i+1:]
	}
	for p := range strings.SplitSeq(entry, ";") {
		if k, v, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return ""
}

// listed are the entries of a header that holds a list of addresses.
func listed(r *gosip.Request, name string) []string {
	var out []string
	for _, h := range r.GetHeaders(name) {
		for _, e := range splitList(h.Value()) {
			if e = strings.TrimSpace(e); e != "" && len(out) < maxDiversions {
				out = append(out, e)
			}
		}
	}
	return out
}

// splitList cuts at the commas that stand neither in quotes nor in brackets.
func splitList(s string) []string {
	var out []string
	quoted, inside, from := false, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && !inside:
			quoted = !quoted
		case quoted:
		case c == '<':
			inside = true
		case c == '>':
			inside = false
		case c == ',' && !inside:
			out = append(out, s[from:i])
			from = i + 1
		}
	}
	return append(out, s[from:])
}
