package configs_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pickup/configs"
)

func load(t *testing.T, file string, env []string, flags map[string]string) (*configs.Config, error) {
	t.Helper()
	path := ""
	if file != "" {
		path = filepath.Join(t.TempDir(), "site.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return configs.Load(path, env, flags)
}

func mustLoad(t *testing.T, file string, env []string, flags map[string]string) *configs.Config {
	t.Helper()
	cfg, err := load(t, file, env, flags)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return cfg
}

func TestDefaultsAreTheContract(t *testing.T) {
	cfg := mustLoad(t, "", nil, nil)
	got := map[string]any{
		"http.listen": cfg.HTTP.Listen, "sip.listen": cfg.SIP.Listen, "sip.tls.listen": cfg.SIP.TLS.Listen,
		"sip.digest": cfg.SIP.Digest, "sip.realm": cfg.SIP.Realm, "sip.advertise": cfg.SIP.Advertise,
		"sip.guard.rate": cfg.SIP.Guard.Rate, "sip.guard.burst": cfg.SIP.Guard.Burst,
		"sip.guard.trusted": len(cfg.SIP.Guard.Trusted), "sip.trace": cfg.SIP.Trace,
		"media.rtp_ports": cfg.Media.RTPPorts, "media.webrtc_port": cfg.Media.WebRTCPort,
		"media.codecs": cfg.Media.Codecs, "media.browser_codecs": cfg.Media.BrowserCodecs, "media.srtp": cfg.Media.SRTP, "media.inband_dtmf": cfg.Media.InbandDTMF, "media.leg_dead": cfg.Media.LegDead,
		"media.turn.urls": len(cfg.Media.TURN.URLs), "media.turn.lifetime": cfg.Media.TURN.Lifetime, "data.dir": cfg.Data.Dir, "database.url": cfg.Database.URL.Reveal(),
		"queue.ring_time": cfg.Queue.RingTime, "queue.short_abandon": cfg.Queue.ShortAbandon,
		"queue.keep_place": cfg.Queue.KeepPlace, "queue.max_missed": cfg.Queue.MaxMissed,
		"queue.overdue_share": cfg.Queue.OverdueShare, "call.keep_agent": cfg.Call.KeepAgent,
		"callback.after_crash": cfg.Callback.AfterCrash, "callback.max_attempts": cfg.Callback.MaxAttempts,
		"serve.drain": cfg.Serve.Drain, "demo.enabled": cfg.Demo.Enabled, "demo.agents": cfg.Demo.Agents,
		"demo.wrap_up": cfg.Demo.WrapUp, "demo.auto_ready": cfg.Demo.AutoReady, "demo.open": cfg.Demo.Open,
		"ticket.missed_after": cfg.Ticket.MissedAfter, "recording.flush": cfg.Recording.Flush,
	}
	want := map[string]any{
		"http.listen": "127.0.0.1:8080", "sip.listen": "0.0.0.0:5060", "sip.tls.listen": "0.0.0.0:5061",
		"sip.digest": "md5", "sip.realm": "pickup", "sip.advertise": netip.Addr{},
		"sip.guard.rate": 50, "sip.guard.burst": 200, "sip.guard.trusted": 0, "sip.trace": false,
		"media.rtp_ports": configs.PortRange{First: 20000, Last: 29999}, "media.webrtc_port": 30000,
		"media.codecs": []string{"pcma", "pcmu", "g722", "opus"}, "media.browser_codecs": []string{"pcma", "pcmu", "opus"}, "media.srtp": "offered", "media.inband_dtmf": "auto", "media.leg_dead": 10 * time.Second, "media.turn.urls": 0,
		"media.turn.lifetime": 12 * time.Hour, "data.dir": "./data", "database.url": "",
		"queue.ring_time": 12 * time.Second, "queue.short_abandon": 5 * time.Second,
		"queue.keep_place": 180 * time.Second, "queue.max_missed": 1,
		"queue.overdue_share": 20, "call.keep_agent": 45 * time.Second,
		"callback.after_crash": true, "callback.max_attempts": 3,
		"serve.drain": 30 * time.Minute, "demo.enabled": false, "demo.agents": 10,
		"demo.wrap_up": 5 * time.Second, "demo.auto_ready": true, "demo.open": false,
		"ticket.missed_after": 20 * time.Second, "recording.flush": time.Second,
	}
	for key, w := range want {
		if !reflect.DeepEqual(got[key], w) {
			t.Errorf("%s: got %v, want %v", key, got[key], w)
		}
	}
	if len(cfg.Warnings()) != 0 {
		t.Errorf("warnings: %q", cfg.Warnings())
	}
}

func TestDemonstrationChangesDrainAndTrust(t *testing.T) {
	cfg := mustLoad(t, "", []string{"PICKUP_DEMO_ENABLED=true"}, nil)
	if got, want := cfg.Serve.Drain, 30*time.Second; got != want {
		t.Errorf("serve.drain: got %v, want %v", got, want)
	}
	if got, want := cfg.SIP.Guard.Trusted, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}; !slices.Equal(got, want) {
		t.Errorf("sip.guard.trusted: got %v, want %v", got, want)
	}
	cfg = mustLoad(t, "serve: {drain: 2m}\nsip: {guard: {trusted: []}}", nil, map[string]string{"demo.enabled": "true"})
	if got, want := cfg.Serve.Drain, 2*time.Minute; got != want {
		t.Errorf("a file wins over the demonstration: got %v, want %v", got, want)
	}
	if len(cfg.SIP.Guard.Trusted) != 0 {
		t.Errorf("an empty list in a file wins over the demonstration: got %v", cfg.SIP.Guard.Trusted)
	}
}

func TestLaterLayersWin(t *testing.T) {
	file := "queue: {ring_time: 10s, max_missed: 2}\ncall: {keep_agent: 1s}\n"
	env := []string{"PICKUP_QUEUE_RING_TIME=11s", "PICKUP_QUEUE_MAX_MISSED=3", "HOME=/", "PICKUP_LOG_LEVEL="}
	cfg := mustLoad(t, file, env, map[string]string{"queue.ring_time": "13s"})
	if cfg.Queue.RingTime != 13*time.Second || cfg.Queue.MaxMissed != 3 || cfg.Call.KeepAgent != time.Second || cfg.Log.Level != "info" {
		t.Errorf("got %+v %+v %+v", cfg.Queue, cfg.Call, cfg.Log)
	}
}

// sample is another legal value for each setting.
func sample() map[string]string {
	return map[string]string{
		"http.listen": "127.0.0.1:0", "http.tls.cert": "c.pem", "http.tls.key": "k.pem",
		"http.trusted_proxies": "10.0.0.0/8, 192.168.0.0/16", "http.allowed_origins": "https://a.example,https://b.example",
		"sip.listen": "127.0.0.1:5070", "sip.listeners": "[::1]:5060 srtp=required,192.0.2.7:5062 transport=udp advertise=203.0.113.9", "sip.advertise": "203.0.113.7", "sip.local_nets": "10.1.0.0/16",
		"sip.digest": "both", "sip.realm": "play", "sip.guard.rate": "7", "sip.guard.burst": "8",
		"sip.guard.trusted": "127.0.0.0/8", "sip.trace": "on", "sip.tls.listen": "0.0.0.0:5062",
		"sip.limits.message_bytes": "4096", "sip.limits.headers": "64", "sip.limits.vias": "30", "sip.limits.connections": "100",
		"sip.limits.source_connections": "9", "sip.limits.message_time": "5s", "sip.limits.idle_time": "30s",
		"sip.session.expires": "5m", "sip.session.probe": "1m", "sip.auto_answer": "true",
		"sip.tls.cert": "c.pem", "sip.tls.key": "k.pem", "media.rtp_ports": "40000-40999",
		"media.webrtc_port": "0", "media.codecs": "opus,pcmu", "media.browser_codecs": "opus", "media.srtp": "required", "media.inband_dtmf": "always", "media.leg_dead": "11s",
		"media.turn.urls": "stun:relay.example.org", "media.turn.username": "u", "media.turn.password": "p", "media.turn.secret": "s",
		"media.turn.lifetime": "1h", "data.dir": "/srv/pickup",
		"database.url": "postgres://u:p@h/n", "queue.ring_time": "9s", "queue.short_abandon": "4s",
		"queue.max_missed": "0", "queue.keep_place": "1m", "queue.max_wait": "10m", "queue.max_length": "50",
		"queue.overdue_share": "0", "call.keep_agent": "30s", "callback.after_crash": "false",
		"callback.max_attempts": "4", "callback.retry_no_answer": "1m,2m,3m", "callback.retry_busy": "2m",
		"callback.retry_unknown": "30s", "callback.expiry": "24h", "callback.crash_delay": "0s",
		"callback.supersede": "1m", "callback.per_day": "5", "callback.hours": "09:00-12:00,14:00-18:00", "callback.promise": "30m", "callback.ring_time": "20s",
		"callback.confirm_time": "8s", "chat.identity_secret": "01234567890123456789012345678901", "chat.max_open": "5", "chat.open_rate": "6", "chat.open_burst": "7", "chat.max_sockets": "8",
		"chat.offline_after": "20s", "chat.mail_after": "1m", "chat.mail_gap": "5m", "chat.keep_place": "2m",
		"chat.idle_warning": "2m", "chat.idle_close": "12m", "mail.max_size": "1MiB", "mail.ca_file": "ca.pem", "serve.drain": "1m", "serve.max_calls": "10",
		"site.time_zone": "Europe/London", "site.country": "GB", "site.language": "en",
		"demo.enabled": "true", "demo.agents": "2", "demo.auto_ready": "false", "demo.wrap_up": "0s",
		"demo.open": "true", "recording.reserve": "2GiB", "recording.flush": "500ms", "recording.notice": "false",
		"ticket.missed_after": "1m", "log.level": "debug", "log.format": "json",
	}
}

func TestEveryKeyComesFromTheEnvironmentAndFromFlags(t *testing.T) {
	values := sample()
	plain := mustLoad(t, "", nil, nil)
	for _, key := range configs.Keys() {
		value, ok := values[key]
		if !ok {
			t.Errorf("%s: the test has no sample for this key", key)
			continue
		}
		env := []string{configs.EnvName(key) + "=" + value}
		flags := map[string]string{key: value}
		switch key { // these need their other half
		case "http.tls.cert", "http.tls.key", "sip.tls.cert", "sip.tls.key":
			section := key[:strings.LastIndex(key, ".")]
			flags = map[string]string{section + ".cert": "c.pem", section + ".key": "k.pem"}
			env = []string{configs.EnvName(section+".cert") + "=c.pem", configs.EnvName(section+".key") + "=k.pem"}
		}
		byEnv := mustLoad(t, "", env, nil)
		byFlag := mustLoad(t, "", nil, flags)
		if reflect.DeepEqual(byEnv, plain) {
			t.Errorf("%s: the environment changes nothing", key)
		}
		if !reflect.DeepEqual(byEnv, byFlag) {
			t.Errorf("%s: environment and flag differ:\n%+v\n%+v", key, byEnv, byFlag)
		}
		delete(values, key)
	}
	for key := range values {
		t.Errorf("%s: no such setting any more", key)
	}
	if got, want := configs.EnvName("demo.auto_ready"), "PICKUP_DEMO_AUTO_READY"; got != want {
		t.Errorf("EnvName: got %s, want %s", got, want)
	}
}

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	file := `
http: {listen: "8080", lisen: "127.0.0.1:1", tls: {cert: a.pem}}
queue: {ring_time: 12, max_missed: -1}
media: {rtp_ports: "5000"}
sip: {guard: {trusted: [127.0.0.1]}, digest: sha1}
site: {time_zone: Mars/Olympus}
recording: 12
extra: {a: 1}
database: {url: "mysql://root:hunter2@db/x"}
`
	_, err := load(t, file, []string{"PICKUP_DEMO_AGENTS=1000"}, map[string]string{"log.levl": "info"})
	var faults configs.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("got %v, want Faults", err)
	}
	wants := []string{
		`http.listen: "8080": must be address:port`,
		"http.lisen: no such setting; the nearest is http.listen",
		"http.tls.key: \"\": must be set",
		`queue.ring_time: "12": must be a duration with its unit`,
		"queue.max_missed: -1: must be 0 to 100",
		`media.rtp_ports: "5000": must be first-last`,
		`sip.guard.trusted[0]: "127.0.0.1": must be a network`,
		`sip.digest: "sha1": must be one of md5, both, sha256`,
		`site.time_zone: "Mars/Olympus": must be an IANA time zone`,
		"recording: 12: is a section",
		"extra: no such setting",
		"demo.agents: 1000: must be 1 to 999",
		"log.levl: no such setting; the nearest is log.level",
		"database.url: mysql://root:xxxxx@db/x: must begin with postgres://",
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no fault %q in:\n%v", want, err)
		}
	}
	if got := len(faults); got != len(wants) {
		t.Errorf("got %d faults, want %d:\n%v", got, len(wants), err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("a password is shown")
	}
}

