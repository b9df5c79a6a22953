//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kamailioEdge is an edge proxy: it hides the phones' addresses in a Path (RFC
// 3327) and stays in each dialog.
const kamailioEdge = `debug=1
log_stderror=yes
fork=yes
children=1
auto_aliases=no
disable_tcp=yes
listen=udp:127.0.0.1:%[1]d
mpath="%[3]s"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "path.so"
modparam("path", "use_received", 1)
request_route {
	if (!mf_process_maxfwd_header("10")) { exit; }
	if (is_method("CANCEL")) { t_relay(); exit; }
	if (has_totag()) { loose_route(); t_relay(); exit; }
	if (is_method("REGISTER")) {
		add_path_received();
		$du = "sip:%[2]s";
		t_relay();
		exit;
	}
	loose_route();
	if ($si + ":" + $sp != "%[2]s") { $du = "sip:%[2]s"; }
	if (is_method("INVITE")) { record_route(); }
	t_relay();
}
`

// startKamailio runs a proxy on a port with a configuration that may have %[1]d
// for the port, %[2]s for the server, %[3]s for the folder of the modules, and more.
func startKamailio(t testing.TB, s *server, port int, config string, more ...any) {
	t.Helper()
	need(t, "kamailio")
	modules, err := filepath.Glob("/usr/lib/*/kamailio/modules")
	if err != nil || len(modules) != 1 {
		t.Fatalf("modules of kamailio: %v %v", modules, err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "kamailio.cfg")
	text := fmt.Appendf(nil, config, append([]any{port, s.sip, modules[0]}, more...)...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	cmd := exec.Command("kamailio", "-DD", "-E", "-f", file, "-w", dir, "-Y", dir, "-m", "16", "-M", "4")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			text := log.String()
			t.Logf("kamailio:\n%s", text[max(0, len(text)-3000):])
		}
	})
}

// An agent registers through an edge proxy that leaves a Path: he is rung through
// it, talks, and hangs up through it.
func TestAgentBehindKamailio(t *testing.T) {
	t.Parallel()
	const playerHz, agentHz = 1000, 1700
	s := startServer(t)
	edge := freePort(t)
	startKamailio(t, s, edge, kamailioEdge)
	account := agentAccount(s, "1001", "PCMA") + fmt.Sprintf(`;outbound="sip:127.0.0.1:%d"`, edge)
	agent := startBaresip(t, softphone{account: account, hz: agentHz})
	s.agents(1, "ready")
	if shown := fmt.Sprint(s.list("/api/v1/agents")); strings.Contains(shown, "unreachable") {
		t.Errorf("the agent: %s", shown)
	}
	player := startBaresip(t, softphone{account: playerAccount("alice", "PCMA"), hz: playerHz, run: []string{"/dial sip:support@" + s.sip}})
	wait(t, 15*time.Second, "the call is talking", func() (bool, string) {
		calls := s.list("/api/v1/calls?state=live")
		return len(calls) == 1 && calls[0].str("state") == "talking", fmt.Sprint(calls)
	})
	began := time.Now()
	wait(t, 10*time.Second, "five seconds of talk", func() (bool, string) { return time.Since(began) > 5*time.Second, "" })
	agent.quit()
	ended := s.ended(1, 10*time.Second)[0]
	player.quit()
	if got := ended.str("end_reason"); got != "answered" {
		t.Errorf("end_reason: got %s, want answered", got)
	}
	checkHeard(t, "agent", agent.heard(t), playerHz, agentHz, 4*time.Second)
	checkRecording(t, s.audio(ended.str("recording_id")), playerHz, agentHz, 4500*time.Millisecond)
}

