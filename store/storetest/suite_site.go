package storetest

import (
	"testing"
	"time"

	"pickup/queue"
	"pickup/store"
)

func trunks(t *testing.T, s Full) {
	ctx := t.Context()
	k := store.Trunk{
		ID: "k1", Name: "carrier", Host: "sip.example.com", Port: 5060, Transport: "tcp", Username: "u", Password: "p",
		Prefixes: []string{"+33", "+44"}, Networks: []string{"192.0.2.0/24"}, MaxCalls: 30,
		Realm: "carrier", FromUser: "+33100000000", Denied: []string{"+3389"}, Rank: 2, Rate: 2.5, Register: true,
		Expires: 10 * time.Minute, Probe: time.Minute,
	}
	must(t, s.UpsertTrunk(ctx, k))
	k.Port, k.MaxCalls, k.Disabled, k.Transport, k.Rate = 5080, 60, true, "auto", 0.5
	must(t, s.UpsertTrunk(ctx, k))
	must(t, s.UpsertTrunk(ctx, store.Trunk{ID: "k0", Name: "backup", Host: "h", Transport: "udp"}))
	all, err := s.Trunks(ctx)
	must(t, err)
	bare := store.Trunk{ID: "k0", Name: "backup", Host: "h", Transport: "udp", Prefixes: []string{}, Denied: []string{}, Networks: []string{}}
	same(t, "trunks", all, []store.Trunk{bare, k})
	isError(t, s.UpsertTrunk(ctx, store.Trunk{ID: "k9", Name: "carrier", Host: "h", Transport: "udp"}), store.ErrConflict)
	must(t, s.DeleteTrunk(ctx, "k0"))
	isError(t, s.DeleteTrunk(ctx, "k0"), store.ErrNotFound)
}

func numbers(t *testing.T, s Full) {
	ctx := t.Context()
	trunk := func(id string, numbers ...store.Number) store.Trunk {
		return store.Trunk{
			ID: id, Name: id, Host: "h", Transport: "udp", Prefixes: []string{}, Denied: []string{}, Networks: []string{}, Numbers: numbers,
		}
	}
	kept := func(want ...store.Trunk) {
		t.Helper()
		all, err := s.Trunks(ctx)
		must(t, err)
		same(t, "numbers", all, want)
	}
	paris := store.Number{Number: "+33123456789", To: "Welcome", Language: "fr"}
	lyon := store.Number{Number: "+33423456789", To: "support"}
	london := store.Number{Number: "+442079460000", To: "support", Language: "en"}
	must(t, s.UpsertTrunk(ctx, trunk("a", london, paris)))
	must(t, s.UpsertTrunk(ctx, trunk("b")))
	paris.To = "welcome"
	kept(trunk("a", paris, london), trunk("b"))

	isError(t, s.UpsertTrunk(ctx, trunk("b", lyon, paris)), store.ErrConflict)
	isError(t, s.UpsertTrunk(ctx, trunk("b", lyon, lyon)), store.ErrConflict)
	kept(trunk("a", paris, london), trunk("b")) // nothing of it was done

	must(t, s.UpsertTrunk(ctx, trunk("a", london)))
	must(t, s.UpsertTrunk(ctx, trunk("b", paris, lyon)))
	kept(trunk("a", london), trunk("b", paris, lyon))
	must(t, s.DeleteTrunk(ctx, "b"))
	must(t, s.UpsertTrunk(ctx, trunk("a", paris)))
	kept(trunk("a", paris))
}

func openingHours(t *testing.T, s Full) {
	ctx := t.Context()
	office := store.Hours{ID: "h1", Name: "office", TimeZone: "Europe/Paris", Closed: []string{"2026-12-25", "2027-01-01"}, Callbacks: true}
	office.Days[1] = [][2]int{{540, 750}, {810, 1080}}
	office.Days[5] = [][2]int{{540, 1020}}
	must(t, s.UpsertHours(ctx, office))
	night := store.Hours{ID: "h2", Name: "night"}
	night.Days[6] = [][2]int{{1320, 1680}}
	must(t, s.UpsertHours(ctx, night))
	kept := func(want ...store.Hours) {
		t.Helper()
		all, err := s.Hours(ctx)
		must(t, err)
		same(t, "hours", all, want)
	}
	kept(night, office)

	night.Callbacks = true
	office.Closed, office.Days[1], office.Callbacks = []string{"2026-12-25"}, [][2]int{{600, 720}}, false
	must(t, s.UpsertHours(ctx, night))
	kept(night, func() store.Hours {
		was := office
		was.Closed, was.Days[1] = []string{"2026-12-25", "2027-01-01"}, [][2]int{{540, 750}, {810, 1080}}
		return was
	}())
	must(t, s.UpsertHours(ctx, office))
	kept(night, office)

	isError(t, s.UpsertHours(ctx, store.Hours{ID: "h3", Name: "office"}), store.ErrConflict)
	twice := store.Hours{ID: "h3", Name: "twice"}
	twice.Days[1] = [][2]int{{540, 600}, {540, 700}}
	isError(t, s.UpsertHours(ctx, twice), store.ErrConflict)
	kept(night, office)
	must(t, s.DeleteHours(ctx, "h1"))
	isError(t, s.DeleteHours(ctx, "h1"), store.ErrNotFound)
	kept(night)
}

func hoursInUse(t *testing.T, s Full) {
	ctx := t.Context()
	must(t, s.UpsertHours(ctx, store.Hours{ID: "h1", Name: "office"}))
	q := queue.QueueConfig{ID: "q1", Name: "support", Title: map[string]string{}, HoursID: "h1"}
	must(t, s.UpsertQueue(ctx, q))
	all, err := s.Queues(ctx)
	must(t, err)
	same(t, "queues", all, []queue.QueueConfig{q})
	isError(t, s.DeleteHours(ctx, "h1"), store.ErrConflict)
	q.HoursID = ""
	must(t, s.UpsertQueue(ctx, q))
	must(t, s.DeleteHours(ctx, "h1"))
}