func TestAnUnknownVariableIsAWarning(t *testing.T) {
	cfg := mustLoad(t, "", []string{"PICKUP_HTTP_LISTN=:1", "PICKUP_CONFIG=x.yaml"}, nil)
	if got, want := cfg.Warnings(), []string{"PICKUP_HTTP_LISTN: no such setting; the nearest is PICKUP_HTTP_LISTEN"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOneFaultEach(t *testing.T) {
	tests := map[string]struct {
		flags map[string]string
		want  string
	}{
		"a demonstration beyond loopback":   {map[string]string{"demo.enabled": "true", "http.listen": "0.0.0.0:8080"}, "http.listen"},
		"browser port inside the RTP ports": {map[string]string{"media.webrtc_port": "20001"}, "media.webrtc_port"},
		"port out of range":                 {map[string]string{"sip.listen": "0.0.0.0:70000"}, "sip.listen"},
		"host is a name":                    {map[string]string{"sip.listen": "example.org:5060"}, "sip.listen"},
		"a codec that is none":              {map[string]string{"media.codecs": "pcma,g729"}, "media.codecs[1]"},
		"a codec twice":                     {map[string]string{"media.codecs": "pcma,pcma"}, "media.codecs[1]"},
		"no codec of every phone":           {map[string]string{"media.codecs": "opus,g722"}, "media.codecs"},
		"a browser's codec that is none":    {map[string]string{"media.browser_codecs": "pcma,g722"}, "media.browser_codecs[1]"},
		"a browser's codec twice":           {map[string]string{"media.browser_codecs": "opus,opus"}, "media.browser_codecs[1]"},
		"no codec of browsers":              {map[string]string{"media.browser_codecs": ""}, "media.browser_codecs"},
		"keys in the audio perhaps":         {map[string]string{"media.inband_dtmf": "perhaps"}, "media.inband_dtmf"},
		"a policy of SRTP that is none":     {map[string]string{"media.srtp": "sometimes"}, "media.srtp"},
		"a relay without credentials":       {map[string]string{"media.turn.urls": "turn:relay.example.org"}, "media.turn.secret"},
		"a relay's user without a password": {map[string]string{"media.turn.urls": "turn:192.0.2.1:3478", "media.turn.username": "u"}, "media.turn.password"},
		"two kinds of credentials":          {map[string]string{"media.turn.secret": "s", "media.turn.username": "u", "media.turn.password": "p"}, "media.turn.secret"},
		"a relay by HTTP":                   {map[string]string{"media.turn.urls": "http://relay.example.org"}, "media.turn.urls[0]"},
		"a relay with slashes":              {map[string]string{"media.turn.urls": "stun://relay.example.org"}, "media.turn.urls[0]"},
		"a relay without a host":            {map[string]string{"media.turn.urls": "stun:?transport=udp"}, "media.turn.urls[0]"},
		"a relay's port out of range":       {map[string]string{"media.turn.urls": "turns:[2001:db8::1]:99999", "media.turn.secret": "s"}, "media.turn.urls[0]"},
		"a transport that is none":          {map[string]string{"media.turn.urls": "turn:r.example?transport=sctp", "media.turn.secret": "s"}, "media.turn.urls[0]"},
		"nine relays":                       {map[string]string{"media.turn.urls": strings.Repeat("stun:r.example,", 9)}, "media.turn.urls"},
		"a lifetime below a call":           {map[string]string{"media.turn.lifetime": "1m"}, "media.turn.lifetime"},
		"reversed ports":                    {map[string]string{"media.rtp_ports": "300-200"}, "media.rtp_ports"},
		"ports beyond the last":             {map[string]string{"media.rtp_ports": "60000-70000"}, "media.rtp_ports"},
		"a negative size":                   {map[string]string{"recording.reserve": "-1"}, "recording.reserve"},
		"a size without meaning":            {map[string]string{"recording.reserve": "2 elephants"}, "recording.reserve"},
		"a realm with a quote":              {map[string]string{"sip.realm": `a"b`}, "sip.realm"},
		"an origin with a path":             {map[string]string{"http.allowed_origins": "https://a.example/x"}, "http.allowed_origins[0]"},
		"no retry at all":                   {map[string]string{"callback.retry_no_answer": ","}, "callback.retry_no_answer"},
		"a country in lower case":           {map[string]string{"site.country": "fr"}, "site.country"},
		"a language we do not speak":        {map[string]string{"site.language": "de"}, "site.language"},
		"an advertised wildcard":            {map[string]string{"sip.advertise": "0.0.0.0"}, "sip.advertise"},
		"an advertised name":                {map[string]string{"sip.advertise": "pbx.example"}, "sip.advertise"},
		"a switch that is neither":          {map[string]string{"demo.open": "maybe"}, "demo.open"},
		"a count that is a word":            {map[string]string{"demo.agents": "ten"}, "demo.agents"},
		"an empty data directory":           {map[string]string{"data.dir": ""}, "data.dir"},
		"a section as a flag":               {map[string]string{"http": "x"}, "http"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := configs.Load("", nil, test.flags)
			var faults configs.Faults
			if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Key != test.want {
				t.Errorf("got %v, want one fault of %s", err, test.want)
			}
		})
	}
}

func TestAFileThatCannotBeRead(t *testing.T) {
	if _, err := configs.Load(filepath.Join(t.TempDir(), "none.yaml"), nil, nil); err == nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want not found", err)
	}
	if _, err := load(t, "http: [", nil, nil); err == nil {
		t.Error("broken YAML: got no error")
	}
	if _, err := load(t, "http:\nqueue:\n  ring_time:\n", nil, nil); err != nil {
		t.Errorf("empty lines keep the defaults: %v", err)
	}
}

