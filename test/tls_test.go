//go:build e2e

package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate writes a certificate for 127.0.0.1 that signs itself, and its
// key, and returns the files.
func certificate(t testing.TB, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// shownBy is the name in the certificate that a TLS address shows.
func shownBy(t testing.TB, address string) string {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // who it is, is the question
	if err != nil {
		return err.Error()
	}
	defer func() { _ = c.Close() }()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// TestCallOverTLS has a player and an agent on SIP over TLS, both baresip, who
// check the server's certificate; it is renewed while they are there.
func TestCallOverTLS(t *testing.T) {
	t.Parallel()
	const playerHz, agentHz = 1000, 1700
	dir := t.TempDir()
	cert, key := certificate(t, dir, "first")
	secure := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	s := startServer(t, "PICKUP_SIP_TLS_LISTEN="+secure, "PICKUP_SIP_TLS_CERT="+cert, "PICKUP_SIP_TLS_KEY="+key)
	trust := filepath.Join(dir, "trusted.pem") // what the phones trust: the first one
	data, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(trust, data, 0o600); err != nil {
		t.Fatal(err)
	}
	settings := "sip_cafile " + trust + "\nsip_verify_server yes\n"
	agent := startBaresip(t, softphone{
		account: fmt.Sprintf("<sip:1001@%s;transport=tls>;auth_pass=demo-1001;answermode=auto;regint=60;audio_codecs=PCMU/8000/1;ptime=20", secure),
		hz:      agentHz, settings: settings,
	})
	s.agents(1, "ready")
	player := startBaresip(t, softphone{
		account: "<sip:alice@127.0.0.1;transport=tls>;regint=0;audio_codecs=PCMU/8000/1;ptime=20", hz: playerHz,
		run: []string{"/dial sip:support@" + secure + ";transport=tls"}, settings: settings,
	})
	wait(t, 20*time.Second, "the call is talking", func() (bool, string) {
		calls := s.list("/api/v1/calls?state=live")
		if len(calls) == 0 {
			return false, "no live call"
		}
		return calls[0].str("state") == "talking", calls[0].str("state")
	})
	began := time.Now()
	if got := s.metric("pickup_sip_connections"); got < 2 {
		t.Errorf("got %.0f connections, want one of each phone", got)
	}
	certificate(t, dir, "second")
	wait(t, 5*time.Second, "the new certificate is shown", func() (bool, string) {
		name := shownBy(t, secure)
		return name == "second", name
	})
	if left := s.metric("pickup_tls_certificate_expires_seconds"); left < 47*3600 || left > 48*3600 {
		t.Errorf("certificate expires: got %.0f s, want 48 h", left)
	}
	wait(t, 10*time.Second, "six seconds of talk", func() (bool, string) { return time.Since(began) > 6*time.Second, "" })
	player.quit()
	ended := s.ended(1, 10*time.Second)[0]
	agent.quit()
	if got := ended.str("end_reason"); got != "answered" {
		t.Errorf("end_reason: got %s, want answered", got)
	}
	for who, b := range map[string]*baresip{"player": player, "agent": agent} {
		if strings.Contains(b.log.String(), "verify") && strings.Contains(b.log.String(), "failed") {
			t.Errorf("%s could not verify the certificate", who)
		}
	}
	checkHeard(t, "player", player.heard(t), agentHz, playerHz, 6*time.Second)
	checkHeard(t, "agent", agent.heard(t), playerHz, agentHz, 6*time.Second)
	checkRecording(t, s.audio(ended.str("recording_id")), playerHz, agentHz, 5500*time.Millisecond)
}
