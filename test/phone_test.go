//go:build e2e

package test

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pickup/account"
	"pickup/internal/g711"
	"pickup/internal/id"
)

// phone is a small SIP telephone over UDP, for speed: one socket, one RTP
// socket, any number of dialogs. Real clients prove the rest.
type phone struct {
	t      testing.TB
	user   string
	server string
	conn   *net.UDPConn
	rtp    *net.UDPConn

	answerAfter time.Duration // below 0: never answers
	talkFor     time.Duration // hangs up so long after it answered, ACK or not; 0: never
	pressOne    bool          // presses 1 a second after it answered
	silent      bool          // sends no RTP
	forgets     bool          // knows no call when it is asked by OPTIONS
	deaf        bool          // keeps nothing of what it hears
	stamped     bool          // each packet it speaks says when it was sent
	transits    *transits     // where the way of stamped packets that arrive is noted, when set
	eager       bool          // speaks at once when it answers, a packet each millisecond for a while
	hushed      atomic.Bool   // sends no RTP from now on
	spoken      atomic.Int64  // RTP packets sent
	heard       atomic.Int64  // RTP packets received

	mu       sync.Mutex
	dialogs  map[string]*dialog // by Call-ID
	asked    int                // OPTIONS received
	invites  []time.Time        // INVITEs received, without retransmissions
	most     int                // most dialogs early or confirmed at once
	finals   map[string]chan sipMessage
	clickAt  time.Time // when set, one loud packet is sent then
	received []byte    // mu-law payloads
	closed   chan struct{}
}

// dialog is one call of a phone.
type dialog struct {
	callID, localTag, remoteTag string
	target                      string // R-URI of our requests
	media                       *net.UDPAddr
	cseq                        int
	outbound, up, over          bool
	upAt                        time.Time
	invite                      sipMessage
	hungUp                      chan struct{}
}

// sipMessage is a message as text.
type sipMessage struct {
	start   string
	headers map[string][]string
	body    string
}

func (m sipMessage) get(name string) string {
	if v := m.headers[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (m sipMessage) method() string { return strings.Fields(m.start)[0] }

func (m sipMessage) status() int {
	f := strings.Fields(m.start)
	if len(f) > 1 && strings.HasPrefix(f[0], "SIP/") {
		n, _ := strconv.Atoi(f[1])
		return n
	}
	return 0
}

func parseMessage(b []byte) (m sipMessage, ok bool) {
	head, body, found := strings.Cut(string(b), "\r\n\r\n")
	if !found {
		return m, false
	}
	lines := strings.Split(head, "\r\n")
	m = sipMessage{start: lines[0], headers: map[string][]string{}, body: body}
	for _, l := range lines[1:] {
		if k, v, ok := strings.Cut(l, ":"); ok {
			k = strings.ToLower(strings.TrimSpace(k))
			m.headers[k] = append(m.headers[k], strings.TrimSpace(v))
		}
	}
	return m, len(strings.Fields(m.start)) > 1
}

func tagOf(header string) string {
	_, tag, _ := strings.Cut(header, ";tag=")
	tag, _, _ = strings.Cut(tag, ";")
	return tag
}

func uriOf(header string) string {
	if _, rest, ok := strings.Cut(header, "<"); ok {
		u, _, _ := strings.Cut(rest, ">")
		return u
	}
	u, _, _ := strings.Cut(header, ";")
	return u
}

// newPhone opens a phone. It answers at once and speaks silence.
func newPhone(t testing.TB, user, server string) *phone {
	t.Helper()
	return newPhoneAt(t, user, server, "127.0.0.1")
}

// newPhoneAt opens one on a host of the loopback network.
func newPhoneAt(t testing.TB, user, server, host string) *phone {
	t.Helper()
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	p := &phone{
		t: t, user: user, server: server, conn: listen(), rtp: listen(), dialogs: map[string]*dialog{},
		finals: map[string]chan sipMessage{}, closed: make(chan struct{}),
	}
	go p.read()
	go p.listen()
	go p.speak()
	t.Cleanup(p.close)
	return p
}

func (p *phone) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
	default:
		close(p.closed)
		p.conn.Close()
		p.rtp.Close()
	}
}

func (p *phone) addr() string { return p.conn.LocalAddr().String() }

func (p *phone) send(text string) {
	to, err := net.ResolveUDPAddr("udp4", p.server)
	if err == nil {
		_, _ = p.conn.WriteToUDP([]byte(text), to)
	}
}

func (p *phone) read() {
	buf := make([]byte, 65536)
	for {
		n, _, err := p.conn.ReadFromUDP(buf)
		if err != nil {
			return
		}
		if m, ok := parseMessage(buf[:n]); ok {
			p.handle(m)
		}
	}
}

