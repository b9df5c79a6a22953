package report_test

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/report"
)

func half(n int) time.Time { return noon.Add(time.Duration(n) * 30 * time.Minute) }

func parts(n int) (all []report.Part) {
	for i := range n {
		all = append(all, report.Part{From: half(i), To: half(i + 1)})
	}
	return all
}

func steady(string, call.Channel) time.Duration { return target }

// A call that waits over the end of an interval counts where it began to wait,
// its handling where the agent released it.
func TestFactsCountByTheirOwnInstant(t *testing.T) {
	e := entry(10, call.EndAnswered)
	e.EnteredAt = half(1).Add(-time.Millisecond)
	h := report.Handling{Queue: "Support", Channel: call.ChannelCall, Agent: "a1", ReleasedAt: half(1), Talk: sec(60)}
	o := report.Offer{Agent: "a1", At: half(2), Outcome: "answered"}
	open := report.Handling{Agent: "a1", Talk: sec(60)}
	outside := e
	outside.EnteredAt = half(3)
	for by, want := range map[report.By]map[string]string{
		report.ByQueue: {"0 support": "1 0", "1 support": "0 1"}, report.ByChannel: {"0 call": "1 0", "1 call": "0 1"},
		report.ByOfAgent: {"1 a1": "0 1", "2 a1": "0 0"},
	} {
		table := report.NewTable(by, parts(3), steady)
		for _, e := range []report.Entry{e, outside} {
			table.AddEntry(&e)
		}
		table.AddHandling(&h)
		table.AddHandling(&open)
		table.AddOffer(&o)
		rows := table.Rows()
		if len(rows) != len(want) {
			t.Errorf("by %s: got %+v", by, rows)
		}
		for _, r := range rows {
			name := string(rune('0'+int(r.Part.From.Sub(noon)/(30*time.Minute)))) + " " + r.Key.Queue + string(r.Key.Channel) + string(r.Key.Agent)
			got := string(rune('0'+r.Sums.N[report.Offered])) + " " + string(rune('0'+r.Sums.N[report.Handled]))
			if got != want[name] {
				t.Errorf("by %s: %s has %s, want %s", by, name, got, want[name])
			}
		}
	}
}

// A state that goes over the end of an interval is divided; one that lasts, lasts
// to now.
func TestStatesAreDivided(t *testing.T) {
	table := report.NewTable(report.ByOfAgent, parts(3), steady)
	now := half(2).Add(10 * time.Minute)
	for _, s := range []report.Span{
		{Agent: "a1", State: "ready", From: half(-4), To: half(0).Add(20 * time.Minute)},
		{Agent: "a1", State: "talking", From: half(0).Add(20 * time.Minute), To: half(1).Add(15 * time.Minute)},
		{Agent: "a1", State: "not_ready", From: half(1).Add(15 * time.Minute)},
	} {
		table.AddSpan(&s, now)
	}
	want := []struct{ handling, idle, in time.Duration }{
		{10 * time.Minute, 20 * time.Minute, 30 * time.Minute}, {15 * time.Minute, 0, 30 * time.Minute}, {0, 0, 10 * time.Minute},
	}
	for i, r := range table.Rows() {
		if got := r.Sums; got.Handling != want[i].handling || got.Idle != want[i].idle || got.SignedIn != want[i].in {
			t.Errorf("part %d: got %v %v %v, want %v", i, got.Handling, got.Idle, got.SignedIn, want[i])
		}
	}
}

