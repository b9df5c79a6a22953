package callflow

import (
	"cmp"
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/internal/id"
	"pickup/internal/logkey"
	"pickup/queue"
	"pickup/recording"
)

// Parts are what a Manager works with.
type Parts struct {
	Queue    *queue.Domain
	Recorder *recording.Recorder
	Book     *callback.Book
	Store    Store
	Devices  Devices
	Dialers  map[AddressKind]Dialer
	Log      *slog.Logger
}

// Manager starts the sessions of calls, refuses those it cannot take, lets the
// server drain, and takes up after a crash what was cut. Its methods may be
// called from any goroutine.
type Manager struct {
	cfg       Config
	queue     *queue.Domain
	recorder  *recording.Recorder
	book      *callback.Book
	store     Store
	devices   Devices
	dialers   map[AddressKind]Dialer
	log       *slog.Logger
	journal   *journal
	callbacks *runner
	numbers   atomic.Pointer[map[string]Number] // where dialled numbers lead

	mu       sync.Mutex // guards the small maps, never held across a call
	sessions map[call.ID]*Session
	tokens   map[string]*Session // by hash of the resume token
	draining bool
	stopped  bool          // Run waits: no goroutine is started any more
	idle     chan struct{} // closed while draining and no session is left

	life    context.Context // of the sessions: ends when Run returns
	end     context.CancelFunc
	running sync.WaitGroup
	panics  atomic.Int64
	started atomic.Int64
	refused atomic.Int64
	// phoneFaults counts INVITEs that an agent's phone answered by asking for a
	// password, or for media that we do not have.
	phoneFaults atomic.Int64
}

// New makes a Manager; nothing runs before Run.
func New(cfg Config, p Parts) (*Manager, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if cfg.OnChange == nil {
		cfg.OnChange = func(string, string) {}
	}
	m := &Manager{
		cfg: cfg, queue: p.Queue, recorder: p.Recorder, book: p.Book, store: p.Store, devices: p.Devices,
		dialers: p.Dialers, log: p.Log,
		sessions: map[call.ID]*Session{}, tokens: map[string]*Session{}, idle: make(chan struct{}),
	}
	m.journal = newJournal(p.Store, cfg.Tickets, cfg.OnChange, p.Log)
	m.callbacks = newRunner(m)
	// Sessions outlive the requests that start them; Run ends them.
	m.life, m.end = context.WithCancel(context.Background())
	return m, nil
}

// Run lets calls live until ctx ends; then it hangs up what is left and waits
// until everything is written.
func (m *Manager) Run(ctx context.Context) error {
	stop := make(chan struct{})
	written := make(chan struct{})
	go func() {
		defer close(written)
		m.journal.run(context.WithoutCancel(ctx), stop) // the last writes outlive ctx
	}()
	m.spawn(func() { m.callbacks.watch(m.life) })
	<-ctx.Done()
	m.mu.Lock()
	m.draining, m.stopped = true, true
	m.mu.Unlock()
	m.end()
	m.running.Wait()
	close(stop)
	<-written
	return nil
}

// aside runs slow work of a call beside its session.
func (m *Manager) aside(f func(ctx context.Context)) {
	m.spawn(func() { f(m.life) })
}

// spawn starts a goroutine that Run waits for. Once Run has begun to wait it
// starts none: what is late then finds its work in the store at the next start.
func (m *Manager) spawn(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.stopped {
		m.running.Go(func() {
			defer m.contain()
			f()
		})
	}
}

// contain keeps a fault beside a call from ending the server.
func (m *Manager) contain() {
	if p := recover(); p != nil {
		m.panics.Add(1)
		m.log.Error("panic beside a call", logkey.Err, p, "stack", string(debug.Stack()))
	}
}

// Routable implements Handler: queues, menus, numbers that lead there, and for
// agents the feature codes.
func (m *Manager) Routable(user string, who account.ID) bool {
	user, _ = m.destination(user)
	if m.leads(user) {
		return true
	}
	if who == "" {
		return false
	}
	if featureOf(user) != featureNone {
		return true
	}
	_, err := m.Target(user) // a colleague or a number: a consultation
	return err == nil
}

// leads reports whether a name is that of a menu or of a queue that is enabled.
func (m *Manager) leads(user string) bool {
	if _, ok := m.cfg.Menus[user]; ok {
		return true
	}
	q, ok := m.queue.Has(user)
	return ok && q.Enabled
}