func (p *phone) handle(m sipMessage) {
	if m.status() > 0 {
		p.response(m)
		return
	}
	switch m.method() {
	case "INVITE":
		p.invited(m)
	case "ACK":
	case "BYE":
		p.reply(m, "200 OK", "", "")
		p.end(m.get("call-id"))
	case "CANCEL":
		p.reply(m, "200 OK", "", "")
		p.mu.Lock()
		d := p.dialogs[m.get("call-id")]
		early := d != nil && !d.up && !d.over
		p.mu.Unlock()
		if early {
			p.reply(d.invite, "487 Request Terminated", d.localTag, "")
			p.end(m.get("call-id"))
		}
	case "OPTIONS":
		p.mu.Lock()
		p.asked++
		d := p.dialogs[m.get("call-id")]
		gone := p.forgets || d != nil && d.over
		p.mu.Unlock()
		if gone && tagOf(m.get("to")) != "" {
			p.reply(m, "481 Call/Transaction Does Not Exist", "", "")
			return
		}
		p.reply(m, "200 OK", "", "")
	default:
		p.reply(m, "200 OK", "", "")
	}
}

func (p *phone) end(callID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.dialogs[callID]
	if d == nil { // the BYE overtook dial, which has not looked at the 200 yet
		d = &dialog{callID: callID, hungUp: make(chan struct{})}
		p.dialogs[callID] = d
	}
	if !d.over {
		d.over = true
		close(d.hungUp)
	}
}

// reply answers a request.
func (p *phone) reply(m sipMessage, status, tag, body string) {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %s\r\n", status)
	for _, v := range m.headers["via"] {
		fmt.Fprintf(&b, "Via: %s\r\n", v)
	}
	for _, v := range m.headers["record-route"] {
		fmt.Fprintf(&b, "Record-Route: %s\r\n", v)
	}
	to := m.get("to")
	if tag != "" && tagOf(to) == "" {
		to += ";tag=" + tag
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n", m.get("from"), to, m.get("call-id"), m.get("cseq"))
	fmt.Fprintf(&b, "Contact: <sip:%s@%s>\r\n", p.user, p.addr())
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	p.send(b.String())
}

// sdp is our description: mu-law and keys.
func (p *phone) sdp() string {
	rtp := p.rtp.LocalAddr().(*net.UDPAddr)
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[2]s\r\ns=-\r\nc=IN IP4 %[2]s\r\nt=0 0\r\n"+
		"m=audio %[1]d RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n", rtp.Port, rtp.IP)
}

// mediaOf reads the peer's RTP address.
func mediaOf(sdp string) *net.UDPAddr {
	a := &net.UDPAddr{}
	for _, l := range strings.Split(sdp, "\r\n") {
		if v, ok := strings.CutPrefix(l, "c=IN IP4 "); ok {
			a.IP = net.ParseIP(v)
		}
		if v, ok := strings.CutPrefix(l, "m=audio "); ok {
			a.Port, _ = strconv.Atoi(strings.Fields(v)[0])
		}
	}
	return a
}

// invited rings, and answers after a while.
func (p *phone) invited(m sipMessage) {
	callID := m.get("call-id")
	p.mu.Lock()
	if _, known := p.dialogs[callID]; known { // a retransmission or a re-INVITE
		d := p.dialogs[callID]
		p.mu.Unlock()
		if d.up {
			p.reply(m, "200 OK", d.localTag, p.sdp())
		}
		return
	}
	d := &dialog{
		callID: callID, localTag: id.New(), remoteTag: tagOf(m.get("from")), target: uriOf(m.get("contact")),
		media: mediaOf(m.body), invite: m, hungUp: make(chan struct{}), cseq: 1,
	}
	p.dialogs[callID] = d
	p.invites = append(p.invites, time.Now())
	now := 0
	for _, other := range p.dialogs {
		if !other.over {
			now++
		}
	}
	p.most = max(p.most, now)
	p.mu.Unlock()
	p.reply(m, "180 Ringing", d.localTag, "")
	if p.answerAfter < 0 {
		return
	}
	time.AfterFunc(p.answerAfter, func() {
		p.mu.Lock()
		if d.over {
			p.mu.Unlock()
			return
		}
		d.up, d.upAt = true, time.Now()
		p.mu.Unlock()
		p.reply(m, "200 OK", d.localTag, p.sdp())
		if p.eager {
			p.hurry(d)
		}
		if p.pressOne {
			time.AfterFunc(time.Second, func() { p.press(d, 1) })
		}
		if p.talkFor > 0 {
			time.AfterFunc(p.talkFor, func() { p.bye(d) })
		}
	})
}

