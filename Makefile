# Everything a contributor types. Only Python 3.11 or newer and make have to be there already; the tests
# also want git and strace, those with servers PostgreSQL, and the foreign clients node with npm.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TUTORIAL := $(VENV)/.tutorial
OF_2016  := $(VENV)-2016

.DEFAULT_GOAL := help
.PHONY: help install tutorial tutorial-2016 clients test check test-servers test-clients test-system test-endurance test-guest fuzz fuzz-formulas survive lint docs package \
	image bench lock clean

help: ## say what there is
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

install: $(STAMP) ## make the virtual environment and install everything into it

define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Batchite needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one with: make PYTHON=python3.12 install")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing $(words $(shell grep -o '^[a-z][^ ]*==' $(LOCK))) packages into $(VENV), which happens once ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src # as pip does for what is not editable: many an environment forbids it later
	@touch $@
endef

# What the tutorial needs is a part of all that: who has everything needs nothing more.
$(STAMP): LOCK = requirements.lock
$(TUTORIAL): LOCK = examples/requirements.lock

$(STAMP): requirements.lock pyproject.toml
	$(install)
$(TUTORIAL): examples/requirements.lock pyproject.toml
	$(install)

tutorial: $(if $(wildcard $(STAMP)),,$(TUTORIAL)) ## start the services, run the tutorial against them, show its results, stop
	@$(BIN)/python examples/run_tutorial.py

tutorial-2016: $(if $(wildcard $(STAMP)),,$(TUTORIAL)) $(OF_2016)/.installed ## do the same with a program and SDKs of 2016
	@$(BIN)/python examples/run_tutorial.py --python $(OF_2016)/bin/python \
		--client examples/tutorial_2016/letters_client.py

$(OF_2016)/.installed: examples/tutorial_2016/requirements.txt
	@$(PYTHON) -m venv $(OF_2016)
	@echo "Installing azure-batch 1.0.0, azure-storage 0.33.0 and what they require into $(OF_2016), which happens once ..."
	@$(OF_2016)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

clients: install ## install the old and foreign clients that the tests try, each into a folder of its own
	@$(BIN)/python -m tests.clients.installing

test: install ## run every tier of tests that this machine can run, and say what was left out
	@$(BIN)/python -m tests.tiers

check: install ## run the everyday tests: Python and SQLite only
	@$(BIN)/python -m tests.tiers check

test-servers: install ## run those on a PostgreSQL server and on object stores
	@$(BIN)/python -m tests.tiers servers

test-clients: clients ## run those with old and foreign clients
	@$(BIN)/python -m tests.tiers clients

test-system: install ## run, as root, those of what only root can do, and those with a browser
	@$(BIN)/python -m tests.tiers system

test-endurance: install ## run those that kill, starve or strain the services for many rounds
	@$(BIN)/python -m tests.tiers endurance

test-guest: install ## run those of machines, as root, in an emulated one with control groups of version 2 alone
	@$(BIN)/python -m tests.guest

fuzz: install ## send N hostile requests (N=300000), or those of a seed again (SEED=1 FIRST=0)
	@$(BIN)/python -m tests.fuzz $(or $(N),300000) $(SEED) $(FIRST)

fuzz-formulas: install ## evaluate N hostile autoscale formulas (N=100000), or those of a seed again (SEED=1 FIRST=0)
	@$(BIN)/python -m tests.fuzz.formulas $(or $(N),100000) $(SEED) $(FIRST)

survive: install ## kill, stop and pause the services at work ROUNDS times (ROUNDS=500), or as a SEED did
	@BATCHITE_TEST_ROUNDS=$(or $(ROUNDS),500) BATCHITE_TEST_SEED=$(SEED) \
		$(BIN)/python -m pytest -n 0 -q -s -m endurance tests/product/survival

lint: install ## style, types, the arrows between the rooms
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: install ## write the pages that are made of data in the code
	@$(BIN)/python docs/generate.py

package: install ## build wheel and sdist, and run the tutorial with them in fresh environments
	@$(BIN)/python packaging/check.py

image: ## build the container image and run it (needs podman)
	@packaging/check_image.sh

bench: install ## measure, and print the table
	@$(BIN)/python -m benchmarks

lock: ## (maintainers) choose the newest versions allowed and write requirements.lock
	@rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(VENV)-lock/bin/uv pip compile pyproject.toml --group dev --group build --universal --python-version 3.11 \
		--upgrade --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --quiet \
		--custom-compile-command "make lock" --output-file requirements.lock
	@$(VENV)-lock/bin/uv pip compile pyproject.toml --group tutorial --group build --universal --python-version 3.11 \
		--upgrade --constraint requirements.lock --generate-hashes --no-annotate --no-emit-index-url \
		--no-emit-find-links --quiet --custom-compile-command "make lock" --output-file examples/requirements.lock
	@for wanted in tests/clients/locks/*.in examples/tutorial_2016/requirements.in; do \
		only=; \
		if [ -e $${wanted%.in}.whole ]; then \
			$(VENV)-lock/bin/uv pip compile - <$${wanted%.in}.whole --universal --python-version 3.11 --quiet \
				--output-file $(VENV)-lock/whole.txt && only="--no-deps --constraint $(VENV)-lock/whole.txt"; \
		fi; \
		$(VENV)-lock/bin/uv pip compile $$wanted $$only --universal --python-version 3.11 --upgrade --generate-hashes \
			--no-annotate --no-emit-index-url --no-emit-find-links --quiet \
			--custom-compile-command "make lock" --output-file $${wanted%.in}.txt; \
	done
	@for wanted in tests/clients/javascript/*/; do \
		(cd $$wanted && npm update --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --silent); \
	done
	@rm -rf $(VENV)-lock

clean: ## remove what the other targets made
	@rm -rf $(VENV) $(VENV)-lock $(OF_2016) .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
