package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

const (
	stunCookie  = 0x2112A442
	stunWait    = time.Second // for one answer
	stunTries   = 3
	stunDefault = "3478"
)

var errNoSTUN = errors.New("no answer")

// askSTUN asks a STUN server as whom it sees us (RFC 8489).
func askSTUN(ctx context.Context, server string) (netip.Addr, error) {
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(strings.Trim(server, "[]"), stunDefault)
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "udp", server)
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close() //nolint:errcheck // nothing is left to say
	ask := make([]byte, 20)
	ask[1] = 1 // Binding request
	binary.BigEndian.PutUint32(ask[4:], stunCookie)
	_, _ = rand.Read(ask[8:]) // never fails
	b := make([]byte, 1500)
	for range stunTries {
		if _, err := c.Write(ask); err != nil {
			return netip.Addr{}, err
		}
		_ = c.SetReadDeadline(time.Now().Add(stunWait))
		for {
			n, err := c.Read(b)
			if err != nil {
				break
			}
			if a, ok := mappedAddress(b[:n], ask[4:20]); ok {
				return a, nil
			}
		}
	}
	return netip.Addr{}, errNoSTUN
}

// mappedAddress reads XOR-MAPPED-ADDRESS of the answer whose cookie and
// transaction are id (RFC 8489 14.2).
func mappedAddress(b, id []byte) (netip.Addr, bool) {
	if len(b) < 20 || b[0] != 1 || b[1] != 1 || string(b[4:20]) != string(id) {
		return netip.Addr{}, false
	}
	for rest := b[20:]; len(rest) >= 4; {
		kind, size := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if len(rest) < 4+size {
			break
		}
		v := rest[4 : 4+size]
		if kind == 0x0020 && (size == 8 || size == 20) {
			raw := make([]byte, size-4)
			for i := range raw {
				raw[i] = v[4+i] ^ id[i]
			}
			a, ok := netip.AddrFromSlice(raw)
			return a.Unmap(), ok
		}
		rest = rest[min(len(rest), 4+(size+3)/4*4):]
	}
	return netip.Addr{}, false
}

// ephemeralPorts are those that Linux gives to sockets without a port.
func ephemeralPorts() (first, last int, err error) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(string(text), &first, &last)
	return first, last, err
}
