package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"pickup/callback"
	"pickup/callflow"
	"pickup/configs"
	"pickup/internal/certfile"
	"pickup/internal/fanout"
	"pickup/internal/filestore"
	"pickup/internal/hours"
	"pickup/media"
	"pickup/media/moh"
	"pickup/media/opus"
	"pickup/queue"
	"pickup/recording"
	"pickup/sip"
	"pickup/store"
	"pickup/ticket"
	"pickup/ticket/chat"
	"pickup/ticket/email"
	"pickup/ticket/work"
	"pickup/web"
	"pickup/web/ui"
)

type serveCmd struct {
	Demo bool `help:"Run the demonstration (same as --demo.enabled=true)."`
}

// Run answers calls until SIGTERM or SIGINT; then it drains. A second signal
// ends at once.
func (s serveCmd) Run(e *env) error {
	if s.Demo {
		e.flags["demo.enabled"] = "true"
	}
	c, err := e.settings()
	if err != nil {
		return err
	}
	log := e.logger(c)
	ctx, stop := signal.NotifyContext(e.ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	defer spareProcessor()()
	srv, err := newServer(ctx, c, log)
	if err != nil {
		return err
	}
	return srv.run(ctx, e)
}

// spareProcessor lets the process run one goroutine more at a time than there
// are processors: the thread that reads audio then finds room at once, also
// while the kernel has set aside another thread in the middle of its work. The
// environment variable GOMAXPROCS decides instead where it is set. What it
// returns undoes it.
func spareProcessor() func() {
	if os.Getenv("GOMAXPROCS") != "" {
		return func() {}
	}
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before + 1)
	return func() { runtime.GOMAXPROCS(before) }
}

// server is one process with all its parts.
type server struct {
	cfg      *configs.Config
	log      *slog.Logger
	store    *store.Store
	hub      *fanout.Hub
	queue    *queue.Domain
	media    *media.Engine
	recorder *recording.Recorder
	calls    *callflow.Manager
	sip      *sip.Server
	web      *web.Server
	board    *work.Board
	desk     *ticket.Desk
	watchers *ticket.Watchers
	chats    *chat.Rooms
	files    *filestore.Store
	mail     *email.Engine
	mailTLS  *tls.Config // by which mail servers are trusted
	certs    []*certfile.Pair

	callbackHours atomic.Pointer[hours.Hours] // nil: always
	callbackRules atomic.Pointer[callback.Rules]

	night nightCheck // of the figures

	group parts
}

// parts runs the parts of the server; the first that fails ends them all.
type parts struct {
	wg   sync.WaitGroup
	life context.Context
	end  context.CancelCauseFunc
}

// start runs one part until its context ends.
func (p *parts) start(ctx context.Context, name string, run func(context.Context) error) {
	p.wg.Go(func() {
		if err := run(ctx); err != nil && ctx.Err() == nil {
			p.end(fmt.Errorf("%s: %w", name, err))
		}
	})
}

// newServer makes every part; nothing runs yet, but the sockets are bound, so
// that a port in use is an error of the start.
func newServer(ctx context.Context, c *configs.Config, log *slog.Logger) (*server, error) {
	s := &server{cfg: c, log: log, hub: fanout.New(time.Now)}
	if err := s.guardDemo(); err != nil {
		return nil, err
	}
	var err error
	if s.store, err = openStore(ctx, c, log); err != nil {
		return nil, err
	}
	if err := s.make(ctx); err != nil {
		return nil, errors.Join(err, s.store.Close())
	}
	return s, nil
}

// guardDemo refuses to show the demonstration's console to the world.
func (s *server) guardDemo() error {
	if s.cfg.Demo.Enabled && !s.cfg.Demo.Open && !loopbackHost(s.cfg.HTTP.Listen) {
		return fmt.Errorf("http.listen is %s: the demonstration's passwords are known to everybody, so its console listens on loopback only; "+
			"set demo.open to show it anyway", s.cfg.HTTP.Listen)
	}
	return nil
}

