# make report [DATA=folder|--synthetic] [UNSEEN=file] - set up and run the main job; make test - set up and test
PYTHON ?= python3
VENV ?= .venv
PIP_ARGS ?=
PY = $(VENV)/bin/python
REPORT_DIR ?= report
PYTEST_ARGS ?=

.PHONY: setup report test lint docs clean
.DEFAULT_GOAL := help

help:
	@sed -n 1p Makefile

# The stamp makes the second call fast: pip runs again only when the requirements change.
$(VENV)/.stamp: pyproject.toml constraints.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	touch $@

setup: $(VENV)/.stamp

report: setup
	$(PY) -m sklearn_siamese_speaker report $(DATA) $(if $(UNSEEN),--unseen $(UNSEEN)) --output $(REPORT_DIR)

# One torch thread a process: the tests compare bits, and those depend on the number of threads.
test: setup
	OMP_NUM_THREADS=1 $(PY) -m pytest -q $(PYTEST_ARGS)

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/codespell
	$(VENV)/bin/mypy

# Sphinx fails on a warning. One torch thread: the small networks of the gallery are slower with more.
$(VENV)/.stamp-docs: pyproject.toml constraints.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q $(PIP_ARGS) -c constraints.txt -e '.[docs]'
	touch $@

docs: $(VENV)/.stamp-docs
	OMP_NUM_THREADS=1 $(PY) -m sphinx -W --keep-going -b html docs docs/_build/html

clean:
	rm -rf $(VENV) report docs/_build docs/auto_examples docs/generated
