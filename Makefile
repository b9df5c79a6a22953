# Pickup. `make run` starts the demonstration, `make test` tests everything at
# small size. CONTRIBUTING.md says what each target is for.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := build

TAGS    := sqlite_fts5
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

# Every package with a Fuzz function is fuzzed for this long each.
FUZZTIME  ?= 10s
# What `make bench` measures.
BENCH     ?= .
BENCHTIME ?= 1s

CONSOLE      := web/ui/dist/index.html
CONSOLE_DEPS := $(shell find web/ui -path web/ui/node_modules -prune -o -path web/ui/dist -prune -o -type f -print 2>/dev/null)

.PHONY: run test build check e2e verify bench prompts fuzz console deps deps-run clean \
	layers fmt unit console-test

run: deps-run build ## the demonstration, on SQLite in ./data
	exec ./bin/pickup serve --demo

build: console ## ./bin/pickup, with the console inside
	go build -tags '$(TAGS)' -trimpath -ldflags '$(LDFLAGS)' -o bin/pickup ./cmd/pickup

console: $(CONSOLE) ## the console, when its sources are newer than web/ui/dist

web/ui/node_modules/.package-lock.json: web/ui/package.json web/ui/package-lock.json
	cd web/ui
	npm ci --no-audit --no-fund
	touch node_modules/.package-lock.json

$(CONSOLE): web/ui/node_modules/.package-lock.json $(CONSOLE_DEPS)
	cd web/ui
	npm run build
	touch dist/.keep dist/index.html

deps: ## everything the tests need
	@scripts/deps test

deps-run:
	@scripts/deps run

check: console fmt layers bin/tools/staticcheck ## form, vet, static analysis, layers, unit tests
	go vet ./...
	go vet -tags '$(TAGS) e2e verify' ./...
	bin/tools/staticcheck -tags '$(TAGS) e2e verify' ./...
	$(MAKE) --no-print-directory unit

# Formatter and analyser, at the versions of tools/go.mod.
bin/tools/gofumpt bin/tools/staticcheck: tools/go.mod tools/go.sum
	go -C tools build -o ../bin/tools/ mvdan.cc/gofumpt honnef.co/go/tools/cmd/staticcheck
	touch bin/tools/*

fmt: bin/tools/gofumpt
	bad=$$(git ls-files -co --exclude-standard '*.go' | xargs -r bin/tools/gofumpt -l)
	if [ -n "$$bad" ]; then echo "not formatted (gofumpt -w):" $$bad >&2; exit 1; fi

layers: ## who may import whom
	go test -count=1 ./internal/layers

unit:
	go test -race -shuffle=on -tags '$(TAGS)' ./...

e2e: deps build ## real phones and a real browser against ./bin/pickup, small sizes
	go test -count=1 -timeout 20m -parallel 4 -tags '$(TAGS) e2e' ./test/...

console-test: console
	cd web/ui
	npm test

test: deps ## every check at small size, at most 15 minutes on two cores
	$(MAKE) --no-print-directory check
	$(MAKE) --no-print-directory console-test
	$(MAKE) --no-print-directory e2e

verify: deps build ## full sizes, hours; figures go to docs/verify.md
	go test -count=1 -timeout 1h -race -tags '$(TAGS) verify' ./callflow
	go test -count=1 -timeout 4h -tags '$(TAGS) e2e verify' ./test/...
	$(MAKE) --no-print-directory fuzz FUZZTIME=10m # hours of its own: 10 minutes a target

bench: build ## every benchmark, with allocations
	go test -run '^$$' -bench '$(BENCH)' -benchtime '$(BENCHTIME)' -benchmem -tags '$(TAGS)' ./...
	go test -count=1 -timeout 30m -v -run '^TestBench' -tags '$(TAGS) e2e verify' ./test/... ./store/sqlite ./store/postgres

prompts: ## speak what is new or changed in configs/prompts (needs pico2wave and sox)
	go run ./scripts/prompts

# On a loaded machine Go may report the end of the time itself as a failure
# ("context deadline exceeded", no failing input): that is none.
fuzz: ## every fuzz target for FUZZTIME
	@out=$$(mktemp)
	trap 'rm -f "$$out"' EXIT
	go list -tags '$(TAGS)' -f '{{$$d := .Dir}}{{range .TestGoFiles}}{{$$d}}/{{.}} {{end}}{{range .XTestGoFiles}}{{$$d}}/{{.}} {{end}}' ./... |
	tr ' ' '\n' | { xargs -r grep -Ho '^func Fuzz[A-Za-z0-9_]*' || true; } |
	while IFS=: read -r file func; do
		dir=$$(dirname "$$file")
		echo "== $${dir#$(CURDIR)/} $${func#func }"
		(cd "$$dir" && go test -tags '$(TAGS)' -run '^$$' -fuzz "^$${func#func }$$" -fuzztime '$(FUZZTIME)' -fuzzminimizetime 10x .) </dev/null 2>&1 |
			tee "$$out" || { grep -q 'context deadline exceeded' "$$out" && ! grep -q 'Failing input' "$$out"; }
	done

clean:
	rm -rf bin out test/out web/ui/dist
	mkdir -p web/ui/dist
	touch web/ui/dist/.keep
