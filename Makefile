# `make` alone prints every target below with what stands after its ##.

UV := $(shell command -v uv || echo .local/uv/bin/uv)
RUN = $(UV) run --frozen
WORKERS ?= 2

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup test proof lint format types contracts demo up token clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: uv, the locked packages, MongoDB, RabbitMQ
	@deploy/local/install.sh

demo: setup ## play sample cases through the whole suite; the last line is the result as JSON
	@$(RUN) python -m deploy.local demo

up: setup ## run the suite in the foreground until Ctrl-C, its data under .local/suite
	@$(RUN) python -m deploy.local up

token: ## print a token of the running suite: make token UNIT=<code>
	@$(RUN) python -m deploy.local token '$(UNIT)'

test: setup lint types contracts ## every check, then the tests on real servers
	@$(RUN) pytest -n $(WORKERS) -m "not proof"

proof: setup ## the tests that take minutes: thousands of cases, killed servers, 200,000 matters
	@$(RUN) pytest -m proof

lint: setup ## style and the mistakes a linter can find
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .

format: setup ## bring the style in order
	@$(RUN) ruff check --fix-only --quiet .
	@$(RUN) ruff format .

types: setup ## strict type check
	@$(RUN) mypy

contracts: setup ## who may import whom
	@$(RUN) lint-imports

clean: ## remove what was installed and stored under .local
	rm -rf .local
