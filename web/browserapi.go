package web

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/call"
	"pickup/callflow"
	"pickup/media"
	"pickup/store"
	"pickup/ticket/chat"
)

// sdpType is the media type of offers and answers (RFC 8866).
const sdpType = "application/sdp"

// readLimit is how long an offer may take to arrive.
const readLimit = 10 * time.Second

func (s *Server) browserOperations(api huma.API, mux *patternMux) {
	const path, one = "/w/v1/calls", "/w/v1/calls/{id}"
	place := text("path", "id", "The secret of the Location that POST returned.", true)
	add := func(a act, handler http.HandlerFunc, params []*huma.Param, contents map[string]string) {
		a.tag = "browser"
		describePlain(api, a, params, contents)
		mux.HandleFunc(a.method+" "+a.path, handler)
	}
	add(act{id: "browser-call", method: http.MethodPost, path: path, summary: "Call a queue, come back to a call, or take a callback that rings: " +
		"an SDP offer (application/sdp). The answer has Location, Pickup-Resume and a Link of rel=ice-server for each STUN or TURN URL (RFC 9725, 4.6); 503 has Retry-After."}, s.browserCall, []*huma.Param{
		text("query", "queue", "Name of the queue.", false), text("query", "lang", "fr or en.", false),
		text("query", "resume", "Pickup-Resume of an earlier answer, instead of queue.", false),
		text("query", "chat", "Token of a conversation with which the call goes on, instead of queue: it comes on its ticket and, if he is free, to its agent.", false),
	}, map[string]string{"201": sdpType})
	add(act{id: "browser-call-offer", method: http.MethodPatch, path: one, summary: "A new offer in the same call: restart of ICE, hold"},
		s.browserOffer, []*huma.Param{place}, map[string]string{"200": sdpType})
	add(act{id: "browser-call-events", method: http.MethodGet, path: one + "/events", summary: "State of the call as server-sent events: state, " +
		"callback, callback.ringing, ended. data: {state, position, estimate_low_ms, estimate_high_ms, agents_on_duty, agent, callback_offered, end_reason, silent}. silent: in a talk, nothing is heard of the page; it restarts ICE and looks at its microphone"},
		s.browserEvents, []*huma.Param{place}, map[string]string{"200": "text/event-stream"})
	add(act{id: "browser-call-callback", method: http.MethodPost, path: one + "/callback", summary: "Leave the place to a callback to this page"},
		s.browserCallback, []*huma.Param{place}, map[string]string{"201": "application/json"})
	add(act{id: "browser-call-away", method: http.MethodPost, path: one + "/away", summary: "The page is left, perhaps only reloaded: the place is kept"},
		s.browserAway, []*huma.Param{place}, map[string]string{"204": ""})
	add(act{id: "browser-call-microphone", method: http.MethodPost, path: one + "/microphone", summary: "The page lost its microphone, or has one again: " +
		`{"lost": true}. It is noted in the call; the call goes on.`}, s.browserMicrophone, []*huma.Param{place}, map[string]string{"204": ""})
	add(act{id: "browser-call-end", method: http.MethodDelete, path: one, summary: "Hang up: leave the queue, end the talk, or not take a callback " +
		"that rings now. It never cancels a callback that was promised: it rings again, or DELETE {Location}/callback cancels it. 204 also when nothing is left to hang up."},
		s.browserEnd, []*huma.Param{place}, map[string]string{"204": ""})
	add(act{id: "browser-callback-cancel", method: http.MethodDelete, path: one + "/callback", summary: "Cancel the callback that was promised to this page, " +
		"also while it rings. 204 also when it is over already; 404 when none was promised; 409 while it is being connected: hang up then."},
		s.browserCancel, []*huma.Param{place}, map[string]string{"204": "", "404": "", "409": ""})
}

// withCORS lets pages of the host itself and of the allowed origins call, and
// refuses others before anything is done.
func (s *Server) withCORS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Add("Vary", "Origin")
		if from := r.Header.Get("Origin"); from != "" {
			if !s.originAllowed(r, from) {
				writeProblem(w, problem(http.StatusForbidden, problemOrigin, "Pages of this origin may not call here (http.allowed_origins).", "header.Origin"))
				return
			}
			h.Set("Access-Control-Allow-Origin", from)
			h.Set("Access-Control-Expose-Headers", "Location, Pickup-Resume, Retry-After, Link")
		}
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Content-Type, Accept, Authorization")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) originAllowed(r *http.Request, from string) bool {
	if _, host, ok := strings.Cut(from, "://"); ok && strings.EqualFold(host, r.Host) {
		return true
	}
	return slices.ContainsFunc(s.cfg.AllowedOrigins, func(o string) bool {
		return strings.EqualFold(strings.TrimSuffix(o, "/"), from)
	})
}

