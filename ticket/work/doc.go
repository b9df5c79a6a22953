// Package work turns chats, mails and waiting tickets into items of the shared
// queue, and keeps what each agent holds of them.
//
// Work is derived from facts: a mail whose customer waits, a ticket that nobody
// has taken, a chat that is open. At the start and once a minute the Board asks
// its Store what there is to do and makes the queue agree, so that nothing is
// lost by a crash between a message and its item; an item is never doubled,
// because its id follows from the fact.
//
// One goroutine, that of Run, owns the pieces of work. It never waits for SQL:
// the facts are read by a child that reports back. What is written (messages,
// states of tickets) is written by who calls the Board. The package opens no
// socket.
package work