func TestPickupYAMLNamesAndExplainsEveryKey(t *testing.T) {
	keys, commented := yamlKeys(t, string(configs.Defaults()))
	if want := configs.Keys(); !slices.Equal(keys, want) {
		t.Errorf("keys of pickup.yaml and of Config differ:\n%q\n%q", keys, want)
	}
	for _, key := range keys {
		parent := key[:strings.LastIndex(key, ".")]
		last := key[strings.LastIndex(key, ".")+1:]
		if !commented[key] && (last != "key" || !commented[parent+".cert"]) {
			t.Errorf("%s has no comment", key)
		}
	}
}

// yamlKeys reads the leaves of a simple YAML file in order, and which of them
// stand directly under a comment.
func yamlKeys(t *testing.T, text string) (keys []string, commented map[string]bool) {
	t.Helper()
	commented = map[string]bool{}
	var path []string
	comment := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		body := strings.TrimLeft(line, " ")
		if body == "" || body[0] == '#' {
			comment = body != ""
			continue
		}
		depth := (len(line) - len(body)) / 2
		name, value, ok := strings.Cut(body, ":")
		if !ok || depth > len(path) {
			t.Fatalf("cannot read %q", line)
		}
		path = append(path[:depth], name)
		if value == "" {
			comment = false
			continue
		}
		key := strings.Join(path, ".")
		keys = append(keys, key)
		commented[key] = comment
		comment = false
	}
	return keys, commented
}

func TestSizesAndSecretsPrint(t *testing.T) {
	var b configs.Bytes
	if err := b.UnmarshalText([]byte("256MiB")); err != nil || b != 256<<20 {
		t.Errorf("got %d %v, want %d", b, err, 256<<20)
	}
	secrets := map[string]string{
		"": "", "postgres://u:p@h:5/n?password=x": "postgres://u:xxxxx@h:5/n", "user=u password=p": "****",
	}
	for in, want := range secrets {
		if got := configs.Secret(in).String(); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("http: {listen: ':1'}")
	f.Add("queue:\n  ring_time: 12s\nsite: {time_zone: Europe/Paris}")
	f.Add("callback: {retry_no_answer: [1m, 2m]}")
	f.Add("1: 2\nhttp: [a]")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "x.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := configs.Load(path, nil, nil)
		if err == nil && cfg.Check() != nil {
			t.Errorf("loaded, but Check says %v", cfg.Check())
		}
	})
}
