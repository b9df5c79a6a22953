// Package ui holds the built console and the player's page, so that one binary
// carries them.
//
// The sources are Svelte and TypeScript in this folder; "npm run build" writes
// dist, which git ignores except for a marker file. The Go tools therefore work
// without Node: Built then reports false and the web edge says so at "/".
// dist holds index.html (console), call.html (player's page), assets with a
// hash in their name, which never change, and for each of them a .br and a .gz
// form. The package starts no goroutine and imports the standard library alone.
package ui

import (
	"embed"
	"io/fs"
)

// distFS is dist as it was when the binary was built.
//
//go:embed all:dist
var distFS embed.FS

// Files returns the built pages and assets; names are relative to dist, such as
// "index.html" and "assets/console-1a2b3c.js". It is never nil, holds only the
// marker ".keep" when the console was not built, and may be used from any
// goroutine.
func Files() fs.FS {
	sub, err := fs.Sub(distFS, "dist")
	if err != nil {
		return distFS // cannot happen: "dist" is a valid path
	}
	return sub
}

// Built reports whether the console was built before this binary: both pages
// are there.
func Built() bool {
	for _, page := range []string{"index.html", "call.html"} {
		if info, err := fs.Stat(Files(), page); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}
