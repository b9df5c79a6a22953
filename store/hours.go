package store

import "context"

// Hours are opening hours as they are stored.
type Hours struct {
	ID        string
	Name      string      // unique
	TimeZone  string      // IANA name; "": the site's
	Days      [7][][2]int // by weekday (0 Sunday), minutes after midnight, in order
	Closed    []string    // days that are closed, YYYY-MM-DD, in order
	Callbacks bool        // callbacks are dialled within them; at most one is
}

// UpsertHours inserts opening hours or replaces those of the same ID. Those that
// are of callbacks take the place of others that were. ErrConflict when others
// have the name, or a day has two intervals of one beginning.
func (s *Store) UpsertHours(ctx context.Context, h Hours) error {
	return s.act(ctx, "save opening hours", func(t *tx) error {
		if h.Callbacks {
			if _, err := t.exec(`UPDATE calendars SET callbacks = 0 WHERE callbacks = 1 AND id <> $1`, h.ID); err != nil {
				return err
			}
		}
		_, err := t.exec(`INSERT INTO calendars (id, name, tz, callbacks) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, tz = excluded.tz, callbacks = excluded.callbacks`,
			h.ID, h.Name, h.TimeZone, flag(h.Callbacks))
		if err != nil {
			return err
		}
		if err := clearHours(t, h.ID); err != nil {
			return err
		}
		return fillHours(t, h)
	})
}

func clearHours(t *tx, id string) error {
	if _, err := t.exec(`DELETE FROM calendar_periods WHERE calendar_id = $1`, id); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM calendar_exceptions WHERE calendar_id = $1`, id)
	return err
}

func fillHours(t *tx, h Hours) error {
	for weekday, spans := range h.Days {
		for _, span := range spans {
			_, err := t.exec(`INSERT INTO calendar_periods (calendar_id, weekday, from_min, to_min) VALUES ($1, $2, $3, $4)`,
				h.ID, weekday, span[0], span[1])
			if err != nil {
				return err
			}
		}
	}
	for _, day := range h.Closed {
		if _, err := t.exec(`INSERT INTO calendar_exceptions (calendar_id, day) VALUES ($1, $2)`, h.ID, day); err != nil {
			return err
		}
	}
	return nil
}

// Hours returns all opening hours, ordered by name.
func (s *Store) Hours(ctx context.Context) ([]Hours, error) {
	all, err := list(ctx, s.read, func(row scanner) (h Hours, err error) {
		err = row.Scan(&h.ID, &h.Name, &h.TimeZone, switched{&h.Callbacks})
		return h, err
	}, `SELECT id, name, tz, callbacks FROM calendars ORDER BY name`)
	if err != nil {
		return nil, failed("read opening hours", err)
	}
	byID := make(map[string]*Hours, len(all))
	for i := range all {
		byID[all[i].ID] = &all[i]
	}
	type line struct {
		calendar string
		weekday  int
		span     [2]int
		day      string
	}
	periods, err := list(ctx, s.read, func(row scanner) (l line, err error) {
		err = row.Scan(&l.calendar, &l.weekday, &l.span[0], &l.span[1])
		return l, err
	}, `SELECT calendar_id, weekday, from_min, to_min FROM calendar_periods ORDER BY weekday, from_min`)
	if err != nil {
		return nil, failed("read the intervals of opening hours", err)
	}
	for _, l := range periods {
		if h := byID[l.calendar]; h != nil {
			h.Days[l.weekday] = append(h.Days[l.weekday], l.span)
		}
	}
	closed, err := list(ctx, s.read, func(row scanner) (l line, err error) {
		err = row.Scan(&l.calendar, &l.day)
		return l, err
	}, `SELECT calendar_id, day FROM calendar_exceptions ORDER BY day`)
	if err != nil {
		return nil, failed("read the closed days of opening hours", err)
	}
	for _, l := range closed {
		if h := byID[l.calendar]; h != nil {
			h.Closed = append(h.Closed, l.day)
		}
	}
	return all, nil
}

// DeleteHours removes opening hours. ErrConflict while a queue has them;
// ErrNotFound.
func (s *Store) DeleteHours(ctx context.Context, id string) error {
	return s.act(ctx, "delete opening hours", func(t *tx) error {
		var used int
		if err := t.row(`SELECT COUNT(*) FROM queues WHERE calendar_id = $1`, []any{id}, &used); err != nil {
			return err
		}
		if used > 0 {
			return ErrConflict
		}
		if err := clearHours(t, id); err != nil {
			return err
		}
		return t.one(`DELETE FROM calendars WHERE id = $1`, id)
	})
}
