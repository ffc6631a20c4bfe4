.DEFAULT_GOAL := help
PYTHON ?= python3
UV := .venv/bin/uv
export UV_PROJECT_ENVIRONMENT := .venv

.PHONY: help install up down reset demo mail check format test checker bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Slotstream needs Python 3.11 or later; call: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'

install: .venv/bin/uv ## install everything into .venv
	@$(UV) sync --quiet --frozen --all-packages --inexact

up: install ## run the whole product here, without Docker, until Ctrl-C
	@.venv/bin/slotstream-local up

down: install ## stop a running stack; its data stays
	@.venv/bin/slotstream-local down

reset: install ## stop a running stack and forget its data
	@.venv/bin/slotstream-local reset

demo: install ## fill a running stack with an example organization
	@.venv/bin/slotstream-local demo

mail: install ## list the mails that the local stack caught
	@.venv/bin/slotstream-local mail

check: install ## lint, types, layers, committed schemas
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: install ## format and mend what can be mended
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

test: check ## everything: checks, unit, service, contract and end-to-end tests
	.venv/bin/pytest

bench: install ## measure the promises of speed as ratios, into docs/benchmarks.md
	.venv/bin/python -m bench
