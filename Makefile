# Everything runs in .venv, which the first target that needs it builds. The system's Python is not touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests over two processes, a file in one: its fixtures are made once. The files that take longest begin (tests/conftest.py).
SPREAD := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-all fuzz bench mutation lint clean

demo: $(VENV)/.demo
	$(BIN)/zkunlearn demo

# Each of the processes has a core: threads of BLAS would wait for each other.
test test-all: export OPENBLAS_NUM_THREADS = 1

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(SPREAD)

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest $(SPREAD) -m "slow or not slow" --second-opinions 1000 --hypothesis-profile thorough

fuzz: $(VENV)/.fuzz
	$(BIN)/python tests/fuzz/run.py

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/curves.py

mutation: $(VENV)/.dev
	$(BIN)/python tests/mutation/run.py

# Tests replace names where they are used, not only where they are defined: hence the second call's option.
lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p build/mypy && ln -sfn ../.. build/mypy/zkunlearn
	cd build/mypy && MYPYPATH=. ../../$(BIN)/mypy -p zkunlearn.formats -p zkunlearn.models \
		-p zkunlearn.circuits -p zkunlearn.verifier -p zkunlearn.prover -p zkunlearn.estimators -p zkunlearn.cli -m zkunlearn -m zkunlearn.errors -m zkunlearn.shown
	cd build/mypy && MYPYPATH=. ../../$(BIN)/mypy --implicit-reexport --cache-dir .mypy_cache_tests -p zkunlearn.tests

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[demo]'
	touch $@

# Modules are compiled when they are first imported: of the largest packages most never are.
$(VENV)/.dev: pyproject.toml constraints-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints-dev.txt -e '.[dev]'
	touch $@

$(VENV)/.fuzz: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints-dev.txt -e '.[fuzz]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info
