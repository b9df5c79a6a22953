package report

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
)

// By is what the rows of a report are of.
type By string

// The rows.
const (
	ByQueue   By = "queue"
	ByOfAgent By = "agent"
	ByChannel By = "channel"
)

// Figures are the figures of rows by b.
func (b By) Figures() []Figure {
	if b == ByOfAgent {
		return AgentFigures()
	}
	return QueueFigures()
}

// Key names a row beside its interval; what is not of its kind is "".
type Key struct {
	Queue   string
	Channel call.Channel
	Agent   account.ID
}

// Row is the sums of one queue, agent or channel in one interval.
type Row struct {
	Part Part
	Key  Key
	Sums Sums
}

// Table gathers facts in rows. It is used by one goroutine.
type Table struct {
	by      By
	parts   []Part
	targets func(queue string, channel call.Channel) time.Duration
	rows    map[at]*Row
}

type at struct {
	part int
	key  Key
}

// NewTable makes a report over parts, which follow each other. targets is the
// target of a queue for a channel.
func NewTable(by By, parts []Part, targets func(queue string, channel call.Channel) time.Duration) *Table {
	return &Table{by: by, parts: parts, targets: targets, rows: map[at]*Row{}}
}

// sums finds the row of an instant; nil outside the report.
func (t *Table) sums(when time.Time, k Key) *Sums {
	i := sort.Search(len(t.parts), func(i int) bool { return t.parts[i].To.After(when) })
	if i == len(t.parts) || !t.parts[i].Has(when) {
		return nil
	}
	return t.row(i, k)
}

func (t *Table) row(i int, k Key) *Sums {
	row := t.rows[at{i, k}]
	if row == nil {
		row = &Row{Part: t.parts[i], Key: k}
		t.rows[at{i, k}] = row
	}
	return &row.Sums
}

// key is the row of a fact of a queue, channel and agent; false when it has none.
func (t *Table) key(queue string, channel call.Channel, agent account.ID) (Key, bool) {
	switch t.by {
	case ByQueue:
		return Key{Queue: strings.ToLower(queue)}, queue != ""
	case ByChannel:
		return Key{Channel: channel}, channel != ""
	default:
		return Key{Agent: agent}, agent != ""
	}
}

// AddEntry adds an entry by its t_enqueue. An agent has no entries.
func (t *Table) AddEntry(e *Entry) {
	if k, ok := t.key(e.Queue, e.Channel, ""); ok {
		if s := t.sums(e.EnteredAt, k); s != nil {
			s.AddEntry(e, t.targets(e.Queue, e.Channel))
		}
	}
}

// AddOffer adds an offer by when it was made, to its agent.
func (t *Table) AddOffer(o *Offer) {
	if k, ok := t.key("", "", o.Agent); ok {
		if s := t.sums(o.At, k); s != nil {
			s.AddOffer(o)
		}
	}
}

// AddHandling adds a handling by its t_release.
func (t *Table) AddHandling(h *Handling) {
	if k, ok := t.key(h.Queue, h.Channel, h.Agent); ok && !h.ReleasedAt.IsZero() {
		if s := t.sums(h.ReleasedAt, k); s != nil {
			s.AddHandling(h)
		}
	}
}

// AddCall adds a call by its end.
func (t *Table) AddCall(f *CallFacts) {
	if k, ok := t.key(f.Queue, call.ChannelCall, f.Agent); ok {
		if s := t.sums(f.EndedAt, k); s != nil {
			s.AddCall(f)
		}
	}
}

// AddCallback adds a callback by its confirmation. An agent has none.
func (t *Table) AddCallback(c *Callback) {
	if k, ok := t.key(c.Queue, call.ChannelCallback, ""); ok {
		if s := t.sums(c.ConfirmedAt, k); s != nil {
			s.AddCallback(c)
		}
	}
}

// AddSpan adds the state of an agent to each interval that it lies in.
func (t *Table) AddSpan(s *Span, now time.Time) {
	if t.by != ByOfAgent {
		return
	}
	i := sort.Search(len(t.parts), func(i int) bool { return t.parts[i].To.After(s.From) })
	for ; i < len(t.parts); i++ {
		p := t.parts[i]
		if !s.To.IsZero() && !s.To.After(p.From) || s.To.IsZero() && !now.After(p.From) {
			return
		}
		if d := s.Clip(p.From, p.To, now); d > 0 {
			t.row(i, Key{Agent: s.Agent}).AddState(s.State, d)
		}
	}
}

// Rows returns the rows that have anything, by interval and key.
func (t *Table) Rows() []Row {
	out := make([]Row, 0, len(t.rows))
	for _, r := range t.rows {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Row) int {
		return cmp.Or(a.Part.From.Compare(b.Part.From), cmp.Compare(a.Key.Queue, b.Key.Queue),
			cmp.Compare(a.Key.Channel, b.Key.Channel), cmp.Compare(a.Key.Agent, b.Key.Agent))
	})
	return out
}
