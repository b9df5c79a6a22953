// Package staffing is the arithmetic of how many agents a queue needs: Erlang
// B, C and A, the service level and the waits that follow from a load, and the
// forecast of a load from what came before.
//
// It is pure: no clock, no store, no goroutine. Everything may be called from
// any goroutine. What is computed holds for calls that arrive at random
// (Poisson), handling and patience that are exponential, and agents who all do
// the same work; package simulate is for everything else.
//
// Sources: the inverse recursion of Erlang B (Jagerman 1984); Erlang A by
// Palm's integral, as in Mandelbaum and Zeltyn, "Service engineering in action:
// the Palm/Erlang-A queue" (2007).
package staffing
