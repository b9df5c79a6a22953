package layers

// Row is what one package, and every folder below it that has no row of its
// own, may import.
type Row struct {
	Ours []string // rows of ours
	All  bool     // everything of ours
	Edge bool     // third-party modules that have no home
	Pure bool     // no socket, no file, no SQL
}

// Table is the law: docs/architecture.md explains it.
func Table() map[string]Row {
	engines := []string{"call", "account", "internal"}
	work := []string{"account", "call", "queue", "ticket", "internal"}
	stored := []string{
		"call", "account", "internal", "queue", "callback", "recording", "ticket", "media",
		"callflow", "ticket/work", "ticket/chat",
	}
	return map[string]Row{
		// L5: wires everything.
		"cmd/pickup": {All: true, Edge: true},

		// L4: edges.
		"sip":            {Ours: []string{"call", "account", "media", "callflow", "internal"}, Edge: true},
		"web":            {Ours: append([]string{"store", "web/ui"}, stored...), Edge: true},
		"ticket/email":   {Ours: append([]string{"ticket/work"}, work...), Edge: true},
		"store/sqlite":   {Ours: append([]string{"store"}, stored...), Edge: true},
		"store/postgres": {Ours: append([]string{"store"}, stored...), Edge: true},
		"media/opus":     {Ours: []string{"media", "internal"}, Edge: true},

		// L3: compose the engines.
		"callflow":    {Ours: append([]string{"media", "queue", "callback", "recording", "ticket"}, engines...)},
		"simulate":    {Ours: append([]string{"queue", "staffing"}, engines...), Pure: true},
		"ticket/work": {Ours: work},
		"ticket/chat": {Ours: append([]string{"ticket/work"}, work...)},
		"store":       {Ours: stored},

		// L2: engines, which know nothing of each other.
		"queue":     {Ours: engines, Pure: true},
		"staffing":  {Pure: true},
		"callback":  {Ours: engines, Pure: true},
		"recording": {Ours: engines},
		"ticket":    {Ours: engines},
		"media":     {Ours: []string{"call", "internal"}},

		// L1: vocabulary.
		"call":    {Ours: []string{"account"}, Pure: true},
		"account": {Pure: true},

		// L0: leaves.
		"internal": {},
		"configs":  {},
		"web/ui":   {},

		// Beside the house: no product code.
		"test":            {All: true, Edge: true},
		"scripts/prompts": {Ours: []string{"configs"}},
	}
}

// homes names the one package, or the few, that a third-party module lives in.
func homes() map[string][]string {
	return map[string][]string{
		"github.com/google/uuid":             {"internal/id"},
		"github.com/nyaruka/phonenumbers":    {"internal/e164"},
		"github.com/knadh/koanf":             {"configs"},
		"github.com/pion":                    {"media", "test"},
		"gopkg.in/hraban/opus.v2":            {"media/opus"},
		"github.com/hraban/opus":             {"media/opus"},
		"github.com/go-audio":                {"recording", "test"},
		"github.com/minio/minio-go":          {"recording"},
		"github.com/pressly/goose":           {"store"},
		"github.com/mattn/go-sqlite3":        {"store/sqlite"},
		"github.com/jackc/pgx":               {"store/postgres"},
		"github.com/emiago/sipgo":            {"sip", "test"},
		"github.com/emersion/go-imap":        {"ticket/email"},
		"github.com/emersion/go-message":     {"ticket/email"},
		"github.com/wneessen/go-mail":        {"ticket/email"},
		"github.com/microcosm-cc/bluemonday": {"ticket/email"},
		"github.com/danielgtaylor/huma":      {"web"},
		"github.com/coder/websocket":         {"web", "sip", "test"},
		"github.com/alexedwards/scs":         {"web"},
		"github.com/prometheus":              {"web"},
		"golang.org/x/sys":                   {"media", "recording", "store", "test", "cmd/pickup"},
		"github.com/alecthomas/kong":         {"cmd/pickup"},
	}
}

// testModules may be imported by any test.
func testModules() []string {
	return []string{"pgregory.net/rapid", "go.uber.org/goleak", "github.com/go-audio"}
}

// externalTests are our packages that any external test package may import. Those
// of an edge may also run it over a database, store/sqlite.
func externalTests() []string { return []string{"store", "store/storetest"} }

// impure is what a pure package does without.
func impure() []string {
	return []string{"net", "net/http", "database/sql", "os", "os/exec", "syscall", "io/ioutil"}
}
