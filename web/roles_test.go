package web_test

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"pickup/callback"
	"pickup/internal/id"
	"pickup/web"
)

// asks is who asks in the table of roles, in the order of its columns: nobody,
// the agent whose object it is, another agent of the same queue, a supervisor, a
// reviewer, an administrator.
var asks = [6]string{"nobody", "1001", "1002", "2001", "3001", "admin"}

// may is one row: what each gets, and with which body.
type may struct {
	status string // of each who asks
	body   any
	fresh  bool   // the act changes what it is done to: each does it to one of his own
	query  string // appended to the path
}

// things are the objects of a site that belong to agent 1001, by the name they
// have in a path of the API.
type things map[string]string

// roles is the table: each operation of the API, by its id.
var roles = map[string]may{
	// Agents
	"list-agents":     {status: "401 200 200 200 200 200"},
	"get-agent":       {status: "401 200 403 200 200 200"},
	"put-agent-state": {status: "401 200 403 200 403 200", body: map[string]string{"state": "not_ready"}},
	"end-wrap-up":     {status: "401 409 403 409 403 409"},
	// Calls, recordings, callbacks
	"list-calls":          {status: "401 200 200 200 200 200"},
	"get-call":            {status: "401 200 403 200 200 200"},
	"get-caller":          {status: "401 200 403 200 200 200"},
	"hang-up-call":        {status: "401 403 403 404 403 404"},                                                                              // it is over
	"put-call-priority":   {status: "401 403 403 404 403 404", body: map[string]any{"priority": 3, "reason": "He has waited twice."}},       // it is over
	"create-call":         {status: "401 503 403 503 403 503", body: map[string]string{"ticket_id": "{tickets}", "number": "+33123456789"}}, // there is no trunk
	"get-talk":            {status: "401 404 404 404 404 404"},
	"operate-call":        {status: "401 404 404 404 403 404", body: map[string]string{"operation": "hold"}},
	"list-parked":         {status: "401 200 200 200 403 200"},
	"list-targets":        {status: "401 200 200 200 403 200"},
	"list-recordings":     {status: "401 200 200 200 200 200"},
	"get-recording":       {status: "401 200 403 200 200 200"},
	"get-recording-audio": {status: "401 200 403 200 200 200"},
	"get-recording-peaks": {status: "401 200 403 200 200 200"},
	"list-callbacks":      {status: "401 200 200 200 200 200"},
	"create-callback":     {status: "401 422 422 422 403 422", body: map[string]string{}},
	"cancel-callback":     {status: "401 204 403 204 403 204", fresh: true},
	"get-callback-rules":  {status: "401 403 403 200 200 200"},
	"put-callback-rules":  {status: "401 403 403 200 403 200", body: map[string]any{"allowed": []string{"FR"}}},
	// Tickets
	"list-categories":    {status: "401 200 200 200 200 200"},
	"list-tickets":       {status: "401 200 200 200 200 200"},
	"create-ticket":      {status: "401 201 403 201 403 201", body: map[string]string{"subject": "S", "contact_id": "{contacts}"}},
	"get-ticket":         {status: "401 200 403 200 200 200"},
	"edit-ticket":        {status: "401 200 403 200 403 200", fresh: true, body: map[string]any{"version": 2, "subject": "Other"}},
	"list-messages":      {status: "401 200 403 200 200 200"},
	"post-message":       {status: "401 201 403 201 403 201", fresh: true, body: map[string]any{"kind": "note", "text": "Seen", "client_id": "client-01", "expected_last": -1}},
	"list-drafts":        {status: "401 200 403 200 403 200"},
	"save-draft":         {status: "401 204 403 204 403 204", body: map[string]string{"body": "Dear"}},
	"list-duplicates":    {status: "401 200 403 200 200 200"},
	"attach-interaction": {status: "401 200 403 200 403 200", fresh: true, body: map[string]string{"interaction_id": "{interaction}"}},
	"link-ticket":        {status: "401 204 403 204 403 204"},
	"unlink-ticket":      {status: "401 204 403 204 403 204"},
	"merge-ticket":       {status: "401 200 403 200 403 200", fresh: true, body: map[string]string{"into": "{other}"}},
	"unmerge-ticket":     {status: "401 404 403 404 403 404"}, // it was not merged
	"split-ticket":       {status: "401 201 403 201 403 201", fresh: true, body: map[string]string{"message_id": "{message}"}},
	"watch-ticket":       {status: "401 200 403 200 200 200", body: map[string]string{"page": "p1"}},
	"leave-ticket":       {status: "401 204 204 204 204 204"}, // his own page
	"get-contact":        {status: "401 200 403 200 200 200"},
	"merge-contact":      {status: "401 204 403 204 403 204", fresh: true, body: map[string]string{"into": "{contact2}"}},
	"unmerge-contact":    {status: "401 403 403 404 403 404"},
	"upload-file":        {status: "401 422 422 422 403 422", body: ""},
	"get-file":           {status: "401 200 403 200 200 200"},
	// Written work
	"list-work":              {status: "401 200 200 200 200 200"},
	"get-work":               {status: "401 200 403 200 200 200"},
	"accept-work":            {status: "401 200 403 409 403 409"}, // it is his already
	"claim-work":             {status: "401 200 403 409 403 409"},
	"reject-work":            {status: "401 409 403 409 403 409", body: map[string]string{}},
	"park-work":              {status: "401 409 403 409 403 409"}, // a chat is not parked
	"resume-work":            {status: "401 200 403 409 403 409"},
	"list-work-destinations": {status: "401 200 403 200 200 200"},
	"done-work":              {status: "401 200 403 409 403 409", fresh: true},
	"transfer-work":          {status: "401 200 403 200 403 200", fresh: true, body: map[string]string{"queue": "support", "reason": "other language"}},
	// Chats
	"list-chats":      {status: "401 200 200 200 200 200"},
	"get-chat":        {status: "401 200 403 200 200 200"},
	"get-chat-events": {status: "401 200 403 200 200 200"},
	"say-in-chat":     {status: "401 200 403 200 403 200", body: map[string]string{"client_id": "client-{n}", "text": "Bonjour"}},
	"read-in-chat":    {status: "401 204 403 204 403 204", body: map[string]int{"seq": 1}},
	"type-in-chat":    {status: "401 204 403 204 403 204"},
	"offer-call":      {status: "401 204 403 204 403 204"},
	"end-in-chat":     {status: "401 204 403 204 403 204", fresh: true},
	// The site
	"list-queues":         {status: "401 200 200 200 200 200"},
	"get-queue":           {status: "401 403 403 200 200 200"},
	"create-queue":        {status: "401 403 403 403 403 422", body: map[string]string{}},
	"put-queue":           {status: "401 403 403 200 403 200", body: map[string]string{"name": "support"}},
	"delete-queue":        {status: "401 403 403 403 403 204", fresh: true},
	"put-member":          {status: "401 403 403 204 403 204", body: map[string]int{"rank": 0}},
	"delete-member":       {status: "401 403 403 204 403 204", fresh: true},
	"get-queue-staffing":  {status: "401 403 403 200 200 200"},
	"get-queue-forecast":  {status: "401 403 403 200 200 200"},
	"get-forecast-events": {status: "401 403 403 200 200 200"},
	"put-forecast-events": {status: "401 403 403 200 403 200", body: map[string]any{"items": []any{}}},
	"create-simulation":   {status: "401 403 403 200 403 200", body: map[string]string{"day": "2026-01-02"}},
	"list-hours":          {status: "401 403 403 200 200 200"},
	"get-hours":           {status: "401 403 403 404 404 404"},
	"put-hours":           {status: "401 403 403 403 403 422", body: map[string]string{"name": "other"}},
	"delete-hours":        {status: "401 403 403 403 403 404"},
	"list-users":          {status: "401 403 403 200 403 200"},
	"create-user":         {status: "401 403 403 403 403 422", body: map[string]string{}},
	"put-user":            {status: "401 403 403 403 403 422", body: map[string]string{}},
	"delete-user":         {status: "401 403 403 403 403 204", fresh: true},
	"list-user-limits":    {status: "401 403 403 200 403 200"},
	"put-user-limits":     {status: "401 403 403 200 403 200", body: map[string]any{"limits": []any{}}},
	"list-trunks":         {status: "401 403 403 403 403 200"},
	"create-trunk":        {status: "401 403 403 403 403 422", body: map[string]string{}},
	"put-trunk":           {status: "401 403 403 403 403 422", body: map[string]string{}},
	"delete-trunk":        {status: "401 403 403 403 403 404"},
	"list-mailboxes":      {status: "401 403 403 200 403 200"},
	"create-mailbox":      {status: "401 403 403 403 403 422", body: map[string]string{}},
	"put-mailbox":         {status: "401 403 403 403 403 422", body: map[string]string{}},
	"delete-mailbox":      {status: "401 403 403 403 403 404"},
	"test-mailbox":        {status: "401 403 403 403 403 404"},
	// Himself
	"me":               {status: "401 200 200 200 200 200"},
	"list-ice-servers": {status: "401 200 200 200 403 200"},
	"site":             {status: "200 200 200 200 200 200"},
	"sign-in":          {status: "401 401 401 401 401 401", body: map[string]string{"login": "x{n}", "password": "y"}},
	"sign-out":         {status: "401 204 204 204 204 204", fresh: true},
	"list-tokens":      {status: "401 200 200 200 200 200"},
	"create-token":     {status: "401 201 201 201 201 201", body: map[string]string{"name": "n"}},
	"delete-token":     {status: "401 204 404 404 404 404", fresh: true}, // another's is not there for him
	"events":           {status: "401 422 422 422 422 422", query: "?after=x"},
	// Pages of players: no role counts, a token does
	"browser-call":            {status: "415 415 415 415 415 415", query: "?queue=support"},
	"browser-call-end":        {status: "404 404 404 404 404 404"},
	"browser-call-offer":      {status: "404 404 404 404 404 404"},
	"browser-call-away":       {status: "404 404 404 404 404 404"},
	"browser-call-microphone": {status: "404 404 404 404 404 404"},
	"browser-call-callback":   {status: "404 404 404 404 404 404"},
	"browser-callback-cancel": {status: "404 404 404 404 404 404"},
	"browser-call-events":     {status: "404 404 404 404 404 404"},
	"open-chat":               {status: "422 422 422 422 422 422", body: map[string]string{}},
	"ask-call":                {status: "401 401 401 401 401 401"},
	"end-chat":                {status: "401 401 401 401 401 401"},
	"poll-chat":               {status: "401 401 401 401 401 401"},
	"upload-chat-file":        {status: "401 401 401 401 401 401"},
	"get-chat-file":           {status: "401 401 401 401 401 401"},
	"send-chat":               {status: "401 401 401 401 401 401", body: map[string]string{"client_id": "client-1", "text": "x"}},
	"read-chat":               {status: "401 401 401 401 401 401", body: map[string]int{"seq": 1}},
	"mail-chat":               {status: "401 401 401 401 401 401", body: map[string]string{}},
	"type-chat":               {status: "401 401 401 401 401 401"},
	"chat-socket":             {status: "426 426 426 426 426 426"}, // the token comes in the first frame
	"queue-reach":             {status: "200 200 200 200 200 200"},
	"widget-site":             {status: "200 200 200 200 200 200"},
}

