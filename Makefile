# Every target sets up what it needs first; set-up speaks on standard error only.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint up down

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Laurel needs Python 3.11 or later")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . >&2
	@touch $(READY)

demo: $(READY) ## Run a whole round and serve its pages; ARGS="--json --no-serve" for machines
	@$(BIN)/laurel demo $(ARGS)

test: $(READY) ## Run all tests on a private RabbitMQ node and PostgreSQL cluster
	@$(BIN)/python -m deploy.local binaries >&2
	@$(BIN)/python -m pytest $(ARGS)

lint: $(READY) ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

up: $(READY) ## Start a private broker, database and the four services; settings in var/up.env
	@$(BIN)/python -m deploy.local binaries >&2
	@$(BIN)/python -m deploy.local up

down: $(READY) ## Stop what `make up` started, and nothing else
	@$(BIN)/python -m deploy.local down
