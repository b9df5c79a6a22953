package callflow_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/callflow"
	"pickup/internal/hours"
	"pickup/media"
	"pickup/queue"
	"pickup/recording"
	"pickup/store"
	"pickup/store/storetest"
	"pickup/ticket"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// wire is how long a message takes from one end to the other.
const wire = 20 * time.Millisecond

// speech is how long a prompt is; those not named last a second.
var speech = map[string]time.Duration{"consent.notice": 3 * time.Second, "queue.greeting": 2 * time.Second}

var errStore = errors.New("the store is away")

// ledger is a Memory that can be slow, fail, or die with its server.
type ledger struct {
	*storetest.Memory
	lateRows time.Duration // of SaveRecording, when it is closed
	mu       sync.Mutex
	err      error
	blocked  chan struct{} // closed when the store answers again
	writes   int
}

// fail makes every write fail with err; nil ends it.
func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// block makes every write wait until the returned function is called.
func (l *ledger) block() (open func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocked = make(chan struct{})
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(l.blocked)
		l.blocked = nil
	}
}

// count is how many writes there were.
func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

func (l *ledger) gate(ctx context.Context) error {
	l.mu.Lock()
	blocked := l.blocked
	l.writes++
	l.mu.Unlock()
	if blocked != nil {
		select {
		case <-blocked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *ledger) CommitDecisions(ctx context.Context, d []queue.Decision) []error {
	if err := l.gate(ctx); err != nil {
		return slices.Repeat([]error{err}, len(d))
	}
	return l.Memory.CommitDecisions(ctx, d)
}

func (l *ledger) SaveCall(ctx context.Context, r call.Record, events ...call.TimelineEvent) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	return l.Memory.SaveCall(ctx, r, events...)
}

func (l *ledger) EndCall(ctx context.Context, e callflow.Ending) (ticket.Linked, error) {
	if err := l.gate(ctx); err != nil {
		return ticket.Linked{}, err
	}
	return l.Memory.EndCall(ctx, e)
}

func (l *ledger) ConfirmCallback(ctx context.Context, c callback.Callback) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	return l.Memory.ConfirmCallback(ctx, c)
}

func (l *ledger) SaveCallback(ctx context.Context, c callback.Callback) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	return l.Memory.SaveCallback(ctx, c)
}

func (l *ledger) BeginAttempt(ctx context.Context, c callback.Callback, a callback.Attempt) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	return l.Memory.BeginAttempt(ctx, c, a)
}

func (l *ledger) EndAttempt(ctx context.Context, c callback.Callback, a callback.Attempt) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	return l.Memory.EndAttempt(ctx, c, a)
}

func (l *ledger) SaveRecording(ctx context.Context, r recording.Row) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	if r.State != recording.StateOpen {
		time.Sleep(l.lateRows)
	}
	return l.Memory.SaveRecording(ctx, r)
}

// options of a site. The zero value is a site with one queue and no recorder.
type options struct {
	memory *storetest.Memory // nil: an empty one
	record string            // directory of recordings; "": nothing is recorded
	late   time.Duration     // how long the store takes for the row of a closed recording
	calls  func(*callflow.Config)
	queue  func(*queue.QueueConfig)
	agents int // 0: 1
}

// site is one server without sockets: real engines, and phones made of Go.
type site struct {
	t      testing.TB
	ledger *ledger
	queue  *queue.Domain
	engine *media.Engine
	calls  *callflow.Manager
	repair []recording.Row
	stop   func()

	mu     sync.Mutex
	phones map[string]*phone // by the address that rings them
	agents map[account.ID][]*phone
	names  int

	noTrunk atomic.Bool // no trunk takes a number
}

