package ticket

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"pickup/internal/fold"
)

// What makes two tickets look like one matter. They are shown from MinDuplicate.
const (
	scoreContact    = 50
	scoreOpen       = 20
	scoreCategory   = 20
	scoreYoung      = 10
	scoreSimilar    = 20
	MinDuplicate    = 70
	similarFrom     = 0.5
	youngFor        = 72 * time.Hour
	maxCompared     = 4000 // bytes of a text that are compared
	maxDuplicates   = 20
	trigramCapacity = 256
)

// Duplicate is a ticket that may be the same matter as another.
type Duplicate struct {
	Ticket     Ticket
	Score      int      // MinDuplicate..120
	Reasons    []string // "contact", "open", "category", "young", "similar"
	Similarity float64  // of subject and text, 0..1
}

// Duplicates returns the tickets that may be the same matter, the likeliest
// first, 20 at most. Nothing is merged by itself. ErrNotFound when there is no
// such ticket.
func (d *Desk) Duplicates(ctx context.Context, ticketID string) ([]Duplicate, error) {
	now := d.now()
	one, others, err := d.store.Candidates(ctx, ticketID, now.Add(-youngFor))
	if err != nil {
		return nil, fmt.Errorf("candidates of ticket %s: %w", ticketID, err)
	}
	return duplicates(one, others, now), nil
}

func duplicates(one Candidate, others []Candidate, now time.Time) []Duplicate {
	grams := trigrams(one.text())
	var found []Duplicate
	for _, o := range others {
		if o.Ticket.ID == one.Ticket.ID || o.Ticket.State.Immutable() {
			continue
		}
		if d := judge(one, o, grams, now); d.Score >= MinDuplicate {
			found = append(found, d)
		}
	}
	slices.SortStableFunc(found, func(a, b Duplicate) int {
		return cmp.Or(b.Score-a.Score, b.Ticket.CreatedAt.Compare(a.Ticket.CreatedAt), cmp.Compare(b.Ticket.Number, a.Ticket.Number))
	})
	return found[:min(len(found), maxDuplicates)]
}

// judge scores one candidate.
func judge(one, other Candidate, grams map[string]struct{}, now time.Time) Duplicate {
	d := Duplicate{Ticket: other.Ticket, Similarity: similarity(grams, trigrams(other.text()))}
	for _, rule := range [...]struct {
		holds  bool
		score  int
		reason string
	}{
		{one.Verified && other.Verified && one.Ticket.ContactID == other.Ticket.ContactID, scoreContact, "contact"},
		{other.Ticket.State.Open(), scoreOpen, "open"},
		{one.Ticket.Category == other.Ticket.Category, scoreCategory, "category"},
		{now.Sub(other.Ticket.CreatedAt) < youngFor, scoreYoung, "young"},
		{d.Similarity >= similarFrom, scoreSimilar, "similar"},
	} {
		if rule.holds {
			d.Score += rule.score
			d.Reasons = append(d.Reasons, rule.reason)
		}
	}
	return d
}

func (c Candidate) text() string {
	return c.Ticket.Subject + " " + c.Text[:min(len(c.Text), maxCompared)]
}

// Similarity is how alike two texts are, 0 to 1: the share of common trigrams of
// their folded words, each word with two spaces before and one behind it.
func Similarity(a, b string) float64 { return similarity(trigrams(a), trigrams(b)) }

func similarity(a, b map[string]struct{}) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	common := 0
	for g := range a {
		if _, ok := b[g]; ok {
			common++
		}
	}
	return float64(common) / float64(len(a)+len(b)-common)
}

func trigrams(s string) map[string]struct{} {
	grams := make(map[string]struct{}, trigramCapacity)
	for _, w := range fold.Words(s) {
		letters := []rune("  " + w + " ")
		for i := 0; i+3 <= len(letters); i++ {
			grams[string(letters[i:i+3])] = struct{}{}
		}
	}
	return grams
}
