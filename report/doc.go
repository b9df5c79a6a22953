// Package report defines every figure of the product: what is counted, by which
// formula, and in which interval. It is pure: facts in, figures out. The API,
// the wallboard, the exports and the nightly check all use it, and nothing else
// computes a figure.
//
// Facts are one row each: an Entry of a queue, an Offer to an agent, a Handling
// (what an agent did with a call), a Span of an agent's state, the CallFacts of a
// call's story and a Callback. The store keeps them as tables; Replay makes the
// same facts from the event log alone.
//
// A Count says which facts are counted, so that a figure and the list behind it
// are made by the same predicate. Sums add; a figure of several intervals is made
// of their sums, and percentiles of all the waits: neither is ever averaged.
//
// The formulas follow the usual definitions of the trade (ITU-T E.800 and the
// COPC CX Standard name most of them); each function names its own.
package report
