//go:build e2e

package test

import (
	"fmt"
	"strings"
)

// The scenarios of the tests of dialogs are put together from messages: the
// same headers stand in each of them.

// ask is a request of a sipp player. target and to: before and in the dialog.
func sippAsk(method, cseq, extra, body string, in bool) string {
	target, to := "sip:support@[remote_ip]:[remote_port]", "<sip:support@[remote_ip]:[remote_port]>"
	if in {
		target, to = "[next_url]", to+"[peer_tag_param]"
	}
	lines := []string{
		"<send retrans=\"500\"><![CDATA[", method + " " + target + " SIP/2.0",
		"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
		"From: <sip:dialogs@players.example>;tag=[pid]d[call_number]", "To: " + to, "Call-ID: [call_id]",
		"CSeq: " + cseq + " " + method, "Contact: <sip:dialogs@[local_ip]:[local_port]>", "Max-Forwards: 70",
	}
	if extra != "" {
		lines = append(lines, extra)
	}
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	lines = append(lines, "Content-Length: [len]", "", body+"]]></send>", "")
	text := strings.Join(lines, "\n")
	if method == "ACK" {
		text = strings.Replace(text, ` retrans="500"`, "", 1)
	}
	return text
}

// sippTell is a response of a sipp phone to the INVITE that it got first, or, if
// last, to the request that came last.
func sippTell(status, extra, body string, last bool) string {
	via, cseq := "[$via]", "[$cseq]"
	if last {
		via, cseq = "[last_Via:]", "[last_CSeq:]"
	} else {
		via, cseq = "Via:"+via, "CSeq:"+cseq
	}
	lines := []string{
		"<send><![CDATA[", "SIP/2.0 " + status, via, "From:[$from]", "To:[$to];tag=[pid]a[call_number]", "[last_Call-ID:]", cseq,
		"Contact: <sip:1001@[local_ip]:[local_port]>",
	}
	if extra != "" {
		lines = append(lines, extra)
	}
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	return strings.Join(append(lines, "Content-Length: [len]", "", body+"]]></send>", ""), "\n")
}

func sippSDP(version int) string {
	return fmt.Sprintf(`v=0
o=sipp 1 %d IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000

`, version)
}

const (
	sipp100  = `<recv response="100" optional="true"/>` + "\n"
	sipp180  = `<recv response="180" optional="true"/>` + "\n"
	sipp200  = `<recv response="200" rrs="true"/>` + "\n"
	sippRSeq = `<recv response="183" rrs="true"><action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" assign_to="rseq"/></action></recv>` + "\n"
	// the INVITE that a phone got, which it answers after others came between
	sippInvited = `<recv request="INVITE" crlf="true" rrs="true"><action>
<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>
</action></recv>
`
)

func sippScenario(name string, parts ...string) string {
	return `<?xml version="1.0" encoding="ISO-8859-1" ?>` + "\n<scenario name=\"" + name + "\">\n" + strings.Join(parts, "") + "</scenario>\n"
}
