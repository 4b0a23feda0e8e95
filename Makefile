# Every target sets up what it needs first; set-up speaks on standard error only.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
BENCH := .venv-bench

.DEFAULT_GOAL := help
.PHONY: help demo test test-long bench chaos mutants lint up down

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Laurel needs Python 3.11 or later")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . >&2
	@touch $(READY)

demo: $(READY) ## Run a whole round and serve its pages; ARGS="--json --no-serve" for machines
	@$(BIN)/laurel demo $(ARGS)

test: $(READY) ## Run the tests, on a private RabbitMQ node and PostgreSQL cluster, in a few minutes
	@$(BIN)/python -m deploy.local binaries >&2
	@$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile -m "not long" $(ARGS)

test-long: $(READY) ## Run the tests that break or wait for whole stacks: about half an hour
	@$(BIN)/python -m deploy.local binaries >&2
	@$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile -m long $(ARGS)

chaos: $(READY) ## Break everything on purpose under load; results in tests/chaos; ARGS="--seed 1 --short"
	@$(BIN)/python -m deploy.local binaries >&2
	@$(BIN)/python -m tests.chaos $(ARGS)

$(BENCH)/.ready: tests/bench/requirements.lock
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH) >&2
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/bench/requirements.lock >&2
	@touch $(BENCH)/.ready

bench: $(READY) $(BENCH)/.ready ## Measure us beside our peers (half an hour); ARGS="--quick" for a look
	@$(BIN)/python -m deploy.local binaries >&2
	@$(BIN)/python -m tests.bench $(ARGS)
	@$(BIN)/python -m shared.documents tests/bench/README.md

mutants: $(READY) ## Change rules, checks and the spine on purpose; list what no test noticed: hours
	@$(BIN)/mutmut run $(ARGS)
	@$(BIN)/mutmut results

lint: $(READY) ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

up: $(READY) ## Start a private broker, database and the four services; settings in var/up.env
	@$(BIN)/python -m deploy.local binaries >&2
	@$(BIN)/python -m deploy.local up

down: $(READY) ## Stop what `make up` started, and nothing else
	@$(BIN)/python -m deploy.local down
