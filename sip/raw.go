package sip

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// head is what can be read of a message without a full parse: enough to order
// it, to answer 400 to it and to find its end in a stream.
type head struct {
	request bool
	method  string
	uri     string
	version string
	callID  string
	cseq    string
	from    string
	to      string
	vias    []string
	hops    int // Via values, several to a field counted
	length  int // Content-Length; -1 where absent, not a number or not alone
	lengths int // Content-Length fields
	end     int // offset after the empty line; 0 where there is none
	headers int // number of header fields
}

// full reports whether a response can be made from h (RFC 3261 8.2.6.2).
func (h *head) full() bool {
	return h.request && h.callID != "" && h.cseq != "" && h.from != "" && h.to != "" && len(h.vias) > 0
}

// scanHead reads the head of a message. It reports false where data does not
// begin with a start line of SIP. It never looks beyond the empty line.
func scanHead(data []byte) (head, bool) {
	h := head{length: -1}
	line, rest, ok := cutLine(data)
	if !ok || !h.startLine(string(line)) {
		return h, false
	}
	for {
		var next []byte
		line, next, ok = cutLine(rest)
		if !ok {
			return h, true // no empty line
		}
		if len(line) == 0 {
			h.end = len(data) - len(next)
			return h, true
		}
		line, rest = unfold(line, next)
		h.field(line)
	}
}

// unfold joins a line with those after it that begin with white space
// (RFC 3261 7.3.1), and returns what follows them.
func unfold(line, rest []byte) (whole, after []byte) {
	for first := true; len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t'); first = false {
		more, next, ok := cutLine(rest)
		if !ok {
			break
		}
		if first {
			line = bytes.Clone(line)
		}
		line = append(append(bytes.TrimRight(line, " \t"), ' '), bytes.Trim(more, " \t")...)
		rest = next
	}
	return line, rest
}

// cutLine splits data after its first line end, CRLF or LF.
func cutLine(data []byte) (line, rest []byte, ok bool) {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		return nil, data, false
	}
	return bytes.TrimSuffix(data[:i], []byte{'\r'}), data[i+1:], true
}

func (h *head) startLine(line string) bool {
	if strings.HasPrefix(line, "SIP/") {
		h.version, _, _ = strings.Cut(line, " ")
		return true
	}
	first, rest, ok := strings.Cut(line, " ")
	last := strings.LastIndexByte(rest, ' ')
	if !ok || last < 0 || !token(first) {
		return false
	}
	h.uri = rest[:last]
	h.request, h.method, h.version = true, first, strings.TrimSpace(rest[last+1:])
	if h.version == "" { // white space after the version: "LWS on the request line"
		trimmed := strings.TrimRight(rest, " \t")
		last = strings.LastIndexByte(trimmed, ' ')
		h.version = trimmed[last+1:]
	}
	return strings.HasPrefix(strings.ToUpper(h.version), "SIP/")
}

func (h *head) field(line []byte) {
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok {
		return
	}
	h.headers++
	text := func() string { return string(bytes.TrimSpace(value)) }
	switch strings.ToLower(string(bytes.TrimSpace(name))) {
	case "call-id", "i":
		h.callID = text()
	case "cseq":
		h.cseq = text()
	case "from", "f":
		h.from = text()
	case "to", "t":
		h.to = text()
	case "via", "v":
		h.vias = append(h.vias, text())
		h.hops += 1 + bytes.Count(value, []byte{','})
	case "content-length", "l":
		h.lengths++
		h.length = -1
		if n, err := strconv.ParseUint(text(), 10, 31); err == nil && h.lengths == 1 {
			h.length = int(n)
		}
	}
}

