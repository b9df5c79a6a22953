package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"pickup/call"
	"pickup/configs"
	"pickup/recording"
	"pickup/store"
	"pickup/store/sqlite"
)

type migrateCmd struct{}

// Run brings the database to this version's schema.
func (migrateCmd) Run(e *env) error {
	return e.withStore(func(context.Context, *configs.Config, *store.Store) error {
		_, err := fmt.Fprintln(e.stdout, "the database has this version's schema")
		return err
	})
}

type backupCmd struct {
	File string `arg:"" help:"Where the copy is written; it must not exist."`
}

// Run copies the SQLite database while it is in use.
func (b backupCmd) Run(e *env) error {
	c, err := e.settings()
	if err != nil {
		return err
	}
	if c.Database.URL.Reveal() != "" {
		return errors.New("database.url is set: use pg_dump for PostgreSQL")
	}
	if _, err := os.Stat(b.File); err == nil {
		return fmt.Errorf("%s exists already", b.File)
	}
	if err := sqlite.Backup(e.ctx, filepath.Join(c.Data.Dir, "pickup.db"), b.File); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "database copied to %s; copy %s beside it\n", b.File, filepath.Join(c.Data.Dir, "recordings"))
	return err
}

type verifyCmd struct {
	Figures string `help:"Check the figures of a day (YYYY-MM-DD) against the event log instead." placeholder:"DATE"`
}

// Run compares every stored recording with its hash, or the figures of a day with
// the event log.
func (v verifyCmd) Run(e *env) error {
	if v.Figures != "" {
		return v.figures(e)
	}
	return e.withStore(func(ctx context.Context, c *configs.Config, st *store.Store) error {
		var f store.RecordingFilter
		f.Limit = 200
		good, bad := 0, 0
		for {
			rows, next, err := st.Recordings(ctx, f)
			if err != nil {
				return err
			}
			for _, r := range rows {
				if r.State != recording.StateStored {
					continue
				}
				if err := sameHash(filepath.Join(c.Data.Dir, "recordings", r.Path), r.SHA256); err != nil {
					bad++
					fmt.Fprintf(e.stdout, "BAD   %s: %v\n", r.ID, err)
				} else {
					good++
				}
			}
			if next == "" {
				break
			}
			f.After = next
		}
		if err := st.VerifyAccessLog(ctx); err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%d recordings are whole, %d are not; the access log is unbroken\n", good, bad)
		if bad > 0 {
			return fmt.Errorf("%d recordings do not have their hash", bad)
		}
		return nil
	})
}

// figures checks one day.
func (v verifyCmd) figures(e *env) error {
	return e.withStore(func(ctx context.Context, c *configs.Config, st *store.Store) error {
		day, err := time.ParseInLocation(time.DateOnly, v.Figures, c.Site.TimeZone)
		if err != nil {
			return fmt.Errorf("--figures: %q is not a day as 2026-03-05", v.Figures)
		}
		check, err := checkFigures(ctx, st, day, c.Site.TimeZone, time.Now())
		if err != nil {
			return err
		}
		return check.print(e.stdout)
	})
}

func sameHash(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("sha256 is %s, stored is %s", got, want)
	}
	return nil
}

type explainCmd struct {
	Call string `arg:"" help:"Id of the call, or its SIP Call-ID."`
}

// Run prints the story of one call: what happened, when, and why.
func (x explainCmd) Run(e *env) error {
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		r, events, err := st.Call(ctx, call.ID(x.Call))
		if errors.Is(err, store.ErrNotFound) {
			r, events, err = st.CallBySIPCallID(ctx, x.Call)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "call %s, queue %s, state %s, end %s, wait %s, talk %s\n",
			r.ID, r.Queue, r.State, r.EndReason, r.Wait(time.Now()).Round(time.Millisecond), r.Talk.Round(time.Millisecond))
		for _, ev := range events {
			fmt.Fprintf(e.stdout, "%s  %-20s %v\n", ev.At.UTC().Format("15:04:05.000"), ev.Kind, ev.Detail)
		}
		if err := explainEntry(ctx, st, r.ItemID, e.stdout); err != nil {
			return err
		}
		for _, l := range r.Legs {
			fmt.Fprintf(e.stdout, "leg %s %s %s in %d lost %d jitter %s mos %.2f lowest %.2f cause %d %s\n", l.Kind, l.Device, l.Codec,
				l.Quality.PacketsIn, l.Quality.PacketsLost, l.Quality.Jitter, l.Quality.MOS, l.Quality.MOSLowest, l.Cause.Status, l.Cause.Text)
		}
		return nil
	})
}
