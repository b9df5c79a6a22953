// Package configs reads the settings of Pickup and carries what is shipped with
// it as data: the commented defaults, the demonstration site, its menus and the
// voice prompts of each language.
//
// Settings come in layers, the later ones winning: the embedded pickup.yaml, a
// YAML file, the environment, the command line. Every fault is collected and
// named by key, value and limit, so that one start shows all of them. A site
// file (Site) describes queues, people, trunks, hours and menus; it is checked
// here and stored by the caller.
//
// Only cmd/pickup reads these values and hands each package its own small
// configuration. The package starts no goroutine and keeps no state.
package configs

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Config holds every setting. The zero value is not usable: Load makes one.
// The comments of pickup.yaml say what each setting means, its unit and limits.
type Config struct {
	HTTP      HTTP      `koanf:"http"`
	SIP       SIP       `koanf:"sip"`
	Media     Media     `koanf:"media"`
	Data      Data      `koanf:"data"`
	Database  Database  `koanf:"database"`
	Queue     Queue     `koanf:"queue"`
	Call      Call      `koanf:"call"`
	Callback  Callback  `koanf:"callback"`
	Serve     Serve     `koanf:"serve"`
	Site      SiteInfo  `koanf:"site"`
	Demo      Demo      `koanf:"demo"`
	Recording Recording `koanf:"recording"`
	Ticket    Ticket    `koanf:"ticket"`
	Chat      Chat      `koanf:"chat"`
	Mail      Mail      `koanf:"mail"`
	Log       Log       `koanf:"log"`

	warnings []string
}

// Warnings says what was read but means nothing, for cmd to log: an unknown
// PICKUP_ variable is not refused, because container platforms set some.
func (c *Config) Warnings() []string { return c.warnings }

// HTTP is the front for console, API, browsers and metrics.
type HTTP struct {
	Listen         string         `koanf:"listen"` // host:port, port 0 is any free port
	TLS            KeyPair        `koanf:"tls"`
	TrustedProxies []netip.Prefix `koanf:"trusted_proxies"`
	AllowedOrigins []string       `koanf:"allowed_origins"` // scheme://host[:port], no path
}

// KeyPair names a certificate and its private key, PEM files; both or neither.
type KeyPair struct {
	Cert string `koanf:"cert"`
	Key  string `koanf:"key"`
}

// Set reports whether a certificate is configured.
func (k KeyPair) Set() bool { return k.Cert != "" && k.Key != "" }

// SIP is the edge towards phones and trunks.
type SIP struct {
	Listen     string         `koanf:"listen"`    // host:port for UDP and TCP
	Listeners  []Listener     `koanf:"listeners"` // further addresses
	Advertise  netip.Addr     `koanf:"advertise"` // invalid (zero): the kernel's choice per peer
	LocalNets  []netip.Prefix `koanf:"local_nets"`
	Digest     string         `koanf:"digest"` // "md5", "both", "sha256"
	Realm      string         `koanf:"realm"`
	Guard      Guard          `koanf:"guard"`
	Limits     SIPLimits      `koanf:"limits"`
	Session    SIPSession     `koanf:"session"`
	AutoAnswer bool           `koanf:"auto_answer"` // phones of agents are asked to answer by themselves
	Trace      bool           `koanf:"trace"`
	TLS        SIPTLS         `koanf:"tls"`
}