// response takes a response to a request of ours.
func (p *phone) response(m sipMessage) {
	if m.status() < 200 {
		return
	}
	if strings.HasSuffix(m.get("cseq"), "INVITE") {
		p.acknowledge(m)
	}
	p.mu.Lock()
	c := p.finals[m.get("call-id")+m.get("cseq")]
	p.mu.Unlock()
	if c != nil {
		select {
		case c <- m:
		default:
		}
	}
}

func (p *phone) acknowledge(m sipMessage) {
	target := fmt.Sprintf("sip:%s", p.server)
	branch := ""
	if m.status() < 300 {
		target = uriOf(m.get("contact"))
		branch = "z9hG4bK" + id.New()
	} else {
		_, branch, _ = strings.Cut(m.get("via"), "branch=")
		branch, _, _ = strings.Cut(branch, ";")
	}
	n, _, _ := strings.Cut(m.get("cseq"), " ")
	p.send(fmt.Sprintf("ACK %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s;rport\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"+
		"CSeq: %s ACK\r\nContent-Length: 0\r\n\r\n", target, p.addr(), branch, m.get("from"), m.get("to"), m.get("call-id"), n))
}

// request sends a request and waits for its final response; it repeats it as
// UDP needs.
func (p *phone) request(method, target, from, to, callID string, cseq int, extra, body string) (sipMessage, error) {
	key := callID + fmt.Sprintf("%d %s", cseq, method)
	c := make(chan sipMessage, 4)
	p.mu.Lock()
	p.finals[key] = c
	p.mu.Unlock()
	text := fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"+
		"CSeq: %d %s\r\nContact: <sip:%s@%s>\r\n%sContent-Length: %d\r\n\r\n%s",
		method, target, p.addr(), id.New(), from, to, callID, cseq, method, p.user, p.addr(), extra, len(body), body)
	for pause := 500 * time.Millisecond; pause <= 16*time.Second; pause *= 2 { // timer B and F: 64*T1
		p.send(text)
		select {
		case m := <-c:
			return m, nil
		case <-time.After(pause):
		case <-p.closed:
			return sipMessage{}, net.ErrClosed
		}
	}
	return sipMessage{}, fmt.Errorf("%s: no final response", method)
}

// register binds the phone, with digest.
func (p *phone) register(password string) {
	p.t.Helper()
	callID, me := id.New(), fmt.Sprintf("<sip:%s@%s>", p.user, p.server)
	uri := "sip:" + p.server
	m, err := p.request("REGISTER", uri, me+";tag=r", me, callID, 1, "Expires: 600\r\n", "")
	if err != nil || m.status() != 401 {
		p.t.Fatalf("REGISTER of %s: %v %s", p.user, err, m.start)
	}
	quoted := func(name string) string {
		_, v, _ := strings.Cut(m.get("www-authenticate"), name+`="`)
		v, _, _ = strings.Cut(v, `"`)
		return v
	}
	ha1, _ := account.HA1(p.user, quoted("realm"), password)
	ha2 := md5Hex("REGISTER:" + uri)
	response := md5Hex(strings.Join([]string{ha1, quoted("nonce"), "00000001", "abc", "auth", ha2}, ":"))
	extra := fmt.Sprintf("Expires: 600\r\nAuthorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\", "+
		"algorithm=MD5, qop=auth, nc=00000001, cnonce=\"abc\"\r\n", p.user, quoted("realm"), quoted("nonce"), uri, response)
	m, err = p.request("REGISTER", uri, me+";tag=r", me, callID, 2, extra, "")
	if err != nil || m.status() != 200 {
		p.t.Fatalf("REGISTER of %s: %v %s", p.user, err, m.start)
	}
}

// dial calls a name at the server and returns the dialog once it is answered.
func (p *phone) dial(name string) (*dialog, error) {
	callID, tag := id.New(), id.New()
	from := fmt.Sprintf("<sip:%s@%s>;tag=%s", p.user, p.addr(), tag)
	to := fmt.Sprintf("<sip:%s@%s>", name, p.server)
	m, err := p.request("INVITE", "sip:"+name+"@"+p.server, from, to, callID, 1, "Content-Type: application/sdp\r\n", p.sdp())
	if err != nil {
		return nil, err
	}
	if m.status() != 200 {
		return nil, fmt.Errorf("INVITE: %s", m.start)
	}
	d := &dialog{
		callID: callID, localTag: tag, remoteTag: tagOf(m.get("to")), target: uriOf(m.get("contact")), media: mediaOf(m.body),
		outbound: true, up: true, upAt: time.Now(), cseq: 1, hungUp: make(chan struct{}),
	}
	d.invite = sipMessage{headers: map[string][]string{"from": {m.get("from")}, "to": {m.get("to")}}}
	p.mu.Lock()
	defer p.mu.Unlock()
	if gone := p.dialogs[callID]; gone != nil && gone.over {
		d.over = true
		close(d.hungUp)
	}
	p.dialogs[callID] = d
	return d, nil
}

