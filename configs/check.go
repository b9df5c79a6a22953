package configs

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Check reports every setting that cannot work, as Faults, or nil. It looks at
// values only: whether a port is free or a directory can be written is seen at
// the start.
func (c *Config) Check() error { return c.check().err() }

func (c *Config) check() Faults {
	var f Faults
	c.checkFronts(&f)
	c.checkSIP(&f)
	c.checkRules(&f)
	c.checkDemo(&f)
	return f
}

func (c *Config) checkFronts(f *Faults) {
	listen(f, "http.listen", c.HTTP.Listen)
	pair(f, "http.tls", c.HTTP.TLS.Cert, c.HTTP.TLS.Key)
	for i, o := range c.HTTP.AllowedOrigins {
		u, err := url.Parse(o)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Path != "" || u.RawQuery != "" {
			f.add("http.allowed_origins["+strconv.Itoa(i)+"]", o, "must be an origin without a path, as https://shop.example.org")
		}
	}
	between(f, "media.webrtc_port", c.Media.WebRTCPort, 0, 65535)
	if p := c.Media.WebRTCPort; p >= c.Media.RTPPorts.First && p <= c.Media.RTPPorts.Last {
		f.add("media.webrtc_port", p, "must lie outside media.rtp_ports %s", c.Media.RTPPorts)
	}
	if r := c.Media.RTPPorts; r.First < 1 || r.Last > 65535 || r.Last <= r.First {
		f.add("media.rtp_ports", r.String(), "must be first-last within 1-65535, at least two ports")
	}
	within(f, "sip.session.expires", c.SIP.Session.Expires, 90*time.Second, 24*time.Hour)
	within(f, "sip.session.probe", c.SIP.Session.Probe, 10*time.Second, time.Hour)
	checkCodecs(f, "media.codecs", c.Media.Codecs, "pcma", "pcmu", "g722", "opus")
	if !slices.Contains(c.Media.Codecs, "pcma") && !slices.Contains(c.Media.Codecs, "pcmu") {
		f.add("media.codecs", strings.Join(c.Media.Codecs, ","), "must hold pcma or pcmu, which trunks need")
	}
	checkCodecs(f, "media.browser_codecs", c.Media.BrowserCodecs, "pcma", "pcmu", "opus")
	if len(c.Media.BrowserCodecs) == 0 {
		f.add("media.browser_codecs", "", "must hold at least one of pcma, pcmu, opus")
	}
	oneOf(f, "media.inband_dtmf", c.Media.InbandDTMF, "auto", "always", "off")
	oneOf(f, "media.srtp", c.Media.SRTP, "offered", "required", "off")
	within(f, "media.leg_dead", c.Media.LegDead, time.Second, 10*time.Minute)
	c.Media.TURN.check(f)
	if c.Data.Dir == "" {
		f.add("data.dir", c.Data.Dir, "must name a directory")
	}
	if u := c.Database.URL.Reveal(); u != "" && !strings.HasPrefix(u, "postgres://") && !strings.HasPrefix(u, "postgresql://") {
		f.add("database.url", c.Database.URL, "must begin with postgres:// or be empty (SQLite in data.dir)")
	}
}

func (c *Config) checkSIP(f *Faults) {
	listen(f, "sip.listen", c.SIP.Listen)
	listen(f, "sip.tls.listen", c.SIP.TLS.Listen)
	pair(f, "sip.tls", c.SIP.TLS.Cert, c.SIP.TLS.Key)
	oneOf(f, "sip.digest", c.SIP.Digest, "md5", "both", "sha256")
	if c.SIP.Realm == "" || len(c.SIP.Realm) > 64 || strings.ContainsFunc(c.SIP.Realm, badRealm) {
		f.add("sip.realm", c.SIP.Realm, "must be 1 to 64 printable ASCII characters without quote, backslash or colon")
	}
	between(f, "sip.guard.rate", c.SIP.Guard.Rate, 1, 100_000)
	between(f, "sip.guard.burst", c.SIP.Guard.Burst, 1, 1_000_000)
	c.SIP.Limits.check(f)
	if a := c.SIP.Advertise; a.IsValid() && (a.IsUnspecified() || a.IsMulticast()) {
		f.add("sip.advertise", a, "must be an address that peers can reach")
	}
}

