# Everything a person or a machine does with this checkout. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export STATE ?= .state
HOST ?=
PORT ?=
HOSTURL ?=
ARGS ?=
BIN := .venv/bin
TOOLS := .tools
PROVISION := .provision
LOAD := .load
HOMEASSISTANT := .homeassistant
SATELLITE := .satellite
ADDRESS := $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT))
UV := 0.13.9
COVERAGE :=
ALL ?=
EVERYDAY := not long and not soak and not host and not drill

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  settings: STATE=$(STATE) HOST= PORT= ARGS=  (make serve PORT=9000 ARGS='--config my.toml')"

.PHONY: setup
setup: ## System packages, .venv, llama.cpp, models: only what is missing
	@./setup.sh

.PHONY: demo
demo: setup ## One spoken question through the whole appliance, answered aloud
	@$(BIN)/appliance demo --state-dir $(STATE) $(ADDRESS) $(ARGS)

.PHONY: serve
serve: setup ## The server
	@$(BIN)/appliance serve --open --state-dir $(STATE) $(ADDRESS) $(ARGS)

.PHONY: test
test: setup $(TOOLS)/made $(if $(ALL),clients) ## The everyday tests, two files at a time (ALL=1: the long ones too; ARGS='-n 0': one after another)
	@$(BIN)/pytest -n 2 --dist loadfile --durations=12 $(if $(ALL),,-m '$(EVERYDAY)') $(COVERAGE) $(ARGS)

.PHONY: soak
soak: setup ## Minutes of load, and what it leaves behind
	@$(BIN)/pytest -m soak --durations=12 $(ARGS)

.PHONY: host
host: setup $(PROVISION)/made ## Hosts that are booted, provisioned, broken, upgraded (as root; lxc mmdebstrap nftables iproute2)
	@$(BIN)/pytest -m host --durations=12 $(ARGS)

.PHONY: drill
drill: setup ## All goes wrong, until each alert has fired and is over (with Debian's prometheus and prometheus-node-exporter on PATH)
	@$(BIN)/pytest -m drill --durations=12 $(ARGS)

.PHONY: dashboards
dashboards: setup ## Grafana's dashboards, from ansible/dashboards
	@cd ansible && ../$(BIN)/python -m dashboards

.PHONY: lint
lint: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Two tools that need thirty packages which nothing else here does: an environment of their own, made when first needed.
$(TOOLS)/made: safety.lock | setup
	@rm -rf $(TOOLS); $(BIN)/python -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	    --requirement safety.lock
	@touch $@

.PHONY: secrets
secrets: $(TOOLS)/made ## Keys and passwords in what is tracked
	@.ci/secrets

# Home Assistant and the satellite want exactly their versions, and in tests speak with nobody but a box on the same machine.
.PHONY: audit
audit: $(TOOLS)/made ## Known vulnerabilities in what is locked
	@$(TOOLS)/bin/python .ci/audit.py $(filter-out homeassistant.lock satellite.lock,$(wildcard *.lock))

# Ansible and what judges it, the same way: needed by whoever provisions boxes, not by the appliance.
$(PROVISION)/made: provision.lock | setup
	@rm -rf $(PROVISION); $(BIN)/python -m venv $(PROVISION)
	@$(PROVISION)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	    --requirement provision.lock
	@touch $@

.PHONY: provision
provision: $(PROVISION)/made ## Ansible in .provision, for ansible/

.PHONY: provision-lint
provision-lint: $(PROVISION)/made ## Playbooks, roles and the shell scripts that go onto a box
	cd ansible && ../$(PROVISION)/bin/yamllint --strict . && \
	    PATH=$$PWD/../$(PROVISION)/bin:$$PATH ../$(PROVISION)/bin/ansible-lint --offline
	@if command -v shellcheck > /dev/null; then shellcheck $$(grep -rlE '^#!/bin/(ba)?sh' ansible); \
	    else echo "shellcheck is not installed: the scripts were not looked at"; fi

