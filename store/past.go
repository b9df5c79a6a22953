package store

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/staffing"
)

// pastStates is how long before its begin a stretch looks for the states of
// agents: who has not changed for longer was not at work.
const pastStates = 24 * time.Hour

// Past returns what entered the queues in [from, to) and how agents changed, for
// a dry run. It reads the journal and is no work for the hot path.
func (s *Store) Past(ctx context.Context, from, to time.Time) (queue.Past, error) {
	var p queue.Past
	var f filter
	f.between("w.entered_at", from, to)
	f.add("w.consult = ?", 0)
	items, err := list(ctx, s.read, pastItem, `SELECT w.id, w.queue, w.channel, w.priority, w.needs, w.language, w.entered_at, w.bridged_at,
			w.ended_at, w.end_reason, r.offered_at, r.user_id
		FROM work_items w LEFT JOIN reservations r ON r.id = w.winner_id`+f.where()+` ORDER BY w.entered_at, w.id`, f.args...)
	if err != nil {
		return p, failed("read the entries of a past day", err)
	}
	p.Items = items
	aside, err := s.pastJournal(ctx, from.Add(-pastStates), to, &p)
	if err != nil {
		return p, failed("read the journal of a past day", err)
	}
	for i := range p.Items {
		if it := &p.Items[i]; !it.BridgedAt.IsZero() && !it.EndedAt.IsZero() {
			it.Aside = aside[it.ID].between(it.BridgedAt, it.EndedAt)
		}
	}
	return p, nil
}

func pastItem(row scanner) (queue.PastItem, error) {
	var it queue.PastItem
	var needs []need
	var reason, agent string
	err := row.Scan(&it.ID, &it.Queue, &it.Channel, &it.Priority, document{&needs}, &it.Language, moment{&it.EnqueuedAt},
		moment{&it.BridgedAt}, moment{&it.EndedAt}, maybe{&reason}, moment{&it.OfferedAt}, maybe{&agent})
	it.Reason, it.Agent, it.Needs = call.EndReason(reason), account.ID(agent), queueNeeds(needs)
	return it, err
}

func queueNeeds(all []need) []queue.Need {
	var needs []queue.Need
	for _, n := range all {
		q := queue.Need{Skill: n.Skill, Level: n.Level}
		for _, s := range n.Relax {
			q.Relax = append(q.Relax, queue.Step{After: time.Duration(s.AfterMS) * time.Millisecond, Level: s.Level})
		}
		needs = append(needs, q)
	}
	return needs
}

// pastJournal reads the states of agents into p and returns when items were parked.
func (s *Store) pastJournal(ctx context.Context, from, to time.Time, p *queue.Past) (map[queue.ItemID]pauses, error) {
	aside := map[queue.ItemID]pauses{}
	_, err := list(ctx, s.read, func(row scanner) (struct{}, error) {
		var kind, data string
		var item queue.ItemID
		var user account.ID
		var at time.Time
		if err := row.Scan(moment{&at}, &kind, &item, &user, &data); err != nil {
			return struct{}{}, err
		}
		if kind != string(queue.DecisionAgentState) {
			aside[item] = append(aside[item], pause{at, kind == string(queue.DecisionPark)})
			return struct{}{}, nil
		}
		var note journalled
		err := json.Unmarshal([]byte(data), &note)
		p.States = append(p.States, queue.PastState{Agent: user, At: at, State: queue.AgentState(note.State), Reason: note.Reason})
		return struct{}{}, err
	}, `SELECT at, kind, item_id, user_id, data FROM journal
		WHERE kind IN ('agent_state', 'park', 'resume') AND at >= $1 AND at < $2 AND domain_id = $3 ORDER BY at, seq`,
		from.UnixMilli(), to.UnixMilli(), domainID)
	return aside, err
}

// pause is a moment at which an item was parked or taken up again.
type pause struct {
	at     time.Time
	parked bool
}

type pauses []pause

// between is how long an item was parked from one time to another.
func (p pauses) between(from, to time.Time) time.Duration {
	var sum time.Duration
	var since time.Time
	for _, x := range p {
		switch {
		case x.at.After(to):
		case x.parked && since.IsZero():
			since = x.at
		case !x.parked && !since.IsZero():
			sum += x.at.Sub(since)
			since = time.Time{}
		}
	}
	if !since.IsZero() {
		sum += to.Sub(since)
	}
	return max(min(sum, to.Sub(from)), 0)
}

// Counts returns the calls of a queue that entered it in [from, to) by stretches
// of staffing.Quarter, those without any left out, in order. A wait that runs ends
// now.
func (s *Store) Counts(ctx context.Context, name string, from, to time.Time) ([]staffing.Count, error) {
	w := filter{args: []any{staffing.Quarter.Milliseconds()}} // placeholders ascend through the whole query
	in(&w, "end_reason", reasons(call.EndReason.CountsAbandoned))
	w.args = append(w.args, time.Now().UnixMilli())
	now := "$" + strconv.Itoa(len(w.args))
	f := filter{args: w.args}
	f.add("channel = ?", string(call.ChannelCall))
	f.add("consult = ?", 0)
	f.equal("queue", name)
	f.between("entered_at", from, to)
	all, err := list(ctx, s.read, func(row scanner) (staffing.Count, error) {
		var c staffing.Count
		err := row.Scan(moment{&c.Start}, &c.Calls, &c.Abandoned, &c.Handled, span{&c.Waited, time.Millisecond}, span{&c.Work, time.Millisecond})
		return c, err
	}, `SELECT (entered_at / $1) * $1,
			CAST(COUNT(*) AS BIGINT),
			CAST(SUM(CASE WHEN `+w.conditions[0]+` THEN 1 ELSE 0 END) AS BIGINT),
			CAST(SUM(CASE WHEN bridged_at IS NOT NULL AND ended_at IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT),
			CAST(SUM(COALESCE(bridged_at, ended_at, `+now+`) - entered_at) AS BIGINT),
			CAST(SUM(CASE WHEN bridged_at IS NOT NULL AND ended_at IS NOT NULL THEN ended_at - bridged_at ELSE 0 END) AS BIGINT)
		FROM work_items`+f.where()+` GROUP BY 1 ORDER BY 1`, f.args...)
	return all, failed("count the calls of a queue", err)
}