// readOffer reads the body of an offer.
func readOffer(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != sdpType {
		return nil, problem(http.StatusUnsupportedMediaType, "", "The offer is application/sdp.", "header.Content-Type")
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readLimit)) // a recorder in tests has none
	offer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSDP))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, problem(http.StatusRequestEntityTooLarge, "", "An offer has at most 64 kB.", "body")
	}
	if err != nil || len(offer) == 0 {
		return nil, problem(http.StatusBadRequest, "", "The offer is missing or cut off.", "body")
	}
	return offer, nil
}

// mediaProblem says what is wrong with an offer, or with us.
func (s *Server) mediaProblem(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, media.ErrNoCommonCodec):
		return problem(http.StatusUnprocessableEntity, "", "The offer has no audio codec in common with us (PCMA, PCMU).", "body")
	case errors.Is(err, media.ErrBadSDP):
		return problem(http.StatusBadRequest, "", "The offer is not usable.", "body")
	case errors.Is(err, media.ErrNoPorts):
		return retry(problem(http.StatusServiceUnavailable, "", "Every line is taken; try again soon.", ""), 10*time.Second)
	case errors.Is(err, media.ErrClosed):
		return problem(http.StatusGone, "", "The call has ended.", "")
	}
	return s.fail(ctx, "negotiate media", err)
}

// browserCall serves POST /w/v1/calls.
func (s *Server) browserCall(w http.ResponseWriter, r *http.Request) {
	status := http.StatusCreated
	if err := s.takeBrowserCall(w, r); err != nil {
		var known huma.StatusError
		if errors.As(err, &known) {
			status = known.GetStatus()
		}
		writeProblem(w, err)
	}
	s.metrics.browser.WithLabelValues(http.StatusText(status)).Inc()
}

func (s *Server) takeBrowserCall(w http.ResponseWriter, r *http.Request) error {
	if !s.parts.Browser.allowed(sourceOf(r.Context()), s.cfg.CallRate, s.cfg.CallBurst) {
		return retry(problem(http.StatusTooManyRequests, "", "Too many calls from your address; wait.", ""), 2*time.Second)
	}
	name, token := strings.ToLower(r.URL.Query().Get("queue")), r.URL.Query().Get("resume")
	n := newCall{queue: name, language: language(r.URL.Query().Get("lang")), secret: newToken()}
	if t := r.URL.Query().Get("chat"); t != "" {
		if err := s.callOfChat(r.Context(), t, &n); err != nil {
			return err
		}
		name = n.queue
	}
	switch {
	case token != "":
	case name == "":
		return problem(http.StatusUnprocessableEntity, "", "Say which queue.", "query.queue")
	case !s.parts.Handler.Routable(name, ""):
		return problem(http.StatusNotFound, "", "There is no such queue.", "query.queue")
	}
	offer, err := readOffer(w, r)
	if err != nil {
		return err
	}
	if token != "" {
		return s.resumeCall(w, r, token, offer)
	}
	l, answer, err := s.answerOffer(r, offer)
	if err != nil {
		return err
	}
	if err := s.startCall(w, r, n, l, answer); err != nil {
		return err
	}
	return nil
}

func language(text string) string {
	if text == "fr" || text == "en" {
		return text
	}
	return ""
}

// answerOffer opens a leg for an offer.
func (s *Server) answerOffer(r *http.Request, offer []byte) (*browserLeg, []byte, error) {
	ctx := r.Context()
	l, err := s.parts.Browser.open(newLegID(), sourceOf(ctx), "")
	if err != nil {
		return nil, nil, s.mediaProblem(ctx, err)
	}
	answer, err := l.media.Answer(ctx, offer)
	if err != nil {
		l.finish()
		return nil, nil, s.mediaProblem(ctx, err)
	}
	return l, answer, nil
}

// newCall is what a browser asks for.
type newCall struct {
	queue, language string
	secret          string  // of its resume token
	first           call.ID // the call it began with, "" for a new page
	chat            string  // id of the conversation it goes on with, or ""
	voice           chat.Voice
}

