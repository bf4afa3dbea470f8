# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCENARIO ?= reversible
PORT ?= 8417
# Tests wait for processes and for time more than they compute.
WORKERS ?= $(shell echo $$((3 * $$(nproc))))

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev debs demo test test-plans lint check drill drills bench safeguards chaos chaos-full lock states pages

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Belay needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.runtime ## install what Belay needs into .venv

setup-dev: $(VENV)/.dev ## the same, with what tests and checks need

debs: ## install the Debian packages the tests use (as root), or say which are missing
	@tools/debs

demo: setup ## a practice cloud, a local chat workspace and the bot; prints one address (SCENARIO=name)
	$(BIN)/belay demo --scenario $(SCENARIO) --port $(PORT)

# What fails is tried once more, on its own: real processes on a busy machine can be too slow for each other.
PYTEST = $(BIN)/python -m pytest --ignore tests/chaos/test_harness.py --ignore tests/model $(PYTEST_ARGS)
or_again = $(1) || { echo "once more, on their own:"; $(2) --last-failed --last-failed-no-failures none; }
tried = $(call or_again,$(PYTEST) -n $(WORKERS) --dist loadscope --no-loadscope-reorder -m $(1),$(PYTEST) -m $(1))

test: setup-dev debs ## the tests: real sshd, real PostgreSQL, real browser
	$(call tried,"not slow and not plans")

test-plans: setup-dev debs ## more tests: the plans of the five systems, each on its practice cloud
	$(call tried,"plans and not slow")

lint: setup-dev ## ruff, mypy, the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/belay lint

check: lint test test-plans ## everything a change has to pass

drill: setup ## one whole rollback without a person, from request to report
	$(BIN)/belay drill newton

drills: setup ## every scenario of every practice system, two at a time
	$(BIN)/belay drill --all --again

bench: setup-dev debs ## measure, compare with peers, print the ratios; writes bench/results.json
	$(BIN)/python -m bench

SAFEGUARDS = $(BIN)/python -m pytest tests/model tests/chaos/test_harness.py

safeguards: setup-dev debs ## the model of the whole, and chaos with one safeguard taken out at a time
	$(call or_again,$(SAFEGUARDS),$(SAFEGUARDS))

chaos: safeguards ## kill the bot and cut its links on purpose, at most 8 minutes with these (docs/chaos.md)
	$(BIN)/python -m chaos --points kinds --minutes 2 --faults 100000 --again

chaos-full: setup-dev debs ## slow tests (the long model too), then the same until 5,000 faults and 1,000 kills on each database (CHAOS_ARGS=…)
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m chaos $(CHAOS_ARGS)

lock: setup-dev ## resolve the dependencies anew into the lock files
	$(BIN)/uv pip compile pyproject.toml --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --python-version 3.11 --universal --quiet --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --group bench --constraint requirements.lock --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --python-version 3.11 --universal --quiet \
	  --output-file requirements-dev.lock

states: setup-dev ## draw docs/states.md from the tables
	$(BIN)/python tools/draw_states.py

pages: setup-dev ## refresh what docs/plans/*.md show of their plans
	$(BIN)/python tools/explain_pages.py
