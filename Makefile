# Every verb works from a fresh clone with Python 3.11 or 3.12 and make; `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
# Processes that share the tests of `make test`; those that start NiFi stay in one.
LANES ?= 2
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
STAMP := $(VENV)/.installed
LOCKS := requirements/all.lock requirements/uv.lock
# Many processes are started here: without bytecode in caches each would compile every library anew.
unexport PYTHONDONTWRITEBYTECODE
COMPILE = $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

.PHONY: help setup demo peers test test-fast test-faults lint format nar locks bench-path bench-receive bench-handoff bench-deid bench-text clean

help: ## list the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(UV): requirements/uv.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@touch $(UV)

$(STAMP): $(UV) $(LOCKS) pyproject.toml
	VIRTUAL_ENV=$(VENV) $(UV) pip sync --quiet --require-hashes requirements/all.lock requirements/uv.lock
	VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

setup: $(STAMP) ## install everything into .venv from the hashed locks

demo: $(STAMP) ## modality to NiFi to training and inference, live (STUDY=folder sends your own files)
	$(BIN)/sluice demo $(if $(STUDY),--study "$(STUDY)")

peers: $(STAMP) ## build or fetch what tests need beyond Debian's packages, once for all clones
	$(BIN)/python -m tests.peers

test: lint peers ## lint, then all but the faults, gpu and performance tiers; what fails beside others is looked at once more
	$(BIN)/python -m tests.steady -n $(LANES) --dist loadscope --no-loadscope-reorder -m "not faults and not gpu and not performance"

test-fast: $(STAMP) ## unit tests alone, in seconds
	$(BIN)/pytest tests/unit

test-faults: peers ## kill -9, wiped repositories, forged receipts
	$(BIN)/pytest -m faults tests/faults tests/end_to_end/results

lint: $(STAMP) ## ruff (format, lint), mypy strict, import arrows, flows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy sluice nifi processors handoff ml
	PYTHONPATH=. $(BIN)/lint-imports --no-cache
	$(BIN)/sluice flows lint

format: $(STAMP) ## let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

nar: $(STAMP) ## build the NAR of the Python processors into build/
	$(BIN)/sluice nifi nar --out build

bench-path: $(STAMP) ## sealed slices through real NiFi to signed receipts: slices per second, by hop
	$(BIN)/python -m tests.performance.bench_path

bench-receive: $(STAMP) ## objects received beside Orthanc, storescp and the reference engine: objects per second, CPU, memory
	$(BIN)/python -m tests.performance.bench_receive

bench-handoff: $(STAMP) ## deliveries beside a plain copy, handoffs accepted meanwhile, lists over a million instances
	$(BIN)/python -m tests.performance.bench_handoff

bench-deid: $(STAMP) ## de-identification beside other tools, on one core: CPU, memory
	$(BIN)/python -m tests.performance.bench_deid

bench-text: $(STAMP) ## text burned into ultrasound, captures and radiographs: lines covered, files passed, CPU
	$(BIN)/python -m tests.performance.bench_burned_in

locks: $(UV) ## resolve requirements anew (pyproject.toml is the source)
	$(COMPILE) pyproject.toml --all-extras -o requirements/all.lock
	$(COMPILE) requirements/nar.in -c requirements/all.lock -o requirements/nar.lock
	$(COMPILE) pyproject.toml -c requirements/all.lock -o requirements/receiver.lock
	$(COMPILE) pyproject.toml -c requirements/all.lock --extra ocr -o requirements/ocr.lock
	$(COMPILE) pyproject.toml -c requirements/all.lock --extra nifi --extra simulator -o requirements/operator.lock
	$(COMPILE) pyproject.toml -c requirements/all.lock --extra handoff -o requirements/handoff.lock
	$(COMPILE) pyproject.toml -c requirements/all.lock --extra handoff --extra ml --extra kubeflow --extra serving -o requirements/ml.lock
	$(COMPILE) requirements/build.in -c requirements/all.lock -o requirements/build.lock
	$(COMPILE) requirements/deid-peers.in -c requirements/all.lock -o requirements/deid-peers.lock
	$(COMPILE) requirements/mlflow.in -c requirements/all.lock -o requirements/mlflow.lock

clean: ## remove build products and caches, keep .venv and .sluice
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