# Locust, the same way: needed by whoever loads a box from outside.
$(LOAD)/made: load.lock | setup
	@rm -rf $(LOAD); $(BIN)/python -m venv $(LOAD)
	@$(LOAD)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	    --requirement load.lock
	@touch $@

.PHONY: load
load: $(LOAD)/made ## Load on a box from outside, by Locust, until it is clear whether goals are kept (HOSTURL=http://box:8080)
	@test -n "$(HOSTURL)" || { echo "load: HOSTURL= has to say which box, such as HOSTURL=http://127.0.0.1:8080" >&2; exit 2; }
	@$(LOAD)/bin/locust --headless --only-summary -f benchmarks/load/locustfile.py --host "$(HOSTURL)" \
	    --users 4 --spawn-rate 1 --run-time 3m $(ARGS)

# What others have made for the Wyoming protocol, each with the versions that it wants. Home Assistant needs the Python that
# its packages have wheels for. Where something is missing, their tests are skipped, which says why.
.PHONY: clients
clients: $(HOMEASSISTANT)/made $(SATELLITE)/made ## Home Assistant and a satellite, for the tests with them (with Python 3.13)

$(HOMEASSISTANT)/made: homeassistant.lock | setup
	@rm -rf $(HOMEASSISTANT); \
	for python in python3.13 "$$HOME"/.pyenv/versions/3.13*/bin/python; do \
	    "$$python" -c 'import ensurepip, venv' 2> /dev/null || continue; \
	    "$$python" -m venv $(HOMEASSISTANT) && $(HOMEASSISTANT)/bin/python -m pip install --quiet --no-compile \
	        --disable-pip-version-check --no-deps --require-hashes --only-binary :all: --requirement homeassistant.lock && \
	        touch $@ || echo "no packages for Home Assistant: tests with it will be skipped"; \
	    exit 0; \
	done; \
	echo "no Python 3.13 for Home Assistant: tests with it will be skipped"

$(SATELLITE)/made: satellite.lock | setup
	@rm -rf $(SATELLITE); $(BIN)/python -m venv $(SATELLITE) && $(SATELLITE)/bin/python -m pip install --quiet \
	    --disable-pip-version-check --no-deps --require-hashes --only-binary :all: --requirement satellite.lock && \
	    touch $@ || echo "no packages for a satellite: tests with it will be skipped"

.PHONY: check
check: COVERAGE := --cov
check: ALL := 1
check: lint secrets audit provision-lint page-lint clients test ## Format, lint, types, layers, secrets, vulnerabilities, playbooks, page, tests: what must pass before a push

# What judges the page (TypeScript reads its types, Biome its style, axe its accessibility): needed by whoever changes it.
node_modules/made: package-lock.json .npmrc
	@command -v npm > /dev/null || { echo "npm is needed to check the page; Debian's package npm has it" >&2; exit 2; }
	@npm ci --loglevel error
	@touch $@

.PHONY: page-lint
page-lint: ## Types, style and unit tests of the page's JavaScript (with npm)
	@if command -v npm > /dev/null; then $(MAKE) node_modules/made page-judged; \
	    else echo "npm is not installed: the page's JavaScript was not looked at"; fi

.PHONY: page-judged
page-judged:
	@node_modules/.bin/tsc --project appliance/page
	@node_modules/.bin/biome ci --error-on-warnings
	@node --test tests/page/unit/

PAGE_LIBRARIES := preact/dist/preact.mjs preact/hooks/dist/hooks.mjs htm/dist/htm.module.js @preact/signals-core/dist/signals-core.mjs
VENDOR := appliance/page/vendor

.PHONY: vendor
vendor: node_modules/made ## The page's libraries, from the npm packages that package-lock.json names
	@for library in $(PAGE_LIBRARIES); do \
	    name=$$(basename "$$library" | sed 's/[-.].*//'); \
	    sed -e 's/from"preact"/from".\/preact.js"/' -e '/^\/\/# sourceMappingURL=/d' "node_modules/$$library" > "$(VENDOR)/$$name.js"; \
	done
	@for package in preact htm @preact/signals-core; do \
	    echo "$$package $$(node -p "require('./node_modules/$$package/package.json').version")"; \
	    cat "node_modules/$$package/LICENSE"; echo; \
	done > $(VENDOR)/LICENSES.txt

