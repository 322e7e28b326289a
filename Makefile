# Everything here sets itself up: Python 3.11 or newer, git and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
DEMO := var/demo

.DEFAULT_GOAL := help
.PHONY: help demo preview test check format bench messages chaos screenshots

help:  ## Say what there is to make.
	@sed -n 's/^\([a-z]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 13

demo: $(READY)  ## Send the November 2022 issue to an example list, into a folder on this machine.
	@rm -rf $(DEMO)
	@$(BIN)/newsletter init $(DEMO) > /dev/null
	@cd $(DEMO) && PATH="$(CURDIR)/$(BIN):$$PATH" && \
	export NEWSLETTER_SECRET_KEY="$${NEWSLETTER_SECRET_KEY:-$$(python -c 'import secrets; print(secrets.token_urlsafe(32))')}" && \
	run() { echo; echo "$$ newsletter $$*"; newsletter "$$@"; } && \
	run subscribers import subscribers/example.csv && \
	run plan 2022-11 && \
	run send 2022-11 --yes && \
	run status 2022-11
	@echo
	@echo "The emails:   $(DEMO)/var/outbox/new (one .eml file each; mail programs open them)"
	@echo "The archive:  $(DEMO)/archive/2022-11"

preview: demo  ## Show the demo's issues in a browser, as each reader gets them, at every save.
	@cd $(DEMO) && NEWSLETTER_SECRET_KEY="$${NEWSLETTER_SECRET_KEY:-for this machine alone}" \
	$(CURDIR)/$(BIN)/newsletter preview 2022-11

test: $(READY)  ## Run every test; some meet a Chromium and libfaketime.
	@tests/neighbours.sh
	$(BIN)/pytest

check: $(READY)  ## Look for faults without running anything: style, types, layers, dependencies.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

format: $(READY)  ## Put the code into the form that `make check` asks for.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY)  ## Measure how quick the program is.
	@$(BIN)/python -m tests.bench

chaos: $(READY)  ## Kill hundreds of senders and count who is lost or mailed twice.
	@$(BIN)/python -m tests.chaos

messages: $(READY)  ## Gather the words of code and templates for their translators.
	@mkdir -p var
	$(BIN)/pybabel -q extract -F newsletter/catalogues/mapping.cfg --no-location -o var/words.pot .
	$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date -l fr -i var/words.pot -o newsletter/catalogues/fr.po
	@sed -i -E '/^"(Project-Id|Report-Msgid|P.*-Date|Last-Translator|Language-Team|Generated-By)/d' newsletter/catalogues/fr.po

screenshots: $(READY)  ## Take the README's pictures anew; needs a Chromium.
	$(BIN)/python docs/screenshots.py

# The environment that all of these run in; the stamp is older than a change of what it holds.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Python 3.11 or newer is needed; name yours: make PYTHON=python3.13"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