func (s *server) make(ctx context.Context) error {
	c := s.cfg
	if err := prepareSite(ctx, s.store, c); err != nil {
		return err
	}
	local := localAddr(c.SIP.Advertise, c.SIP.LocalNets)
	var err error
	if s.media, err = media.New(media.Config{
		FirstPort: c.Media.RTPPorts.First, LastPort: c.Media.RTPPorts.Last, WebRTCPort: c.Media.WebRTCPort,
		Codecs: c.Media.Codecs, BrowserCodecs: c.Media.BrowserCodecs, Opus: opus.Coders{},
		LocalAddr: local, SRTP: media.SRTP(c.Media.SRTP), InbandDTMF: media.InbandDTMF(c.Media.InbandDTMF), LegDead: c.Media.LegDead, Prompt: s.prompt, Music: media.DownsampleLoop16to8(moh.Render()),
	}, s.log); err != nil {
		return err
	}
	if s.recorder, err = recording.New(recording.Config{
		Dir: filepath.Join(c.Data.Dir, "recordings"), Flush: c.Recording.Flush, Reserve: int64(c.Recording.Reserve),
	}, s.store, s.log); err != nil {
		return err
	}
	rules := queueRules(c)
	rules.OnChange = func(ch queue.Change) { s.hub.Publish(ch.Topic, ch.ID, nil) }
	if s.queue, err = queue.New(rules, s.store, s.log); err != nil {
		return err
	}
	if err := errors.Join(s.makeSIP(local), s.makeChats(ctx)); err != nil {
		return err
	}
	if err := s.makeMail(ctx); err != nil {
		return err
	}
	return s.makeCalls(ctx)
}

func (s *server) makeSIP(local func(netip.Addr) netip.Addr) error {
	c := s.cfg
	cfg := sip.Config{
		Listen: c.SIP.Listen, Realm: c.SIP.Realm, Digest: c.SIP.Digest, GuardRate: c.SIP.Guard.Rate, GuardBurst: c.SIP.Guard.Burst,
		GuardTrusted: c.SIP.Guard.Trusted, DemoOpen: c.Demo.Open, LocalAddr: local, AllowedOrigins: c.HTTP.AllowedOrigins,
		Limits: sip.Limits(c.SIP.Limits), SessionExpires: c.SIP.Session.Expires, ProbeEvery: c.SIP.Session.Probe,
		AutoAnswer: c.SIP.AutoAnswer,
	}
	for _, l := range c.SIP.Listeners {
		cfg.Listeners = append(cfg.Listeners, sipListener(c, l))
	}
	if c.SIP.Trace {
		cfg.TraceDir = filepath.Join(c.Data.Dir, "trace")
	}
	if c.SIP.TLS.Set() {
		pair, err := s.certificate("sip.tls", c.SIP.TLS.Cert, c.SIP.TLS.Key)
		if err != nil {
			return err
		}
		cfg.TLSListen, cfg.TLS = c.SIP.TLS.Listen, pair.Config()
	}
	var err error
	s.sip, err = sip.NewServer(cfg, s.media, sipStore{s.store}, s.log)
	return err
}

// sipListener is a listener of the settings as the edge takes it. Bound to one
// address it tells that one.
func sipListener(c *configs.Config, l configs.Listener) sip.Listener {
	out := sip.Listener{Address: l.Address.String(), Transport: l.Transport, SRTP: media.SRTP(l.SRTP)}
	bound := l.Address.Addr()
	switch {
	case l.Advertise.IsValid():
		out.LocalAddr = localAddr(l.Advertise, c.SIP.LocalNets)
	case !bound.IsUnspecified():
		out.LocalAddr = func(netip.Addr) netip.Addr { return bound }
	}
	return out
}

func (s *server) makeCalls(ctx context.Context) error {
	c := s.cfg
	book := callback.NewBook(callback.Config{
		MaxAttempts: c.Callback.MaxAttempts, RetryNoAnswer: c.Callback.RetryNoAnswer, RetryBusy: c.Callback.RetryBusy,
		RetryUnknown: c.Callback.RetryUnknown, Expiry: unlessZero(c.Callback.Expiry), CrashDelay: c.Callback.CrashDelay,
		PerDay: c.Callback.PerDay, Location: c.Site.TimeZone, Promise: c.Callback.Promise, Hours: s.dialHours, Rules: s.callbackRules.Load,
	}, s.store)
	cfg := callflow.Config{
		MaxCalls: c.Serve.MaxCalls, KeepPlace: c.Queue.KeepPlace, KeepAgent: c.Call.KeepAgent, CallbackRing: c.Callback.RingTime,
		HumanCheck: c.Callback.ConfirmTime, Supersede: unlessZero(c.Callback.Supersede), CrashCallback: c.Callback.AfterCrash, Language: c.Site.Language, Record: true, Notice: c.Recording.Notice,
		Voicemail: true, MessageMax: c.Recording.VoicemailMax,
		Tickets: s.tickets(), OnChange: s.deskChanged, Rules: s.callbackRules.Load, Country: c.Site.Country,
	}
	if err := errors.Join(
		getJSON(ctx, s.store, metaMenus, &cfg.Menus), getJSON(ctx, s.store, metaGreetings, &cfg.Greetings),
	); err != nil {
		return err
	}
	browser := web.NewBrowserCalls(s.media, s.log)
	dialers := map[callflow.AddressKind]callflow.Dialer{
		callflow.AddressDevice:    s.sip.Dialer(callflow.AddressDevice),
		callflow.AddressSIPSource: s.sip.Dialer(callflow.AddressSIPSource),
		callflow.AddressBrowser:   browser,
		callflow.AddressNumber:    s.sip.Dialer(callflow.AddressNumber),
	}
	var err error
	if s.calls, err = callflow.New(cfg, callflow.Parts{
		Queue: s.queue, Recorder: s.recorder, Book: book, Store: s.store, Devices: s.sip, Dialers: dialers, Log: s.log,
		Edges: []callflow.Edge{s.sip},
	}); err != nil {
		return err
	}
	return s.makeWeb(browser)
}

