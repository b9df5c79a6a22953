package store

import (
	"context"

	"pickup/queue"
	"pickup/ticket"
	"pickup/ticket/work"
)

// SaveHandover implements ticket.HandoverTx.
func (d deskTx) SaveHandover(_ context.Context, h ticket.Handover) error {
	_, err := d.exec(`INSERT INTO handovers (item_id, ticket_id, from_queue, queue, agent_id, skill, level, reason, by_login, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (item_id) DO UPDATE SET ticket_id = excluded.ticket_id, from_queue = excluded.from_queue, queue = excluded.queue,
			agent_id = excluded.agent_id, skill = excluded.skill, level = excluded.level, reason = excluded.reason,
			by_login = excluded.by_login, at = excluded.at`,
		h.ItemID, h.TicketID, h.From, h.Queue, h.Agent, h.Skill, h.Level, h.Reason, h.By, h.At.UnixMilli())
	return err
}

// wishes returns what the last transfers of items asked for, of those that have
// not ended since; of one item, or of all with "".
func (s *Store) wishes(ctx context.Context, item queue.ItemID) (map[queue.ItemID]work.Wish, error) {
	var f filter
	f.equal("h.item_id", string(item))
	f.add("w.end_reason IS NULL")
	all := map[queue.ItemID]work.Wish{}
	_, err := list(ctx, s.read, func(row scanner) (id queue.ItemID, err error) {
		var w work.Wish
		err = row.Scan(&id, &w.Agent, &w.Skill, &w.Level, &w.By)
		all[id] = w
		return id, err
	}, `SELECT h.item_id, h.agent_id, h.skill, h.level, h.by_login FROM handovers h JOIN work_items w ON w.id = h.item_id`+f.where(), f.args...)
	return all, err
}
