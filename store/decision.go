package store

import (
	"context"
	"fmt"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/queue"
	"pickup/report"
)

// domainID names the routing domain of the journal: a site on one node has one.
const domainID = "main"

// CommitDecisions writes what the owner of the queue decided, in order, each
// with its line of the journal, and returns one error for each. They go into
// the next group commit together; one that is refused does not undo the others.
func (s *Store) CommitDecisions(ctx context.Context, decisions []queue.Decision) []error {
	waits := make([]<-chan error, len(decisions))
	for i := range decisions {
		d := &decisions[i]
		waits[i] = s.commits.submit(ctx, func(t *tx) error { return commitDecision(t, d) })
	}
	errs := make([]error, len(decisions))
	for i, wait := range waits {
		select {
		case errs[i] = <-wait:
		case <-ctx.Done():
			errs[i] = ctx.Err()
		}
		if errs[i] != nil {
			errs[i] = fmt.Errorf("commit decision %s: %w", decisions[i].Kind, errs[i])
		}
	}
	return errs
}

// journalled is the part of a decision that the journal keeps beside its columns.
type journalled struct {
	Offer   string `json:"offer,omitempty"`
	Queue   string `json:"queue,omitempty"`
	Key     int64  `json:"key,omitempty"`
	Class   int    `json:"class,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	Reason  string `json:"reason,omitempty"`
	State   string `json:"state,omitempty"`
	Why     string `json:"why,omitempty"`

	Channel  call.Channel `json:"channel,omitempty"`
	Entered  int64        `json:"entered,omitempty"` // unix ms; of enqueue and update
	Callback string       `json:"callback,omitempty"`
	Ticket   string       `json:"ticket,omitempty"`
	Again    bool         `json:"again,omitempty"` // has waited before, and was counted then
	Priority int          `json:"priority,omitempty"`
}

func commitDecision(t *tx, d *queue.Decision) error {
	if err := applyDecision(t, d); err != nil {
		return err
	}
	note := journalled{
		Offer: string(d.Offer), Queue: d.Item.Queue, Key: d.Item.Key, Class: int(d.Item.Class), Reason: string(d.Reason),
		State: string(d.State), Why: d.Why, Channel: d.Item.Channel,
	}
	if d.Kind == queue.DecisionEnqueue || d.Kind == queue.DecisionUpdate {
		note.Entered, note.Callback, note.Ticket = d.Item.EnqueuedAt.UnixMilli(), d.Item.CallbackID, d.Item.TicketID
		note.Again, note.Priority = !counts(&d.Item), d.Item.Priority
	}
	if d.Kind == queue.DecisionRelease {
		note.Outcome = d.Outcome.String()
	}
	if d.Kind == queue.DecisionAgentState {
		note.Reason = d.StateReason
	}
	return addLine(t, d.At, string(d.Kind), string(d.Item.CallID), string(d.Item.ID), d.Agent, note)
}

// addLine appends a line to the event log.
func addLine(t *tx, at time.Time, kind, callID, item string, agent account.ID, note journalled) error {
	data, err := text(note)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO journal (domain_id, seq, at, kind, call_id, item_id, user_id, data)
		VALUES ($1, (SELECT COALESCE(MAX(seq), 0) + 1 FROM journal WHERE domain_id = $1), $2, $3, $4, $5, $6, $7)`,
		domainID, at.UnixMilli(), kind, callID, item, agent, data)
	return err
}