func TestCSVIsReadBackAndStartsNoFormula(t *testing.T) {
	table := report.NewTable(report.ByQueue, parts(1), steady)
	e := entry(10, call.EndAnswered)
	e.Queue = "=cmd|' /C calc'!A0"
	table.AddEntry(&e)
	quoted := entry(12.5, call.EndAnswered)
	quoted.Queue = "a \"b\",\nc"
	table.AddEntry(&quoted)
	var out strings.Builder
	if err := report.WriteCSV(&out, report.ByQueue, table.Rows(), place(t, "Europe/Paris"), func(k report.Key) string { return k.Queue }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\r\n2026-03-05T13:00:00+01:00,2026-03-05T13:30:00+01:00,") {
		t.Errorf("lines end by CRLF, times have their offset: %q", out.String())
	}
	lines, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	if err != nil || len(lines) != 3 || len(lines[0]) != 3+len(report.QueueFigures()) {
		t.Fatalf("got %v, %v", lines, err)
	}
	if lines[1][2] != "'=cmd|' /c calc'!a0" || lines[2][2] != quoted.Queue {
		t.Errorf("got %q and %q", lines[1][2], lines[2][2])
	}
	cell := func(line []string, name string) string {
		for i, h := range lines[0] {
			if h == name {
				return line[i]
			}
		}
		t.Fatalf("no column %s", name)
		return ""
	}
	for name, want := range map[string]string{"offered": "1", "asa": "12500", "service_level": "100", "abandon_rate": "0", "aht": ""} {
		if got := cell(lines[2], name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// Whatever text a name is, a spreadsheet takes it as text, and it is read back.
func FuzzCell(f *testing.F) {
	for _, s := range []string{"", "=1+1", "+33", "-x", "@sum", "\tx", "a,b", "a\"b", "\r\n", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := report.Cell(s)
		if got != s && got != "'"+s || got != "" && strings.ContainsRune("=+-@\t\r\n", rune(got[0])) {
			t.Errorf("%q became %q", s, got)
		}
	})
}

// log is the event log of one call that is missed by a1, answered by a2, held,
// and wrapped up; and of one that is abandoned.
func log() []report.Line {
	at := func(s float64) time.Time { return noon.Add(sec(s)) }
	of := func(kind string, s float64, agent account.ID, offer string) report.Line {
		return report.Line{Kind: kind, At: at(s), Item: "i1", CallID: "c1", Agent: agent, Offer: offer, Queue: "support", Channel: call.ChannelCall}
	}
	state := func(s float64, agent account.ID, state string) report.Line {
		return report.Line{Kind: "agent_state", At: at(s), Agent: agent, State: state}
	}
	enqueue, missed, end := of("enqueue", 0, "", ""), of("release", 13, "a1", "o1"), of("end", 90, "", "")
	enqueue.EnteredAt, missed.Outcome, end.Reason = at(0), "missed", "answered"
	second := enqueue
	second.Item, second.CallID, second.At, second.EnteredAt = "i2", "c2", at(5), at(5)
	left := second
	left.Kind, left.At, left.Reason = "end", at(25), "abandoned"
	answered := of("release", 91, "a2", "o2")
	answered.Outcome = "answered"
	return []report.Line{
		state(-60, "a1", "ready"), state(-50, "a2", "ready"), enqueue, of("offer", 1, "a1", "o1"), state(1, "a1", "reserved"), second,
		of("releasing", 13, "a1", "o1"), of("requeue", 13, "", ""), missed, state(13, "a1", "not_ready"),
		of("offer", 14, "a2", "o2"), state(14, "a2", "reserved"), of("accept", 18, "a2", "o2"), state(18, "a2", "connecting"),
		of("bridged", 20, "a2", "o2"), state(20, "a2", "talking"), left, state(40, "a2", "holding"), state(55, "a2", "talking"),
		of("releasing", 90, "a2", "o2"), end, state(90, "a2", "wrap_up"), answered, state(120, "a2", "ready"),
	}
}

func TestTheLogAloneGivesTheFigures(t *testing.T) {
	f := report.Replay(log(), noon.Add(time.Hour))
	var s report.Sums
	for i := range f.Entries {
		s.AddEntry(&f.Entries[i], target)
	}
	for i := range f.Offers {
		s.AddOffer(&f.Offers[i])
	}
	for i := range f.Handlings {
		s.AddHandling(&f.Handlings[i])
	}
	want := map[report.Count]int64{
		report.Offered: 2, report.Answered: 1, report.AnsweredInTarget: 1, report.NotAnswered: 1, report.Abandoned: 1,
		report.AbandonedInTarget: 1, report.EndedAs(call.EndAnswered): 1, report.EndedAs(call.EndAbandoned): 1,
		report.Offers: 2, report.OffersAnswered: 1, report.OffersMissed: 1, report.Handled: 1, report.HandledHeld: 1,
	}
	for c, n := range want {
		if s.N[c] != n {
			t.Errorf("%s: got %d, want %d", c, s.N[c], n)
		}
	}
	if len(s.N) != len(want) {
		t.Errorf("got %v", s.N)
	}
	if len(f.Handlings) != 1 {
		t.Fatalf("got %+v", f.Handlings)
	}
	wantHandling := report.Handling{
		ID: report.HandlingID("a2", noon.Add(sec(18))), Item: "i1", Queue: "support", Channel: call.ChannelCall, CallID: "c1", Agent: "a2",
		StartedAt: noon.Add(sec(18)), ReleasedAt: noon.Add(sec(90)), EndedAt: noon.Add(sec(120)),
		Talk: sec(55), Hold: sec(15), Wrap: sec(30), Holds: 1, LongestHold: sec(15),
	}
	if f.Handlings[0] != wantHandling {
		t.Errorf("got  %+v\nwant %+v", f.Handlings[0], wantHandling)
	}
	if s.WaitAnswered != sec(20) || s.WaitAbandoned != sec(20) || f.Entries[0].Agent != "a2" {
		t.Errorf("got waits %v %v, agent %s", s.WaitAnswered, s.WaitAbandoned, f.Entries[0].Agent)
	}
	if last := f.Spans[len(f.Spans)-1]; last.State != "ready" || !last.To.IsZero() || len(f.Spans) != 11 {
		t.Errorf("got %d states, the last %+v", len(f.Spans), last)
	}
}

func TestOddLines(t *testing.T) {
	at := func(s float64) time.Time { return noon.Add(sec(s)) }
	voice := func(kind string, s float64) report.Line {
		return report.Line{Kind: kind, At: at(s), Item: "i1", Agent: "a1", Offer: "o1", Queue: "support", Channel: call.ChannelCall, EnteredAt: at(0)}
	}
	moved := voice("update", 3)
	moved.Queue, moved.EnteredAt = "payments", at(1)
	for name, c := range map[string]struct {
		lines []report.Line
		want  func(report.Facts) bool
	}{
		"a hang-up within two seconds does not end the wait": {
			[]report.Line{voice("enqueue", 0), voice("bridged", 10), voice("requeue", 11.9)},
			func(f report.Facts) bool { return f.Entries[0].BridgedAt.IsZero() && f.Entries[0].Wait == time.Minute },
		},
		"a later one does": {
			[]report.Line{voice("enqueue", 0), voice("bridged", 10), voice("requeue", 12)},
			func(f report.Facts) bool { return f.Entries[0].Wait == sec(10) },
		},
		"an entry that is moved": {
			[]report.Line{voice("enqueue", 0), moved},
			func(f report.Facts) bool {
				return f.Entries[0].Queue == "payments" && f.Entries[0].EnteredAt.Equal(at(1))
			},
		},
		"after a crash offers are void": {
			[]report.Line{voice("enqueue", 0), voice("offer", 1), {Kind: "recovered", At: at(9)}},
			func(f report.Facts) bool {
				return f.Offers[0].Outcome == "withdrawn" && f.Offers[0].EndedAt.Equal(at(9))
			},
		},
		"an entry that joins again has not ended": {
			[]report.Line{voice("enqueue", 0), voice("end", 5), voice("enqueue", 6)},
			func(f report.Facts) bool { return len(f.Entries) == 1 && f.Entries[0].EndedAt.IsZero() },
		},
		"what began before the log is passed over": {
			[]report.Line{voice("bridged", 1), voice("release", 2), voice("end", 3)},
			func(f report.Facts) bool { return len(f.Entries)+len(f.Offers)+len(f.Handlings) == 0 },
		},
		"a call after a wrap-up that was cut short is another": {
			[]report.Line{
				{Kind: "agent_state", Agent: "a1", At: at(0), State: "talking"},
				{Kind: "agent_state", Agent: "a1", At: at(10), State: "wrap_up"},
				{Kind: "agent_state", Agent: "a1", At: at(15), State: "dialing"},
				{Kind: "agent_state", Agent: "a1", At: at(20), State: "talking"},
			},
			func(f report.Facts) bool {
				return len(f.Handlings) == 2 && f.Handlings[0].Wrap == sec(5) && f.Handlings[1].Dial == sec(5) && f.Handlings[1].ReleasedAt.IsZero()
			},
		},
	} {
		if f := report.Replay(c.lines, noon.Add(time.Minute)); !c.want(f) {
			t.Errorf("%s: got %+v", name, f)
		}
	}
}

func TestConservationFindsWhatDiffers(t *testing.T) {
	good := report.Replay(log(), noon.Add(time.Hour)).Entries
	if faults, offered := report.Conservation(good, good, nil); len(faults) != 0 || offered != 2 {
		t.Fatalf("got %v, %d offered", faults, offered)
	}
	change := func(f func(*report.Entry)) []report.Entry {
		other := append([]report.Entry{}, good...)
		f(&other[0])
		return other
	}
	for name, c := range map[string]struct {
		table []report.Entry
		what  string
	}{
		"another reason":       {change(func(e *report.Entry) { e.Reason = call.EndAbandoned }), "entry"},
		"a reason of nobody":   {change(func(e *report.Entry) { e.Reason = "tired" }), "sum"},
		"one less":             {good[1:], "entry"},
		"one more":             {append(append([]report.Entry{}, good...), report.Entry{ID: "x", Queue: "support"}), "entry"},
		"another instant":      {change(func(e *report.Entry) { e.BridgedAt = e.BridgedAt.Add(time.Millisecond) }), "entry"},
		"counted as a rejoin":  {change(func(e *report.Entry) { e.Again = true }), "entry"},
		"open, its call ended": {change(func(e *report.Entry) { e.EndedAt, e.Reason = time.Time{}, "" }), "open"},
	} {
		faults, _ := report.Conservation(c.table, good, func(report.Entry) bool { return true })
		found := false
		for _, f := range faults {
			found = found || f.What == c.what
		}
		if !found {
			t.Errorf("%s: got %v, want one of %q", name, faults, c.what)
		}
	}
}

func TestAnEntryAsItStood(t *testing.T) {
	e := report.Replay(log(), noon.Add(time.Hour)).Entries[0]
	before := e.Until(noon.Add(sec(10)))
	if before.Answered() || before.Reason != "" || before.Wait != sec(10) {
		t.Errorf("got %+v", before)
	}
	if then := e.Until(noon.Add(sec(30))); !then.Answered() || then.Reason != "" || then.Wait != sec(20) {
		t.Errorf("got %+v", then)
	}
}
