package media

import "context"

type browserTransport struct{}

func (b *browserTransport) close() error { return nil }

type browserPeer struct{}

func (b *browserPeer) writeRTP([]byte) error                          { return nil }
func (b *browserPeer) writeRTCP([]byte)                               {}
func (b *browserPeer) close()                                         {}
func (b *browserPeer) answer(context.Context, []byte) ([]byte, error) { return nil, ErrClosed }
func (b *browserPeer) offer(context.Context) ([]byte, error)          { return nil, ErrClosed }
func (b *browserPeer) accept([]byte) error                            { return ErrClosed }

// NewBrowserLeg opens a leg for a browser (DTLS-SRTP, ICE, one UDP port).
func (e *Engine) NewBrowserLeg(o LegOptions) (*Leg, error) { return nil, ErrClosed }
