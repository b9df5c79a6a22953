package web

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// newAPI registers every operation on mux.
func (s *Server) newAPI(mux *patternMux) huma.API {
	cfg := huma.DefaultConfig("Pickup", "1")
	cfg.CreateHooks = nil // no "$schema" in answers
	cfg.DocsPath, cfg.SchemasPath = "", ""
	cfg.OpenAPIPath = ""
	cfg.Transformers = append(cfg.Transformers, withoutValues)
	cfg.Info.Description = "Queues, agents, calls, recordings, tickets and callbacks of a call centre. " +
		"Times are RFC 3339 in UTC, durations are milliseconds, errors are problem documents (RFC 9457)."
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"cookie": {Type: "apiKey", In: "cookie", Name: cookieName},
		"bearer": {Type: "http", Scheme: "bearer"},
	}
	api := humago.New(mux, cfg)
	s.sessionOperations(api)
	s.turnOperations(api)
	s.siteOperations(api)
	s.queueOperations(api)
	s.agentOperations(api)
	s.callOperations(api)
	s.callerOperations(api)
	s.talkOperations(api)
	s.recordingOperations(api, mux)
	s.peakOperations(api)
	s.ticketOperations(api)
	s.deskOperations(api)
	s.callbackOperations(api)
	s.callbackRuleOperations(api)
	s.userOperations(api)
	s.trunkOperations(api)
	s.hoursOperations(api)
	s.mailboxOperations(api)
	s.eventOperations(api, mux)
	s.browserOperations(api, mux)
	s.workOperations(api)
	s.reachOperations(api)
	s.chatOperations(api, mux)
	s.chatAgentOperations(api)
	s.fileOperations(api, mux)
	return api
}

// OpenAPI returns the description of the API, OpenAPI 3.1 in indented JSON with
// a newline at the end.
func OpenAPI() ([]byte, error) {
	s := &Server{parts: Parts{Browser: &BrowserCalls{}}, chats: newChatDoor()}
	return describe(s.newAPI(newPatternMux()))
}

func describe(api huma.API) ([]byte, error) {
	text, err := json.MarshalIndent(api.OpenAPI(), "", "  ")
	return append(text, '\n'), err
}

// act is one operation: what it is called and who may.
type act struct {
	id, method, path string
	tag, summary     string
	rule             allow // nil: anybody, signed in or not
	status           int   // of success; 0: 200, or 204 without a body
	errors           []int // besides 401, 403, 422 and 500
}

// register adds an operation with its rule.
func register[I, O any](api huma.API, a act, handler func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID: a.id, Method: a.method, Path: a.path, Summary: a.summary, Tags: []string{a.tag},
		DefaultStatus: a.status, Errors: a.errors, MaxBodyBytes: 64 << 10,
	}
	if a.rule != nil {
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
		op.Security = []map[string][]string{{"cookie": {}}, {"bearer": {}}}
		op.Middlewares = huma.Middlewares{require(a.rule)}
	}
	huma.Register(api, op, handler)
}

// describePlain adds an operation that a plain handler serves to the document.
func describePlain(api huma.API, a act, params []*huma.Param, contents map[string]string) {
	op := &huma.Operation{
		OperationID: a.id, Method: a.method, Path: a.path, Summary: a.summary, Tags: []string{a.tag}, Parameters: params,
		Responses: map[string]*huma.Response{},
	}
	for status, kind := range contents {
		r := &huma.Response{Description: http.StatusText(atoi(status))}
		if kind != "" {
			r.Content = map[string]*huma.MediaType{kind: {Schema: &huma.Schema{Type: huma.TypeString}}}
		}
		op.Responses[status] = r
	}
	problems := &huma.Schema{Ref: "#/components/schemas/ErrorModel"}
	op.Responses["default"] = &huma.Response{
		Description: "Problem", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problems}},
	}
	if a.rule != nil {
		op.Security = []map[string][]string{{"cookie": {}}, {"bearer": {}}}
	}
	api.OpenAPI().AddOperation(op)
}

func atoi(s string) (n int) {
	for _, c := range s {
		n = 10*n + int(c-'0')
	}
	return n
}

// writeRefusal answers with a problem document from a middleware.
func writeRefusal(ctx huma.Context, m *huma.ErrorModel) {
	_, w := humago.Unwrap(ctx)
	writeProblem(w, m)
}

func text(in, name, doc string, required bool) *huma.Param {
	return &huma.Param{Name: name, In: in, Description: doc, Required: required, Schema: &huma.Schema{Type: huma.TypeString}}
}
