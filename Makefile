# make run and make test need Python >= 3.11 with pip, and do the rest themselves.
# Another interpreter: make test PYTHON=python3.12. More workers: make test JOBS=8.

PYTHON ?= python3
JOBS ?= 2
ARGS ?=

BIN := .venv/bin
# The environment has no pip of its own: Debian keeps ensurepip in a package apart.
PIP_INSTALL = $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check \
  install --quiet --no-compile --no-input
PYTEST = $(BIN)/python -m pytest
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' \
	  || sed -nE 's/^([a-z-]+):.*## (.*)/make \1: \2/p' $(MAKEFILE_LIST)

# --- the two that a newcomer needs ------------------------------------------------------------

.PHONY: run
run: .venv/runtime.stamp ## paper trading on recorded bars; ARGS="--speed max" hurries
	@$(BIN)/interlock warm
	@$(BIN)/interlock run $(ARGS)

.PHONY: test
test: .venv/dev.stamp ## the fast tests; ARGS="-k flip" picks some
	@$(BIN)/interlock warm
	@$(PYTEST) -n $(JOBS) --ignore=tests/proof $(ARGS)

# --- what a change must pass ------------------------------------------------------------------

.PHONY: check
check: .venv/dev.stamp ## format, lint, types, layers, house rules, generated pages
	@echo "== format" && $(BIN)/ruff format --check .
	@echo "== lint" && $(BIN)/ruff check .
	@echo "== types" && $(BIN)/mypy
	@echo "== layers" && $(BIN)/lint-imports --no-cache
	@echo "== house rules" && $(PYTEST) tests/tidy
	@echo "== generated pages" && $(BIN)/python tools/docs.py --check

.PHONY: plain
plain: .venv/dev.stamp ## the kernel as plain Python, every branch of it
	@NUMBA_DISABLE_JIT=1 COVERAGE_FILE=.coverage.plain \
	  $(BIN)/coverage run --source=interlock.kernel -m pytest tests/kernel src/interlock/kernel $(ARGS)
	@COVERAGE_FILE=.coverage.plain $(BIN)/coverage report --fail-under=100

.PHONY: proof
proof: .venv/dev.stamp ## crashes, faults, differential, real data, browser; says what it skipped
	@$(BIN)/interlock warm
	@$(PYTEST) -n $(JOBS) -rs --durations=5 tests/proof $(ARGS)
	@$(MAKE) --no-print-directory simulate ARGS=

.PHONY: fuzz
fuzz: .venv/dev.stamp ## new random examples, many of them; not in CI
	@$(PYTEST) -n $(JOBS) --hypothesis-profile=fuzz --ignore=tests/proof $(ARGS)

.PHONY: golden
golden: .venv/dev.stamp ## the committed digests; UPDATE_GOLDEN=1 rewrites them for review
	@$(PYTEST) -k golden tests $(ARGS)

.PHONY: simulate
simulate: .venv/dev.stamp ## the whole engine in worlds that fail on purpose: 4 million events, some minutes
	@$(BIN)/interlock warm
	@$(BIN)/interlock simulate --swarm 2100 --jobs $(JOBS) --keep tests/sim/seeds.txt $(ARGS)

.PHONY: swarm
swarm: .venv/dev.stamp ## the same for a night, with new seeds; stopped, it goes on where it was; not in CI
	@$(BIN)/interlock warm
	@$(BIN)/interlock simulate --seed 1000000 --swarm 150000 --jobs $(JOBS) \
	  --resume .swarm.json --keep tests/sim/seeds.txt $(ARGS)

.PHONY: bench
bench: .venv/dev.stamp ## speed and memory, against the budgets; not in CI
	@$(BIN)/interlock warm
	@$(BIN)/python benchmarks/run.py $(ARGS)

# --- housekeeping -----------------------------------------------------------------------------

.PHONY: setup
setup: .venv/dev.stamp ## the environment for work on the code

.PHONY: warm
warm: .venv/runtime.stamp ## compile the kernel now instead of at the first use
	@$(BIN)/interlock warm

.PHONY: docs
docs: .venv/dev.stamp ## write the generated pages again
	@$(BIN)/python tools/docs.py

.PHONY: format
format: .venv/dev.stamp ## let ruff arrange the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

.PHONY: secrets
secrets: .venv/dev.stamp ## search the tracked files for secrets
	@git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline

.PHONY: lock
lock: .venv/dev.stamp ## resolve the dependencies again; UPGRADE=1 takes newer versions
	$(COMPILE) --extra dev pyproject.toml -o requirements/dev.lock
	$(COMPILE) --extra build -c requirements/dev.lock pyproject.toml -o requirements/runtime.lock
	$(COMPILE) --no-deps --no-annotate requirements/samples.in -o requirements/samples.lock

.PHONY: clean
clean: ## remove the environment and everything that tools left behind
	rm -rf .venv build .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} + -o -name '*.egg-info' -prune -exec rm -rf {} +

# --- the environment; a stamp is older than its lock when there is something to install -------

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Interlock needs Python >= 3.11, and $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
	    "Next: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { \
	  echo "Interlock needs pip, and $(PYTHON) has none." \
	    "Next: apt install python3-pip, or PYTHON=<one that has it>"; exit 1; }
	@echo "== making .venv with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv --without-pip .venv

.venv/runtime.stamp: requirements/runtime.lock requirements/samples.lock pyproject.toml \
    | .venv/bin/python
	@echo "== installing what Interlock runs on (once; a minute or two)"
	@$(PIP_INSTALL) --require-hashes -r requirements/runtime.lock
	@$(MAKE) --no-print-directory .install
	@touch $@

.venv/dev.stamp: requirements/dev.lock requirements/samples.lock pyproject.toml \
    | .venv/bin/python
	@echo "== installing what Interlock runs on and is tested with (once; a minute or two)"
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.lock
	@$(MAKE) --no-print-directory .install
	@touch $@ .venv/runtime.stamp

.PHONY: .install
.install:
	@$(PIP_INSTALL) --require-hashes --no-deps -r requirements/samples.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