// token reports whether s is a token of RFC 3261 25.1.
func token(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("-.!%*_+`'~", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// statelessReply makes a response from the head of a request alone. The top Via
// gets received and rport of source (RFC 3581), To gets a tag.
func statelessReply(h *head, status int, reason, host, port string, more ...string) []byte {
	var b bytes.Buffer
	b.WriteString("SIP/2.0 " + strconv.Itoa(status) + " " + reason + "\r\n")
	for i, v := range h.vias {
		if i == 0 {
			v = stampVia(v, host, port)
		}
		b.WriteString("Via: " + v + "\r\n")
	}
	to := h.to
	if !strings.Contains(strings.ToLower(to), "tag=") {
		to += ";tag=" + newTag()
	}
	b.WriteString("From: " + h.from + "\r\nTo: " + to + "\r\nCall-ID: " + h.callID + "\r\nCSeq: " + h.cseq + "\r\n")
	for _, m := range more {
		b.WriteString(m + "\r\n")
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	return lineEnds(b.Bytes())
}

// lineEnds takes out carriage returns that end no line: what came in a header
// must not begin a new one in our answer.
func lineEnds(b []byte) []byte {
	out := b[:0]
	for i, c := range b {
		if c != '\r' || (i+1 < len(b) && b[i+1] == '\n') {
			out = append(out, c)
		}
	}
	return out
}

// stampVia sets received and rport in the first hop of a Via value.
func stampVia(via, host, port string) string {
	first, others, many := strings.Cut(via, ",")
	parts := strings.Split(first, ";")
	kept := parts[:1]
	for _, p := range parts[1:] {
		name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(p)), "=")
		if name != "rport" && name != "received" {
			kept = append(kept, p)
		}
	}
	first = strings.Join(kept, ";") + ";received=" + host + ";rport=" + port
	if many {
		return first + "," + others
	}
	return first
}

// normalise rewrites what RFC 3261 allows and sipgo's parser does not: folded
// lines, bare LF, white space around ";", "=" and ","
// of the headers that carry addresses. The body is kept as it is.
func normalise(data []byte) []byte {
	h, ok := scanHead(data)
	if !ok || h.end == 0 {
		return data
	}
	var b bytes.Buffer
	b.Grow(len(data) + 16)
	rest := data[:h.end]
	line, rest, _ := cutLine(rest)
	b.WriteString(string(line) + "\r\n") // more than one space is an error there (RFC 3261 25.1)
	for {
		var okLine bool
		line, rest, okLine = cutLine(rest)
		if !okLine || len(line) == 0 {
			break
		}
		line, rest = unfold(line, rest)
		text := string(line)
		name, value, okField := strings.Cut(text, ":")
		if !okField {
			b.WriteString(text + "\r\n")
			continue
		}
		b.WriteString(strings.TrimSpace(name) + ": " + tidyValue(name, strings.TrimSpace(value)) + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(data[h.end:])
	return b.Bytes()
}

// tidyValue takes optional white space out of the value of a structured header.
func tidyValue(name, value string) string {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "via", "v":
		return tidyVia(value)
	case "from", "f", "to", "t", "contact", "m", "route", "record-route":
		return squeeze(value, ";=,")
	case "cseq":
		return strings.Join(strings.Fields(value), " ")
	}
	return value
}

// squeeze removes white space around the given bytes, outside quotes.
func squeeze(value, around string) string {
	var out []byte
	quoted, skip := false, false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case quoted:
			out = append(out, c)
			if c == '\\' && i+1 < len(value) {
				i++
				out = append(out, value[i])
			} else if c == '"' {
				quoted = false
			}
			continue
		case c == ' ' || c == '\t':
			if skip {
				continue
			}
		case strings.IndexByte(around, c) >= 0:
			out = bytes.TrimRight(out, " \t")
			out = append(out, c)
			skip = true
			continue
		case c == '"':
			quoted = true
		}
		skip = false
		out = append(out, c)
	}
	return string(out)
}

// tidyVia writes "SIP  /  2.0 / UDP host : port ; x" as "SIP/2.0/UDP host:port;x".
func tidyVia(value string) string {
	return squeeze(squeeze(value, "/"), ";=:,")
}

// branch2543 starts the branch that old clients get.
const branch2543 = "z9hG4bK2543-"

// giveBranch gives a request of an RFC 2543 client, whose Via has no branch, one
// made of what names its transaction there (RFC 3261 17.2.3). ACK gets its own,
// so that the ACK of a 2xx reaches its dialog.
func giveBranch(h *head, data []byte) []byte {
	if !h.request || h.end == 0 || len(h.vias) == 0 || strings.Contains(strings.ToLower(h.vias[0]), "branch") {
		return data
	}
	number, method, _ := strings.Cut(h.cseq, " ")
	if strings.TrimSpace(method) != "ACK" {
		method = ""
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{h.callID, number, h.from, method}, "\x00")))
	old := []byte(h.vias[0])
	i := bytes.Index(data[:h.end], old)
	if i < 0 {
		return data
	}
	first, others, many := strings.Cut(h.vias[0], ",")
	first += ";branch=" + branch2543 + hex.EncodeToString(sum[:10])
	if many {
		first += "," + others
	}
	out := append([]byte(nil), data[:i]...)
	out = append(out, first...)
	return append(out, data[i+len(old):]...)
}
