package media

import (
	"net/netip"
	"time"
)

// endpoint is what a leg knows of its socket: it sends and closes. How packets
// come in is told by a second interface: a Socket is read by a goroutine of its
// own, a pushed one by the poller.
type endpoint interface {
	// Write sends p to one address. It never waits: what the kernel does not
	// take is lost, and reported.
	Write(p []byte, to netip.AddrPort) error
	// LocalAddr returns the bound address.
	LocalAddr() netip.AddrPort
	// Close frees the port; what is being received meanwhile is still
	// delivered.
	Close() error
}

// receiver takes one packet. p is the reader's again when it returns, and has
// srtpOverhead of room behind it.
type receiver func(p []byte, from netip.AddrPort)

// pushed is an endpoint that somebody else reads.
type pushed interface {
	endpoint
	// serve has receive called with every packet, one at a time, until Close.
	// It is called once.
	serve(receive receiver) error
}

// poller opens sockets and reads all of them on few threads.
type poller interface {
	// open binds a socket.
	open(local netip.AddrPort) (endpoint, error)
	// run reads until close. It returns when nothing is read any more.
	run()
	// close ends run. Every socket is closed before.
	close()
	// failed is how many reads ended in an error of the network or the kernel.
	failed() uint64
}

// pulled makes sockets of a ListenFunc endpoints.
func pulled(listen ListenFunc) func(netip.AddrPort) (endpoint, error) {
	return func(at netip.AddrPort) (endpoint, error) {
		s, err := listen(at)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

// receive has take called with what comes to a socket of a leg until it is
// closed.
func (e *Engine) receive(s endpoint, take func(p []byte, from netip.AddrPort, now time.Duration)) error {
	switch s := s.(type) {
	case pushed:
		return s.serve(func(p []byte, from netip.AddrPort) { take(p, from, e.now()) })
	case Socket:
		if e.begin() {
			go func() { defer e.live.Done(); e.read(s, take) }()
		}
	}
	return nil
}

// read reads a socket until it is closed.
func (e *Engine) read(s Socket, take func(p []byte, from netip.AddrPort, now time.Duration)) {
	batch := []Datagram{{Buf: newPacket()}}
	for {
		n, err := s.ReadBatch(batch)
		if err != nil {
			return
		}
		now := e.now()
		for i := range batch[:n] {
			d := &batch[i]
			take(d.Buf[:d.N], d.From, now)
		}
	}
}
