package sip

import (
	"slices"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// allow is what we understand; the value of every Allow header.
const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, UPDATE, PRACK, REFER"

// supported is what we can in a call; the value of its Supported headers.
const supported = "timer, 100rel, replaces, norefersub"

// refusal of a request: a status, and headers that explain it.
type refusal struct {
	status  int
	reason  string
	headers []gosip.Header
}

func refuse(status int, headers ...gosip.Header) *refusal {
	return &refusal{status: status, reason: reasonOf(status), headers: headers}
}

// extensions that a Require may name.
var extensions = []string{"timer", "100rel", "replaces", "norefersub", "path", "outbound"}

// single headers may stand once only (RFC 3261 7.3.1, table 2).
var single = []string{"from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type", "expires"}

// gate judges a request before any handler sees it (RFC 3261 8.2). inDialog
// says that it came with a To-tag; maxVias is the limit of hops. It returns nil for what may pass. ACK and
// CANCEL are never answered with a challenge or an extension error.
func gate(r *gosip.Request, inDialog, merged bool, maxVias int) *refusal {
	if r.SipVersion != "SIP/2.0" {
		return refuse(505)
	}
	if f := gateHeaders(r, maxVias); f != nil {
		return f
	}
	if !slices.Contains(strings.Split(allow, ", "), string(r.CSeq().MethodName)) {
		return gateMethod(r)
	}
	if f := gateTarget(r, inDialog); f != nil {
		return f
	}
	if r.Method == gosip.ACK || r.Method == gosip.CANCEL {
		return nil
	}
	if merged {
		return refuse(482)
	}
	if f := gateRequire(r); f != nil {
		return f
	}
	if f := gateSession(r); f != nil {
		return f
	}
	return gateContent(r)
}

func gateHeaders(r *gosip.Request, maxVias int) *refusal {
	counts := map[string]int{}
	for _, h := range r.Headers() {
		counts[longName(h.Name())]++
	}
	for _, name := range single {
		if counts[name] > 1 {
			return refuse(400)
		}
	}
	from, to, cseq := r.From(), r.To(), r.CSeq()
	if from == nil || to == nil || cseq == nil || r.CallID() == nil || r.Via() == nil {
		return refuse(400)
	}
	// sipgo writes the method of the request line in capitals, not that of CSeq.
	if !strings.EqualFold(string(cseq.MethodName), string(r.Method)) || counts["via"] > maxVias {
		return refuse(400)
	}
	if r.Method == gosip.INVITE && (counts["contact"] > 1 || counts["contact"] == 0 && !rfc2543(r)) { // RFC 3261 8.1.1.8
		return refuse(400)
	}
	for _, a := range []*gosip.Uri{&from.Address, &to.Address, &r.Recipient} {
		if a.Wildcard || clean(a.User) != a.User || clean(a.Host) != a.Host {
			return refuse(400)
		}
	}
	if c := r.Contact(); c != nil && (clean(c.Address.User) != c.Address.User || clean(c.Address.Host) != c.Address.Host) {
		return refuse(400)
	}
	for _, h := range r.GetHeaders("Date") {
		if v := h.Value(); v != "" && !strings.HasSuffix(v, "GMT") { // RFC 3261 20.17
			return refuse(400)
		}
	}
	return nil
}

// rfc2543 reports a client from before RFC 3261: the branch is one that we gave.
func rfc2543(r *gosip.Request) bool {
	branch, _ := r.Via().Params.Get("branch")
	return strings.HasPrefix(branch, branch2543)
}

// gateMethod answers what we do not do.
func gateMethod(r *gosip.Request) *refusal {
	switch r.Method {
	case gosip.SUBSCRIBE, gosip.PUBLISH:
		return refuse(489, gosip.NewHeader("Allow-Events", "none"))
	case gosip.NOTIFY:
		return refuse(481)
	}
	return refuse(405, gosip.NewHeader("Allow", allow))
}

func gateTarget(r *gosip.Request, inDialog bool) *refusal {
	switch strings.ToLower(r.Recipient.Scheme) {
	case "sip", "sips", "":
	case "tel":
	default:
		return refuse(416)
	}
	if r.Recipient.Raw() == "" && r.Recipient.Host == "" {
		return refuse(400)
	}
	if m := r.MaxForwards(); m != nil && m.Val() == 0 && !inDialog && r.Method != gosip.ACK && r.Method != gosip.CANCEL {
		return refuse(483)
	}
	return nil
}

func gateRequire(r *gosip.Request) *refusal {
	var unknown []string
	for _, name := range []string{"Require", "Proxy-Require"} {
		for _, h := range r.GetHeaders(name) {
			for _, tag := range strings.Split(h.Value(), ",") {
				tag = strings.ToLower(strings.TrimSpace(tag))
				if tag != "" && !slices.Contains(extensions, tag) {
					unknown = append(unknown, clean(tag))
				}
			}
		}
	}
	if unknown != nil {
		return refuse(420, gosip.NewHeader("Unsupported", strings.Join(unknown, ", ")))
	}
	return nil
}

func gateSession(r *gosip.Request) *refusal {
	if r.Method != gosip.INVITE && r.Method != gosip.UPDATE {
		return nil
	}
	interval, _, ok := sessionExpires(r)
	if ok && interval < minSE {
		return refuse(422, gosip.NewHeader("Min-SE", strconv.Itoa(minSE)))
	}
	return nil
}

func gateContent(r *gosip.Request) *refusal {
	for _, name := range []string{"Content-Encoding", "e"} {
		for _, h := range r.GetHeaders(name) {
			if v := strings.ToLower(strings.TrimSpace(h.Value())); v != "" && v != "identity" && len(r.Body()) > 0 {
				return refuse(415, gosip.NewHeader("Accept-Encoding", "identity"))
			}
		}
	}
	if r.Method != gosip.INVITE && r.Method != gosip.UPDATE && r.Method != gosip.PRACK {
		return nil
	}
	if len(r.Body()) > 0 {
		if t := r.ContentType(); t == nil || !isSDP(t.Value()) {
			if !optionalBody(r) {
				return refuse(415, gosip.NewHeader("Accept", "application/sdp"))
			}
		}
	}
	if hs := r.GetHeaders("Accept"); len(hs) > 0 && !acceptsSDP(hs) {
		return refuse(406, gosip.NewHeader("Accept", "application/sdp"))
	}
	return nil
}

func isSDP(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(t), "application/sdp")
}

