package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"pickup/internal/logkey"
	"pickup/web/password"
)

// Server is the HTTP edge of one process. Its methods may be called from any
// goroutine.
type Server struct {
	cfg       Config
	parts     Parts
	log       *slog.Logger
	listener  net.Listener
	http      *http.Server
	hasher    *password.Hasher
	demoDummy string // hash that matches nothing, at the cost of demonstration accounts
	throttle  *throttle
	metrics   *metrics
	ready     atomic.Bool
	document  []byte     // openapi.json
	patterns  []string   // what is served
	editing   sync.Mutex // one edit of a queue's members at a time
	dryRuns   sync.Mutex // one at a time
	chats     *chatDoor
	audiences audiences
}

// NewServer makes a Server and takes its port: an error names http.listen when
// it is in use. Nothing is answered before Run.
func NewServer(cfg Config, p Parts, log *slog.Logger) (*Server, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Server{cfg: cfg, parts: p, log: log, hasher: password.New(), throttle: newThrottle(), chats: newChatDoor()}
	var err error
	if s.demoDummy, err = password.HashDemo(newToken()); err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(p.Figures, p.Queue); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	handler, err := s.routes()
	if err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	if cfg.TLS != nil {
		s.listener = tls.NewListener(s.listener, cfg.TLS)
	}
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 60 * time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// routes builds the tree of handlers.
func (s *Server) routes() (http.Handler, error) {
	apiMux := newPatternMux()
	text, err := describe(s.newAPI(apiMux))
	if err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	s.document = text
	api := s.withActor(noStore(apiMux))
	mux := newPatternMux()
	mux.Handle("/api/v1/", api)
	mux.Handle("/w/v1/", s.withCORS(apiMux))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.metrics.handler)
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(s.document) // the client is gone: nothing to be done
	})
	if s.parts.SIPWS != nil {
		mux.Handle("/sip", s.parts.SIPWS)
	}
	mux.HandleFunc("/", s.console)
	s.patterns = append(apiMux.patterns, mux.patterns...)
	return s.metrics.timed(s.withOrigin(withSafety(s.recovered(mux)))), nil
}

// recovered turns a panic of a handler into a problem document and a log line.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v) // net/http's own way to cut an answer
			}
			s.log.ErrorContext(r.Context(), "handler panicked", slog.Any(logkey.Err, v), slog.String("path", r.URL.Path))
			writeProblem(w, problem(http.StatusInternalServerError, "", "Something went wrong on our side; the log says what.", ""))
		}()
		next.ServeHTTP(w, r)
	})
}

func noStore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client is gone: nothing to be done
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if s.ready.Load() {
		say(w, http.StatusOK, "ready\n")
		return
	}
	say(w, http.StatusServiceUnavailable, "starting or draining\n")
}

// SetReady says what /readyz answers: false, as at the beginning, is 503.
func (s *Server) SetReady(ready bool) { s.ready.Store(ready) }

// Addr returns the address it listens on, with the port that was chosen.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Handler returns the tree of handlers, for who serves it on a listener of his own.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Run answers requests until ctx ends, then ends the streams, lets running
// requests finish for up to 5 s, and returns.
func (s *Server) Run(ctx context.Context) error {
	streams, endStreams := context.WithCancel(context.WithoutCancel(ctx))
	defer endStreams()
	s.http.BaseContext = func(net.Listener) context.Context { return streams }
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve http: %w", err)
	case <-ctx.Done():
	}
	s.SetReady(false)
	endStreams()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := s.http.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-failed
	s.chats.running.Wait() // sockets, which the HTTP server knows no more
	return err
}

// BrowserCalls returns the calls from browsers, which Parts gave.
func (s *Server) BrowserCalls() *BrowserCalls { return s.parts.Browser }