.PHONY: pictures
pictures: setup ## The pictures of the page in docs/page (with the package chromium)
	@$(BIN)/python tests/page/pictures.py

.PHONY: bench
bench: setup ## What this machine is good for: a table and a report in a quarter of an hour (ARGS='turn --sessions 8')
	@$(BIN)/appliance bench $(or $(ARGS),all)

.PHONY: bundle
bundle: setup ## One file that installs or upgrades a box without a network (ARGS='--sign KEYFILE')
	@$(BIN)/appliance bundle create --state-dir $(STATE) $(ARGS)

# llama-cpp-python has only an sdist: setup.sh builds it, so it is locked apart from what pip installs as wheels.
# The build tools share an environment with the packages, so they are resolved against the same versions.
# Home Assistant's last one for Python 3.13.0: without what nothing asks for, and newer ones of what had no wheels for it.
.PHONY: lock
lock: ## Newest versions that pyproject.toml allows, into the lock files
	@tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	python3 -m venv "$$tools"; "$$tools/bin/pip" install --quiet uv==$(UV); \
	resolve() { \
	    local to=$$1; shift; \
	    "$$tools/bin/uv" pip compile --quiet --universal --python-version "$${runs_on:-3.11}" \
	        --fork-strategy fewest --generate-hashes --no-header "$$@" \
	        | sed '/^# The following packages were excluded/,$$d' \
	        | { echo "# Made by: make lock"; cat -s; } > "$$tools/$$to"; \
	    mv "$$tools/$$to" "$$to"; echo "$$to: $$(grep -c == "$$to") packages"; \
	}; \
	resolve requirements.lock pyproject.toml --no-emit-package llama-cpp-python; \
	resolve requirements-dev.lock pyproject.toml --group dev --no-emit-package llama-cpp-python; \
	resolve llama.lock --no-deps - <<< "$$(grep -oE 'llama-cpp-python[^\"]*' pyproject.toml)"; \
	resolve cuda.lock - <<< "$$(grep -oE 'nvidia-[^\"]*' pyproject.toml)"; \
	resolve safety.lock --constraint requirements-dev.lock - <<< $$'detect-secrets>=1.5\npip-audit>=2.10'; \
	resolve provision.lock --constraint requirements-dev.lock - \
	    <<< $$'ansible-core>=2.19,<2.20\nansible-lint>=26\nyamllint>=1.37'; \
	resolve load.lock --constraint requirements-dev.lock - <<< $$'locust>=2.40\nwebsocket-client>=1.8'; \
	runs_on=3.13 resolve homeassistant.lock --only-binary :all: \
	    --excludes <(printf '%s\n' uv home-assistant-bluetooth pyturbojpeg standard-aifc standard-telnetlib) \
	    --overrides <(printf '%s\n' 'pymicro-vad>=2' 'pyspeex-noise>=2' 'lru-dict>=1.4' 'ciso8601>=2.3.3' 'fnvhash>=0.2') \
	    - <<< $$'homeassistant==2025.4.4\nwyoming==1.5.4'; \
	resolve satellite.lock --excludes <(echo zeroconf) - <<< 'wyoming-satellite==1.0.0'; \
	resolve build.lock --constraint requirements-dev.lock - \
	    <<< $$'pip\nhatchling>=1.27\neditables\nscikit-build-core>=0.9.2\ncmake\nninja'

.PHONY: clean
clean: ## Remove .venv, the other environments, node_modules and what the tools left; models in $(STATE) and the llama.cpp wheel stay
	rm -rf .venv $(TOOLS) $(PROVISION) $(LOAD) $(HOMEASSISTANT) $(SATELLITE) node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis .coverage .coverage.* htmlcov build dist
	find appliance tests benchmarks -name __pycache__ -prune -exec rm -r {} +