func applyDecision(t *tx, d *queue.Decision) error {
	switch d.Kind {
	case queue.DecisionEnqueue:
		return enqueue(t, d)
	case queue.DecisionOffer:
		return offer(t, d)
	case queue.DecisionAccept:
		return accept(t, d)
	case queue.DecisionReleasing:
		return t.one(`UPDATE reservations SET state = 'releasing' WHERE id = $1 AND state <> 'released'`, d.Offer)
	case queue.DecisionRelease:
		return t.one(`UPDATE reservations SET state = 'released', ended_at = COALESCE(ended_at, $1), result = COALESCE(result, $2)
			WHERE id = $3`, d.At.UnixMilli(), d.Outcome.String(), d.Offer)
	case queue.DecisionRequeue:
		return t.one(`UPDATE work_items SET state = 'queued', class = $1, key_ms = $2, not_before = $3, winner_id = NULL,
				assignee_id = '', picked_at = NULL,
				bridged_at = CASE WHEN bridged_at > $4 THEN NULL ELSE bridged_at END, version = version + 1
			WHERE id = $5 AND end_reason IS NULL`,
			int(d.Item.Class), d.Item.Key, msOf(d.Item.NotBefore), d.At.Add(-report.EarlyHangUp).UnixMilli(), d.Item.ID)
	case queue.DecisionBridged:
		return t.one(`UPDATE work_items SET state = 'active', bridged_at = COALESCE(bridged_at, $1), version = version + 1
			WHERE id = $2`, d.At.UnixMilli(), d.Item.ID)
	case queue.DecisionUpdate:
		return t.one(`UPDATE work_items SET queue_id = $1, queue = $2, class = $3, key_ms = $4, priority = $5, entered_at = $6,
				consult = $7, counted = $8, version = version + 1
			WHERE id = $9 AND end_reason IS NULL`,
			d.QueueID, d.Item.Queue, int(d.Item.Class), d.Item.Key, d.Item.Priority, d.Item.EnqueuedAt.UnixMilli(), flag(d.Item.Consult),
			flag(counts(&d.Item)), d.Item.ID)
	case queue.DecisionPark, queue.DecisionResume:
		state := "active"
		if d.Kind == queue.DecisionPark {
			state = "parked"
		}
		return t.one(`UPDATE work_items SET state = $1, version = version + 1 WHERE id = $2 AND winner_id = $3 AND end_reason IS NULL`,
			state, d.Item.ID, d.Offer)
	case queue.DecisionEnd:
		state := "done"
		if d.Reason.CountsAbandoned() {
			state = "abandoned"
		}
		return t.one(`UPDATE work_items SET state = $1, ended_at = $2, end_reason = $3, version = version + 1 WHERE id = $4`,
			state, d.At.UnixMilli(), d.Reason, d.Item.ID)
	case queue.DecisionAgentState:
		return setUserState(t, d.Agent, d.State, d.StateReason, d.At)
	default:
		return fmt.Errorf("store: unknown decision %q", d.Kind)
	}
}

// need is a queue.Need as it is stored.
type need struct {
	Skill string `json:"skill"`
	Level int    `json:"level"`
	// Optional needs are dropped when the queue says so.
	Optional bool   `json:"optional,omitempty"`
	Relax    []step `json:"relax,omitempty"`
}

// step is a queue.Step as it is stored.
type step struct {
	AfterMS int64 `json:"after_ms"`
	Level   int   `json:"level"`
}

func storedNeeds(all []queue.Need) []need {
	needs := make([]need, len(all))
	for i, n := range all {
		needs[i] = need{Skill: n.Skill, Level: n.Level, Optional: n.Optional}
		for _, s := range n.Relax {
			needs[i].Relax = append(needs[i].Relax, step{AfterMS: s.After.Milliseconds(), Level: s.Level})
		}
	}
	return needs
}