// his makes the objects of agent 1001.
func (s *site) his() things {
	s.t.Helper()
	ctx := s.t.Context()
	me := s.users["1001"].ID
	ended, row := s.endedCall(me), s.recorded(me)
	in, second := s.mailed("zoe@example.org", "First", "Hello"), s.mailed("max@example.org", "Second", "Hello")
	s.assign(in.Ticket.ID, "1001")
	s.assign(second.Ticket.ID, "1001")
	_, chat := s.opened(1)
	s.answered(chat.ID, "1001")
	promise := callback.Callback{
		ID: id.New(), CallID: ended.ID, Queue: "support", State: callback.StateQueued, Kind: callback.KindScheduled, MaxAttempts: 3,
		TargetKind: callback.TargetNumber, Target: "+33612345678", ConfirmedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
	}
	must(s.t, s.store.ConfirmCallback(ctx, promise))
	var file web.ChatFile
	upload(s.t, s.as("1001"), "/api/v1/files", "a.txt", []byte("Réf. 42")).json(s.t, &file)
	var token, spare struct{ ID, Token string }
	s.as("1001").do("POST", "/api/v1/tokens", map[string]string{"name": "his"}).json(s.t, &token)
	s.as("1001").do("POST", "/api/v1/tokens", map[string]string{"name": "spare"}).json(s.t, &spare)
	return things{
		"agents": string(me), "agent_id": string(me), "users": string(s.users["1002"].ID), "calls": string(ended.ID), "recordings": string(row.ID),
		"tickets": in.Ticket.ID, "other": second.Ticket.ID, "interaction": second.Interaction.ID, "message": in.Message.ID,
		"contacts": in.Contact.ID, "contact2": second.Contact.ID, "chats": chat.ID, "work": "chat-" + chat.ID, "files": file.ID, "file": file.ID,
		"callbacks": promise.ID, "tokens": spare.ID, "token": token.Token, "visitor": chat.Token, "queues": "support", "queue": "support", "hours": "none", "trunks": "none", "mailboxes": "none",
		"kind": "agent", "page": "p1",
	}
}

