# Everything a newcomer needs. `make run` shows the main job, `make test` proves it.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run sandbox serve test fuzz check content golden bench soak schemas docs clean

run: $(VENV)/.run ## set up, call a hook for a synthetic patient, show the cards, keep serving
	$(BIN)/python -m cds demo --keep-serving

sandbox: $(VENV)/.run ## set up, and play the EHR in a browser at http://127.0.0.1:8800
	$(BIN)/python -m cds sandbox

serve: $(VENV)/.run ## the service on 127.0.0.1:8000
	$(BIN)/python -m cds serve

test: $(VENV)/.dev ## set up and run every test
	$(BIN)/python -m pytest

fuzz: $(VENV)/.dev ## ten minutes of FHIR in every shape; a finding prints its seed and leaves the body in fuzz-findings/
	$(BIN)/python -m tests.fuzz.compiled
	$(BIN)/python -m tests.fuzz --minutes 10 $(if $(FROM),--from $(FROM))

check: $(VENV)/.dev ## style, types, layering, content
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m cds content check

content: $(VENV)/.run ## check the evidence, the cards and the founding documents, and write docs/card-book.md
	$(BIN)/python -m cds content check
	$(BIN)/python -m cds content book

golden: $(VENV)/.dev ## renew the expected answers in tests/golden; review the diff
	$(BIN)/python -m tests.golden

bench: $(VENV)/.dev ## measure, and write benchmarks/results.json and docs/performance.md
	$(BIN)/python -m benchmarks

soak: $(VENV)/.dev ## a minute of full load and mishaps with 1 and with 2 workers, and write docs/soak.md
	$(BIN)/python -m tests.soak

schemas: $(VENV)/.run ## JSON Schemas of the content, for editors
	$(BIN)/python -m cds content schemas

docs: $(VENV)/.dev ## write the generated documentation
	$(BIN)/python -m tests.spec.render tests/spec/patient > docs/reading-the-chart.md
	$(BIN)/python -m tests.spec.render tests/spec/worked-examples.yaml tests/spec/cards tests/spec/safety tests/spec/orders > docs/when-cards-are-shown.md
	$(BIN)/python -m cds.settings > docs/settings.md
	$(BIN)/python -m cds.app > openapi.yaml
	$(BIN)/python -m tests.api.conformance

clean: ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Ranvier needs Python 3.11, 3.12 or 3.13; none was found. Set PYTHON=/path/to/python."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@ $(VENV)/.run
