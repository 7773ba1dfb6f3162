# Everything runs in .venv, which each target sees to first.
PY := .venv/bin/python
# Four processes, each with servers of its own, also on two cores: much of the time tests wait, for leases, pauses and children.
# `make test PYTEST_ARGS="-n 0 -k sync"` runs a few.
PYTEST_ARGS ?= -n 4 --dist worksteal
.DEFAULT_GOAL := help
.PHONY: help setup run serve worker migrate seed schema test test-debian check format lint types layers gaps

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv from the locked requirements, if they changed
	@.ci/setup

run: setup ## Start everything, with demo data; Ctrl-C stops it
	@exec $(PY) app.py run

serve: setup ## Serve the API alone
	@exec $(PY) app.py serve

worker: setup ## Run jobs alone
	@exec $(PY) app.py worker

migrate: setup ## Bring the database to the state of this code
	@exec $(PY) app.py migrate

seed: setup ## Load the demo data
	@exec $(PY) app.py seed

schema: setup ## Write schema.graphql anew
	@exec $(PY) app.py export-schema schema.graphql

test: setup ## Run the tests, also beside a running server
	@exec $(PY) -m pytest $(PYTEST_ARGS)

test-debian: setup ## Run the tests on Debian's PostgreSQL and Redis
	@.ci/test-debian -n0

check: lint types layers gaps test ## The whole gate

format: setup ## Format, and fix what can be fixed
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

lint: setup
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .

types: setup
	@$(PY) -m mypy

layers: setup
	@.venv/bin/lint-imports --no-cache

gaps: setup
	@$(PY) -m commands.contract_gaps

include clients.mk
include benchmarks.mk
