# `make help` lists the targets. Nothing is needed but Python 3.11 or later and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
VAR_DIR ?= var
export VAR_DIR
BIN := .venv/bin
# Hundreds of processes start in the tests: none is to compile the sources anew.
unexport PYTHONDONTWRITEBYTECODE
# Several processes share the cores: threads of their own would only wait for each other; and malloc keeps its pages.
TESTS_ALONE := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=268435456
SOURCES := codecs analysis listening evalapp tests benchmarks manage.py

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev benchmark-setup demo run test check check-types check-rest format verify models messages clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0] + ". Call: make PYTHON=/path/to/python3.11 ...")'
	@$(PYTHON) -m venv .venv

# What pip itself compiles file after file, all cores compile at once.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
COMPILE := $(BIN)/python -m compileall -qq -j 0 .venv/lib || true

.venv/installed: requirements.txt pyproject.toml | .venv/bin/python
	@echo "Installing into .venv (some minutes the first time)"
	@$(INSTALL) -r requirements.txt
	@$(COMPILE)
	@touch $@

.venv/installed-dev: requirements.txt requirements-training.txt requirements-dev.txt pyproject.toml | .venv/bin/python
	@echo "Installing into .venv (some minutes the first time)"
	@$(INSTALL) -r requirements-dev.txt
	@$(INSTALL) --no-deps encodec==0.1.1
	@$(COMPILE)
	@touch .venv/installed $@

setup: .venv/installed ## Make the environment

setup-dev: .venv/installed-dev ## Make it with what the tests need

benchmark-setup: .venv/installed-dev ## Make it with what benchmarks/encodec_speed.py compares with
	@$(INSTALL) -r requirements-benchmarks.txt

demo: .venv/installed ## Two studies on real clips, rendered and served: make demo [PORT=8000] [VAR_DIR=var]
	@$(BIN)/python manage.py demo --port $(PORT)

run: .venv/installed ## Serve for real use: web server, worker, beat
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py check --deploy --fail-level ERROR
	@$(BIN)/python manage.py run --port $(PORT)

test: .venv/installed-dev ## All tests but those of `make verify`
	@$(TESTS_ALONE) $(BIN)/python -m pytest -m "not slow and not heard" --numprocesses 4 --dist loadfile --no-loadscope-reorder
	@$(BIN)/python -m pytest -m "heard and not slow" tests/e2e

check: check-types check-rest ## Lint, types, import rules, templates; `make -j2 check` uses two cores

check-types: .venv/installed-dev
	$(BIN)/mypy

check-rest: .venv/installed-dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/djlint listening/templates --check --lint --quiet
	$(BIN)/python manage.py makemigrations --check --dry-run

format: .venv/installed-dev ## Put the code in its form
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/djlint listening/templates --reformat --quiet

verify: .venv/installed-dev ## The proofs too long for `make test`
	@$(BIN)/python -m pytest -m slow --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 30

models: .venv/installed ## Download the published EnCodec checkpoints
	@$(BIN)/python -m audiocodecs fetch

messages: .venv/installed ## Bring the translations in listening/locale up to the sources; needs gettext
	@command -v xgettext >/dev/null || { echo "make messages needs the gettext tools (Debian: apt install gettext)."; exit 1; }
	@for domain in django djangojs; do \
		(cd listening && ../$(BIN)/python ../manage.py makemessages --domain $$domain --no-obsolete --no-wrap --add-location file \
			--locale fr --locale de --locale es --locale ja --locale ar) || exit 1; done
	@cd listening && ../$(BIN)/python ../manage.py compilemessages --verbosity 0

clean: ## Remove the environment (not your data in var/)
	rm -rf .venv *.egg-info
