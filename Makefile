# Everything is set up from nothing in .venv, with the versions of constraints.txt.
PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
# Fields of this size gain nothing from several threads, and test workers would fight for the cores.
ONE_THREAD := OMP_NUM_THREADS=1
# The oldest Gymnasium that pyproject.toml promises, in a folder that stands before the newest on the path.
OLDEST_GYMNASIUM := 1.2.2
OLDEST := $(VENV)/gymnasium-$(OLDEST_GYMNASIUM)

.PHONY: test test-slow test-oldest lint demo bench bench-report docs default-encoder clean

test: $(VENV)/installed-dev lint
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

# What kills, compiles and trains for over ten seconds a test.
test-slow: $(VENV)/installed-dev
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) -m slow

test-oldest: $(VENV)/installed-dev $(OLDEST)/installed
	PYTHONPATH=$(CURDIR)/$(OLDEST) $(BIN)/python \
	  -c 'import gymnasium; assert gymnasium.__version__ == "$(OLDEST_GYMNASIUM)", gymnasium'
	PYTHONPATH=$(CURDIR)/$(OLDEST) $(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) \
	  tests/envs tests/rewards tests/agents tests/test_documents.py

lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

demo: $(VENV)/installed
	$(ONE_THREAD) $(BIN)/morphsim demo --out runs/demo

# Runs every benchmark in full, with py-pde beside it, and keeps what they print in benchmarks/results.
bench: $(VENV)/installed-bench
	$(ONE_THREAD) $(BIN)/python benchmarks/_run_all.py

# Renders benchmarks/results as docs/benchmarks.md, as the tables of policies, and as the default encoder's card.
bench-report: $(VENV)/installed
	$(BIN)/python benchmarks/_report.py
	$(BIN)/python benchmarks/_steering_tables.py
	$(BIN)/python benchmarks/_card.py

# Simulates the films and trains the encoder that is shipped in morphsim/assets/default.
default-encoder: $(VENV)/installed
	$(ONE_THREAD) $(BIN)/python -m morphsim.assets.make_default

docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/installed-torch: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch
	@touch $@

$(VENV)/installed: $(VENV)/installed-torch pyproject.toml
	$(PIP) --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) --editable '.[dev,movie]'
	@touch $@

$(OLDEST)/installed: $(VENV)/installed-torch
	rm -rf $(OLDEST)
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --target $(OLDEST) gymnasium==$(OLDEST_GYMNASIUM)
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(PIP) --editable '.[bench]'
	@touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(PIP) --editable '.[docs]'
	@touch $@