// Accept implements Handler.
func (m *Manager) Accept(in Inbound) *Refusal {
	if in.Replaces != "" {
		if m.replace(&in) {
			return nil
		}
		return m.refuse(&Refusal{Status: 481, Text: "No such call of yours"})
	}
	if !m.Routable(in.To.User, in.Account) {
		return m.refuse(&Refusal{Status: 404, Text: "Not Found"})
	}
	user, language := m.destination(in.To.User)
	if f := featureOf(user); f != featureNone {
		return m.startFeature(f, in)
	}
	if !m.leads(user) {
		if m.consultFrom(&in) {
			return nil
		}
		return m.refuse(&Refusal{Status: 403, Text: "No call to consult about"})
	}
	rec := call.Record{
		ID: call.ID(id.New()), Direction: call.Inbound, SIPCallID: in.SIPCallID, From: in.From, To: in.To,
		Language: cmp.Or(language, in.Language, m.cfg.Language), State: call.StateNew, ItemID: id.New(),
		ResumeSHA256: in.ResumeSHA256, ArrivedAt: in.ArrivedAt, TicketID: in.TicketID, ContactID: in.ContactID,
	}
	if rec.From.Kind == call.PartyBrowser {
		// A page that comes back after a crash names its first call.
		rec.From.ReachBack = cmp.Or(rec.From.ReachBack, string(rec.ID))
	}
	machine := &machine{cfg: m.cfg, rec: rec, player: in.Leg.ID(), preferred: in.Preferred, diverted: in.DivertedFrom}
	// The promise stands where he would only hear that we are closed.
	if rec.From.ReachBack != "" && m.takes(user, time.Now()) {
		machine.promise = m.callbacks.standing(rec.From.ReachBack)
	}
	if menu, ok := m.cfg.Menus[user]; ok {
		machine.menu = &menu
	} else {
		machine.rec.Queue = user
	}
	s := newSession(m, machine)
	if r := m.admit(s); r != nil {
		return m.refuse(r)
	}
	s.bindPlayer(in.Leg)
	m.spawn(func() { s.run(m.life) })
	return nil
}

func (m *Manager) refuse(r *Refusal) *Refusal {
	m.refused.Add(1)
	return r
}

// admit keeps a new session, or says why it cannot be taken.
func (m *Manager) admit(s *Session) *Refusal {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.draining {
		return &Refusal{Status: 503, Text: "Service Unavailable", RetryAfter: m.cfg.RetryAfter}
	}
	if len(m.sessions) >= m.cfg.MaxCalls {
		return &Refusal{Status: 503, Text: "Service Unavailable", RetryAfter: m.cfg.RetryAfter}
	}
	m.sessions[s.id] = s
	if h := s.m.rec.ResumeSHA256; h != "" {
		m.tokens[h] = s
	}
	m.started.Add(1)
	return nil
}

// forget drops a session that is over.
func (m *Manager) forget(s *Session) {
	m.mu.Lock()
	delete(m.sessions, s.id)
	if h := s.m.rec.ResumeSHA256; m.tokens[h] == s {
		delete(m.tokens, h)
	}
	if m.draining && len(m.sessions) == 0 {
		select {
		case <-m.idle:
		default:
			close(m.idle)
		}
	}
	m.mu.Unlock()
	m.cfg.OnChange("call", string(s.id))
}

// refuseOffers gives back an offer that nobody will read any more: it came in
// the instant in which the item left. Its agent would stay reserved.
func (m *Manager) refuseOffers(entry *queue.Entry) {
	for {
		select {
		case n, ok := <-entry.Notices():
			if !ok {
				return
			}
			if n.Kind == queue.NoticeOffer {
				m.queue.Missed(n.Offer.ID, call.OutcomeWithdrawn)
				m.queue.Final(n.Offer.ID)
			}
		default:
			return
		}
	}
}

// Presence implements Handler.
func (m *Manager) Presence(agent account.ID, p Presence) {
	m.queue.SetPresence(agent, p.Devices, p.Silent, p.Why)
}

func (m *Manager) session(id call.ID) *Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions[id]
}

func (m *Manager) all() []*Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]*Session, 0, len(m.sessions))
	for _, s := range m.sessions {
		list = append(list, s)
	}
	return list
}