// callOfChat fills in what the conversation of a page's token says about a call.
func (s *Server) callOfChat(ctx context.Context, token string, n *newCall) error {
	claims, err := s.parts.Chats.Signer().Read(token, time.Now())
	if err == nil {
		n.voice, err = s.parts.Chats.ForCall(ctx, claims.Chat)
	}
	if err != nil {
		return s.failChat(ctx, "call from a chat", err)
	}
	n.chat, n.queue, n.language = claims.Chat, n.voice.Queue, n.voice.Language
	return nil
}

// startCall hands a call to the manager, and answers.
func (s *Server) startCall(w http.ResponseWriter, r *http.Request, n newCall, l *browserLeg, answer []byte) error {
	resume := hashToken(n.secret)
	source := sourceOf(r.Context())
	in := callflow.Inbound{
		Leg: l, ResumeSHA256: resume, Language: n.language, ArrivedAt: time.Now(), Transport: "webrtc",
		From: call.Party{Kind: call.PartyBrowser, URI: "browser:" + source.String(), ReachBack: string(n.first)},
		To:   call.Party{Kind: call.PartyBrowser, URI: "queue:" + n.queue, User: n.queue},
	}
	if n.chat != "" { // he is known by what he is known by there
		in.From.URI = n.voice.VisitorID
		in.TicketID, in.ContactID, in.Preferred = n.voice.TicketID, n.voice.ContactID, n.voice.Agent
	}
	if refused := s.parts.Handler.Accept(in); refused != nil {
		l.finish()
		return refusedCall(refused)
	}
	v, ok := s.parts.Calls.ByResume(resume)
	if !ok {
		return retry(problem(http.StatusServiceUnavailable, "", "The call ended at once; try again.", ""), 2*time.Second)
	}
	first := n.first
	if first == "" {
		first = v.Record.ID
	}
	p := s.parts.Browser.remember(first, resume)
	p.hold(l, v.Record.ID)
	if n.chat != "" {
		s.parts.Chats.GoneToCall(n.chat, v.Record.ID)
		s.mayBeOver(v.Record.ID)
	}
	s.created(w, p, n.secret, answer)
	return nil
}

// mayBeOver tells the conversation beside a call that it has ended, when it ended
// before the conversation knew of it.
func (s *Server) mayBeOver(id call.ID) {
	if _, live := s.parts.Calls.Live(id); !live {
		s.parts.Chats.CallOver(id)
	}
}

// refusedCall is the HTTP form of a refusal.
func refusedCall(r *callflow.Refusal) error {
	switch r.Status {
	case http.StatusNotFound:
		return problem(http.StatusNotFound, "", "There is no such queue.", "query.queue")
	case http.StatusForbidden:
		return problem(http.StatusForbidden, "", "It may not be called from here.", "query.queue")
	}
	after := r.RetryAfter
	if after == 0 {
		after = 10 * time.Second
	}
	return retry(problem(http.StatusServiceUnavailable, "", "No more calls can be taken now; try again soon.", ""), after)
}

// created answers 201. The resume token names the call it began with, so that
// it is understood after a restart too.
func (s *Server) created(w http.ResponseWriter, p *browserPage, secret string, answer []byte) {
	h := w.Header()
	h.Set("Location", "/w/v1/calls/"+string(p.first)+"."+placeSecret(p.resume))
	h.Set("Pickup-Resume", string(p.first)+"."+secret)
	h.Set("Content-Type", sdpType)
	s.cfg.TURN.link(h, string(p.first))
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(answer) // the page is gone: its leg will be dead
}

// placeSecret is the unguessable part of a Location. It follows from what is
// stored, and the resume token does not follow from it.
func placeSecret(resume string) string { return hashToken("location of " + resume)[:32] }

// resumeCall takes a callback that rings, gives the call a new leg, or, when a
// restart of the server cut it, begins it again for who proves the token.
func (s *Server) resumeCall(w http.ResponseWriter, r *http.Request, token string, offer []byte) error {
	ctx := r.Context()
	gone := problem(http.StatusNotFound, "", "There is no such call any more.", "query.resume")
	head, secret, ok := strings.Cut(token, ".")
	if !ok || secret == "" {
		return gone
	}
	first, resume := call.ID(head), hashToken(secret)
	if p := s.parts.Browser.page(first); p != nil && same(p.resume, resume) {
		if taken, err := s.takeCallback(w, r, p, secret, offer); taken || err != nil {
			return err
		}
	}
	_, live := s.parts.Calls.ByResume(resume)
	r0, _, err := s.parts.Store.Call(ctx, first)
	if err != nil && !live {
		if errors.Is(err, store.ErrNotFound) {
			return gone
		}
		return s.fail(ctx, "read a call", err)
	}
	if !live && (!same(r0.ResumeSHA256, resume) || r0.EndReason != call.EndFailedSystem) {
		return gone // not his, or it ended as calls end
	}
	l, answer, err := s.answerOffer(r, offer)
	if err != nil {
		return err
	}
	if !live {
		return s.startCall(w, r, newCall{queue: r0.Queue, language: r0.Language, secret: secret, first: first}, l, answer)
	}
	id, err := s.parts.Calls.Resume(resume, l)
	if err != nil {
		l.finish()
		return gone
	}
	p := s.parts.Browser.remember(first, resume)
	p.hold(l, id)
	s.created(w, p, secret, answer)
	return nil
}

