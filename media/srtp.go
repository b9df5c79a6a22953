package media

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// SRTP says when the audio of phones is encrypted (RFC 3711) with keys of the
// description (RFC 4568).
type SRTP string

// The policies.
const (
	SRTPOffered  SRTP = "offered"  // an offer with keys is answered with keys; our own offers are plain
	SRTPRequired SRTP = "required" // nothing else is taken; our own offers are RTP/SAVP
	SRTPOff      SRTP = "off"      // keys are ignored, RTP/SAVP is refused
)

// Sizes of the protection.
const (
	srtpOverhead = 32 // room behind a packet: the longest tag, and the index of RTCP
	srtpWindow   = 64 // packets that may come late; RFC 3711 section 3.3.2 asks for 64
	srtpSources  = 64 // SSRCs under one key: state is kept for each
)

// newCrypto makes a key of our own.
func newCrypto(tag uint32, s *suite) cryptoLine {
	key := make([]byte, s.key+s.salt)
	_, _ = rand.Read(key) // never fails: the runtime ends the process instead
	return cryptoLine{tag: tag, suite: s, key: key}
}

// same reports whether a key is the same, whatever its tag.
func (c *cryptoLine) same(d *cryptoLine) bool {
	return c.suite == d.suite && slices.Equal(c.key, d.key) && slices.Equal(c.mki, d.mki)
}

// context makes a pion context: one way, RTP or RTCP, so that the two never
// share state.
func (c *cryptoLine) context() (*srtp.Context, error) {
	n := c.suite.key
	made, err := srtp.CreateContext(c.key[:n], c.key[n:], c.suite.profile,
		srtp.SRTPReplayProtection(srtpWindow), srtp.SRTCPReplayProtection(srtpWindow), srtp.MasterKeyIndicator(c.mki))
	if err != nil {
		return nil, fmt.Errorf("%w: key of %s: %w", ErrBadSDP, c.suite.name, err)
	}
	return made, nil
}

func (c *cryptoLine) contexts() (forRTP, forRTCP *srtp.Context, err error) {
	if forRTP, err = c.context(); err != nil {
		return nil, nil, err
	}
	forRTCP, err = c.context()
	return forRTP, forRTCP, err
}

// opener verifies and decrypts what a peer sends under one key.
type opener struct {
	line cryptoLine // of the peer

	// Of the goroutine that reads the RTP socket.
	rtp     *srtp.Context
	header  rtp.Header
	ssrc    uint32 // newest that was known
	sources int

	mu         sync.Mutex // RTCP comes by either socket
	rtcp       *srtp.Context
	rtcpHeader rtcp.Header
	reporters  map[uint32]struct{}
}

func newOpener(line cryptoLine) (*opener, error) {
	o := &opener{line: line, reporters: make(map[uint32]struct{})}
	var err error
	o.rtp, o.rtcp, err = line.contexts()
	return o, err
}

// open decrypts p in place. It reports false for what is forged, repeated or
// too late.
func (o *opener) open(p []byte) ([]byte, bool) {
	if len(p) < headerSize || p[0]>>6 != 2 {
		return nil, false
	}
	ssrc := binary.BigEndian.Uint32(p[8:])
	known := ssrc == o.ssrc && o.sources > 0
	if !known {
		if _, known = o.rtp.ROC(ssrc); !known && o.sources == srtpSources {
			return nil, false
		}
	}
	p, err := o.rtp.DecryptRTP(p, p, &o.header)
	if err != nil {
		return nil, false
	}
	if o.ssrc = ssrc; !known {
		o.sources++
	}
	return p, true
}

// openRTCP does the same with a compound packet.
func (o *opener) openRTCP(p []byte) ([]byte, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ssrc := binary.BigEndian.Uint32(p[4:])
	_, known := o.reporters[ssrc]
	if !known && len(o.reporters) == srtpSources {
		return nil, false
	}
	p, err := o.rtcp.DecryptRTCP(p, p, &o.rtcpHeader)
	if err != nil {
		return nil, false
	}
	if !known {
		o.reporters[ssrc] = struct{}{}
	}
	return p, true
}

