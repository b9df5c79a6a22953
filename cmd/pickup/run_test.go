//go:build sqlite_fts5

package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
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
		{[]string{"queue", "set", "vip", "--members", "alice:1", "--target", "20s"}, ""},
		{[]string{"queue", "list"}, "20s"},
		{[]string{"trunk", "set", "carrier", "--host", "192.0.2.9:5060", "--prefixes", "+33"}, ""},
		{[]string{"trunk", "list"}, "192.0.2.9:5060"},
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

func TestSettingsAreTakenOutOfTheArguments(t *testing.T) {
	rest, flags := splitSettings([]string{"serve", "--sip.listen=127.0.0.1:0", "--demo", "--", "--a.b=c"})
	if strings.Join(rest, " ") != "serve --demo -- --a.b=c" || flags["sip.listen"] != "127.0.0.1:0" || len(flags) != 1 {
		t.Errorf("got %v and %v", rest, flags)
	}
}
