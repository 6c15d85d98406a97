# `make help` lists what there is. Only Python 3.11+, make and git are needed beforehand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.run ## Play the whole product on this machine (ARGS=--once: by itself, then stop)
	@$(BIN)/digest demo $(ARGS)

.PHONY: test
test: $(VENV)/.dev ## Run the tests (ARGS="-k name" for some of them)
	@$(BIN)/pytest -n 2 $(ARGS)

.PHONY: bench
bench: $(VENV)/.dev ## Measure how fast it is (ARGS="--quick send": docs/howto/benchmark.md)
	@$(BIN)/python -m bench $(ARGS)

.PHONY: check
check: $(VENV)/.dev ## Lint, types (of scripts too), import contract, docs
	@command -v tsc >/dev/null || { echo "The types of the scripts are checked by tsc:"; \
		echo "apt-get install node-typescript"; exit 1; }
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	tsc --project jsconfig.json
	$(BIN)/lint-imports
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build

.PHONY: format
format: $(VENV)/.dev ## Put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: docs
docs: $(VENV)/.dev ## Build the documentation into docs/_build
	$(BIN)/sphinx-build --fail-on-warning --keep-going docs docs/_build

.PHONY: chaos
chaos: $(VENV)/.dev ## Break a send in every way, 100 times (ARGS="--rounds 20 --out FOLDER")
	@$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: feeds
feeds: $(VENV)/.dev ## Read feeds of our own, and real writers' (ARGS="ours", "writers --only Hugo")
	@$(BIN)/python -m tests.feeds $(ARGS)

.PHONY: mtas
mtas: $(VENV)/.dev ## Send through real mail servers on loopback, as root (ARGS="--only Postfix")
	@$(BIN)/python -m tests.mtas $(ARGS)

.PHONY: clients
clients: $(VENV)/.dev ## Open our mails in real mail clients (needs root; ARGS="--only w3m --out FOLDER")
	@$(BIN)/python -m tests.clients $(ARGS)

.PHONY: browsers
browsers: $(VENV)/.dev ## Play the desk in Firefox and WebKit (needs root; ARGS="--only WebKit --out FOLDER")
	@$(BIN)/python -m tests.browsers $(ARGS)

.PHONY: pictures
pictures: $(VENV)/.dev ## Draw docs/img again, from the demo's pages and emails
	@DIGEST_WRITE_PICTURES=1 $(BIN)/pytest -q tests/emails/test_looks.py tests/web/test_looks.py \
		tests/web/test_embed_looks.py tests/web/desk/test_pictures.py

.PHONY: lock
lock: ## Pin the newest versions again (needs uv)
	uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url pyproject.toml --group build -o requirements.lock
	uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url pyproject.toml --group build --group dev -c requirements.lock \
		-o requirements-dev.lock

.PHONY: clean
clean: ## Remove what was installed and built
	rm -rf $(VENV) .browsers .clients .feeds .mtas dist build docs/_build

# What runs, and what tests: two stamps, so that the demo does not wait for a browser's driver.
$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Digest runs on (once)."
	@$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "Installing what Digest is tested with (once)."
	@$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Digest needs Python 3.11 or later; $(PYTHON) is older or missing."; \
		echo "Name another one: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "This Python has no venv. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
