# Everything a fresh machine needs is `make demo` or `make test`: each sets itself up in .venv first.
# Only a Python 3.11 to 3.13 with venv is assumed; name another with PYTHON=/path/to/python3.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The rooms whose rules must be covered, each by itself, branches included.
COVERED := domain models workflow
COVERAGE_FLOOR := 90
# More for pytest or the demo: make test PYTEST='-k need', make demo DEMO='--cars 5'
PYTEST ?=
DEMO ?=

.PHONY: help
help: ## say what there is
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(READY) ## make .venv with everything, from the locked requirements
	@:

$(READY): requirements/dev.lock pyproject.toml tools/find-python
	@$(PIP) --version >/dev/null 2>&1 || { python=$$(tools/find-python $(PYTHON)) && "$$python" -m venv --clear $(VENV); }
	@echo "Installing the locked requirements into $(VENV) …"
	@$(PIP) install --no-deps --require-hashes -r requirements/dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: demo
demo: setup ## the whole chain on this machine: cars, owners, dealers, three links
	@$(BIN)/pitcall demo $(DEMO)

.PHONY: lint
lint: setup ## style, format, doors between the rooms, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

.PHONY: test
test: lint ## lint, then the suite on the real servers it finds (CI=true: all of them), with coverage
	@COVERED='$(COVERED)' $(BIN)/python tools/run_tests.py $(PYTEST)
	@$(MAKE) --no-print-directory coverage

.PHONY: coverage
coverage: setup ## what the last `make test` covered, room by room
	@for room in $(COVERED); do \
		echo "$$room: branch coverage, at least $(COVERAGE_FLOOR) %"; \
		$(BIN)/coverage report --include="$$room/*" --fail-under=$(COVERAGE_FLOOR) || exit 1; \
	done

.PHONY: test-long
test-long: setup ## the long forms: full kill schedules, soaks, fleets
	@$(BIN)/python -m pytest -m long $(PYTEST)

.PHONY: bench
bench: setup ## which benches there are; `make bench-NAME` runs one
	@$(BIN)/python tools/list_benches.py

.PHONY: bench-stream
bench-stream: setup ## ours and the peers on a real Kafka, with a table and a picture (BENCH='--help' says what there is)
	@$(BIN)/python -m benchmarks.stream $(BENCH)

.PHONY: bench-cars
bench-cars: setup ## what an upload costs with 10,000 to 1,000,000 distinct cars, on a real Kafka, with a picture
	@$(BIN)/python -m benchmarks.cars $(BENCH)

.PHONY: bench-edge
bench-edge: setup ## uploads per second over HTTP: on a real Kafka with PostgreSQL, and embedded end to end
	@$(BIN)/python -m benchmarks.edge $(BENCH)

.PHONY: bench-bookings
bench-bookings: setup ## bookings from the grant to the completed visit with their webhooks, on a real PostgreSQL and on SQLite
	@$(BIN)/python -m benchmarks.bookings $(BENCH)

bench-%: setup
	@$(BIN)/pitcall bench $* $(BENCH)

.PHONY: evaluate
evaluate: setup ## the models on data of others and on a fleet whose truth is known, beside floor, peers and goal
	@$(BIN)/pitcall evaluate cmapss-fd001
	@$(BIN)/pitcall evaluate ai4i
	@$(BIN)/pitcall evaluate fleet
	@$(BIN)/pitcall evaluate attacks

.PHONY: screenshots
screenshots: setup ## pictures of the pages for the README, from a running demo in a real Chromium
	@$(BIN)/python -m tests.e2e.screenshots

.PHONY: clean
clean: ## remove .venv and what tools leave behind (no data of a demo)
	@rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* htmlcov
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