// unlessZero is a duration as the rooms take it whose 0 means something: they
// have a default for 0, and that meaning for what is below.
func unlessZero(setting time.Duration) time.Duration {
	if setting == 0 {
		return -1
	}
	return setting
}

func (s *server) makeWeb(browser *web.BrowserCalls) error {
	c := s.cfg
	secure, err := s.secureWeb()
	if err != nil {
		return err
	}
	p := web.Parts{
		Queue: s.queue, Calls: s.calls, Store: s.store, Recorder: s.recorder, Hub: s.hub, Browser: browser,
		Handler: s.calls, Figures: slices.Concat(s.figures(), s.mailFigures(), s.chatFigures(), s.certFigures()), SIPWS: wsHandler{s.sip}, Trace: s.trace, Trunks: s.trunkHealth, Reconfigure: s.reconfigure,
		Board: s.board, Chats: s.chats, Files: s.files, Mail: s.mail, Desk: s.desk, Watchers: s.watchers, History: s.store,
	}
	if ui.Built() {
		p.UI = ui.Files()
	}
	s.web, err = web.NewServer(web.Config{
		Listen: c.HTTP.Listen, TLS: secure, TrustedProxies: c.HTTP.TrustedProxies,
		AllowedOrigins: c.HTTP.AllowedOrigins, Demo: c.Demo.Enabled, Version: version, Realm: c.SIP.Realm, Rules: queueRules(c), Location: c.Site.TimeZone,
		IdentitySecret: []byte(c.Chat.IdentitySecret.Reveal()), ChatRate: float64(c.Chat.OpenRate) / 60, ChatBurst: c.Chat.OpenBurst,
		ChatSockets: c.Chat.MaxSockets,
		TURN: web.TURN{
			URLs: c.Media.TURN.URLs, Username: c.Media.TURN.Username, Password: c.Media.TURN.Password.Reveal(),
			Secret: c.Media.TURN.Secret.Reveal(), Lifetime: c.Media.TURN.Lifetime,
		},
	}, p, s.log)
	return err
}

// prompt gives the media plane a prompt: the site's own, else the shipped one.
func (s *server) prompt(language, id string) ([]int16, bool) {
	pcm, ok, err := configs.Speech(filepath.Join(s.cfg.Data.Dir, "prompts"), language, id)
	if err != nil {
		s.log.Error("prompt not readable", "prompt", id, "language", language, "err", err)
	}
	return pcm, ok
}

// dialHours are the hours in which players of a queue may be called back.
func (s *server) dialHours(name string) []*hours.Hours {
	q, _ := s.queue.Has(name)
	return []*hours.Hours{q.Hours, s.callbackHours.Load()}
}

// reconfigure gives the parts what the store holds.
func (s *server) reconfigure(ctx context.Context) error {
	queues, err := s.store.Queues(ctx)
	if err != nil {
		return err
	}
	open, callbacks, err := clocks(ctx, s.store, s.cfg.Site.TimeZone.String())
	if err != nil {
		return err
	}
	for i := range queues {
		queues[i].Hours, queues[i].Overflow.Staffed = open[queues[i].HoursID], open[queues[i].Overflow.StaffedID]
	}
	s.callbackHours.Store(callbacks)
	rules, err := rulesOf(ctx, s.store, s.cfg)
	if err != nil {
		return err
	}
	s.callbackRules.Store(&rules)
	if err := s.renumber(ctx); err != nil {
		return err
	}
	agents, err := storedAgents(ctx, s.store, s.cfg)
	if err != nil {
		return err
	}
	return s.queue.Configure(ctx, queues, agents)
}