// kamailioCarrier is a carrier: customers register with digest, and its calls to
// their number come to the contact that they registered; a customer's call is
// challenged, and goes to the phone at %[4]s. Calls that it cannot take are 503.
const kamailioCarrier = `debug=1
log_stderror=yes
fork=yes
children=1
auto_aliases=no
disable_tcp=yes
listen=udp:127.0.0.1:%[1]d
mpath="%[3]s"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("registrar", "min_expires", 90)
modparam("usrloc", "db_mode", 0)
request_route {
	if (!mf_process_maxfwd_header("10")) { exit; }
	if (is_method("CANCEL")) { t_relay(); exit; }
	if (has_totag()) { loose_route(); t_relay(); exit; }
	if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
	if (is_method("REGISTER")) {
		if ($au != "account" || !pv_www_authenticate("carrier.example", "line secret", "0")) { www_challenge("carrier.example", "1"); exit; }
		save("location");
		exit;
	}
	if (is_method("INVITE")) { record_route(); }
	if ($si + ":" + $sp == "%[2]s") {
		if ($au != "account" || !pv_proxy_authenticate("carrier.example", "line secret", "0")) { proxy_challenge("carrier.example", "1"); exit; }
		consume_credentials();
		$du = "sip:%[4]s";
		t_relay();
		exit;
	}
	$ru = "sip:account@127.0.0.1";
	if (!lookup("location")) { sl_send_reply("480", "Not registered"); exit; }
	t_relay();
}
`

// A trunk registers with digest at a carrier that wants a longer interval. A call
// to our number comes by it to its queue; a callback leaves by it with digest and
// the number of the queue, after the trunk before it has failed.
func TestTrunkAtKamailio(t *testing.T) {
	t.Parallel()
	s := startServer(t, "PICKUP_DEMO_AGENTS=1", "PICKUP_SITE_COUNTRY=FR")
	carrier, called := freePort(t), newPhone(t, "+33612345678", s.sip)
	called.answerAfter = -1 // it rings
	startKamailio(t, s, carrier, kamailioCarrier, called.addr())
	s.call(http.MethodPut, "/api/v1/queues/support", object{"name": "support", "caller_id": "+33123456789"}, nil, http.StatusOK)
	s.call(http.MethodPost, "/api/v1/trunks", object{"name": "broken", "host": "127.0.0.1", "port": freePort(t), "rank": 0}, nil, http.StatusCreated)
	s.call(http.MethodPost, "/api/v1/trunks", object{
		"name": "carrier", "host": "127.0.0.1", "port": carrier, "rank": 1, "username": "account", "password": "line secret", "realm": "carrier.example",
		"register": true, "expires_ms": 60_000, "probe_ms": 5000, "numbers": []object{{"number": "+33123456789", "to": "support", "language": "fr"}},
	}, nil, http.StatusCreated)
	wait(t, 15*time.Second, "a registered trunk", func() (bool, string) {
		all := s.list("/api/v1/trunks")
		health, _ := all[1]["health"].(map[string]any)
		return health["registered"] == true && health["state"] == "well", fmt.Sprint(all)
	})
	if n := s.metric("pickup_trunks_registered"); n != 1 {
		t.Errorf("got %v registered trunks, want 1", n)
	}

	caller := newPhone(t, "+33687654321", fmt.Sprintf("127.0.0.1:%d", carrier))
	d, err := caller.dial("+33123456789")
	if err != nil {
		t.Fatal(err)
	}
	wait(t, 10*time.Second, "the call in its queue", func() (bool, string) {
		calls := s.list("/api/v1/calls?state=live")
		return len(calls) == 1 && calls[0].str("queue") == "support" && calls[0].str("language") == "fr", fmt.Sprint(calls)
	})
	caller.bye(d)

	s.call(http.MethodPost, "/api/v1/callbacks", object{"queue": "support", "to": "+33612345678"}, nil, http.StatusCreated)
	newPhone(t, "1001", s.sip).register("demo-1001")
	wait(t, 25*time.Second, "a call by the second trunk", func() (bool, string) {
		return len(called.calls()) == 1, fmt.Sprint(s.list("/api/v1/callbacks"))
	})
	if n := s.metric("pickup_trunk_failovers_total"); n < 1 {
		t.Errorf("got %v failovers, want that of the broken trunk", n)
	}
}
