# The two commands are `make run` and `make test`; each sets up what it needs, once.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PYTHON := $(VENV)/bin/python
VENV_DOCS := .venv-docs
SITE := docs/_build/html
# uv from the PATH if there is one, else a private copy in .uv/ (a local folder: nothing on the machine is changed).
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
ARGS ?=
# Tests that run at once, each file in one process; a process takes up to 3 GB. Files start in the order of tests/conftest.py.
WORKERS ?= 2
PYTEST := $(PYTHON) -m pytest
AT_ONCE := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# What `make test` runs. With `all` it is one session, so that its tests share what they prepare and end together; Kubernetes,
# which needs Go modules built first (7 minutes), and parity, which needs Kubernetes, are in `make e2e` only.
TESTS ?= quick
quick := -m "not slow and not e2e"
slow := -m "slow and not e2e"
all := --ignore tests/orchestrators/kubernetes --ignore tests/orchestrators/test_parity.py
# TensorFlow and TFX import 15 s slower without bytecode; some shells switch it off.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: $(VENV)/.run ## train, evaluate and push a model on the Chicago taxi trips (ARGS="--model keras_wide_deep" for more)
	@$(PYTHON) -m pipeline run $(ARGS)

.PHONY: test
test: $(VENV)/.dev ## the tests (ARGS="-k name" for some; TESTS=all for what CI runs)
	@$(PYTEST) $(AT_ONCE) $(or $($(TESTS)),$(error TESTS is quick, slow or all. Received: $(TESTS))) $(ARGS)

.PHONY: test-slow
test-slow: ## the tests that take longer: every model on every real dataset, whole runs of each
	@$(MAKE) --no-print-directory test TESTS=slow

.PHONY: e2e
e2e: $(VENV)/.dev ## the proofs against real servers: Kubernetes and Argo, Airflow, MLMD on MySQL, PostgreSQL and gRPC
	@$(PYTEST) -m e2e $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev ## ruff, mypy (strict) and the layers
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

.PHONY: format
format: $(VENV)/.dev ## let ruff rewrite the sources
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

.PHONY: docs
docs: $(VENV_DOCS)/.docs ## the documentation, strictly: a broken link fails (ARGS=serve shows it on http://127.0.0.1:8000)
	@$(VENV_DOCS)/bin/python -m sphinx -E -n -q -W --keep-going docs $(SITE)
	@$(VENV_DOCS)/bin/python docs/check_site.py $(SITE)
	@if [ "$(ARGS)" = serve ]; then $(VENV_DOCS)/bin/python -m http.server --bind 127.0.0.1 --directory $(SITE) 8000; fi

.PHONY: reference
reference: $(VENV)/.dev ## write the parts of docs/reference/ that come from the code
	@$(PYTHON) docs/generate.py

.PHONY: bench
bench: $(VENV)/.dev ## the measured comparisons of benchmarks/
	@$(PYTHON) benchmarks/taxi.py
	@$(PYTHON) benchmarks/quality.py
	@$(PYTHON) benchmarks/training.py
	@$(PYTHON) benchmarks/faults.py

.PHONY: lock
lock: $(UV) ## resolve pyproject.toml into the three lock files again (names, versions, hashes; no addresses)
	@$(UV) pip compile -q pyproject.toml --all-extras --python-version 3.10 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements-dev.lock
	@$(UV) pip compile -q pyproject.toml --python-version 3.10 --constraints <(grep -o '^[^ ]*==[^ ]*' requirements-dev.lock) \
	  --excludes <(sed -n '/^run-excludes/,/^]/s/^  "\(.*\)",/\1/p' pyproject.toml) \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock
	@$(UV) pip compile -q --group docs --python-version 3.10 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements-docs.lock

.PHONY: clean
clean: ## remove the environments (outputs/ stays)
	@rm -rf $(VENV) $(VENV_DOCS) .uv

# Each stamp is newer than the lock it was installed from, so a second `make run` does no set-up work. The development
# environment contains the other one: it stamps both.
$(VENV)/.run: requirements.lock | $(VENV)/.venv
	@echo "Installing the environment from $< into $(VENV) (once, about a minute)"
	@$(UV) pip install -q --python $(PYTHON) --compile-bytecode --require-hashes --no-deps -r $<
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/.venv
	@echo "Installing the environment from $< into $(VENV) (once, about two minutes)"
	@$(UV) pip install -q --python $(PYTHON) --compile-bytecode --require-hashes --no-deps -r $<
	@touch $@ $(VENV)/.run

# An environment apart: Sphinx wants newer packages than TFX allows. The order-only prerequisite checks for Python 3.10.
$(VENV_DOCS)/.docs: requirements-docs.lock | $(VENV)/.venv
	@$(UV) venv -q --clear --python $(PYTHON) $(VENV_DOCS)
	@$(UV) pip install -q --python $(VENV_DOCS)/bin/python --require-hashes --no-deps -r $<
	@touch $@

$(VENV)/.venv: .python-version | $(UV)
	@UV_PYTHON_DOWNLOADS=automatic $(UV) venv -q --clear --python "$$(cat .python-version)" $(VENV) 2>.venv.log || { cat >&2 <<< \
	"No Python 3.10 was found, and uv could not download one ($$(grep -m1 -o 'cause: .*' .venv.log || head -1 .venv.log)). TFX 1.15, the last release with Estimators, runs on no newer Python. Install one (\`uv python install 3.10\`, \`pyenv install 3.10\`, or your system's python3.10 package with its venv module), check that \`python3.10 --version\` answers, then run make again."; rm -f .venv.log; exit 2; }
	@rm -f .venv.log
	@pwd > $$(echo $(VENV)/lib/python3.*/site-packages)/checkout.pth
	@touch $@

.uv/bin/uv:
	@python3 -m venv .uv && .uv/bin/pip install -q uv || { echo >&2 \
	"uv, which installs the environment, is not on the PATH and could not be installed into .uv/. See https://docs.astral.sh/uv for how to install it, then run make again."; exit 2; }
