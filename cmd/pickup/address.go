package main

import (
	"net"
	"net/netip"
	"sync"
)

// localAddr returns which of our addresses a peer can reach: what the kernel
// would use, or the advertised one for peers outside the local networks.
// Answers are kept, since a socket is opened to learn each.
func localAddr(advertise netip.Addr, local []netip.Prefix) func(netip.Addr) netip.Addr {
	var known sync.Map // netip.Addr -> netip.Addr
	return func(peer netip.Addr) netip.Addr {
		peer = peer.Unmap()
		if advertise.IsValid() && !inNets(peer, local) && (!peer.IsValid() || peer.Is4() == advertise.Is4()) {
			return advertise
		}
		if got, ok := known.Load(peer); ok {
			return got.(netip.Addr)
		}
		addr := kernelAddr(peer)
		known.Store(peer, addr)
		return addr
	}
}

// inNets reports whether a peer is on our side of the advertised address.
// Loopback always is.
func inNets(peer netip.Addr, nets []netip.Prefix) bool {
	if !peer.IsValid() {
		return false
	}
	if peer.IsLoopback() {
		return true
	}
	for _, n := range nets {
		if n.Contains(peer) {
			return true
		}
	}
	return false
}

// kernelAddr asks the kernel which source address it would use. No packet leaves.
func kernelAddr(peer netip.Addr) netip.Addr {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if !peer.IsValid() || peer.IsUnspecified() {
		peer = netip.AddrFrom4([4]byte{192, 0, 2, 1}) // TEST-NET-1: the default route's address
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9)))
	if err != nil {
		return loopback
	}
	defer c.Close() //nolint:errcheck // nothing was written
	a, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return loopback
	}
	return a.AddrPort().Addr().Unmap()
}