// optionalBody reports Content-Disposition with handling=optional (RFC 3261 20.11).
func optionalBody(r *gosip.Request) bool {
	h := r.GetHeader("Content-Disposition")
	return h != nil && strings.Contains(strings.ToLower(h.Value()), "handling=optional")
}

func acceptsSDP(hs []gosip.Header) bool {
	for _, h := range hs {
		for _, v := range strings.Split(strings.ToLower(h.Value()), ",") {
			v, _, _ = strings.Cut(strings.TrimSpace(v), ";")
			if v = strings.TrimSpace(v); v == "application/sdp" || v == "application/*" || v == "*/*" {
				return true
			}
		}
	}
	return false
}

var compactNames = map[string]string{
	"f": "from", "t": "to", "i": "call-id", "m": "contact", "v": "via", "l": "content-length",
	"c": "content-type", "e": "content-encoding", "k": "supported", "s": "subject", "x": "session-expires",
	"r": "refer-to",
}

func longName(name string) string {
	name = strings.ToLower(name)
	if long, ok := compactNames[name]; ok {
		return long
	}
	return name
}

var reasons = map[int]string{
	100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
	406: "Not Acceptable", 408: "Request Timeout", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme",
	420: "Bad Extension", 422: "Session Interval Too Small", 423: "Interval Too Brief", 439: "First Hop Lacks Outbound Support", 480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 486: "Busy Here",
	487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
	500: "Server Internal Error", 503: "Service Unavailable", 504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
	600: "Busy Everywhere", 603: "Decline",
}

func reasonOf(status int) string {
	if r := reasons[status]; r != "" {
		return r
	}
	return "Refused"
}