// enqueue inserts an item, or lets one that joins again (a callback after its
// call, an item after a crash) wait under its id.
func enqueue(t *tx, d *queue.Decision) error {
	i := &d.Item
	skills, err := text(storedNeeds(i.Needs))
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO work_items (id, channel, queue_id, queue, call_id, callback_id, state, class, key_ms, priority, language,
			entered_at, not_before, needs, ticket_id, interaction_id, counted, consult)
		VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
		ON CONFLICT (id) DO UPDATE SET state = 'queued', class = excluded.class, key_ms = excluded.key_ms,
			priority = excluded.priority, call_id = excluded.call_id, ticket_id = excluded.ticket_id,
			not_before = excluded.not_before, winner_id = NULL, assignee_id = '', ended_at = NULL,
			end_reason = NULL, version = work_items.version + 1`,
		i.ID, i.Channel, d.QueueID, i.Queue, i.CallID, i.CallbackID, int(i.Class), i.Key, i.Priority, i.Language,
		i.EnqueuedAt.UnixMilli(), msOf(i.NotBefore), skills, i.TicketID, i.InteractionID, flag(counts(i)), flag(i.Consult))
	return err
}

// counts reports whether an item is in figures: not who has waited before, and not
// who is consulted.
func counts(i *queue.Item) bool { return i.CountsAsOffered && !i.Consult }

// offer reserves an agent for an item.
func offer(t *tx, d *queue.Decision) error {
	lane := "text"
	if d.Item.Channel == "" || d.Item.Channel == call.ChannelCall || d.Item.Channel == call.ChannelCallback {
		lane = "voice"
	}
	_, err := t.exec(`INSERT INTO reservations (id, item_id, user_id, lane, slot, branch, state, offered_at, deadline_at, why, queue, channel)
		VALUES ($1, $2, $3, $4, $5, $6, 'offered', $7, $8, $9, $10, $11)`,
		d.Offer, d.Item.ID, d.Agent, lane, d.Slot, d.Branch, d.At.UnixMilli(), msOf(d.Deadline), d.Why, d.Item.Queue, d.Item.Channel)
	if err != nil {
		return err
	}
	return t.one(`UPDATE work_items SET state = 'offered', offers = offers + 1, version = version + 1 WHERE id = $1`, d.Item.ID)
}

// accept makes an offer the winner of its item; ErrConflict when it has one.
func accept(t *tx, d *queue.Decision) error {
	n, err := t.exec(`UPDATE work_items SET state = 'active', winner_id = $1, assignee_id = $2, picked_at = $3, version = version + 1
		WHERE id = $4 AND winner_id IS NULL AND end_reason IS NULL`, d.Offer, d.Agent, d.At.UnixMilli(), d.Item.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrConflict
	}
	return t.one(`UPDATE reservations SET state = 'accepted' WHERE id = $1`, d.Offer)
}

// SetUserState stores where an agent stands from at on. The owner of the queue
// does the same by CommitDecisions.
func (s *Store) SetUserState(ctx context.Context, agent account.ID, state queue.AgentState, reason string, at time.Time) error {
	return s.act(ctx, "save the state of an agent", func(t *tx) error {
		return setUserState(t, agent, state, reason, at)
	})
}

// AgentStates returns the last known state of each agent: State, Reason and
// Since are filled, and ID.
func (s *Store) AgentStates(ctx context.Context) (map[account.ID]queue.AgentView, error) {
	all, err := list(ctx, s.read, func(row scanner) (v queue.AgentView, err error) {
		err = row.Scan(&v.ID, &v.State, &v.Reason, moment{&v.Since})
		return v, err
	}, `SELECT user_id, state, reason, started_at FROM user_states WHERE ended_at IS NULL`)
	states := make(map[account.ID]queue.AgentView, len(all))
	for _, v := range all {
		states[v.ID] = v
	}
	return states, failed("read the states of the agents", err)
}

// RecoverQueue ends what a crash left of the queue: reservations are void, and
// the entries of calls that are not live any more, and those of consultations, end as failed_system. It is
// called once at start, before the queue runs; those of live calls are ended by
// EndCall, those of callbacks wait again when they join.
func (s *Store) RecoverQueue(ctx context.Context, at time.Time) error {
	return s.act(ctx, "recover the queue", func(t *tx) error {
		ms := at.UnixMilli()
		_, err := t.exec(`UPDATE reservations SET state = 'released', ended_at = $1,
			result = CASE WHEN state = 'accepted' THEN 'answered' ELSE 'withdrawn' END WHERE state <> 'released'`, ms)
		if err != nil {
			return err
		}
		if err := addLine(t, at, "recovered", "", "", "", journalled{}); err != nil {
			return err
		}
		lost, err := list(t.ctx, t, entryScanner(at), `SELECT `+entryColumns+` FROM work_items
			WHERE end_reason IS NULL AND (channel = 'call' AND (consult = 1 OR NOT EXISTS (SELECT 1 FROM calls WHERE calls.id = work_items.call_id AND calls.state = 'live'))
				OR channel = 'chat' AND interaction_id IN (SELECT id FROM chats WHERE state = 'ended'))
			ORDER BY entered_at, id`)
		for i := range lost {
			if err == nil {
				err = endEntry(t, &lost[i], at, call.EndFailedSystem)
			}
		}
		return err
	})
}

// endEntry ends an entry of which the queue knows nothing any more, and tells the
// event log.
func endEntry(t *tx, e *report.Entry, at time.Time, reason call.EndReason) error {
	state := "done"
	if reason.CountsAbandoned() {
		state = "abandoned"
	}
	err := t.one(`UPDATE work_items SET state = $1, ended_at = $2, end_reason = $3, version = version + 1 WHERE id = $4`,
		state, at.UnixMilli(), reason, e.ID)
	if err != nil {
		return err
	}
	return addLine(t, at, string(queue.DecisionEnd), string(e.CallID), e.ID, "", journalled{Queue: e.Queue, Channel: e.Channel, Reason: string(reason)})
}

// EndedEntries returns the entries of calls that entered a queue in [from, to),
// oldest first, those that have not ended too. Wait runs to the bridge, else to
// the end, else to now. An empty name is every queue.
func (s *Store) EndedEntries(ctx context.Context, name string, from, to time.Time) ([]report.Entry, error) {
	return s.entries(ctx, []call.Channel{call.ChannelCall}, name, from, to)
}

// TextEntries is EndedEntries for what is written: chats, mails, social
// messages, web forms and tickets. The wait of these runs until an agent has
// them.
func (s *Store) TextEntries(ctx context.Context, name string, from, to time.Time) ([]report.Entry, error) {
	return s.entries(ctx, []call.Channel{
		call.ChannelChat, call.ChannelEmail, call.ChannelSocial, call.ChannelWebForm, call.ChannelTicket,
	}, name, from, to)
}

func (s *Store) entries(ctx context.Context, channels []call.Channel, name string, from, to time.Time) ([]report.Entry, error) {
	var f filter
	in(&f, "channel", channels)
	f.equal("queue", name)
	f.between("entered_at", from, to)
	f.add("consult = ?", 0)
	all, err := list(ctx, s.read, entryScanner(time.Now()), `SELECT `+entryColumns+` FROM work_items`+f.where()+` ORDER BY entered_at, id`, f.args...)
	return all, failed("read the entries of a queue", err)
}