// newSite starts a server. It is called in a bubble of virtual time.
func newSite(t testing.TB, o options) *site {
	t.Helper()
	if o.memory == nil {
		o.memory = storetest.NewMemory()
	}
	s := &site{t: t, ledger: &ledger{Memory: o.memory, lateRows: o.late}, phones: map[string]*phone{}, agents: map[account.ID][]*phone{}}
	log := slog.New(slog.DiscardHandler)
	var err error
	s.engine, err = media.New(media.Config{
		FirstPort: 20000, LastPort: 29999, Listen: media.NewMemoryNet().Listen, Shards: 1, Music: make([]int16, 8000),
		LocalAddr: func(netip.Addr) netip.Addr { return loopback },
		Prompt: func(_, id string) ([]int16, bool) {
			length, ok := speech[id]
			if !ok {
				length = time.Second
			}
			return make([]int16, length*8/time.Millisecond), true
		},
	}, log)
	s.must(err)
	if s.queue, err = queue.New(queue.Config{}, s.ledger, log); err != nil {
		t.Fatal(err)
	}
	var recorder *recording.Recorder
	if o.record != "" {
		recorder, err = recording.New(recording.Config{Dir: o.record, Reserve: 1}, s.ledger, log)
		s.must(err)
		s.repair, err = recorder.Repair(t.Context())
		s.must(err)
	}
	cfg := callflow.Config{Language: "en", Record: recorder != nil, Notice: true, CrashCallback: true}
	if o.calls != nil {
		o.calls(&cfg)
	}
	x := exchange{s}
	s.calls, err = callflow.New(cfg, callflow.Parts{
		Queue: s.queue, Recorder: recorder, Book: callback.NewBook(callback.Config{Hours: s.hours}, s.ledger), Store: s.ledger, Devices: x, Log: log,
		Dialers: map[callflow.AddressKind]callflow.Dialer{
			callflow.AddressDevice: x, callflow.AddressSIPSource: x, callflow.AddressBrowser: x, callflow.AddressNumber: x,
		},
	})
	s.must(err)
	s.start(recorder)
	s.configure(o)
	return s
}

// hours are those of a queue.
func (s *site) hours(name string) []*hours.Hours {
	q, _ := s.queue.Has(name)
	return []*hours.Hours{q.Hours}
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// start runs the parts from the inside out; stop ends them in the reverse order.
func (s *site) start(recorder *recording.Recorder) {
	var stops []func()
	run := func(part func(context.Context) error) {
		ctx, end := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { _ = part(ctx) })
		stops = append(stops, func() { end(); wg.Wait() })
	}
	run(s.queue.Run)
	run(s.engine.Run)
	if recorder != nil {
		run(recorder.Run)
	}
	run(s.calls.Run)
	s.stop = sync.OnceFunc(func() {
		for _, stop := range slices.Backward(stops) {
			stop()
		}
	})
	s.t.Cleanup(s.stop)
}

// configure makes the queue "support" and its agents, who have no phone yet.
func (s *site) configure(o options) {
	q := queue.QueueConfig{ID: "q1", Name: "support", Enabled: true, Target: 30 * time.Second}
	var agents []queue.AgentConfig
	for i := range max(o.agents, 1) {
		login := fmt.Sprint(1001 + i)
		agents = append(agents, queue.AgentConfig{ID: account.ID("agent-" + login), Login: login})
		q.Members = append(q.Members, queue.Member{Agent: account.ID("agent-" + login), Rank: 1})
	}
	if o.queue != nil {
		o.queue(&q)
	}
	s.must(s.queue.Configure(s.t.Context(), []queue.QueueConfig{q}, agents))
}

// crash ends the server as a kill does: what it had not stored is lost.
func (s *site) crash() *storetest.Memory {
	s.ledger.fail(errStore)
	s.stop()
	return s.ledger.Memory
}

// agent gives an agent phones and makes him ready.
func (s *site) agent(login string, behaviours ...behaviour) []*phone {
	s.t.Helper()
	who := account.ID("agent-" + login)
	var phones []*phone
	for i, b := range behaviours {
		phones = append(phones, s.phone(fmt.Sprintf("%s-%d", login, i), b))
	}
	s.mu.Lock()
	s.agents[who] = phones
	s.mu.Unlock()
	s.calls.Presence(who, callflow.Presence{Devices: len(phones)})
	s.must(s.queue.SetState(s.t.Context(), who, queue.AgentReady, ""))
	return phones
}

// state is the state of an agent.
func (s *site) state(login string) queue.AgentState {
	synctest.Wait()
	for _, a := range s.queue.Agents() {
		if a.Login == login {
			return a.State
		}
	}
	return ""
}

// phone makes what rings at an address.
func (s *site) phone(at string, b behaviour) *phone {
	p := &phone{behave: b}
	s.mu.Lock()
	s.phones[at] = p
	s.mu.Unlock()
	return p
}

// call calls a queue from a SIP address at which the caller can be called back.
func (s *site) call(to, from string) (*line, *callflow.Refusal) {
	return s.callAs(to, call.Party{
		Kind: call.PartyAnonymousSIP, URI: "sip:" + from + "@192.0.2.1", User: from, Source: "udp:192.0.2.1:5060", ReachBack: from + "@udp:192.0.2.1:5060",
	}, "")
}

// browse calls a queue from a page.
func (s *site) browse(to, token string) *line {
	s.t.Helper()
	l, refusal := s.callAs(to, call.Party{Kind: call.PartyBrowser, URI: "browser:192.0.2.1"}, token)
	if refusal != nil {
		s.t.Fatal(refusal)
	}
	return l
}

