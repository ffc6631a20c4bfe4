# Slotstream. Needs Python 3.11 or later and make; everything else comes as pinned packages.
.DEFAULT_GOAL := help
.PHONY: help up down reset demo mail check test checker bench images kube kube-test format web planted trial
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
LOCKED := uv.lock pyproject.toml $(wildcard libs/*/pyproject.toml services/*/pyproject.toml deploy/*/pyproject.toml)

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r target text; do printf '%-17s %s\n' "$$target" "$$text"; done

up: $(READY) web ## Start everything here; Ctrl-C stops it (DETACH=1: in the background)
	@exec $(BIN)/slotstream-local up $(if $(DETACH),--detach)

down: $(READY) ## Stop everything, from any shell
	@$(BIN)/slotstream-local down

reset: $(READY) ## Stop everything and forget all data
	@$(BIN)/slotstream-local reset

demo: $(READY) ## Fill the running stack with an example organization and show what happens
	@$(BIN)/slotstream-local demo

mail: $(READY) ## List the mails that were caught (N=3: read the third)
	@$(BIN)/slotstream-local mail $(N)

check: $(READY) ## Style, types, the rules of who may import whom, and generated documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/words.py
	$(BIN)/python .ci/revisions.py
	$(BIN)/python -m slotstream_contracts.schemas check
	$(BIN)/slotstream openapi --check
	$(BIN)/python deploy/kubernetes/generate.py check

test: check ## Check, then every test: unit, service, contract, end to end (ARGS: what to tell pytest)
ifdef ARGS
	$(BIN)/pytest $(ARGS)
else
	$(BIN)/pytest libs services deploy --numprocesses auto --maxprocesses 4 --dist loadfile
	$(BIN)/pytest tests -m "not long" --numprocesses 2 --dist loadfile
endif

planted: $(READY) ## The checker: a minute of work, then with bugs planted (takes long)
	$(BIN)/pytest tests/e2e/test_checker.py tests/e2e/test_reminders_by_a_driven_clock.py -m long

trial: $(READY) ## Docs done as they say: an upgrade and back under load, the README under Docker (takes long)
	$(BIN)/pytest tests/e2e/test_upgrade.py tests/e2e/test_first_booking.py -m long $(ARGS)

checker: $(READY) ## Random work under faults, then every promise checked (MINUTES=60 SEED=7)
	@cd tests/e2e && ../../$(BIN)/python -m checker --minutes $(or $(MINUTES),1) $(if $(SEED),--seed $(SEED))

bench: $(READY) ## Measure the promised ratios and write docs/benchmarks.md
	$(BIN)/python -m bench $(ARGS)

images: ## Build the container images, labelled with version, revision and source
	@SLOTSTREAM_VERSION=$$(sed -n 's/^version = "\(.*\)"/\1/p' deploy/cli/pyproject.toml) \
	SLOTSTREAM_REVISION=$$(git describe --always --dirty --abbrev=40 --exclude '*') \
	SLOTSTREAM_SOURCE=$$(git remote get-url origin 2>/dev/null | sed 's#//[^/@]*@#//#') docker compose build

kube: $(READY) ## Images, then all on the cluster that kubectl reaches (IMAGES=built: as they are; ARGS=demo, down)
	@$(if $(ARGS)$(filter built,$(IMAGES)),,$(MAKE) --no-print-directory images)
	@$(BIN)/python -m slotstream_local.kube.main $(or $(ARGS),up)

kube-test: $(READY) ## What needs a cluster: from nothing to ready, who reaches whom, changes under load; forgets its data
	@.ci/kube $(ARGS)

web: $(READY) ## Build the web application, if it has changed (ARGS=--test, --check, --api)
	@$(BIN)/python services/dashboard/web/build.py $(ARGS)

format: $(READY) ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): $(LOCKED)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Slotstream needs Python 3.11 or later; this is %s. Name one: make PYTHON=python3.13" % sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null  # uv makes none
	@test -x $(BIN)/uv || { echo 'Installing uv …'; $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'; }
	@echo 'Installing the pinned packages …'; $(BIN)/uv sync --quiet --frozen --all-packages --inexact --python $(BIN)/python
	@touch $@
