# One command each: run, test, lint, bench. Each sets up .venv by itself, once, and again when a lock changes.
#
# PYTHON  the interpreter the environment is made from (3.11 to 3.13)
# TORCH   the arguments that pip installs torch with. What the default takes is up to pip's indexes; to choose:
#         make run TORCH="torch==2.13.0+cpu --index-url https://download.pytorch.org/whl/cpu"
#         make run TORCH="torch==2.13.0+cu130 --index-url https://download.pytorch.org/whl/cu130"

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

TORCH ?= torch==2.13.0
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,\
	$(shell $(p) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $(p))))

VENV := .venv
PY := $(VENV)/bin/python
INSTALL := $(PY) -m pip install -qq --disable-pip-version-check
TORCH_CHOICE := $(VENV)/.torch-$(shell printf '%s' '$(TORCH)' | cksum | cut -d ' ' -f 1)
CHECKED := ctsma_node trainer tests benchmarks

.PHONY: help run test torture install-test container-test lint bench format lock sbom audit clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.node ## a synthetic knee CT through a node and into a receiving PACS, results in ./out
	$(VENV)/bin/ctsma-node demo

test: lint ## lint, then every test, in two processes
	$(PY) -m pytest --numprocesses 2 --dist loadfile

torture: $(VENV)/.test ## the torture suites in their long form: hours (python -m tests.torture --help for parts of it)
	$(PY) -m tests.torture --reports benchmarks/results/torture
	$(PY) -m tests.torture.mutants.table benchmarks/results/torture

install-test: ## install, upgrade and remove a node in a clean Debian (as root, with debootstrap; ten minutes)
	sh tests/install/clean_debian.sh

container-test: ## build the container and send a knee through a receiver and a worker in it (as root, with podman)
	sh tests/install/container.sh

lint: $(VENV)/.test ## ruff and strict types
	$(PY) -m ruff check $(CHECKED)
	$(PY) -m ruff format --check $(CHECKED)
	$(PY) -m mypy

bench: $(VENV)/.test ## what is measured, one command each (see benchmarks/README.md)
	$(PY) -m benchmarks

format: $(VENV)/.test ## put the sources into ruff's form
	$(PY) -m ruff check --fix $(CHECKED)
	$(PY) -m ruff format $(CHECKED)

lock: ## resolve requirements/*.txt anew from pyproject.toml (needs uv; UPGRADE=--upgrade for newer releases)
	sh requirements/lock.sh $(UPGRADE)

sbom: $(VENV)/.test ## the bill of materials of a node: dist/sbom.cdx.json (CycloneDX)
	$(PY) requirements/sbom.py

audit: $(VENV)/.test ## whether an advisory is known of anything that is locked (needs the internet)
	PYTHON=$(abspath $(PY)) sh requirements/audit.sh

clean: ## remove the environment and the caches of the tools; what the trainer made in build/ stays
	rm -rf $(VENV) build/lib build/bdist.* dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Set-up. Locked packages come first and torch after them, so that what torch requires is already there at its locked
# version and hash, and pip fetches torch alone (or nothing, where it is installed). The project itself comes last.
$(VENV)/.node: requirements/node.txt
$(VENV)/.test: requirements/test.txt

$(VENV)/.node $(VENV)/.test: pyproject.toml $(TORCH_CHOICE)
	@echo "Installing requirements/$(@:$(VENV)/.%=%).txt into $(VENV) (minutes, the first time)"
	$(INSTALL) --no-deps --require-hashes -r requirements/$(@:$(VENV)/.%=%).txt
	$(INSTALL) $(TORCH)
	$(INSTALL) --no-deps --no-build-isolation --editable .
	$(PY) -m pip check
	@touch $@

$(TORCH_CHOICE): | $(VENV)/.made
	@rm -f $(VENV)/.torch-*
	@touch $@

$(VENV)/.made:
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "ctsma-node needs Python 3.11" \
		"to 3.13. Install it (Debian: apt-get install python3 python3-venv)" \
		"or name one: make PYTHON=/path/to/python3.11"; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "$(PYTHON) cannot make virtual environments. Install that part" \
		"of it (Debian: apt-get install python3-venv) and run make again."; exit 1; } >&2
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@
