package store

import (
	"encoding/json"
	"fmt"
	"time"

	"pickup/queue"
)

// msOf is a time as it is stored: unix milliseconds, NULL for the zero time.
func msOf(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// moment scans a stored time into the time it points to.
type moment struct{ into *time.Time }

// Scan implements sql.Scanner.
func (m moment) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*m.into = time.Time{}
	case int64:
		*m.into = time.UnixMilli(v).UTC()
	default:
		return fmt.Errorf("a time is stored as %T", value)
	}
	return nil
}

// span scans stored whole units into the duration it points to.
type span struct {
	into *time.Duration
	unit time.Duration
}

// Scan implements sql.Scanner.
func (s span) Scan(value any) error {
	v, ok := value.(int64)
	if !ok {
		return fmt.Errorf("a duration is stored as %T", value)
	}
	*s.into = time.Duration(v) * s.unit
	return nil
}

// flag is a stored boolean: 0 or 1.
func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}

// switched scans a stored boolean.
type switched struct{ into *bool }

// Scan implements sql.Scanner.
func (s switched) Scan(value any) error {
	v, ok := value.(int64)
	if !ok {
		return fmt.Errorf("a boolean is stored as %T", value)
	}
	*s.into = v != 0
	return nil
}

// text is a value as stored JSON.
func text(value any) (string, error) {
	data, err := json.Marshal(value)
	return string(data), err
}

// document scans stored JSON into the value it points to.
type document struct{ into any }

// Scan implements sql.Scanner.
func (d document) Scan(value any) error {
	switch v := value.(type) {
	case string:
		return json.Unmarshal([]byte(v), d.into)
	case []byte:
		return json.Unmarshal(v, d.into)
	default:
		return fmt.Errorf("a document is stored as %T", value)
	}
}

// maybe scans a text that may be NULL; NULL is "".
type maybe struct{ into *string }

// Scan implements sql.Scanner.
func (m maybe) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*m.into = ""
	case string:
		*m.into = v
	case []byte:
		*m.into = string(v)
	default:
		return fmt.Errorf("a text is stored as %T", value)
	}
	return nil
}

// orNull stores NULL for "".
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// requirement reads the text of what a queue asks of its agents.
type requirement struct{ into *queue.Requirement }

// Scan implements sql.Scanner.
func (r requirement) Scan(value any) (err error) {
	var text string
	switch v := value.(type) {
	case string:
		text = v
	case []byte:
		text = string(v)
	default:
		return fmt.Errorf("a requirement is stored as %T", value)
	}
	*r.into, err = queue.ParseRequirement(text)
	return err
}