func (s *site) callAs(to string, from call.Party, token string) (*line, *callflow.Refusal) {
	s.t.Helper()
	l := s.line(true)
	_, err := l.media.Answer(s.t.Context(), description)
	s.must(err)
	refusal := s.calls.Accept(callflow.Inbound{
		Leg: l, From: from, To: call.Party{Kind: from.Kind, URI: "sip:" + to, User: to}, SIPCallID: string(l.id), ResumeSHA256: token,
		ArrivedAt: time.Now(), Transport: "udp",
	})
	if refusal != nil {
		l.media.Close()
		return nil, refusal
	}
	return l, nil
}

// mustCall is call where a refusal is a failure.
func (s *site) mustCall(to, from string) *line {
	s.t.Helper()
	l, refusal := s.call(to, from)
	if refusal != nil {
		s.t.Fatal(refusal)
	}
	return l
}

// description is the offer and the answer of every phone.
var description = []byte("v=0\r\no=phone 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\n")

// line makes a leg.
func (s *site) line(inbound bool) *line {
	s.t.Helper()
	s.mu.Lock()
	s.names++
	id := call.LegID(fmt.Sprintf("leg-%d-%p", s.names, s))
	s.mu.Unlock()
	m, err := s.engine.NewLeg(media.LegOptions{ID: id, Peer: loopback})
	s.must(err)
	return &line{id: id, media: m, inbound: inbound, begun: time.Now()}
}

// exchange rings the phones of a site: its Devices and every Dialer.
type exchange struct{ site *site }

func (x exchange) Devices(agent account.ID) []callflow.Address {
	x.site.mu.Lock()
	defer x.site.mu.Unlock()
	var all []callflow.Address
	for at, p := range x.site.phones {
		if slices.Contains(x.site.agents[agent], p) {
			all = append(all, callflow.Address{Kind: callflow.AddressDevice, AOR: string(agent), Key: at, Display: at})
		}
	}
	return all
}

func (x exchange) Route(to callflow.Address) error {
	if to.Kind == callflow.AddressNumber && x.site.noTrunk.Load() {
		return callflow.ErrNoTrunk
	}
	return nil
}

func (x exchange) Dial(_ context.Context, inv callflow.Invitation) (callflow.Leg, error) {
	if err := x.Route(inv.To); err != nil {
		return nil, err
	}
	x.site.mu.Lock()
	p := x.site.phones[inv.To.Key+inv.To.Value]
	x.site.mu.Unlock()
	if p == nil {
		return nil, callflow.ErrNoRoute
	}
	l := x.site.line(false)
	l.id, l.invitation = inv.LegID, inv
	p.mu.Lock()
	p.lines = append(p.lines, l)
	behave := p.behave
	p.mu.Unlock()
	if behave != nil {
		behave(l)
	}
	return l, nil
}

// phone is something that can be rung.
type phone struct {
	mu     sync.Mutex
	behave behaviour
	lines  []*line // every INVITE it got, in order
}

// now changes what the phone does from the next INVITE on.
func (p *phone) now(b behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behave = b
}

// last is the newest INVITE, or nil; rung is how many there were.
func (p *phone) last() *line {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.lines) == 0 {
		return nil
	}
	return p.lines[len(p.lines)-1]
}

func (p *phone) rung() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

// behaviour is what a phone does with an INVITE. It does not wait.
type behaviour func(*line)

// picksUp rings and answers after a while.
func picksUp(after time.Duration) behaviour {
	return func(l *line) {
		l.tell(callflow.LegEvent{Kind: callflow.LegRinging, Status: 180})
		time.AfterFunc(after, l.pickUp)
	}
}

// rings rings for ever.
func rings(l *line) { l.tell(callflow.LegEvent{Kind: callflow.LegRinging, Status: 180}) }

// refuses answers with a final response.
func refuses(status int) behaviour {
	return func(l *line) {
		time.AfterFunc(wire, func() { l.over(callflow.LegEvent{Kind: callflow.LegFailed, Status: status}) })
	}
}

// line is a dialog with a fake phone: a callflow.Leg with real media.
type line struct {
	id         call.LegID
	inbound    bool
	invitation callflow.Invitation
	media      *media.Leg
	begun      time.Time
	onEnd      func() // before End does anything

	mu       sync.Mutex
	sink     func(callflow.LegEvent)
	early    []callflow.LegEvent
	answered bool
	ending   bool
	ended    bool
	causes   []call.Cause // of every End
	referred []int        // answers to its REFERs
	endedAt  time.Time
}

func (l *line) ID() call.LegID    { return l.id }
func (l *line) Media() *media.Leg { return l.media }

func (l *line) Bind(sink func(callflow.LegEvent)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sink = sink
	for _, e := range l.early {
		sink(e)
	}
	l.early = nil
}