func badRealm(r rune) bool { return r < 0x20 || r > 0x7e || r == '"' || r == '\\' || r == ':' }

func (c *Config) checkRules(f *Faults) {
	const minute, hour = time.Minute, time.Hour
	within(f, "queue.ring_time", c.Queue.RingTime, time.Second, 5*minute)
	within(f, "queue.short_abandon", c.Queue.ShortAbandon, 0, 5*minute)
	between(f, "queue.max_missed", c.Queue.MaxMissed, 0, 100)
	within(f, "queue.keep_place", c.Queue.KeepPlace, 0, hour)
	within(f, "queue.max_wait", c.Queue.MaxWait, 0, 24*hour)
	between(f, "queue.max_length", c.Queue.MaxLength, 0, 1_000_000)
	between(f, "queue.overdue_share", c.Queue.OverdueShare, 0, 100)
	within(f, "call.keep_agent", c.Call.KeepAgent, 0, 10*minute)
	c.checkCallback(f)
	c.checkChat(f)
	c.checkMail(f)
	within(f, "serve.drain", c.Serve.Drain, 0, 24*hour)
	between(f, "serve.max_calls", c.Serve.MaxCalls, 1, 100_000)
	if c.Site.TimeZone == nil {
		f.add("site.time_zone", "", "must be an IANA time zone, as Europe/Paris")
	}
	if n := c.Site.Country; len(n) != 2 || strings.ToUpper(n) != n || strings.Trim(n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		f.add("site.country", n, "must be two capital letters of ISO 3166, as FR")
	}
	oneOf(f, "site.language", c.Site.Language, Languages()...)
	between(f, "recording.reserve", int(min(c.Recording.Reserve, 1<<41)), 0, 1<<40)
	within(f, "recording.flush", c.Recording.Flush, 100*time.Millisecond, 10*time.Second)
	within(f, "ticket.missed_after", c.Ticket.MissedAfter, 0, hour)
	oneOf(f, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf(f, "log.format", c.Log.Format, "text", "json")
}

func (c *Config) checkCallback(f *Faults) {
	const minute, hour = time.Minute, time.Hour
	between(f, "callback.max_attempts", c.Callback.MaxAttempts, 1, 20)
	if len(c.Callback.RetryNoAnswer) == 0 {
		f.add("callback.retry_no_answer", nil, "must hold one duration at least")
	}
	for i, d := range c.Callback.RetryNoAnswer {
		within(f, "callback.retry_no_answer["+strconv.Itoa(i)+"]", d, time.Second, 168*hour)
	}
	within(f, "callback.retry_busy", c.Callback.RetryBusy, time.Second, 24*hour)
	within(f, "callback.retry_unknown", c.Callback.RetryUnknown, time.Second, 24*hour)
	if c.Callback.Expiry != 0 {
		within(f, "callback.expiry", c.Callback.Expiry, minute, 720*hour)
	}
	checkSpans(f, "callback.hours", c.Callback.Hours)
	within(f, "callback.promise", c.Callback.Promise, minute, 168*hour)
	within(f, "callback.crash_delay", c.Callback.CrashDelay, 0, 10*minute)
	within(f, "callback.supersede", c.Callback.Supersede, 0, hour)
	between(f, "callback.per_day", c.Callback.PerDay, 1, 1000)
	within(f, "callback.ring_time", c.Callback.RingTime, 5*time.Second, 2*minute)
	within(f, "callback.confirm_time", c.Callback.ConfirmTime, 3*time.Second, minute)
}

func (c *Config) checkChat(f *Faults) {
	const minute, hour = time.Minute, time.Hour
	if n := len(c.Chat.IdentitySecret.Reveal()); n > 0 && n < 32 {
		f.add("chat.identity_secret", c.Chat.IdentitySecret, "must be empty, or 32 characters or more")
	}
	between(f, "chat.max_open", c.Chat.MaxOpen, 1, 100_000)
	between(f, "chat.open_rate", c.Chat.OpenRate, 1, 100_000)
	between(f, "chat.open_burst", c.Chat.OpenBurst, 1, 100_000)
	between(f, "chat.max_sockets", c.Chat.MaxSockets, 1, 100_000)
	within(f, "chat.offline_after", c.Chat.OfflineAfter, 5*time.Second, 10*minute)
	within(f, "chat.mail_after", c.Chat.MailAfter, 30*time.Second, 24*hour)
	within(f, "chat.mail_gap", c.Chat.MailGap, minute, 24*hour)
	within(f, "chat.keep_place", c.Chat.KeepPlace, 30*time.Second, hour)
	within(f, "chat.idle_warning", c.Chat.IdleWarning, 10*time.Second, 24*hour)
	within(f, "chat.idle_close", c.Chat.IdleClose, c.Chat.IdleWarning+time.Second, 48*hour)
}

func (c *Config) checkMail(f *Faults) {
	between(f, "mail.max_size", int(min(c.Mail.MaxSize, 1<<41)), 64<<10, 1<<30)
}

func (c *Config) checkDemo(f *Faults) {
	between(f, "demo.agents", c.Demo.Agents, 1, 999)
	within(f, "demo.wrap_up", c.Demo.WrapUp, 0, time.Hour)
	if c.Demo.Enabled && !c.Demo.Open && !loopback(c.HTTP.Listen) {
		f.add("http.listen", c.HTTP.Listen, "must be a loopback address while demo.enabled is true, because everybody knows its passwords; demo.open lifts this")
	}
}

// loopback reports whether a well-formed listen address is loopback only; what
// is not well formed has its fault elsewhere.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// listen checks "host:port" where the host is an IP address, localhost or empty.
func listen(f *Faults, key, addr string) {
	host, port, err := net.SplitHostPort(addr)
	n, errPort := strconv.Atoi(port)
	_, errHost := netip.ParseAddr(host)
	if err != nil || errPort != nil || n < 0 || n > 65535 || (errHost != nil && host != "" && host != "localhost") {
		f.add(key, addr, "must be address:port with a port of 0 to 65535, as 127.0.0.1:8080")
	}
}

func pair(f *Faults, key, cert, private string) {
	if cert != "" && private == "" {
		f.add(key+".key", private, "must be set, because %s.cert is", key)
	}
	if cert == "" && private != "" {
		f.add(key+".cert", cert, "must be set, because %s.key is", key)
	}
}

func between(f *Faults, key string, n, least, most int) {
	if n < least || n > most {
		f.add(key, n, "must be %d to %d", least, most)
	}
}

func within(f *Faults, key string, d, least, most time.Duration) {
	if d < least || d > most {
		f.add(key, d, "must be %s to %s", short(least), short(most))
	}
}

// short writes a duration without the zero parts that String keeps.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// checkCodecs wants each of a list once, and one of those allowed.
func checkCodecs(f *Faults, list string, codecs []string, allowed ...string) {
	for i, name := range codecs {
		key := list + "[" + strconv.Itoa(i) + "]"
		oneOf(f, key, name, allowed...)
		if slices.Contains(codecs[:i], name) {
			f.add(key, name, "is there twice")
		}
	}
}

func oneOf(f *Faults, key, value string, allowed ...string) {
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	f.add(key, value, "must be one of %s", strings.Join(allowed, ", "))
}

func (l SIPLimits) check(f *Faults) {
	between(f, "sip.limits.message_bytes", l.MessageBytes, 1024, 65535)
	between(f, "sip.limits.headers", l.Headers, 16, 4096)
	between(f, "sip.limits.vias", l.Vias, 4, 70)
	between(f, "sip.limits.connections", l.Connections, 1, 1_000_000)
	between(f, "sip.limits.source_connections", l.SourceConnections, 1, 1_000_000)
	within(f, "sip.limits.message_time", l.MessageTime, time.Second, 10*time.Minute)
	within(f, "sip.limits.idle_time", l.IdleTime, time.Second, time.Hour)
}
