package main

import (
	"context"
	"reflect"
	"time"

	"pickup/internal/logkey"
	"pickup/store"
)

// trunkEvery is how often the trunks are compared with those of the store.
const trunkEvery = 5 * time.Second

// watchTrunks takes over what `pickup trunk` and `pickup apply` change in the
// database, which tell nobody, until ctx ends.
func (s *server) watchTrunks(ctx context.Context) error {
	var known []store.Trunk // none: the first turn takes over what changed since the start
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
	}
}
