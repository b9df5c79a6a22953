package web

import "net/http"

// patternMux is a mux that knows what it serves: each pattern has a row in the
// table of roles.
type patternMux struct {
	*http.ServeMux
	patterns []string // as they were registered
}

func newPatternMux() *patternMux { return &patternMux{ServeMux: http.NewServeMux()} }

// Handle registers a handler, as http.ServeMux does.
func (m *patternMux) Handle(pattern string, handler http.Handler) {
	m.patterns = append(m.patterns, pattern)
	m.ServeMux.Handle(pattern, handler)
}

// HandleFunc registers a function, as http.ServeMux does.
func (m *patternMux) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	m.Handle(pattern, http.HandlerFunc(handler))
}
