# `make help` lists what there is. Needs a POSIX system with python3 >= 3.11; on Windows use `uv run`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
# Nothing is compiled here; access-parser, pure Python, is published as source alone.
WHEELS := --only-binary :all: --no-binary access-parser

# The tests start the command line many times; each costs a third less where its modules are compiled already.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help venv libraries demo test test-servers lint format generated check lock fuzz bench clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile

venv: $(STAMP)  ## Make the virtual environment, with the pinned versions

$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "python 3.11 or newer is needed; name yours: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install -qq --require-hashes $(WHEELS) -r requirements.lock
	@touch $@

# What Microsoft's driver for SQL Server loads, then what the tests load besides: a driver manager and FreeTDS.
LIBRARIES := libltdl7 libkrb5-3 libgssapi-krb5-2 libodbc2 tdsodbc

libraries:  ## Install the system libraries that reading a live SQL Server needs, where that can be done (Debian, Ubuntu)
	@missing=$$(for one in $(LIBRARIES); do \
	    dpkg-query -W -f '$${Status}\n' $$one 2>/dev/null | grep -q ' installed$$' || echo $$one; done); \
	as_root=$$([ "$$(id -u)" = 0 ] || echo "sudo -n"); \
	if ! command -v apt-get >/dev/null; then \
	    echo "no apt-get here: live SQL Server needs libltdl, libkrb5 and libgssapi-krb5 of this system; all else works without"; \
	elif [ -z "$$missing" ]; then \
	    echo "all libraries are here"; \
	elif ! { [ -z "$$as_root" ] || $$as_root true 2>/dev/null; }; then \
	    echo "for live SQL Server, run as root: apt-get install" $$missing; \
	else \
	    { $$as_root apt-get -qq update && $$as_root apt-get -qq install -y --no-install-recommends $$missing; } >/dev/null || \
	    echo "could not be installed; live SQL Server needs:" $$missing; \
	fi

demo: $(STAMP)  ## Migrate the sample database into an embedded PostgreSQL
	$(BIN)/python -m pipeline migrate samples/routing_ml.accdb --yes

# Each worker has a PostgreSQL of its own, so more than eight would cost more memory than they save time.
PARALLEL := -n logical --maxprocesses 8 --dist worksteal

test: $(STAMP)  ## Run the tests, on all cores
	$(BIN)/python -m pytest $(PARALLEL)

test-servers: $(STAMP)  ## Try what a user does on other PostgreSQL servers: SERVERS=dir:dir, whose bin has initdb, pg_dump or both
	@[ -n "$(SERVERS)" ] || { echo "name the directories: make test-servers SERVERS=/usr/lib/postgresql/15" >&2; exit 2; }
	NARU_TEST_SERVERS="$(SERVERS)" $(BIN)/python -m pytest tests/scenario/test_servers.py

lint: $(STAMP)  ## Check style, types and who imports whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP)  ## Bring the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

generated: $(STAMP)  ## Write again what is made from the code; the tests say when it is not current
	$(BIN)/python -m pipeline.dialects.reference > docs/type-rules.md
	$(BIN)/python -m pipeline.mapping.schema > mappings/mapping.schema.json
	$(BIN)/python -m pipeline.engine.preflight.reference > docs/preflight.md
	$(BIN)/python -m pipeline map samples/routing_ml.accdb -o mappings/routing_ml.yaml --force
	$(BIN)/python -m pipeline ddl samples/routing_ml.accdb --mapping mappings/routing_ml.yaml -o schema.sql
	$(BIN)/python -m typer pipeline.cli.app utils docs --name "python -m pipeline" --title "Command line" --output docs/cli.md
	$(BIN)/python -m tests.contract.reference_files docs/reference-files.md
	$(BIN)/python -m tests.contract.sql_server_types docs/sql-server-types.md

check: lint test  ## Everything that must pass before a commit

# uv.lock would record download addresses, so it is not kept. What `uv run` resolves is held to the same
# versions by constraint-dependencies, which stand at the end of pyproject.toml to be replaced here.
lock:  ## Pin the newest versions that pyproject.toml allows (needs uv)
	@sed '/^constraint-dependencies/,$$d' pyproject.toml > pyproject.new && mv pyproject.new pyproject.toml
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --fork-strategy fewest --group dev --generate-hashes \
	    --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	    --output-file requirements.lock pyproject.toml
	@{ echo "constraint-dependencies = ["; sed -n 's/^\([a-z].*[^ ]\) *\\$$/    "\1",/p' requirements.lock; echo "]"; } >> pyproject.toml

MUTATIONS ?= 500000
SEED ?= 20000

fuzz: $(STAMP)  ## Run the property tests for long, and read MUTATIONS=500000 damaged files from SEED=20000 on
	$(BIN)/python -m pytest $(PARALLEL) -m hypothesis --hypothesis-profile=fuzz --timeout=0
	NARU_FUZZ_COUNT=$(MUTATIONS) NARU_FUZZ_FIRST=$(SEED) $(BIN)/python -m pytest -n logical tests/fuzz

bench: $(STAMP)  ## Measure, as ratios to a ceiling of the same run
	@for file in bench/bench_*.py; do PYTHONPATH=. $(BIN)/python "$$file" || exit 1; done

clean:  ## Remove what make made; the embedded server's data and the logs stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache uv.lock
	find pipeline tests -name __pycache__ -type d -exec rm -rf {} +
