# Every target works on a clean checkout: the first makes the environment in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

# Components that share a transformer need spacy-transformers, and that an older transformers.
SHARED_VENV ?= .venv-shared
EXTRAS = dev,pretrain,sentencepiece,tensorboard,plots,search,onnx,translate,explain,parquet
FAST = -m pytest -m "not slow and not gpu" --numprocesses 2 --dist loadfile

.PHONY: env quickstart format check test test-shared test-pythons test-slow docs bench clean

env: $(VENV)/.made

$(VENV)/.made: setup.cfg constraints.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[$(EXTRAS),docs]"
	touch $@

$(SHARED_VENV)/.made: setup.cfg constraints-shared.txt
	$(PYTHON) -m venv --clear $(SHARED_VENV)
	$(SHARED_VENV)/bin/python -m pip install --quiet --constraint constraints-shared.txt torch
	$(SHARED_VENV)/bin/python -m pip install --quiet --constraint constraints-shared.txt --editable ".[shared,$(EXTRAS)]"
	touch $@

quickstart: env
	$(BIN)/python -m spacy project run quickstart

format: env
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Two processes of a thread each: a second thread gains these small models little.
test: env
	OMP_NUM_THREADS=1 $(BIN)/python $(FAST)

# What a shared transformer, or another release of transformers, can change.
test-shared: $(SHARED_VENV)/.made
	OMP_NUM_THREADS=1 $(SHARED_VENV)/bin/python $(FAST) tests/models tests/pipeline tests/training tests/resuming \
		tests/encoders tests/pretraining tests/trimming tests/inspection tests/translation \
		tests/exporting tests/test_configs.py tests/test_registry.py tests/test_releases.py
	$(SHARED_VENV)/bin/python -m spacy project run shared . --vars.shared_steps 4

# Each of Python 3.10 to 3.13 that there is: the sdist installed, out of reach of the sources.
test-pythons: env
	$(BIN)/python -m tests.pythons

test-slow: env
	$(BIN)/python -m pytest -m "slow or gpu"

# The pages of docs/, with the reference from the code, in site/. A warning is an error.
docs: env
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# BENCH="--sections joint --repeats 1", say; `python -m benchmarks.speed --help` has the options.
bench: env
	$(BIN)/python -m benchmarks.speed $(BENCH)

clean:
	rm -rf $(VENV) $(SHARED_VENV) site build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
