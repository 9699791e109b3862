# What a developer does, and what CI does: nothing else. `make help` lists it.
PYTHON ?= python3
BIN := .venv/bin
# On two cores, two test processes; tests that need the machine to themselves are marked `alone`.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo unit test check docs bench chaos format clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv, install what is pinned, build the front end and the models
	@$(PYTHON) scripts/setup

demo: setup ## start the demo bank on http://localhost:8080
	@$(BIN)/answerable demo

unit: setup ## the unit tests: under a minute, touching nothing
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile tests/unit tests/architecture

test: setup ## all tests, and at the end what was left out and why
	@WORKERS=$(WORKERS) $(PYTHON) scripts/test

check: setup ## style, types, imports, lock files, documentation
	@$(BIN)/python scripts/check

docs: setup ## write the generated parts of the documentation again
	$(BIN)/python scripts/write-reference
	$(BIN)/python scripts/write-notices

bench: setup ## measure, each number beside its yardstick (takes minutes)
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.understanding | tee reports/understanding.md
	$(BIN)/python -m benchmarks.heads | tee reports/tones.md
	$(BIN)/python -m benchmarks.privacy | tee reports/privacy.txt
	$(BIN)/python -m benchmarks.knowledge | tee reports/knowledge.md

chaos: setup ## kill, cut, lose and forge in full size; writes reports/chaos.html (takes long)
	$(BIN)/python -m benchmarks.chaos

format: setup ## put the source into the agreed form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove all that was built here
	rm -rf .venv web/node_modules web/*/dist web/.built src/answerable/_models build dist
