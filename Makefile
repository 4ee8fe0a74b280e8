# `make demo` and `make test` are all that a newcomer needs; both install what they use.
SHELL := /bin/bash
VENV := .venv
DEMO_ARGS ?=
TEST_ARGS ?=
RELEASE_ARGS ?=
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help setup setup-test demo test test-all docs release clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.demo ## Install what the demonstration needs into .venv

setup-test: $(VENV)/.test ## Install what the tests need into .venv

$(VENV)/.demo: requirements/demo.txt requirements/uv.txt tools/python-packages tools/system-packages
	@tools/system-packages demo
	@echo "Installing Python packages into $(VENV) ..." >&2
	@tools/python-packages demo
	@touch $@

$(VENV)/.test: requirements/test.txt requirements/uv.txt requirements/outside-client.txt package.json tools/python-packages tools/system-packages
	@tools/system-packages test
	@echo "Installing Python packages into $(VENV) ..." >&2
	@tools/python-packages test
	@npm install --silent --no-audit --no-fund --no-package-lock
	@touch $(VENV)/.demo $@

demo: setup ## Everything from nothing to the main job running (DEMO_ARGS="--auto --json" passes options on)
	@$(VENV)/bin/tutela demo $(DEMO_ARGS)

test: setup-test ## Everything from nothing to the whole suite
	@$(VENV)/bin/nox --no-venv -s check
	@$(VENV)/bin/python -m pytest -m "not slow" $(TEST_ARGS)

test-all: setup-test ## The suite with its slow parts
	@$(VENV)/bin/nox --no-venv -s check
	@$(VENV)/bin/python -m pytest $(TEST_ARGS)

docs: setup-test ## Build the documentation into docs/_build
	@$(VENV)/bin/nox --no-venv -s docs

release: setup ## Build the checked-out commit twice, compare, and write dist/ (see docs/releasing.md)
	@$(VENV)/bin/tutela release build --out dist $(RELEASE_ARGS)

clean: ## Remove what was installed and built
	rm -rf $(VENV) node_modules docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis
