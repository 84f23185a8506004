# Needs Python 3.11 to 3.13, make and the package registries; nothing else is assumed.
# `make demo` shows the whole thing, `make test` runs every test; both set themselves up.

VENV ?= .venv
# Empty until a recipe needs it: an existing environment keeps the Python it was made with.
PYTHON ?=

BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test bench gate chaos bugs check static format lint types layers deploy-lint smoke up down clean lock docs install

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: $(READY) ## a Kafka, a worker and a dozen essays, start to end, nothing left running
	@$(BIN)/huleedu-streams demo

test: $(READY) ## every test, those on the embedded Kafka included
	@$(BIN)/python -m pytest --numprocesses $(if $(HULEEDU_TEST_BROKER),0,auto) --maxprocesses 4 --dist loadfile $(ARGS)

gate: $(READY) ## 2,000 essays through kills, an outage and a broker's crash (SEED=n repeats one)
	@$(BIN)/python -m tests.chaos gate $(if $(SEED),--seed $(SEED))

chaos: $(READY) ## 20,000 essays through every fault there is; some 25 minutes
	@$(BIN)/python -m tests.chaos full cluster $(if $(SEED),--seed $(SEED))

bench: $(READY) ## a worker against its peers, each in the same run; ten minutes (ARGS=--json)
	@$(BIN)/python -m bench $(ARGS)

bugs: $(READY) ## eight planted bugs, each of which the gate must catch
	@$(BIN)/python -m pytest tests/chaos/check_planted_bugs.py $(ARGS)

.PHONY: bench-spelling
bench-spelling: $(READY) ## how right, fast and large the speller is, next to others (ARGS=--json)
	@$(BIN)/python -m bench.spelling $(ARGS)

check: static test ## format, lint, types, layers, deployment files, tests

static: format-check lint types layers deploy-lint ## what `check` does, without the tests

format: $(READY) ## rewrite the sources in the house format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix --select I .

.PHONY: format-check
format-check: $(READY)
	@$(BIN)/ruff format --check .

lint: $(READY) ## ruff over everything, and the sizes of files
	@$(BIN)/ruff check .
	@sh scripts/loc_guard.sh

types: $(READY) ## mypy --strict over packages and tests
	@$(BIN)/mypy --strict

layers: $(READY) ## who may import whom
	@$(BIN)/lint-imports

deploy-lint: $(READY) ## Dockerfile, docker-compose.yml, workflows and prometheus.yml
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/zizmor --offline --quiet --persona pedantic .github/workflows
	@! docker compose version >/dev/null 2>&1 || docker compose config --quiet
	@! command -v promtool >/dev/null || promtool check config --lint-fatal deploy/prometheus.yml >/dev/null

# The ports of docker-compose.yml.
SMOKE ?= --url content=http://127.0.0.1:6066 --url batch=http://127.0.0.1:6067 \
	--url lifecycle=http://127.0.0.1:6068 \
	--url spellcheck=http://127.0.0.1:$(or $(SPELLCHECKER_METRICS_PORT),8001)

smoke: $(READY) ## two essays through what `docker compose up` started
	@$(BIN)/python tests/smoke/run_core_flow_smoke_test.py --broker 127.0.0.1:9092 $(SMOKE)

docs: $(READY) ## write the parts of README.md that are made from the code
	@$(BIN)/python -m scripts.readme_blocks

up: $(READY) ## start Kafka, topics and one worker, and leave them running (state in var/)
	@$(BIN)/huleedu-streams up

down: ## stop what `make up` started
	@test ! -x $(BIN)/huleedu-streams || $(BIN)/huleedu-streams down

clean: down ## remove the environment, the local state and every cache
	@rm -rf $(VENV) var dist build .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .grimp_cache
	@find huleedu_streams tables tests -name __pycache__ -type d -prune -exec rm -rf {} +

install: $(READY) ## make the environment from the hashed lock

$(READY): requirements.lock pyproject.toml scripts/find_python.sh
	@$(BIN)/python -c '' 2>/dev/null || { \
		python="$(PYTHON)"; \
		test -n "$$python" || python=$$(sh scripts/find_python.sh) || exit 2; \
		echo "making $(VENV) with $$python"; \
		rm -rf $(VENV); \
		"$$python" -m venv $(VENV); }
	@echo "installing what requirements.lock names"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --editable .
	@touch $@

COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-strip-extras --custom-compile-command 'make lock' --quiet

lock: ## resolve pyproject.toml again into both locks (needs uv)
	@$(COMPILE) --all-extras --output-file requirements.lock
	@$(COMPILE) --extra image --constraint requirements.lock --output-file requirements-image.lock