var placeholder = regexp.MustCompile(`\{([a-z_0-9]+)\}`)

// path fills the path of an operation; {id} and {name} are of the collection
// before them.
func (o things) path(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			if name == "id" || name == "name" {
				name = parts[i-1]
			}
			parts[i] = o[name]
		}
	}
	return strings.Join(parts, "/")
}

// fill puts ids into a body.
func (o things) fill(body any, n int) any {
	m, ok := body.(map[string]string)
	if !ok {
		return body
	}
	filled := map[string]string{}
	for k, v := range m {
		filled[k] = placeholder.ReplaceAllStringFunc(v, func(p string) string {
			if p == "{n}" {
				return fmt.Sprintf("%04d", n)
			}
			return o[p[1:len(p)-1]]
		})
	}
	return filled
}

// Each operation of the API as each role: what is not in the table fails.
func TestEachOperationAsEachRole(t *testing.T) {
	shared := open(t)
	objects := shared.his()
	clients := map[string]*client{}
	in := func(s *site, o things, who string) *client {
		switch who {
		case "nobody":
			return s.nobody()
		case "token", "visitor":
			return s.nobody().with("Authorization", "Bearer "+o[who])
		}
		return s.as(who)
	}
	for _, who := range append(asks[:], "token", "visitor") {
		clients[who] = in(shared, objects, who)
	}
	left := maps.Clone(roles)
	for _, op := range described(t) {
		row, ok := left[op.id]
		delete(left, op.id)
		want := strings.Fields(row.status)
		if !ok || len(want) != len(asks) {
			t.Errorf("%s: the table does not say who may", op.id)
			continue
		}
		t.Run(op.id, func(t *testing.T) {
			try := func(who, want string, i int) {
				t.Helper()
				s, o, c := shared, objects, clients[who]
				if row.fresh {
					s = open(t)
					o = s.his()
				}
				if c == nil || row.fresh {
					c = in(s, o, who)
				}
				r := c.do(op.method, o.path(op.path)+row.query, o.fill(row.body, i))
				if fmt.Sprint(r.status) != want {
					t.Errorf("%s: %s %s: got %d, want %s: %.200s", who, op.method, o.path(op.path), r.status, want, r.body)
				}
			}
			for i, who := range asks {
				try(who, want[i], i)
			}
			try("token", want[1], len(asks)) // acts as who made it
			if strings.HasPrefix(op.path, "/api/v1/") {
				try("visitor", want[0], len(asks)+1) // is nobody there
			}
		})
	}
	for op := range left {
		t.Errorf("%s is in the table, and not in the API", op)
	}
}
