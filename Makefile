# Two commands do everything on a fresh machine: `make demo` and `make test`.
# PYTHON names the interpreter to build the environment with; any Python from 3.11 on serves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
DEVELOPING := $(VENV)/installed-dev

.DEFAULT_GOAL := help
.PHONY: help demo test check benchmark torture clean

help: ## list these commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(INSTALLED) ## install, train on real handwritten digits, say where the report is
	$(BIN)/unfazed train sample:digits

test: $(DEVELOPING) ## install and run the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST)

check: $(DEVELOPING) ## lint, check types, check the architecture
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py

benchmark: $(DEVELOPING) ## the tables in benchmarks/ that need no data set; with DATA=FOLDER all; resumable, days
	$(BIN)/python -m benchmarks $(if $(DATA),$(DATA) $(RIVALS))

torture: $(DEVELOPING) ## kill runs a thousand times and compare what they become; resumable, a quarter of an hour
	OMP_NUM_THREADS=1 $(BIN)/python tests/torture.py $(KILLS)

clean: ## remove the environment and the caches, never the runs
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(DEVELOPING): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