// Listener is one more address for SIP, written as one text: the address, then
// transport=udp|tcp|tls (without it UDP and TCP), advertise=IP and
// srtp=required|offered|off where they differ from the rest.
type Listener struct {
	Address   netip.AddrPort
	Transport string     // "udp", "tcp", "tls"; "": UDP and TCP
	Advertise netip.Addr // invalid (zero): the bound address, or the kernel's choice
	SRTP      string     // "": media.srtp
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Listener) UnmarshalText(text []byte) error {
	word := strings.Fields(string(text))
	if len(word) == 0 {
		return errors.New("must be an address and port, as [2001:db8::7]:5060 transport=udp advertise=2001:db8::9 srtp=required")
	}
	var out Listener
	var err error
	if out.Address, err = netip.ParseAddrPort(word[0]); err != nil || out.Address.Addr().Zone() != "" {
		return fmt.Errorf("%q must be an IP address and port, as [2001:db8::7]:5060", word[0])
	}
	for _, w := range word[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch {
		case key == "transport" && (value == "udp" || value == "tcp" || value == "tls"):
			out.Transport = value
		case key == "srtp" && (value == "required" || value == "offered" || value == "off"):
			out.SRTP = value
		case key == "advertise":
			if out.Advertise, err = netip.ParseAddr(value); err != nil || out.Advertise.Is4() != out.Address.Addr().Is4() {
				return fmt.Errorf("advertise=%s must be an IP address of the same version as %s", value, out.Address.Addr())
			}
		default:
			return fmt.Errorf("%q must be transport=udp, tcp or tls, advertise=IP, or srtp=required, offered or off", w)
		}
	}
	*l = out
	return nil
}

// Guard limits the requests of one source address.
type Guard struct {
	Rate    int            `koanf:"rate"` // new requests a second
	Burst   int            `koanf:"burst"`
	Trusted []netip.Prefix `koanf:"trusted"` // not counted
}

// SIPLimits bound what a peer may cost.
type SIPLimits struct {
	MessageBytes      int           `koanf:"message_bytes"`
	Headers           int           `koanf:"headers"`
	Vias              int           `koanf:"vias"`
	Connections       int           `koanf:"connections"`
	SourceConnections int           `koanf:"source_connections"`
	MessageTime       time.Duration `koanf:"message_time"`
	IdleTime          time.Duration `koanf:"idle_time"`
}

// SIPSession is how a call of which nothing is heard is found.
type SIPSession struct {
	Expires time.Duration `koanf:"expires"` // RFC 4028
	Probe   time.Duration `koanf:"probe"`   // OPTIONS in the dialog
}

// SIPTLS is SIP over TLS; off until both files are set.
type SIPTLS struct {
	Listen string `koanf:"listen"`
	Cert   string `koanf:"cert"`
	Key    string `koanf:"key"`
}

// Set reports whether SIP over TLS is on.
func (t SIPTLS) Set() bool { return t.Cert != "" && t.Key != "" }

// Media is the media plane.
type Media struct {
	RTPPorts   PortRange `koanf:"rtp_ports"`
	WebRTCPort int       `koanf:"webrtc_port"` // 0: any free port
	Codecs     []string  `koanf:"codecs"`      // of phones, the most wanted first: pcma, pcmu, g722, opus
	// BrowserCodecs are those of browsers, the most wanted first: pcma, pcmu, opus.
	BrowserCodecs []string      `koanf:"browser_codecs"`
	SRTP          string        `koanf:"srtp"`        // offered, required or off
	InbandDTMF    string        `koanf:"inband_dtmf"` // auto, always or off
	LegDead       time.Duration `koanf:"leg_dead"`
	TURN          TURN          `koanf:"turn"`
}

// TURN is the relay that browsers are told of (RFC 8656). Credentials are
// either Username and Password, or made anew for each call from Secret.
type TURN struct {
	URLs     []string      `koanf:"urls"` // RFC 7064 and 7065; empty: none
	Username string        `koanf:"username"`
	Password Secret        `koanf:"password"`
	Secret   Secret        `koanf:"secret"`   // shared with the relay (coturn: static-auth-secret)
	Lifetime time.Duration `koanf:"lifetime"` // of what is made from Secret
}

// Data is the directory that everything durable lives in.
type Data struct {
	Dir string `koanf:"dir"`
}

// Database is where rows live; an empty URL is SQLite in Data.Dir.
type Database struct {
	URL Secret `koanf:"url"`
}