// sealer encrypts what we send under one key. The ticker and the reader of the
// bridged leg both use it, one after the other: who comes second waits for the
// encryption of one packet.
type sealer struct {
	line cryptoLine // ours

	mu         sync.Mutex
	rtp, rtcp  *srtp.Context
	header     rtp.Header
	rtcpHeader rtcp.Header
	sent       sentWindow
}

func newSealer(line cryptoLine) (*sealer, error) {
	s := &sealer{line: line}
	var err error
	s.rtp, s.rtcp, err = line.contexts()
	return s, err
}

// seal encrypts p in place, in the room behind it. It reports false for a
// sequence number that was sent before.
func (s *sealer) seal(p []byte) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sent.take(binary.BigEndian.Uint16(p[2:])) {
		return nil, false
	}
	p, err := s.rtp.EncryptRTP(p, p, &s.header)
	return p, err == nil
}

// sealRTCP does the same with a compound packet.
func (s *sealer) sealRTCP(p []byte) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.rtcp.EncryptRTCP(p, p, &s.rtcpHeader)
	return p, err == nil
}

// sentWindow sees to it that no sequence number is encrypted twice under one
// key: two payloads under one nonce give away both, and with GCM the key of
// the authentication (RFC 7714 section 8.3). What a bridged peer sends decides
// the numbers of a relay, so nothing but this guards them. The zero value has
// seen nothing.
type sentWindow struct {
	begun  bool
	newest uint16
	bits   uint64 // bit n: newest-n was sent, or is from before the first
}

// take reports whether seq is new.
func (w *sentWindow) take(seq uint16) bool {
	step := int16(seq - w.newest)
	switch {
	case !w.begun:
		w.begun, w.newest, w.bits = true, seq, ^uint64(0)
		return true
	case step > 0:
		w.newest = seq
		w.bits = w.bits<<uint(step) | 1 // a shift of 64 and more leaves nothing
		return true
	case step <= -srtpWindow || w.bits&(1<<uint(-int(step))) != 0:
		return false
	}
	w.bits |= 1 << uint(-int(step))
	return true
}

// protect puts the keys of both sides into terms. Contexts whose key did not
// change go on: their rollover counters and replay windows belong to the key
// (RFC 4568 section 7.1.4). The caller holds l.mu.
func (l *Leg) protect(t *terms, theirs *cryptoLine, ours cryptoLine) (err error) {
	old := l.terms.Load()
	if old != nil && old.opener != nil && old.opener.line.same(theirs) {
		t.opener = old.opener
	} else if t.opener, err = newOpener(*theirs); err != nil {
		return err
	}
	if old != nil && old.sealer != nil && old.sealer.line.same(&ours) {
		t.sealer = old.sealer
		return nil
	}
	t.sealer, err = newSealer(ours)
	return err
}

// ownKey is our key for an answer: the one in use, as long as the suite stays.
func (l *Leg) ownKey(theirs *cryptoLine) cryptoLine {
	if t := l.terms.Load(); t != nil && t.sealer != nil && t.sealer.line.suite == theirs.suite {
		line := t.sealer.line
		line.tag = theirs.tag
		return line
	}
	return newCrypto(theirs.tag, theirs.suite)
}

// offeredKeys are our keys for an offer: the one in use, else one of each suite,
// which stay until they are answered. None for a plain dialog.
func (l *Leg) offeredKeys(secured bool) []cryptoLine {
	if t := l.terms.Load(); t != nil && t.sealer != nil {
		line := t.sealer.line
		line.tag = l.desc.tag
		return []cryptoLine{line}
	}
	if !secured {
		return nil
	}
	if len(l.desc.keys) > 0 {
		return l.desc.keys
	}
	var keys []cryptoLine
	for i, s := range suites {
		keys = append(keys, newCrypto(uint32(i+1), s))
	}
	return keys
}
