# `make demo` and `make test` need nothing but Python and make: each installs into .venv what is missing.
#   make PYTHON=/path/to/python3.11 ...   uses that interpreter
#   make STACK=tfdv-1.16 ...              uses that stack of dependencies (see constraints/)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
WORKERS ?= 3
COMPAT_ROOT = $(or $(TRUESERVE_COMPAT_ROOT),/var/cache/trueserve/debian-13)
SEED ?= 1
# Tests of one file share what they build, so one worker runs them. In the order of the folders: the slow ones of
# e2e first, so that no worker waits for another at the end.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# The same order in each run of `make test`, so that no commit passes or fails by luck.
ORDERED = -p no:randomly
# What Python compiles is kept, or each of the commands that tests start would compile it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test collect test-random test-unit compat docs explore lint types chaos night-test cluster-test deploy-test flink-test mutants page-pictures bench bench-compat bench-quick detection detection-quick help clean

PYTHON ?=
STACK ?=
BIN := .venv/bin
STAMP := .venv/.installed
COLLECTED := .pytest_cache/.collected
TYPES := build/types/trueserve
SETUP := $(wildcard constraints/*.txt constraints/*.py) pyproject.toml setup.py

demo: $(STAMP)  ## flights of New York, end to end: train, export, serve, validate; under demo-output/
	$(BIN)/python examples/flights/demo.py

test: $(STAMP)  ## lint, types and all tests, in WORKERS=3 processes
	@$(MAKE) -j$(WORKERS) --output-sync=target --no-print-directory lint types collect
	$(PYTEST) $(ORDERED)

# In a new checkout one process compiles what all workers would compile at the same time, while mypy has the other
# core. Of what changes later there is so little that it is not worth the seconds.
collect: $(COLLECTED)

$(COLLECTED): $(STAMP)
	@$(BIN)/python -m pytest -qq --collect-only $(ORDERED) >/dev/null 2>&1 || true
	@mkdir -p $(@D) && touch $@

test-random: $(STAMP)  ## all tests in another order each time; the seed is in the first lines
	$(PYTEST)

test-unit: $(STAMP)  ## the tests of functions alone, in a minute
	$(PYTEST) $(ORDERED) tests/unit

compat:  ## lint, types and all tests on the newer stack, in a Debian 13 root; needs root
	.ci/compat

docs: $(STAMP)  ## the documentation as a site, in build/site; fails on a broken link
	$(BIN)/mkdocs build --strict

explore: $(STAMP)  ## the property tests with other examples; `make test` has the same ones each time
	$(BIN)/python -m pytest $(ORDERED) --hypothesis-profile=explore $(shell grep -rl '^@given' tests)

chaos: $(STAMP)  ## kills each command at every write of its result and at random moments, in about 40 minutes
	TF_CPP_MIN_LOG_LEVEL=3 PYTHONPATH=.:tests $(BIN)/python -W ignore tests/chaos.py

night-test: $(STAMP)  ## a backfill of 24 hours, killed at 20 random moments, in about 5 minutes
	TF_CPP_MIN_LOG_LEVEL=3 PYTHONPATH=.:tests $(BIN)/python -W ignore tests/night.py

cluster-test: $(STAMP)  ## Dask in network namespaces, an object store, and processes that are killed; needs root
	TF_CPP_MIN_LOG_LEVEL=3 PYTHONPATH=.:tests $(BIN)/python -W ignore tests/cluster.py $(CASES)

deploy-test: $(STAMP)  ## deploy/: a DAG in a real Airflow, manifests, units and the image's scripts; some 6 GB, needs root
	TF_CPP_MIN_LOG_LEVEL=3 PYTHONPATH=.:tests $(BIN)/python -W ignore tests/deploy.py $(CASES)

flink-test: $(STAMP)  ## prepare, validate and backtest on Flink, with JOB_SERVER=path/to/beams-job-server.jar; never run yet
	@test -f "$(JOB_SERVER)" || { echo "trueserve: expected JOB_SERVER=path/to/jar, a file; see deploy/flink" >&2; exit 2; }
	TRUESERVE_FLINK_JOB_SERVER=$(abspath $(JOB_SERVER)) $(BIN)/python -m pytest $(ORDERED) tests/e2e/test_portable_runner.py -k same

page-pictures: $(STAMP)  ## PAGE=out/report.html as PNGs in build/page: wide, phone, dark, print; needs Chromium
	PYTHONPATH=.:tests $(BIN)/python tests/page_pictures.py $(PAGE)

mutants: $(STAMP)  ## 100 small random changes, of which the unit tests must find 85; SEED=2 draws others
	PYTHONPATH=.:tests $(BIN)/python -W ignore tests/mutants.py --seed=$(SEED) --jobs=$(WORKERS)

lint: $(STAMP)  ## ruff: rules and format; no name is one that says nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -q -p no:randomly tests/repo/test_names.py

types: $(STAMP) $(TYPES)  ## mypy, strict
	$(BIN)/mypy

# mypy does not follow `trueserve.__path__`: what it reads is a folder in which all three are where they are imported.
$(TYPES): trueserve/__init__.py
	@mkdir -p $@
	@ln -sfn $(CURDIR)/pipelines $(CURDIR)/transforms $(CURDIR)/trueserve/__init__.py $@/
	@touch $@

bench: $(STAMP)  ## measures rows a second beside TFDV and others, in 35 minutes; writes benchmarks/RESULTS.md
	$(BIN)/python benchmarks/bench.py

bench-compat:  ## bench on the newer stack, in a Debian 13 root; needs root
	.ci/compat make bench
	cp "$(COMPAT_ROOT)"/src/benchmarks/RESULTS.md "$(COMPAT_ROOT)"/src/benchmarks/results.json benchmarks/

bench-quick: $(STAMP)  ## the main ratios of bench, in 6 minutes; fails where one is worse beyond noise
	$(BIN)/python benchmarks/bench.py --quick

detection: $(STAMP)  ## false alarms, and faults found, beside TFDV and others; writes benchmarks/DETECTION.md
	$(BIN)/python -W ignore benchmarks/detection.py

detection-quick: $(STAMP)  ## few windows, in 2 minutes; fails where they refute a promise
	$(BIN)/python -W ignore benchmarks/detection.py --quick

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/make \1\t\2/p' Makefile

clean:  ## removes .venv and all that make, the tests and the demo wrote
	rm -rf .venv build dist demo-output .bench-cache *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# Any Python can look for one that fits; a name on PATH may be a shim that does not run, so each is tried.
$(STAMP): $(SETUP)
	@for python in $(PYTHON) python3 python python3.11 python3.12 python3.13; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || continue; \
	  exec "$$python" -m constraints.install --python="$(PYTHON)" --stack="$(STACK)"; \
	done; echo "trueserve: no Python on PATH; install Python 3.11" >&2; exit 2