// renumber takes over the trunks and the numbers that lead to queues and menus.
// Those of a disabled trunk lead nowhere.
func (s *server) renumber(ctx context.Context) error {
	trunks, err := s.store.Trunks(ctx)
	if err != nil {
		return err
	}
	numbers := map[string]callflow.Number{}
	for _, t := range trunks {
		for _, n := range t.Numbers {
			if !t.Disabled {
				numbers[n.Number] = callflow.Number{To: n.To, Language: n.Language}
			}
		}
	}
	s.calls.SetNumbers(numbers)
	if err := s.sip.ReloadTrunks(ctx); err != nil {
		return err
	}
	s.calls.TrunksChanged(ctx)
	return nil
}

// trace returns the SIP messages of one dialog as text.
func (s *server) trace(sipCallID string) []string {
	var out []string
	for _, m := range s.sip.Trace(sipCallID) {
		out = append(out, fmt.Sprintf("%s %s %s %s\n%s", m.At.UTC().Format(time.RFC3339Nano), m.Direction, m.Transport, m.Peer, m.Text))
	}
	return out
}

// run starts the parts from the inside out, says that it is ready, and takes
// them down in the reverse order.
func (s *server) run(ctx context.Context, e *env) error {
	defer s.store.Close() //nolint:errcheck // everything is committed by then
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	s.group.life, s.group.end = life, end
	inner, stopInner := context.WithCancel(life)
	defer stopInner()
	edge, stopEdge := context.WithCancel(life)
	defer stopEdge()

	repaired, err := s.recorder.Repair(life)
	if err != nil {
		return fmt.Errorf("repair recordings: %w", err)
	}
	if err := s.store.RecoverQueue(life, time.Now()); err != nil {
		return err
	}
	states, err := s.store.AgentStates(life)
	if err != nil {
		return err
	}
	// The queue outlives the calls: it is told of their end.
	s.group.start(life, "queue", s.queue.Run)
	s.group.start(life, "media", s.media.Run)
	s.group.start(life, "recorder", s.recorder.Run)
	s.group.start(inner, "calls", s.calls.Run)
	if err := s.reconfigure(life); err != nil {
		return err
	}
	if err := s.queue.RestoreAgents(life, states); err != nil {
		return err
	}
	if err := s.calls.Recover(life, repaired); err != nil {
		return err
	}
	s.group.start(inner, "board", s.board.Run)
	s.group.start(inner, "chats", s.chats.Run)
	s.group.start(inner, "desk", s.tidyDesk)
	s.group.start(inner, "mail", s.mail.Run)
	s.group.start(inner, "trunks", s.watchTrunks)
	s.group.start(inner, "figures", s.watchFigures)
	s.group.start(edge, "sip", func(ctx context.Context) error { return s.sip.Serve(ctx, s.calls) })
	s.group.start(edge, "http", s.web.Run)
	s.web.SetReady(true)
	if _, err := fmt.Fprintf(e.stdout, "ready sip=%s http=%s\n", s.sip.Addr(), s.web.Addr()); err != nil {
		return err
	}
	s.welcome(e)

	select {
	case <-ctx.Done():
	case <-life.Done():
		return context.Cause(life)
	}
	s.drain(life)
	stopInner()
	stopEdge()
	end(nil)
	s.group.wg.Wait()
	s.hub.Close()
	return nil
}

// drain refuses new calls and lets the others end, up to serve.drain; a second
// signal ends the process at once.
func (s *server) drain(life context.Context) {
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(again)
	s.log.Info("draining", "limit", s.cfg.Serve.Drain)
	s.web.SetReady(false)
	ctx, cancel := context.WithTimeout(life, s.cfg.Serve.Drain)
	defer cancel()
	go func() {
		select {
		case <-again:
			s.log.Warn("second signal: ending now")
			cancel()
		case <-ctx.Done():
		}
	}()
	s.sip.Drain(ctx)
	s.calls.Drain(ctx)
}

// welcome says where to call and to sign in.
func (s *server) welcome(e *env) {
	if !s.cfg.Demo.Enabled {
		return
	}
	_, port := splitPort(s.sip.Addr())
	fmt.Fprintf(e.stdout, `
Demonstration. Call  sip:support@127.0.0.1:%s  with a softphone, or open  http://%s/call  in a browser.
Agents register as 1001 to %d with password demo-1001, ...; console: http://%s/ (1001/demo-1001, supervisor 2001/demo-2001,
reviewer 3001/demo-3001, administrator admin/demo-admin).
`, port, s.web.Addr(), 1000+s.cfg.Demo.Agents, s.web.Addr())
}
