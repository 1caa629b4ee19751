# Two commands on a fresh machine: `make demo` and `make test`. Everything they make stays in .venv and .cache.

PYTHON ?= python3
BIN := .venv/bin
# A stamp: the developers' environment is as pyproject.toml says.
READY := .venv/ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-frameworks test-image lint types matrix bench clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile

demo:  ## patch a real ultralytics in throw-away environments, prove it, revert it
	@PYTHON='$(PYTHON)' demo/run.sh

test: lint types  ## lint, types, and every test with its coverage
	@# The tests start patchkit some thousand times, also where PYTHONDONTWRITEBYTECODE is set.
	@$(BIN)/python -m compileall -q -x /examples/ patchkit patches
	$(BIN)/pytest -n 2 --cov --cov-report=term --cov-fail-under=93

test-frameworks: $(READY)  ## the tests that install torch and ultralytics, some gigabytes
	$(BIN)/pytest framework_tests

test-image: $(READY)  ## the Dockerfiles of the README, built with buildah; as root, on Debian or Ubuntu
	@for tool in debootstrap buildah; do command -v $$tool > /dev/null || { \
	    echo "$$tool not found: apt-get install --no-install-recommends debootstrap buildah" >&2; exit 2; }; done
	@[ "$$(id -u)" = 0 ] || { echo "make test-image needs root: debootstrap and buildah make file systems" >&2; exit 2; }
	$(BIN)/pytest image_tests

lint: $(READY)  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## mypy, strict
	$(BIN)/mypy patchkit patches
	$(BIN)/mypy benchmarks

matrix: $(READY)  ## every patch against every release in its table
	@for room in $$(ls -d patches/*/tested.json); do \
	    id=$$(basename $$(dirname $$room) | tr _ -); \
	    PATCHKIT_CACHE=$${PATCHKIT_CACHE:-.cache} $(BIN)/patchkit matrix $$id --check --format markdown || exit 1; \
	done

bench: $(READY)  ## the figures of the README, from an installed patchkit
	$(PYTHON) benchmarks/cold_apply.py
	$(PYTHON) benchmarks/tree_scan.py
	$(PYTHON) benchmarks/audit.py
	$(PYTHON) benchmarks/doctor.py
	$(BIN)/python benchmarks/loss_cost.py
	$(BIN)/python benchmarks/check_data.py
	$(PYTHON) benchmarks/diagnose.py

clean:  ## remove whatever the other targets have made
	rm -rf .venv .cache .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("patchkit needs Python 3.10 or newer: make PYTHON=python3.11" if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[test]'
	@touch $@
