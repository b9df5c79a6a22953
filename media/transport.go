package media

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

// certificateLife is how long the certificate of a process is valid. Browsers
// know it by its fingerprint alone.
const certificateLife = 10 * 365 * 24 * time.Hour

// browserTransport is what all browser legs share: one UDP port, one
// certificate, one pion API. It is built at the first use.
type browserTransport struct {
	conn *muxConn // nil: opened at the first use

	mu     sync.Mutex
	closed bool
	mux    *ice.UDPMuxDefault
	api    *webrtc.API
	cert   []webrtc.Certificate
}

// muxConn is the browsers' port. pion takes it for one on loopback, so that it
// keeps one candidate for each leg instead of one for each interface; what
// browsers are told is Config.LocalAddr, written into the description. The
// kernel chooses the source address when it sends.
type muxConn struct{ *net.UDPConn }

// LocalAddr implements net.PacketConn.
func (c *muxConn) LocalAddr() net.Addr {
	return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1).To4(), Port: c.port()}
}

func (c *muxConn) port() int { return c.UDPConn.LocalAddr().(*net.UDPAddr).Port }

// ReadFromAddrPort and WriteToAddrPort are the forms that pion uses without
// allocation.
func (c *muxConn) ReadFromAddrPort(p []byte) (int, netip.AddrPort, error) {
	n, from, err := c.ReadFromUDPAddrPort(p)
	return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

// WriteToAddrPort sends p.
func (c *muxConn) WriteToAddrPort(p []byte, to netip.AddrPort) (int, error) {
	return c.WriteToUDPAddrPort(p, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
}

// listenBrowsers opens the port of the browsers.
func listenBrowsers(port int) (*muxConn, error) {
	config := net.ListenConfig{Control: forbidBroadcast}
	pc, err := config.ListenPacket(context.Background(), "udp4", fmt.Sprintf("0.0.0.0:%d", port))
	if err != nil {
		return nil, fmt.Errorf("media.webrtc_port: %w", err)
	}
	conn := pc.(*net.UDPConn)
	_ = conn.SetReadBuffer(8 * socketBuffer)
	return &muxConn{conn}, nil
}

// peer makes a pion connection on the shared port.
func (b *browserTransport) peer(e *Engine) (*webrtc.PeerConnection, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	if b.api == nil {
		if err := b.build(e); err != nil {
			return nil, err
		}
	}
	return b.api.NewPeerConnection(webrtc.Configuration{Certificates: b.cert, RTCPMuxPolicy: webrtc.RTCPMuxPolicyRequire})
}

// build makes the mux, the certificate and the API. The caller holds b.mu.
func (b *browserTransport) build(e *Engine) error {
	if b.conn == nil {
		conn, err := listenBrowsers(e.cfg.WebRTCPort)
		if err != nil {
			return err
		}
		b.conn = conn
	}
	cert, err := newCertificate()
	if err != nil {
		return err
	}
	quiet := &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled}
	b.cert = []webrtc.Certificate{*cert}
	b.mux = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: b.conn, Logger: quiet.NewLogger("mux")})

	settings := webrtc.SettingEngine{LoggerFactory: quiet}
	settings.SetLite(true)
	settings.SetICEUDPMux(b.mux)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(net.IP.IsLoopback)
	dead := e.cfg.LegDead
	settings.SetICETimeouts(dead/2, dead/2, 2*time.Second)
	settings.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	if err := settings.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return fmt.Errorf("browser transport: %w", err)
	}
	engine, err := newMediaEngine(e.browserCodecs)
	if err != nil {
		return err
	}
	b.api = webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(engine),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	return nil
}

func newCertificate() (*webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("browser certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("browser certificate: %w", err)
	}
	cert, err := webrtc.NewCertificate(key, x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "WebRTC"},
		NotBefore:    time.Now().Add(-24 * time.Hour),
		NotAfter:     time.Now().Add(certificateLife),
	})
	if err != nil {
		return nil, fmt.Errorf("browser certificate: %w", err)
	}
	return cert, nil
}

// port returns the port of the browsers, or 0 before it is opened.
func (b *browserTransport) port() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn == nil {
		return 0
	}
	return b.conn.port()
}

// close frees the port. Every peer is closed before.
func (b *browserTransport) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.mux != nil {
		_ = b.mux.Close()
	}
	if b.conn != nil {
		_ = b.conn.Close() // again: the mux closes it too
	}
	return nil
}