// tell gives the session an event, unless the leg is final.
func (l *line) tell(e callflow.LegEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(e)
}

func (l *line) put(e callflow.LegEvent) {
	if l.ended {
		return
	}
	e.Leg, e.At = l.id, time.Now()
	l.ended = e.Kind == callflow.LegFinal
	if l.ended {
		l.endedAt = time.Now()
	}
	if l.sink == nil {
		l.early = append(l.early, e)
		return
	}
	l.sink(e)
}

func (l *line) Answer() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered = true
	l.put(callflow.LegEvent{Kind: callflow.LegAnswered, Status: 200})
}

// pickUp answers an INVITE.
func (l *line) pickUp() {
	if _, err := l.media.Offer(context.Background()); err != nil {
		return // cancelled meanwhile
	}
	if l.media.Accept(description) != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending || l.answered {
		return
	}
	l.answered = true
	l.put(callflow.LegEvent{Kind: callflow.LegAnswered, Status: 200})
}

// over tells how the dialog ended, then that nothing is outstanding.
func (l *line) over(e callflow.LegEvent) {
	l.mu.Lock()
	l.ending = true
	l.put(e)
	l.put(callflow.LegEvent{Kind: callflow.LegFinal})
	l.mu.Unlock()
	l.media.Close()
}

func (l *line) End(cause call.Cause) {
	if l.onEnd != nil {
		l.onEnd()
	}
	l.mu.Lock()
	l.causes = append(l.causes, cause)
	was, answered := l.ending, l.answered
	l.ending = true
	l.mu.Unlock()
	if was {
		return
	}
	time.AfterFunc(2*wire, func() {
		if answered {
			l.over(callflow.LegEvent{Kind: callflow.LegFinal})
		} else {
			l.over(callflow.LegEvent{Kind: callflow.LegFailed, Status: 487})
		}
	})
}

func (l *line) Referred(status int, _ string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.referred = append(l.referred, status)
}

// hangUp ends the dialog from the phone's side.
func (l *line) hangUp() { l.over(callflow.LegEvent{Kind: callflow.LegHungUp}) }

// press sends a key.
func (l *line) press(digit rune) { l.tell(callflow.LegEvent{Kind: callflow.LegDTMF, Digit: digit}) }

// away says that the page of a browser was left.
func (l *line) away() { l.tell(callflow.LegEvent{Kind: callflow.LegAway}) }

// gone reports whether nothing of the dialog is outstanding.
func (l *line) gone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// state of the dialog.
func (l *line) state() (answered, ended bool, cause call.Cause) {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.causes) > 0 {
		cause = l.causes[0]
	}
	return l.answered, l.ended, cause
}

// live is the only live call, or the zero View.
func (s *site) live() callflow.View {
	synctest.Wait()
	if all := s.calls.AllLive(); len(all) > 0 {
		return all[0]
	}
	return callflow.View{}
}

// ended returns every call that is stored as ended, the oldest first.
func (s *site) ended() []call.Record {
	s.t.Helper()
	synctest.Wait()
	all, _, err := s.ledger.Calls(s.t.Context(), store.CallFilter{Page: store.Page{Limit: store.MaxLimit}})
	s.must(err)
	all = slices.DeleteFunc(all, func(r call.Record) bool { return r.EndReason == "" })
	slices.SortFunc(all, func(a, b call.Record) int { return a.ArrivedAt.Compare(b.ArrivedAt) })
	return all
}

// one returns the only call that has ended.
func (s *site) one() call.Record {
	s.t.Helper()
	all := s.ended()
	if len(all) != 1 {
		s.t.Fatalf("%d calls have ended, want 1: %+v; live %+v", len(all), all, s.live())
	}
	return all[0]
}

// story returns the kinds of a call's events.
func (s *site) story(id call.ID) []string {
	s.t.Helper()
	_, events, err := s.ledger.Call(s.t.Context(), id)
	s.must(err)
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// promises returns every callback, the oldest first.
func (s *site) promises() []callback.Callback {
	s.t.Helper()
	synctest.Wait()
	all, _, err := s.ledger.Callbacks(s.t.Context(), store.CallbackFilter{Page: store.Page{Limit: store.MaxLimit}})
	s.must(err)
	slices.SortFunc(all, func(a, b callback.Callback) int { return a.ConfirmedAt.Compare(b.ConfirmedAt) })
	return all
}

// promise returns the only callback.
func (s *site) promise() callback.Callback {
	s.t.Helper()
	all := s.promises()
	if len(all) != 1 {
		s.t.Fatalf("%d callbacks, want 1: %+v", len(all), all)
	}
	return all[0]
}

// virtual runs a test in a bubble of virtual time.
func virtual(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}
