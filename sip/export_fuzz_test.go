package sip

import (
	"net/netip"

	gosip "github.com/emiago/sipgo/sip"

	"pickup/account"
)

// What shows further parsers to the fuzz targets.
var (
	AnswerChallenge = answerChallenge
	EscapeUser      = escapeUser
	UnescapeUser    = unescapeUser
	Clean           = clean
	TextFrame       = textFrame
	CutFrame        = cutFrame
	Normalise       = normalise
	RelayDigit      = relayDigit
	STUNAnswer      = stunAnswer
)

// ParseFlow reads the stored form of a flow and writes it again.
func ParseFlow(s string) (string, bool) {
	transport, addr, ok := parseFlow(s)
	return (&flow{transport: transport, addr: addr}).String(), ok
}

// Head is what the scan of a message's head finds.
func Head(data []byte) (callID, cseq string, end int, ok bool) {
	h, ok := scanHead(data)
	return h.callID, h.cseq, h.end, ok
}

// PlanRegister works out what a REGISTER with these headers would change; n is
// the number of bindings that it would write, status that of a refusal.
func (s *Server) PlanRegister(headers string) (bindings []account.Binding, status int, ok bool) {
	text := "REGISTER sip:pickup SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx\r\nFrom: <sip:1001@b>;tag=1\r\nTo: <sip:1001@b>\r\n" +
		"Call-ID: x\r\nCSeq: 1 REGISTER\r\n" + headers + "\r\nContent-Length: 0\r\n\r\n"
	if !s.parses([]byte(text), false) {
		return nil, 0, false
	}
	m, err := s.parser.ParseSIP([]byte(text))
	r, isRequest := m.(*gosip.Request)
	if err != nil || !isRequest || gate(r, false, false, 32) != nil {
		return nil, 0, false
	}
	source := netip.MustParseAddrPort("192.0.2.7:5060")
	q := &request{Request: r, server: s, ticket: &ticket{}, source: source}
	changes, no := s.reg.plan(q, account.User{ID: "u", Login: "1001"}, &flow{transport: "udp", addr: source})
	if no != nil {
		return nil, no.status, true
	}
	for _, c := range changes {
		bindings = append(bindings, c.Binding)
	}
	return bindings, 0, true
}
