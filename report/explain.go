package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pickup/account"
	"pickup/call"
)

// Standing is how a member of a queue stood when somebody was offered an entry.
type Standing struct {
	Agent account.ID
	Login string
	Rank  int
	State string // "" where the log does not reach back
	Why   string // of the state
	Since time.Time
	Lacks string // a skill that the entry asks for and he has not; by his skills of now
}

// Passed is a member who did not get an entry, and why not.
type Passed struct {
	Login string
	Why   string
}

// Step is one link of the chain that led an entry to its end.
type Step struct {
	At     time.Time
	What   string // "joined", "offered", "offer_ended", "answered", "bridged", "again", "moved", "ended"
	Agent  account.ID
	Text   string   // the rule, in the words of the log
	Passed []Passed // of "offered"
}

// Explain makes the chain of one entry from its lines of the event log: when it
// joined with which key, whom it was offered to by which rule and why not the
// others, what became of each offer, and how it ended. standing says how the
// members of a queue stood at an instant.
func Explain(lines []Line, standing func(queue string, at time.Time) ([]Standing, error)) ([]Step, error) {
	var steps []Step
	said := map[account.ID]string{} // what each answered so far
	for i := range lines {
		n := &lines[i]
		s := Step{At: n.At, Agent: n.Agent}
		switch n.Kind {
		case "enqueue":
			s.What, s.Text = "joined", fmt.Sprintf("queue %s, class %d, priority %d, key %d", n.Queue, n.Class, n.Priority, n.Key)
		case "offer":
			all, err := standing(n.Queue, n.At)
			if err != nil {
				return nil, err
			}
			s.What, s.Text, s.Passed = "offered", n.Why, passed(all, n, said)
		case "accept":
			s.What = "answered"
		case "bridged":
			s.What = "bridged"
		case "release":
			s.What, s.Text = "offer_ended", n.Outcome
			said[n.Agent] = n.Outcome
		case "requeue":
			s.What, s.Text = "again", fmt.Sprintf("waits again in class %d with key %d", n.Class, n.Key)
		case "update":
			s.What, s.Text = "moved", fmt.Sprintf("queue %s, class %d, priority %d, key %d", n.Queue, n.Class, n.Priority, n.Key)
		case "end":
			s.What, s.Text = "ended", n.Reason
		default:
			continue
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// passed says of each member but the chosen one why he was not. The order of the
// reasons is that of the engine: who cannot be had, who cannot do it, who has said
// no to this entry, who has a worse rank; who is left was chosen against by the
// rule that stands in the offer.
func passed(all []Standing, n *Line, said map[account.ID]string) []Passed {
	rank := 0
	for _, a := range all {
		if a.Agent == n.Agent {
			rank = a.Rank
		}
	}
	var out []Passed
	for _, a := range all {
		if a.Agent == n.Agent {
			continue
		}
		why := ""
		switch {
		case a.State == "":
			why = "not signed in"
		case a.State != "ready":
			why = strings.ReplaceAll(a.State, "_", " ")
			if a.Why != "" {
				why += " (" + a.Why + ")"
			}
			why += " since " + a.Since.UTC().Format("15:04:05")
		case a.Lacks != "":
			why = "lacks the skill " + a.Lacks
		case answeredNo(said[a.Agent]):
			why = "said no to it before (" + said[a.Agent] + ")"
		case a.Rank > rank:
			why = fmt.Sprintf("rank %d, after %d", a.Rank, rank)
		default:
			why = "ready since " + a.Since.UTC().Format("15:04:05") + ": the rule of the offer chose the other"
		}
		out = append(out, Passed{a.Login, why})
	}
	slices.SortFunc(out, func(a, b Passed) int { return strings.Compare(a.Login, b.Login) })
	return out
}

// answeredNo reports whether an outcome keeps the entry from its agent until the
// others were tried, or makes him rest.
func answeredNo(outcome string) bool {
	return is(outcome, call.OutcomeMissed, call.OutcomeRejected, call.OutcomeDND, call.OutcomeForwarded, call.OutcomeBusy)
}
