package queue

import "cmp"

// Placement is who gets written work among those of the best rank with room.
type Placement string

// The placements.
const (
	// PlacementPack: the most loaded, up to the soft limit of chats; others stay
	// free for calls.
	PlacementPack Placement = "pack"
	// PlacementSpread: the least loaded.
	PlacementSpread Placement = "spread"
)

// Placements returns all of them, the default first.
func Placements() []string { return []string{string(PlacementPack), string(PlacementSpread)} }

// OrDefault returns p, PlacementPack for "".
func (p Placement) OrDefault() Placement { return cmp.Or(p, PlacementPack) }

// Order is what goes before what.
type Order string

// The orders.
const (
	// OrderClasses: who waits at this moment before what is written, by target and
	// priority, with a guard for what is overdue.
	OrderClasses Order = "classes"
	// OrderArrival: first come, first served, over all channels. What has to be
	// repaired goes first all the same; targets and priorities say nothing.
	OrderArrival Order = "arrival"
)

// Orders returns all of them, the default first.
func Orders() []string { return []string{string(OrderClasses), string(OrderArrival)} }

// OrDefault returns o, OrderClasses for "".
func (o Order) OrDefault() Order { return cmp.Or(o, OrderClasses) }
