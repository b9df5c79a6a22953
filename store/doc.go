// Package store keeps what must outlive the process: users, queues, phones,
// calls and their legs, decisions of the queue, callbacks, recordings, contacts,
// tickets, and the two hash-chained logs.
//
// It is one hand-written SQL text for SQLite and PostgreSQL; the sub-packages
// sqlite and postgres open a database and hand its two pools to New. Every
// write goes through the group committer, one goroutine that Close waits for;
// reads run on their own pool and see what is committed. It decides nothing: it
// holds no rule of queues, callbacks or tickets. DESIGN.md says how.
package store
