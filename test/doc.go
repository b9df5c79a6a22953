// Package test drives the built binary from outside with real clients: baresip,
// sipp, Chromium. It holds no product code.
//
// The tests carry the build tag e2e (small sizes, part of make test) or verify
// (full sizes, run by hand; figures in docs/verify.md). They need ./bin/pickup
// and Debian's packages named in scripts/deps, and stop with the list of what
// is missing: nothing is skipped.
package test
