package web

import (
	"context"
	"crypto/tls"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"pickup/callflow"
	"pickup/internal/fanout"
	"pickup/internal/filestore"
	"pickup/queue"
	"pickup/recording"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/work"
)

// Config of a Server. Check reports the first setting that cannot work.
type Config struct {
	Listen         string         // host:port of HTTP; port 0 is any free one
	TLS            *tls.Config    // nil: plain HTTP
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-For and X-Forwarded-Proto are believed
	AllowedOrigins []string       // further origins of pages that may call: scheme://host[:port]
	Demo           bool           // every page says that this is a demonstration
	Version        string         // shown in the OpenAPI document
	Realm          string         // of digest secrets made here; "": "pickup"
	Rules          queue.Config   // of the queue, for dry runs; zero: its defaults
	Location       *time.Location // what "today" means; nil: UTC
	SessionLife    time.Duration  // how long a sign-in lasts; 0: 12h
	CallRate       float64        // browser calls a second and source; 0: 5
	CallBurst      int            // 0: 50
	ChatRate       float64        // new conversations a second and source; 0: 0.2
	ChatBurst      int            // 0: 10
	ChatSockets    int            // open sockets of one source; 0: 100
	TURN           TURN           // the relays that browsers are told of; zero: none
	IdentitySecret []byte         // by which the operator's site signs who a visitor is (HS256); empty: all are anonymous
}

// Check reports the first setting that cannot work, by its key in the settings.
func (c Config) Check() error {
	for _, o := range c.AllowedOrigins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.TrimSuffix(o, "/") != u.Scheme+"://"+u.Host {
			return fmt.Errorf("http.allowed_origins: %q is not scheme://host[:port]", o)
		}
	}
	return nil
}

// withDefaults returns c with every zero value replaced.
func (c Config) withDefaults() Config {
	if c.Location == nil {
		c.Location = time.UTC
	}
	if c.SessionLife == 0 {
		c.SessionLife = 12 * time.Hour
	}
	if c.Realm == "" {
		c.Realm = "pickup"
	}
	if c.CallRate == 0 {
		c.CallRate = 5
	}
	if c.CallBurst == 0 {
		c.CallBurst = 50
	}
	if c.ChatRate == 0 {
		c.ChatRate = 0.2
	}
	if c.ChatBurst == 0 {
		c.ChatBurst = 10
	}
	if c.ChatSockets == 0 {
		c.ChatSockets = 100
	}
	return c
}

// Parts are the engines behind the edge. Queue, Calls, Store, Hub, Browser and
// Handler are required.
type Parts struct {
	Queue    *queue.Domain
	Calls    Calls
	Store    Store
	Recorder *recording.Recorder
	Hub      *fanout.Hub
	Browser  *BrowserCalls
	Handler  callflow.Handler
	Desk     *ticket.Desk     // tickets and contacts as people change them
	Watchers *ticket.Watchers // who has which ticket open
	Figures  []Figure         // what /metrics shows of the parts, besides our own
	SIPWS    http.Handler     // mounted at /sip; nil: 404
	Board    *work.Board      // written work; nil: there is none, nor chats
	Chats    *chat.Rooms      // required where Board is
	Files    *filestore.Store // bytes of uploaded files; nil: none are taken
	Mail     Mail             // nil: mailboxes are kept, and nothing is fetched or sent
	// Trunks tells how the trunks do; nil: it is not known.
	Trunks func() map[string]TrunkHealth
	// Trace returns the SIP messages of a dialog, oldest first; nil: none.
	Trace func(sipCallID string) []string
	// Reconfigure applies stored queues, agents and trunks to the engines; nil: nothing to do.
	Reconfigure func(ctx context.Context) error
	History     History // what forecasts and dry runs read; nil: there is no past
	UI          fs.FS   // built console; nil: not built
}

// Figure is one number of a part that /metrics shows.
type Figure struct {
	Name  string // as Prometheus wants it: pickup_calls_live
	Help  string
	Total bool // a counter, that only grows; else a gauge
	Value func() float64
}
