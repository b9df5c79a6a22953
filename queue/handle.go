package queue

import "sync/atomic"

// Entry is an item's end of the queue.
// Its methods may be called from any goroutine.
type Entry struct {
	item    Item
	notices chan Notice
	place   atomic.Pointer[Place]
}

// ID of the item.
func (e *Entry) ID() ItemID { return e.item.ID }

// Item as it joined, Key and EnqueuedAt set.
func (e *Entry) Item() Item { return e.item }

// Notices carries Offer, Withdraw and End; it is closed after End, after Leave
// and Release, and when the Domain stops.
func (e *Entry) Notices() <-chan Notice { return e.notices }

// Place reads the latest place and estimate; it never waits.
func (e *Entry) Place() Place {
	if p := e.place.Load(); p != nil {
		return *p
	}
	return Place{}
}
