# Every target works on a clean checkout: the first makes the environment in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: env quickstart format check test test-slow bench clean

env: $(VENV)/.made

$(VENV)/.made: setup.cfg constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,sentencepiece,tensorboard,plots,search,onnx]"
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
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow and not gpu" --numprocesses 2 --dist loadfile

test-slow: env
	$(BIN)/python -m pytest -m "slow or gpu"

# BENCH="--sections joint --repeats 1", say; `python -m benchmarks.speed --help` has the options.
bench: env
	$(BIN)/python -m benchmarks.speed $(BENCH)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
