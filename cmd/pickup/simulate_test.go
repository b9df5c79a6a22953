//go:build sqlite_fts5

package main

import (
	"encoding/json"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pickup/call"
	"pickup/configs"
	"pickup/queue"
	"pickup/simulate"
	"pickup/store"
)

func tolds(t *testing.T, text string) []told {
	t.Helper()
	var all []told
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return all
}

func TestSimulateByChance(t *testing.T) {
	file := filepath.Join(t.TempDir(), "day.yaml")
	text := `
length: 4h
seeds: 2
rules: {placement: pack, reserve: 0}
queues: [{name: support, wrap_up: 20s}]
agents:
  - {count: 8, name: junior, skills: {fr: 2}, limits: {chat: {max: 2}}}
  - {count: 2, queues: [support], from: 1h, to: 3h, text: false}
work:
  - {queue: support, per_hour: 60, handling: {mean: 4m, shape: lognormal}, patience: {least: 20s, mean: 2m}, pick_up: {mean: 3s}}
  - {queue: support, channel: chat, per_hour: 12, handling: {mean: 8m}, skills: {fr: 1}}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	out, err := pickup(t, dir, "simulate", file, "--json")
	if err != nil {
		t.Fatal(err)
	}
	all := tolds(t, out)
	if len(all) != 1 || len(all[0].Rows) != 2 || all[0].Agents != 10 || all[0].Rows[0].Offered < 380 || all[0].Rows[0].Percent == nil {
		t.Errorf("got %+v", all)
	}
	again, err := pickup(t, dir, "simulate", file, "--json")
	if err != nil || again != out {
		t.Errorf("the same file gave another answer: %v", err)
	}
	table, err := pickup(t, dir, "simulate", "--agents", "6", "--calls", "60", "--chats", "10", "--mails", "5", "--placement", "spread", "--no-interrupt")
	if err != nil || !strings.Contains(table, "support") || !strings.Contains(table, "email") || !strings.Contains(table, "occupancy") {
		t.Errorf("got %s, %v", table, err)
	}
	for want, args := range map[string][]string{
		"agents[0].count":       {"--agents", "0"},
		"per_hour":              {"--calls=-1"},
		"--site needs --replay": {"--site", file},
		"--load":                {"--load", "0"},
		"placement":             {"--placement", "heap"},
		"a date":                {"--replay", "yesterday"},
	} {
		if _, err := pickup(t, dir, append([]string{"simulate"}, args...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %q", args, err, want)
		}
	}
}

// A day that the real queue decided on and the real store kept, replayed from
// there: by the rules of now it comes near what it was, with fewer agents in a
// site file it is worse.
func TestReplayFromTheStore(t *testing.T) {
	dir := t.TempDir()
	site := `
queues: [{name: support, wrap_up: 20s, members: [{login: a1}, {login: a2}, {login: a3}, {login: a4}, {login: a5}, {login: a6}, {login: a7}, {login: a8}]}]
users:
`
	for _, login := range []string{"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"} {
		site += "  - {login: " + login + ", name: " + login + ", role: agent}\n"
	}
	full, few := filepath.Join(dir, "site.yaml"), filepath.Join(dir, "few.yaml")
	for path, text := range map[string]string{full: site, few: strings.Replace(site, ", {login: a7}, {login: a8}", "", 1)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pickup(t, dir, "apply", full); err != nil {
		t.Fatal(err)
	}
	keepADay(t, dir)
	out, err := pickup(t, dir, "simulate", "--replay", "2026-03-02", "--site", few, "--json")
	if err != nil {
		t.Fatal(err)
	}
	all := tolds(t, out)
	if len(all) != 3 || len(all[0].Rows) != 2 || len(all[1].Rows) != 2 || len(all[2].Rows) != 2 {
		t.Fatalf("got %s", out)
	}
	for i, real := range all[0].Rows {
		again := all[1].Rows[i]
		if real.Offered != again.Offered || math.Abs(*real.Percent-*again.Percent) > 3 || math.Abs(float64(real.MeanWaitMS-again.MeanWaitMS)) > 3000 ||
			math.Abs(float64(real.Abandoned-again.Abandoned)) > 6 {
			t.Errorf("%s: got %+v again, want %+v", real.Channel, again, real)
		}
	}
	if math.Abs(all[0].Occupancy-all[1].Occupancy) > .03 {
		t.Errorf("occupancy %.3f, again %.3f", all[0].Occupancy, all[1].Occupancy)
	}
	if *all[2].Rows[0].Percent > *all[1].Rows[0].Percent-5 {
		t.Errorf("six agents %+v, eight %+v", all[2].Rows[0], all[1].Rows[0])
	}
}

// keepADay lets a day be decided and kept.
func keepADay(t *testing.T, dir string) {
	t.Helper()
	c, err := configs.Load("", []string{"PICKUP_DATA_DIR=" + dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	st, err := openStore(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now, _, err := storedSite(t.Context(), st, c)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, c.Site.TimeZone)
	for i, a := range now.Agents {
		now.Presence = append(now.Presence,
			simulate.Presence{Agent: a.ID, At: begin.Add(time.Duration(i-20) * time.Second), Ready: true, Phone: true, Console: true},
			simulate.Presence{Agent: a.ID, At: begin.Add(4*time.Hour + time.Duration(i)*time.Minute)})
	}
	streams := []simulate.Stream{
		{
			Queue: "support", Channel: call.ChannelCall, PerHour: 70, Priority: 1, Handling: simulate.Spread{Mean: 4 * time.Minute},
			Patience: simulate.Spread{Least: 20 * time.Second, Mean: 2 * time.Minute}, PickUp: simulate.Spread{Least: time.Second, Mean: 2 * time.Second},
		},
		{Queue: "support", Channel: call.ChannelEmail, PerHour: 8, Priority: 1, Handling: simulate.Spread{Mean: 4 * time.Minute}},
	}
	work, err := simulate.Draw(streams, begin, 4*time.Hour, 5)
	if err != nil {
		t.Fatal(err)
	}
	var decisions []queue.Decision
	now.Decided = func(d *queue.Decision) { decisions = append(decisions, *d) }
	if _, err := simulate.Run(t.Context(), now, work); err != nil {
		t.Fatal(err)
	}
	commit(t, st, decisions)
}

func commit(t *testing.T, st *store.Store, decisions []queue.Decision) {
	t.Helper()
	for len(decisions) > 0 {
		n := min(len(decisions), 500)
		for i, err := range st.CommitDecisions(t.Context(), decisions[:n]) {
			if err != nil {
				t.Fatalf("%s: %v", decisions[i].Kind, err)
			}
		}
		decisions = decisions[n:]
	}
}