// bye hangs up.
func (p *phone) bye(d *dialog) {
	p.mu.Lock()
	over := d.over
	d.cseq++
	cseq := d.cseq
	p.mu.Unlock()
	if over {
		return
	}
	from, to := d.invite.get("from"), d.invite.get("to")
	if !d.outbound {
		from, to = d.invite.get("to")+";tag="+d.localTag, d.invite.get("from")
	}
	_, _ = p.request("BYE", d.target, from, to, d.callID, cseq, "", "")
	p.end(d.callID)
}

// speak sends 20 ms of mu-law to whoever is connected, until the phone closes.
func (p *phone) speak() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var seq uint16
	var ts uint32
	began := time.Now()
	silence := rtpPacket(0, false, 0, 0, 160)
	packet := make([]byte, len(silence))
	for {
		select {
		case <-tick.C:
		case <-p.closed:
			return
		}
		seq++
		ts += 160
		if p.silent || p.hushed.Load() {
			continue
		}
		p.mu.Lock()
		copy(packet, silence)
		binary.BigEndian.PutUint16(packet[2:], seq)
		binary.BigEndian.PutUint32(packet[4:], ts)
		// The packet holds the 20 ms up to its turn; a click stands in it at its sample.
		turn := began.Add(time.Duration(seq) * 20 * time.Millisecond)
		if since := turn.Sub(p.clickAt); !p.clickAt.IsZero() && since >= 0 {
			at := max(0, 160-int(since.Microseconds()*8/1000))
			for i := at; i < min(at+8, 160); i++ {
				packet[12+i] = g711.EncodeSample(0, 30000)
			}
			p.clickAt = time.Time{}
		}
		for _, d := range p.dialogs {
			if d.up && !d.over && d.media != nil {
				if p.stamped {
					stamp(packet)
				}
				_, _ = p.rtp.WriteToUDP(packet, d.media)
				p.spoken.Add(1)
			}
		}
		p.mu.Unlock()
	}
}

// rtpPacket is a packet of mu-law silence.
func rtpPacket(pt byte, marker bool, seq uint16, ts uint32, n int) []byte {
	b := make([]byte, 12+n)
	b[0], b[1] = 0x80, pt
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], 0x1234)
	for i := range n {
		b[12+i] = g711.EncodeSample(0, 0)
	}
	return b
}

// press sends a key as RFC 4733 events.
func (p *phone) press(d *dialog, digit byte) {
	ts := uint32(time.Now().UnixMilli() * 8)
	for i := range 6 {
		b := rtpPacket(101, i == 0, uint16(40000+i), ts, 4)
		b[12], b[13], b[14], b[15] = digit, 10, 0, 0
		if i > 2 {
			b[13] |= 0x80
		}
		binary.BigEndian.PutUint16(b[14:], uint16(160*(i+1)))
		p.mu.Lock()
		_, _ = p.rtp.WriteToUDP(b, d.media)
		p.mu.Unlock()
	}
}

func (p *phone) listen() {
	buf, oob := make([]byte, 2048), make([]byte, 128)
	for {
		n, oobn, _, _, err := p.rtp.ReadMsgUDP(buf, oob)
		if err != nil {
			return
		}
		p.heard.Add(1)
		p.transits.note(buf[:n], oob[:oobn])
		if n > 12 && buf[1]&0x7f == 0 && !p.deaf {
			p.mu.Lock()
			p.received = append(p.received, buf[12:n]...)
			p.mu.Unlock()
		}
	}
}

// calls is how many INVITEs the phone has received.
func (p *phone) calls() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]time.Time(nil), p.invites...)
}

// forgetDialogs drops every dialog without a word: the server died.
func (p *phone) forgetDialogs() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialogs = map[string]*dialog{}
	p.invites = nil
}

// hangUpOlderThan ends the talks that have lasted so long.
func (p *phone) hangUpOlderThan(age time.Duration) {
	p.mu.Lock()
	var old []*dialog
	for _, d := range p.dialogs {
		if d.up && !d.over && time.Since(d.upAt) > age+2*time.Second {
			old = append(old, d)
		}
	}
	p.mu.Unlock()
	for _, d := range old {
		p.bye(d)
	}
}
