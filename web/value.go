package web

import (
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// timeLayout is RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// Time is an instant of the API: RFC 3339, UTC, milliseconds.
type Time time.Time

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format(timeLayout)), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Time) UnmarshalText(b []byte) error {
	v, err := time.Parse(time.RFC3339Nano, string(b))
	if err == nil {
		*t = Time(v)
	}
	return err
}

// Schema implements huma.SchemaProvider.
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
}

// MaybeTime is an instant that may not have come: zero is null.
type MaybeTime time.Time

// MarshalJSON implements json.Marshaler.
func (t MaybeTime) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + time.Time(t).UTC().Format(timeLayout) + `"`), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *MaybeTime) UnmarshalJSON(b []byte) error {
	return (*time.Time)(t).UnmarshalJSON(b) // null leaves it zero
}

// Schema implements huma.SchemaProvider.
func (MaybeTime) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}

// at returns t for the API.
func at(t time.Time) MaybeTime { return MaybeTime(t) }

// List is a page of a list.
type List[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next" doc:"Cursor of the next page for the parameter after; empty on the last page."`
}

// listOutput is the answer of a list operation.
type listOutput[T any] struct{ Body List[T] }

// page makes a list from stored rows.
func page[R, T any](rows []R, next string, show func(R) T) *listOutput[T] {
	out := &listOutput[T]{Body: List[T]{Items: make([]T, 0, len(rows)), Next: next}}
	for _, r := range rows {
		out.Body.Items = append(out.Body.Items, show(r))
	}
	return out
}

// oneOutput is the answer of an operation on one thing.
type oneOutput[T any] struct{ Body T }

// noInput and noOutput stand where nothing is said.
type (
	noInput  struct{}
	noOutput struct{}
)

// PageInput are the parameters of a list. It is exported, as what it is part of
// takes parameters of exported fields only.
type PageInput struct {
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Most rows of a page."`
	After string `query:"after" maxLength:"100" doc:"Cursor that the page before returned."`
}
