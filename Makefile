# LLM Twin on one machine: `make` lists the targets. Every recipe is POSIX sh and needs Python 3.11 to 3.13 and git.
#
# `make PYTHON=/path/to/python3.12 demo` chooses the interpreter; TWIN_STORE and DAGSTER_HOME together choose another,
# separate installation; AUTHOR=jane-doe builds another twin.

.SUFFIXES:
.DEFAULT_GOAL := help

AUTHOR ?= llm-twin
PORT ?= 3000
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
STAMP := $(VENV)/.installed
DAGSTER_HOME ?= $(CURDIR)/data/dagster
export DAGSTER_HOME

# Dagster calls `job execute` superseded by `dg launch`, which has no --config. Users do not need this notice.
QUIET := PYTHONWARNINGS='ignore:Function `job_execute_command` is superseded'
JOB := $(QUIET) $(BIN)/dagster job execute -m twin_jobs.definitions -c twin_jobs/console.yaml
PYTHON_CODE := twin twin_assets twin_resources twin_jobs tests benchmarks


# The tests of a file run in one process, so its fixtures are made once; files with slow tests come first.
PYTEST := $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: help demo ui test test-quick bench-crawl bench-features bench-retrieval bench-passes bench-faults lint format settings setup home env containers lock clean clean-data

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F '|' '{ printf "  make %-15s %s\n", $$1, $$2 }'

demo: $(STAMP) home ## Build the twin of the bundled author, then show what was built (AUTHOR=slug for another)
	@echo 'Registering the authors ...'; registered=0; $(JOB) -j register_links || registered=$$?; \
	echo 'Building the twin of $(AUTHOR) ...'; \
	$(JOB) -j build_twin --tags '{"dagster/partition": "$(AUTHOR)"}' || exit; \
	$(BIN)/python -m twin_jobs.summary '$(AUTHOR)' || exit; \
	exit $$registered # a broken file of another author makes this fail only at its end

ui: $(STAMP) home ## Open the Dagster UI at http://127.0.0.1:3000 (PORT=3001 for another port)
	@$(QUIET) $(BIN)/python -m twin_jobs.ui --port '$(PORT)'

test: $(STAMP) ## Run all tests in two processes (WORKERS=4 for four)
	@$(PYTEST)

test-quick: $(STAMP) ## Run the tests that are not slow, in under two minutes on two cores
	@$(PYTEST) -m 'not slow'

lint: $(STAMP) ## Check style, formatting, types and the layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## Format the code and fix what ruff can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench-crawl: $(STAMP) ## Compare extraction, repository reading, bombs and redaction with other tools
	@$(PIP) --no-deps --requirement benchmarks/requirements.txt
	@$(BIN)/python -m benchmarks.crawl

bench-features: $(STAMP) ## Compare chunking, embedding, the vector store and the whole feature pipeline with other tools
	@$(PIP) --no-deps --requirement benchmarks/requirements.txt
	@$(BIN)/python -m benchmarks.features

bench-retrieval: $(STAMP) ## Compare search with other ways of retrieval
	@$(BIN)/python -m benchmarks.retrieval

bench-passes: $(STAMP) ## Count how often a build reads each document (AGAINST=checkout compares with another version)
	@$(BIN)/python -m benchmarks.passes $(if $(AGAINST),--against $(AGAINST))

bench-faults: $(STAMP) ## Damage, attack and idle: print what it costs and what is noticed
	@$(BIN)/python -m benchmarks.faults

settings: $(STAMP) ## Write the settings of twin/settings.py into .env.example, docs/ and docker-compose.yml
	@$(BIN)/python -m twin.settings

setup: $(STAMP) ## Set up the virtual environment (other targets do this if needed)

env: ## Write .env with random passwords, for Docker Compose
	@if [ -e .env ]; then echo '.env already exists: edit it, or move it away first.' >&2; exit 1; fi
	@umask 077; while IFS= read -r line; do case $$line in \
		[A-Z]*=change-me) printf '%s%s\n' "$${line%change-me}" "$$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')";; \
		*) printf '%s\n' "$$line";; esac; done < .env.example > .env
	@echo 'Wrote .env. Start the containers with docker compose up --build --detach.'

# Docker Compose as a plugin or as a separate program.
containers: ## Check docker-compose.yml with the variables of .env.example
	@if docker compose version >/dev/null 2>&1; then compose='docker compose'; \
	elif command -v docker-compose >/dev/null 2>&1; then compose=docker-compose; \
	else echo 'make containers needs Docker Compose: see https://docs.docker.com/compose/install/.' >&2; exit 1; fi; \
	$$compose --env-file .env.example config --quiet
	@echo 'docker-compose.yml is valid.'

lock: ## Update constraints.txt after a change of pyproject.toml (needs uv)
	@command -v uv >/dev/null 2>&1 || { echo 'make lock needs uv: see https://docs.astral.sh/uv/.' >&2; exit 1; }
	@sed -n '/^#/p' constraints.txt > constraints.new
	@uv pip compile --quiet --universal --all-extras --python-version 3.11 --no-annotate --no-header --no-emit-index-url \
		pyproject.toml --constraints constraints.txt --output-file constraints.pins
	@cat constraints.pins >> constraints.new && rm constraints.pins && mv constraints.new constraints.txt

clean: ## Remove the virtual environment and the tools' caches
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find $(PYTHON_CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: ## Remove ./data: the store and Dagster's history
	rm -rf data

# Dagster reads its configuration only from DAGSTER_HOME; a copy there that is newer than ours is not replaced.
home:
	@case "$$DAGSTER_HOME" in /*) ;; *) echo "DAGSTER_HOME must be an absolute path, not $$DAGSTER_HOME." >&2; exit 1;; esac
	@mkdir -p "$$DAGSTER_HOME"
	@if [ ! -f "$$DAGSTER_HOME/dagster.yaml" ] || [ -n "$$(find dagster.yaml -newer "$$DAGSTER_HOME/dagster.yaml")" ]; then \
		cp dagster.yaml "$$DAGSTER_HOME/dagster.yaml"; fi

# On Linux without an NVIDIA driver, torch comes from PyTorch's own index: its CPU build is a tenth of the size of the
# CUDA build. If that index cannot be reached, the next step installs torch from pip's usual index.
$(STAMP): pyproject.toml constraints.txt
	@python=; for candidate in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
		if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
			2>/dev/null; then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
		echo 'Python 3.11, 3.12 or 3.13 with its venv module is needed (Debian, Ubuntu: apt install python3-venv).' >&2; \
		exit 1; fi; \
	[ -x $(BIN)/python ] || { echo "Making $(VENV) with $$python ..."; "$$python" -m venv $(VENV); }
	@echo 'Installing what constraints.txt pins: about 1 GB to download the first time, 2 to 6 minutes ...'
	@torch=$$(sed -n 's/^torch==//p' constraints.txt); \
	if [ "$$(uname -s)" = Linux ] && [ ! -e /proc/driver/nvidia/version ] && ! $(BIN)/python -c 'import sys; \
		from importlib.metadata import version; sys.exit(version("torch").partition("+")[0] != sys.argv[1])' \
		"$$torch" 2>/dev/null; then \
		$(PIP) --no-deps --retries 0 --timeout 15 --index-url https://download.pytorch.org/whl/cpu \
			"torch==$$torch" >/dev/null 2>&1 || true; fi
	@$(PIP) --constraint constraints.txt --editable '.[dev,postgres]'
	@touch $(STAMP)