// Queue holds what all queues share.
type Queue struct {
	RingTime     time.Duration `koanf:"ring_time"`
	ShortAbandon time.Duration `koanf:"short_abandon"`
	MaxMissed    int           `koanf:"max_missed"` // 0: never
	KeepPlace    time.Duration `koanf:"keep_place"`
	MaxWait      time.Duration `koanf:"max_wait"`      // 0: no limit
	MaxLength    int           `koanf:"max_length"`    // 0: no limit
	OverdueShare int           `koanf:"overdue_share"` // percent
}

// Call holds what concerns a running talk.
type Call struct {
	KeepAgent time.Duration `koanf:"keep_agent"`
}

// Callback holds the rules of promised calls.
type Callback struct {
	AfterCrash    bool            `koanf:"after_crash"`
	MaxAttempts   int             `koanf:"max_attempts"`
	RetryNoAnswer []time.Duration `koanf:"retry_no_answer"` // never empty
	RetryBusy     time.Duration   `koanf:"retry_busy"`
	RetryUnknown  time.Duration   `koanf:"retry_unknown"`
	Expiry        time.Duration   `koanf:"expiry"` // 0: the end of the next business day
	Hours         []string        `koanf:"hours"`  // "08:00-21:00", on the clock of the called
	Promise       time.Duration   `koanf:"promise"`
	CrashDelay    time.Duration   `koanf:"crash_delay"`
	Supersede     time.Duration   `koanf:"supersede"`
	PerDay        int             `koanf:"per_day"`
	RingTime      time.Duration   `koanf:"ring_time"`
	ConfirmTime   time.Duration   `koanf:"confirm_time"`
}

// Serve holds the limits of the process.
type Serve struct {
	Drain    time.Duration `koanf:"drain"`
	MaxCalls int           `koanf:"max_calls"`
}

// SiteInfo says where the call centre stands.
type SiteInfo struct {
	TimeZone *time.Location `koanf:"time_zone"`
	Country  string         `koanf:"country"`  // ISO 3166 alpha-2, upper case
	Language string         `koanf:"language"` // "fr" or "en"
}

// Demo is the demonstration.
type Demo struct {
	Enabled   bool          `koanf:"enabled"`
	Agents    int           `koanf:"agents"`
	AutoReady bool          `koanf:"auto_ready"`
	WrapUp    time.Duration `koanf:"wrap_up"`
	Open      bool          `koanf:"open"`
}

// Recording holds what the recorder may use.
type Recording struct {
	Reserve Bytes         `koanf:"reserve"`
	Flush   time.Duration `koanf:"flush"`
	Notice  bool          `koanf:"notice"` // say that the call is recorded, before the bridge
}

// Ticket holds the rules of tickets made by themselves.
type Ticket struct {
	MissedAfter time.Duration `koanf:"missed_after"`
}

// Chat holds the rules of conversations with visitors.
type Chat struct {
	IdentitySecret Secret        `koanf:"identity_secret"` // "": every visitor is anonymous
	MaxOpen        int           `koanf:"max_open"`
	OpenRate       int           `koanf:"open_rate"` // a minute and address
	OpenBurst      int           `koanf:"open_burst"`
	MaxSockets     int           `koanf:"max_sockets"` // of one address
	OfflineAfter   time.Duration `koanf:"offline_after"`
	MailAfter      time.Duration `koanf:"mail_after"`
	MailGap        time.Duration `koanf:"mail_gap"`
	KeepPlace      time.Duration `koanf:"keep_place"`
	IdleWarning    time.Duration `koanf:"idle_warning"`
	IdleClose      time.Duration `koanf:"idle_close"`
}

// Mail holds the rules of all mailboxes.
type Mail struct {
	MaxSize Bytes  `koanf:"max_size"`
	CAFile  string `koanf:"ca_file"` // PEM; "": the system's
}

// Log says how much is logged and in which form.
type Log struct {
	Level  string `koanf:"level"`  // "debug", "info", "warn", "error"
	Format string `koanf:"format"` // "text", "json"
}
