# The front door. `make up` builds everything and runs the PostgreSQL image; `make test` checks all of it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := up
PREFIX ?= /usr/local

.PHONY: up down test soak bench conformance lint install clean release

up:
	@scripts/up

down:
	@scripts/down

release:
	@scripts/install-packages up
	@scripts/compile release pgstrata

install: release
	install -D build/release/src/pgstrata $(DESTDIR)$(PREFIX)/bin/pgstrata

test:
	@scripts/install-packages test
	@tests/run

soak:
	@scripts/install-packages test
	@tests/soak/run

bench: release
	@scripts/install-packages test
	@bench/run

# Against a live Docker, as root; `make test` compares with what one made (tests/conformance/README.md). Only the cases
# that Docker 28 knows: the others' results are of a newer BuildKit, which Debian doesn't have.
conformance: release
	@scripts/install-packages test
	@tests/conformance/with-docker bash -c 'tests/conformance/conformance live build/release/src/pgstrata "$$DOCKER" add/ config/ copy/ expansion/ ignore/ run/ stages/ syntax/ tricky/'

lint:
	@scripts/install-packages test
	@scripts/lint

clean:
	rm -rf build