// Live returns what a live call looks like, or false.
func (m *Manager) Live(id call.ID) (View, bool) {
	s := m.session(id)
	if s == nil {
		return View{}, false
	}
	return s.View(), true
}

// AllLive returns what every live call looks like, in no order.
func (m *Manager) AllLive() []View {
	sessions := m.all()
	all := make([]View, 0, len(sessions))
	for _, s := range sessions {
		all = append(all, s.View())
	}
	return all
}

// ByResume returns the live call of a browser's token, by the token's hash.
func (m *Manager) ByResume(tokenSHA256 string) (View, bool) {
	m.mu.Lock()
	s := m.tokens[tokenSHA256]
	m.mu.Unlock()
	if s == nil {
		return View{}, false
	}
	return s.View(), true
}

// Counts are totals since the start.
type Counts struct {
	Live        int64 // calls going on now
	Started     int64
	Refused     int64
	Panics      int64 // faults of ours that ended one call
	PhoneFaults int64 // INVITEs that agents' phones refused because of how they are set up
	Repaired    int64 // promises that nobody owned, brought back to their queue; 0 when all is well
}

// Counts returns totals for /metrics.
func (m *Manager) Counts() Counts {
	m.mu.Lock()
	live := int64(len(m.sessions))
	m.mu.Unlock()
	return Counts{
		Live: live, Started: m.started.Load(), Refused: m.refused.Load(), Panics: m.panics.Load(),
		Repaired: m.callbacks.repaired.Load(), PhoneFaults: m.phoneFaults.Load(),
	}
}

// Hangup ends a live call. It returns ErrEnded when it is over already.
func (m *Manager) Hangup(_ context.Context, id call.ID, by account.ID) error {
	if s := m.session(id); s != nil {
		return s.ask(wantHangUp, by)
	}
	return ErrEnded
}

// RequestCallback asks for a callback in place of waiting, as key 1 does, and
// waits until it is stored. Errors: ErrEnded, callback.ErrOpen,
// callback.ErrUnreachable, callback.ErrState when the call does not wait.
func (m *Manager) RequestCallback(ctx context.Context, id call.ID, by account.ID) (callback.Callback, error) {
	s := m.session(id)
	if s == nil {
		return callback.Callback{}, ErrEnded
	}
	v := s.View()
	switch {
	case v.Record.From.ReachBack == "":
		return callback.Callback{}, callback.ErrUnreachable
	case v.Record.CallbackID != "":
		return callback.Callback{}, callback.ErrOpen
	case !v.Record.State.InQueue():
		return callback.Callback{}, callback.ErrState
	}
	reply := make(chan confirmed, 1)
	if !s.send(wanted{by, reply}) {
		return callback.Callback{}, ErrEnded
	}
	select {
	case c := <-reply:
		return c.callback, c.err
	case <-s.done:
		return callback.Callback{}, ErrEnded
	case <-ctx.Done():
		return callback.Callback{}, ctx.Err()
	}
}

// Resume puts a browser's new leg in the place of its old one, by the hash of
// its token. ErrEnded when no call waits for it.
func (m *Manager) Resume(tokenSHA256 string, leg Leg) (call.ID, error) {
	m.mu.Lock()
	s := m.tokens[tokenSHA256]
	m.mu.Unlock()
	if s == nil {
		return "", ErrEnded
	}
	if !s.send(comeBack{leg}) {
		return "", ErrEnded
	}
	return s.id, nil
}

// Drain refuses new calls, offers those who wait a callback, and returns when
// no call is left. When ctx ends first, it gives callbacks to those who still
// wait, hangs up the others, and waits 3 s more for that to be done.
func (m *Manager) Drain(ctx context.Context) {
	m.mu.Lock()
	m.draining = true
	empty := len(m.sessions) == 0
	m.mu.Unlock()
	if empty {
		return
	}
	for _, s := range m.all() {
		_ = s.ask(wantDrain, "")
	}
	select {
	case <-m.idle:
		return
	case <-ctx.Done():
	}
	m.log.Warn("drain is over, calls are ended", "calls", len(m.all()))
	for _, s := range m.all() {
		_ = s.ask(wantStop, "")
	}
	select {
	case <-m.idle:
	case <-time.After(3 * time.Second):
	}
}

// logOf returns a logger for a callback.
func (m *Manager) logOf(c callback.Callback) *slog.Logger { return m.log.With(logkey.Callback, c.ID) }
