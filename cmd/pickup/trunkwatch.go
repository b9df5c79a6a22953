package main

import (
	"context"
	"reflect"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/logkey"
	"pickup/queue"
	"pickup/store"
)

// trunkEvery is how often the trunks, and the limits of the agents, are compared
// with those of the store.
const trunkEvery = 5 * time.Second

// watchTrunks takes over what `pickup trunk`, `pickup user` and `pickup apply`
// change in the database, which tell nobody, until ctx ends: trunks, and what
// agents take at a time.
func (s *server) watchTrunks(ctx context.Context) error {
	var known []store.Trunk // none: the first turn takes over what changed since the start
	var limits map[account.ID]map[call.Channel]queue.Limit
	tick := time.NewTicker(trunkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, err := s.store.Trunks(ctx)
		if err == nil && !reflect.DeepEqual(now, known) {
			err = s.renumber(ctx)
		}
		if err != nil { // the next turn tries again
			s.log.Warn("trunks not compared with the store", logkey.Err, err)
			continue
		}
		known = now
		set, err := s.store.Limits(ctx)
		if err == nil && !reflect.DeepEqual(set, limits) {
			err = s.reconfigure(ctx)
		}
		if err != nil {
			s.log.Warn("limits of the agents not compared with the store", logkey.Err, err)
			continue
		}
		limits = set
	}
}
