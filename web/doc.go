// Package web is the HTTP edge: the API of the console and of programs with
// its OpenAPI description, live events, calls from browsers, recordings with
// range requests, health, metrics and the files of the console.
//
// It decides nothing about calls or queues: it says who asks, whether he may,
// and what the engines answered. Errors are problem documents (RFC 9457) that
// name the field at fault. Server.Run owns the goroutines of net/http; browser
// calls own one timer for each callback that rings.
package web
