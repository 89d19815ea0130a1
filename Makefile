# firstline. `make` alone explains itself.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: help
help: ## this page
	@echo "firstline: a voice agent for a support phone line"
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18
	@echo
	@echo "  make demo ARGS=--exit   ends by itself, exit code 0 only if all three calls did what they should"

.PHONY: demo
demo: export FIRSTLINE_DEMO_BEGAN := $(shell date +%s)
demo: $(STAMP) ## everything on this machine: three real phone calls, then the UIs stay up until Ctrl-C
	@$(BIN)/firstline demo $(ARGS)

.PHONY: test
test: $(STAMP) ## linters, types, import contracts and the whole suite
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest $(ARGS)

.PHONY: up
up: $(STAMP) ## the embedded stack in the foreground
	@$(BIN)/firstline up

.PHONY: format
format: $(STAMP) ## let ruff write the code's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: setup
setup: $(STAMP) ## only the virtual environment and its pinned packages

.PHONY: clean
clean: ## remove the embedded stack's state; the virtual environment stays
	rm -rf .firstline

# Pinned by constraints.txt. pip's own progress is too much here and silence too little: one line a package.
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install CPython 3.11, or say which with PYTHON=…" >&2; exit 1; }
	@echo "setting up $(VENV): about 130 packages, 3 GB on disk, 2 to 4 minutes the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@set -o pipefail; $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]' 2>&1 \
		| tee $(VENV)/install.log \
		| awk '/^Collecting/ {n++; printf "\r\033[K  resolving and downloading: %d packages (%s)", n, $$2; fflush()} \
			/^Installing collected/ {printf "\r\033[K  installing %d packages …\n", n; fflush()} \
			/^ERROR|error:/ {printf "\n%s\n", $$0; fflush()}' \
		|| { echo "pip failed; its log: $(VENV)/install.log" >&2; exit 1; }
	@touch $@
