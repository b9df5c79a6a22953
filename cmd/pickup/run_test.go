//go:build sqlite_fts5

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pickup/configs"
	"pickup/queue"
	"pickup/web"
)

// pickup runs the program with a data directory of its own.
func pickup(t *testing.T, dir string, args ...string) (stdout string, err error) {
	t.Helper()
	var out, log bytes.Buffer
	err = run(t.Context(), args, []string{"PICKUP_DATA_DIR=" + dir}, &out, &log)
	return out.String(), err
}

func TestVersionIsPrinted(t *testing.T) {
	got, err := pickup(t, t.TempDir(), "version")
	if err != nil || !strings.HasPrefix(got, "pickup ") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestObjectsAreMadeListedAndRemoved(t *testing.T) {
	dir := t.TempDir()
	steps := []struct {
		args []string
		want string
	}{
		{[]string{"user", "set", "alice", "--name", "Alice", "--password", "a-long-password"}, ""},
		{[]string{"user", "list"}, "alice"},
		{[]string{"user", "set", "alice", "--limit", "chat=2:50", "--limit", "email=1:34:5"}, ""},
		{[]string{"user", "list"}, "chat=2:50:0,email=1:34:5"},
		{[]string{"user", "set", "alice", "--limit", "chat=3"}, ""}, // the default, and the mails stay
		{[]string{"user", "list"}, "  email=1:34:5"},
		{[]string{"queue", "set", "vip", "--members", "alice:1", "--target", "20s"}, ""},
		{[]string{"queue", "list"}, "20s"},
		{[]string{"trunk", "set", "carrier", "--host", "192.0.2.9:5060", "--prefixes", "+33"}, ""},
		{[]string{"trunk", "list"}, "192.0.2.9:5060"},
		{[]string{"trunk", "set", "carrier", "--max-calls", "30", "--numbers", "+33123456789=VIP:fr,+442079460000=vip"}, ""},
		{[]string{"trunk", "list"}, "+33123456789=vip:fr +442079460000=vip"},
		{[]string{"trunk", "set", "carrier", "--disabled"}, ""},
		{[]string{"trunk", "list"}, "192.0.2.9:5060  udp                  false     0     +33                         30         0        true      +33123456789=vip:fr"},
		{[]string{"trunk", "set", "carrier", "--transport", "auto", "--username", "acc", "--register", "--expires", "10m", "--probe", "30s", "--rank", "2", "--denied", "+3389", "--calls-per-second", "2.5", "--realm", "r", "--from-user", "u"}, ""},
		{[]string{"trunk", "list"}, "auto       acc       true      2     +33       +3389             30         2.5      true"},
		{[]string{"queue", "set", "vip", "--caller-id", "+33123456789"}, ""},
		{[]string{"hours", "set", "office", "--time-zone", "Europe/Paris", "--day", "mon=09:00-12:30,13:30-18:00", "--day", "tue=09:00-18:00"}, ""},
		{[]string{"hours", "set", "office", "--day", "tue=", "--closed", "2026-12-25,2027-01-01", "--callbacks"}, ""},
		{[]string{"hours", "list"}, "office  Europe/Paris  true       mon=09:00-12:30,13:30-18:00  2026-12-25,2027-01-01"},
		{[]string{"queue", "set", "vip", "--hours", "office"}, ""},
		{[]string{"queue", "set", "vip", "--wrap-up", "9s"}, ""},
		{[]string{"queue", "list"}, "20s     80       9s       0s        0           longest_idle  1        office"},
		{[]string{"queue", "set", "vip", "--hours="}, ""},
		{[]string{"hours", "remove", "office"}, ""},
		{[]string{"user", "set", "alice", "--role", "supervisor"}, ""},
		{[]string{"user", "set", "alice", "--language", "fr"}, ""},
		{[]string{"user", "list"}, "alice  Alice  supervisor  fr"},
		{[]string{"user", "disable", "alice"}, ""},
		{[]string{"user", "list"}, "false"},
		{[]string{"queue", "remove", "vip"}, ""},
		{[]string{"trunk", "remove", "carrier"}, ""},
		{[]string{"backup", filepath.Join(dir, "copy.db")}, "copied"},
		{[]string{"verify"}, "0 recordings are whole"},
	}
	for _, s := range steps {
		got, err := pickup(t, dir, s.args...)
		if err != nil {
			t.Fatalf("pickup %s: %v", strings.Join(s.args, " "), err)
		}
		if !strings.Contains(got, s.want) {
			t.Errorf("pickup %s: got %q, want %q in it", strings.Join(s.args, " "), got, s.want)
		}
	}
}

func TestErrorsNameWhatIsWrong(t *testing.T) {
	cases := map[string]struct {
		args []string
		want string
	}{
		"a setting that does not exist": {[]string{"serve", "--sip.lisen=x"}, "sip.lisen"},
		"a value that cannot be":        {[]string{"serve", "--queue.ring_time=soon"}, "queue.ring_time"},
		"a user nobody knows":           {[]string{"user", "disable", "nobody"}, "nobody"},
		"a queue nobody knows":          {[]string{"queue", "remove", "none"}, "none"},
		"a trunk nobody knows":          {[]string{"trunk", "remove", "none"}, `no trunk "none"`},
		"hours nobody knows":            {[]string{"hours", "remove", "none"}, `no hours "none"`},
		"hours that no queue can have":  {[]string{"queue", "set", "vip", "--hours", "none"}, "queues[0].hours: \"none\""},
		"a share above all calls":       {[]string{"queue", "set", "vip", "--percent", "500"}, "queues[0].target_percent"},
		"a strategy that is none":       {[]string{"queue", "set", "vip", "--strategy", "nobody"}, "queues[0].strategy"},
		"a limit that is none":          {[]string{"user", "set", "bob", "--limit", "chat"}, `limit "chat": must be CHANNEL=MAX`},
		"a limit that is no number":     {[]string{"user", "set", "bob", "--limit", "chat=two"}, `"two" must be a whole number`},
		"a limit of calls":              {[]string{"user", "set", "bob", "--limit", "call=2"}, "users[0].limits.call: must be left out"},
		"a limit of a weight too great": {[]string{"user", "set", "bob", "--limit", "chat=1:200"}, "users[0].limits.chat.weight: 200: must be 1 to 100"},
		"a limit of more than fit":      {[]string{"user", "set", "bob", "--limit", "chat=5"}, "users[bob].limits.chat.max: must be 0 to 3 at weight 33 of 100, got 5"},
		"a member who is nobody":        {[]string{"queue", "set", "vip", "--members", "nobody"}, "queues[0].members[0].login"},
		"a day that is none":            {[]string{"hours", "set", "office", "--day", "someday=09:00-10:00"}, "hours[0].days"},
		"an interval that is none":      {[]string{"hours", "set", "office", "--day", "mon=late"}, "hours[0].days.mon[0]"},
		"a new trunk without a host":    {[]string{"trunk", "set", "carrier"}, "trunks[0].host"},
		"a number to nowhere":           {[]string{"trunk", "set", "carrier", "--host", "h", "--numbers", "+33123456789=none"}, "trunks[0].numbers[0].to"},
		"a number to nothing":           {[]string{"trunk", "set", "carrier", "--host", "h", "--numbers", "+33123456789"}, "--numbers"},
		"a database of another kind":    {[]string{"migrate", "--database.url=mysql://x"}, "database.url"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := pickup(t, t.TempDir(), c.args...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

// The site file and the API know the strategies of the queue, and no others.
func TestStrategiesAreThoseOfTheQueue(t *testing.T) {
	if got := configs.Strategies(); !slices.Equal(got, queue.Strategies()) {
		t.Errorf("got %v in site files, want %v", got, queue.Strategies())
	}
	document, err := web.OpenAPI()
	if want, _ := json.Marshal(queue.Strategies()); err != nil || !bytes.Contains(compact(t, document), append([]byte(`"enum":`), want...)) {
		t.Errorf("the description of the API lacks the enum %s, %v", want, err)
	}
}

func compact(t *testing.T, document []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, document); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHoursOfAQueueAreNotRemoved(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{{"hours", "set", "office"}, {"queue", "set", "vip", "--hours", "office"}} {
		if _, err := pickup(t, dir, args...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pickup(t, dir, "hours", "remove", "office"); err == nil || !strings.Contains(err.Error(), "pickup queue set") {
		t.Errorf("got %v, want a refusal that says what to do", err)
	}
}

func TestTheExampleSiteIsAppliedTwice(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "site.yaml")
	if err := os.WriteFile(file, configs.ExampleSite(), 0o600); err != nil {
		t.Fatal(err)
	}
	var first string
	for range 2 {
		if got, err := pickup(t, dir, "apply", file); err != nil || !strings.Contains(got, "2 queues, 4 users, 1 trunks, 2 hours, 1 menus") {
			t.Fatalf("apply: got %q, %v", got, err)
		}
		var all string
		for _, kind := range []string{"queue", "user", "trunk", "hours"} {
			got, err := pickup(t, dir, kind, "list")
			if err != nil {
				t.Fatal(err)
			}
			all += got
		}
		if first == "" {
			first = all
		}
		if all != first {
			t.Errorf("applied again: got\n%s\nwant\n%s", all, first)
		}
	}
	for _, want := range []string{"+33123456789=welcome:fr", "office", "phoning", "chat=2:50:0,email=1:34:5"} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is not stored:\n%s", want, first)
		}
	}
}

func TestSettingsAreTakenOutOfTheArguments(t *testing.T) {
	rest, flags := splitSettings([]string{"serve", "--sip.listen=127.0.0.1:0", "--demo", "--", "--a.b=c"})
	if strings.Join(rest, " ") != "serve --demo -- --a.b=c" || flags["sip.listen"] != "127.0.0.1:0" || len(flags) != 1 {
		t.Errorf("got %v and %v", rest, flags)
	}
}
