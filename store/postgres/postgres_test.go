package postgres_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pickup/internal/pgtest"
	"pickup/store"
	"pickup/store/postgres"
	"pickup/store/storetest"
)

func TestPostgres(t *testing.T) {
	c := pgtest.Start(t)
	t.Run("conformance", func(t *testing.T) {
		s := open(t, c.URL("template1")) // databases made later have its tables
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		storetest.Run(t, func(t *testing.T) storetest.Full { return open(t, c.Database(t)) })
	})
	t.Run("a past day", func(t *testing.T) {
		storetest.RunPast(t, func(t *testing.T) storetest.PastStore { return open(t, c.Database(t)) })
	})
	t.Run("opening again finds what was written", func(t *testing.T) {
		url := c.Database(t)
		s := open(t, url)
		if err := s.SetMeta(t.Context(), "realm", "pickup"); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, url)
		defer s.Close()
		if value, ok, err := s.Meta(t.Context(), "realm"); value != "pickup" || !ok || err != nil {
			t.Fatalf("got %q %v %v", value, ok, err)
		}
	})
	t.Run("a write after the server cut the connection is taken", func(t *testing.T) {
		url := c.Database(t)
		s := open(t, url)
		defer s.Close()
		for range 3 {
			c.Cut(t)
			if err := s.SetMeta(t.Context(), "k", "v"); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("a server that is not there is an error without the password", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := postgres.Open(ctx, "postgres://u:hidden@127.0.0.1:1/x", slog.New(slog.DiscardHandler))
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Fatalf("got %v", err)
		}
	})
}

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