// takeCallback answers the callback that rings on p, if one does.
func (s *Server) takeCallback(w http.ResponseWriter, r *http.Request, p *browserPage, secret string, offer []byte) (bool, error) {
	p.mu.Lock()
	l, id := p.ringing, p.rings
	p.mu.Unlock()
	if l == nil {
		return false, nil
	}
	answer, err := l.media.Answer(r.Context(), offer)
	if err != nil {
		return false, s.mediaProblem(r.Context(), err)
	}
	p.mu.Lock()
	p.ringing, p.leg, p.current = nil, l, id
	p.wake()
	p.mu.Unlock()
	if !l.taken() {
		p.drop(l)
		return false, problem(http.StatusGone, "", "The callback does not ring any more; you will be called again.", "query.resume")
	}
	s.created(w, p, secret, answer)
	return true, nil
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// pageOf finds the page of a Location. After a restart it is made anew from
// what is stored.
func (s *Server) pageOf(r *http.Request) (*browserPage, error) {
	gone := problem(http.StatusNotFound, "", "There is no such call any more.", "path.id")
	head, place, ok := strings.Cut(r.PathValue("id"), ".")
	if !ok {
		return nil, gone
	}
	first := call.ID(head)
	if p := s.parts.Browser.page(first); p != nil {
		if !same(placeSecret(p.resume), place) {
			return nil, gone
		}
		return p, nil
	}
	rec, _, err := s.parts.Store.Call(r.Context(), first)
	if errors.Is(err, store.ErrNotFound) {
		return nil, gone
	}
	if err != nil {
		return nil, s.fail(r.Context(), "read a call", err)
	}
	if rec.ResumeSHA256 == "" || !same(placeSecret(rec.ResumeSHA256), place) || rec.CallbackID == "" {
		return nil, gone // nothing can come of it any more
	}
	return s.parts.Browser.remember(first, rec.ResumeSHA256), nil
}

// legOf returns the page's leg in a call, or a problem.
func (s *Server) legOf(r *http.Request) (*browserPage, *browserLeg, error) {
	p, err := s.pageOf(r)
	if err != nil {
		return nil, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = time.Now()
	return p, p.leg, nil
}

func (s *Server) browserOffer(w http.ResponseWriter, r *http.Request) {
	p, l, err := s.legOf(r)
	if err != nil {
		writeProblem(w, err)
		return
	}
	offer, err := readOffer(w, r)
	if err == nil && l == nil {
		err = problem(http.StatusGone, "", "The call has ended.", "path.id")
	}
	if err != nil {
		writeProblem(w, err)
		return
	}
	answer, err := l.media.Answer(r.Context(), offer)
	if err != nil {
		writeProblem(w, s.mediaProblem(r.Context(), err))
		return
	}
	w.Header().Set("Content-Type", sdpType)
	s.cfg.TURN.link(w.Header(), string(p.first)) // those of the last answer may have expired
	_, _ = w.Write(answer)                       // the page is gone: its leg will be dead
}

func (s *Server) browserAway(w http.ResponseWriter, r *http.Request) {
	_, l, err := s.legOf(r)
	if err != nil {
		writeProblem(w, err)
		return
	}
	if l != nil {
		l.away()
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) browserEnd(w http.ResponseWriter, r *http.Request) {
	p, err := s.pageOf(r)
	if err != nil {
		writeProblem(w, err)
		return
	}
	p.mu.Lock()
	l, ringing := p.leg, p.ringing
	p.mu.Unlock()
	switch {
	case ringing != nil:
		ringing.fail(486, "Busy Here") // not now: the promise stands
	case l != nil:
		l.hungUp()
	}
	w.WriteHeader(http.StatusNoContent)
}
