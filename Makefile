# Needs Python >= 3.11, git and make; everything else goes into .venv on the first call.
# Another interpreter: make PYTHON=/path/to/python3.12 test

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
LOG := $(VENV)/install.log
WORKERS ?= auto
REAL_AGENTS ?=
CORE := src/agentdeck/core
COVERAGE := COVERAGE_FILE=$(VENV)/.coverage $(BIN)/python -m coverage
COVERAGE_SEEDS ?= 300
COVERED := 95
PAGES := agentdeck.cli.reference=cli.md agentdeck.cli.reference+exit-codes=exit-codes.md \
  agentdeck.cli.man_page=agentdeck.1 agentdeck.cli.agents_page=agents.md \
  agentdeck.plans.reference=plan.md agentdeck.plans.schema=plan.schema.json \
  agentdeck.tui.keys=keys.md agentdeck.testing.event_table=events.md \
  agentdeck.testing.theme_table=themes.md agentdeck.testing.failure_table=failures.md \
  agentdeck.testing.state_chart=states.md agentdeck.testing.state_picture=states.svg \
  agentdeck.control.rpc_page=rpc.md \
  agentdeck+rpc+schema=rpc.schema.json agentdeck.control.metrics_page=metrics.md
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: help demo test lint types check coverage bench bench-ui gallery pages docs-site soak \
  agents release-check clean

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

demo: $(RUNTIME) ## a run with scripted agents in a throw-away repository
	@$(BIN)/agentdeck demo

test: $(DEV) ## all tests, in parallel
	@echo "tests: pytest with $(WORKERS) workers"
	@$(BIN)/python .ci/run_tests.py -q -n $(WORKERS) --dist worksteal

lint: $(DEV) ## ruff: rules and format
	@echo "lint: ruff check, ruff format --check"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .

types: $(DEV) ## mypy --strict on package and tests
	@echo "types: mypy"
	@$(BIN)/mypy

check: test lint types ## what has to be green before a commit

bench: $(DEV) ## every script in bench/, one after the other
	@$(BIN)/python -c 'import pyte' 2>/dev/null || $(PIP) install --quiet pyte
	@set -e; for script in bench/bench_*.py; do \
	  [ -e "$$script" ] || { echo "bench: no bench/bench_*.py here"; exit 1; }; \
	  echo "bench: $$script"; $(BIN)/python "$$script"; done

bench-ui: $(DEV) ## how fast the control room is, in a real terminal, beside mprocs and lnav
	@$(BIN)/python -c 'import pyte' 2>/dev/null || $(PIP) install --quiet pyte
	@$(BIN)/python bench/bench_ui.py

coverage: $(DEV) ## how many branches of the core its tests and the simulation take; many minutes
	@$(BIN)/python -c 'import coverage' 2>/dev/null || $(PIP) install --quiet coverage
	@echo "coverage: tests/core, then $(COVERAGE_SEEDS) seeds of the simulation"
	@$(COVERAGE) run --branch --source=$(CORE) -m pytest tests/core -q -n 0 -p no:randomly --timeout 1800
	@$(COVERAGE) run --branch --source=$(CORE) --append \
	  -m agentdeck.testing.simulation --seeds $(COVERAGE_SEEDS) >$(VENV)/coverage.log
	@$(COVERAGE) report --show-missing --skip-covered --precision=1
	@$(COVERAGE) json -q -o $(VENV)/coverage.json
	@$(BIN)/python -c 'import json, sys; of = json.load(open("$(VENV)/coverage.json"))["totals"]; \
	  share = 100 * of["covered_branches"] / of["num_branches"]; \
	  print("coverage: %.1f %% of the %d branches" % (share, of["num_branches"])); \
	  sys.exit(share < $(COVERED))'

gallery: $(RUNTIME) ## the pictures of docs/gallery.md again, from a run of the demo
	@$(BIN)/python docs/gallery.py

pages: $(RUNTIME) ## the pages of docs/ that are made from the code, and the man page
	@for made in $(PAGES); do \
	  $(BIN)/python -m $$(echo "$${made%=*}" | tr + ' ') >$(VENV)/page || exit 1; \
	  cp $(VENV)/page "docs/$${made#*=}"; done

docs-site: $(DEV) ## the docs as a site in build/site; loads nothing from elsewhere
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict --clean -f docs/site/mkdocs.yml
	@echo "docs-site: build/site/index.html"

soak: $(DEV) ## the long tests: fault injection and properties with many examples
	@echo "soak: long tests and properties, several minutes"
	@HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -q -n $(WORKERS) --timeout 1800 \
	  -m "soak or hypothesis"

agents: $(DEV) ## agents of others, where they are installed, against a scripted model
	@echo "agents: real ones, below '$(REAL_AGENTS)' or on PATH; many minutes"
	@AGENTDECK_REAL_AGENTS="$(REAL_AGENTS)" $(BIN)/python -m pytest -q -n 2 -m real_agents tests/real_agents

release-check: $(DEV) ## build what would be released, and try it in an empty environment
	@$(BIN)/python .ci/release_check.py

clean: ## remove what was built; the next call installs again
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis snapshot_report.html
	@find src tests bench -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
	@echo "clean: done"

# A candidate counts only if it runs and is new enough: version managers leave stubs on PATH.
$(BIN)/python:
	@for candidate in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    found=$$candidate; break; fi; done; \
	if [ -z "$$found" ]; then \
	  echo "setup: no Python >= 3.11 found. Install one, or: make PYTHON=/path/to/python" >&2; \
	  exit 1; fi; \
	echo "setup: $(VENV) with $$found"; \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "setup: '$$found -m venv' failed. Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(RUNTIME): pyproject.toml | $(BIN)/python
	@echo "setup: installing agentdeck (once, less than a minute)"
	@$(PIP) install -e . >$(LOG) 2>&1 || { tail -n 20 $(LOG) >&2; \
	  echo "setup: install failed, all of it in $(LOG)" >&2; exit 1; }
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	@echo "setup: installing agentdeck and its development tools (once, about a minute)"
	@$(PIP) install -e '.[dev]' >$(LOG) 2>&1 || { tail -n 20 $(LOG) >&2; \
	  echo "setup: install failed, all of it in $(LOG)" >&2; exit 1; }
	@touch $(RUNTIME) $@
