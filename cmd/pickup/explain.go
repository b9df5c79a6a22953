package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"pickup/account"
	"pickup/queue"
	figures "pickup/report"
	"pickup/store"
)

// explainEntry prints why an entry waited and why each agent was chosen, and not
// the others: from the event log, with the members that its queue has now.
func explainEntry(ctx context.Context, st *store.Store, item string, w io.Writer) error {
	lines, err := st.ItemLines(ctx, item)
	if err != nil || len(lines) == 0 {
		return err
	}
	users, err := st.Users(ctx)
	if err != nil {
		return err
	}
	queues, err := st.Queues(ctx)
	if err != nil {
		return err
	}
	logins := make(map[account.ID]string, len(users))
	for _, u := range users {
		logins[u.ID] = u.Login
	}
	steps, err := figures.Explain(lines, func(name string, at time.Time) ([]figures.Standing, error) {
		return standings(ctx, st, membersOf(queues, name), logins, at)
	})
	for _, s := range steps {
		who := ""
		if s.Agent != "" {
			who = " " + logins[s.Agent]
		}
		fmt.Fprintf(w, "%s  %-20s%s %s\n", s.At.UTC().Format("15:04:05.000"), s.What, who, s.Text)
		for _, p := range s.Passed {
			fmt.Fprintf(w, "%14snot %s: %s\n", "", p.Login, p.Why)
		}
	}
	return err
}

func membersOf(queues []queue.QueueConfig, name string) []queue.Member {
	for _, q := range queues {
		if strings.EqualFold(q.Name, name) {
			return q.Members
		}
	}
	return nil
}

// standings are the states of the members of a queue at an instant.
func standings(ctx context.Context, st *store.Store, members []queue.Member, logins map[account.ID]string, at time.Time) ([]figures.Standing, error) {
	states := map[account.ID]figures.Span{}
	// Just before: the offer itself makes its agent reserved.
	err := st.EachSpan(ctx, store.FactFilter{From: at.Add(-time.Millisecond), To: at}, func(s figures.Span) error {
		states[s.Agent] = s
		return nil
	})
	all := make([]figures.Standing, 0, len(members))
	for _, m := range members {
		s := states[m.Agent]
		all = append(all, figures.Standing{
			Agent: m.Agent, Login: logins[m.Agent], Rank: m.Rank, State: s.State, Why: s.Reason, Since: s.From,
		})
	}
	return all, err
}
