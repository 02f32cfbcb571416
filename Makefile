.PHONY: demo test test-long check unit setup down

# examples/lab.yaml is a whole OpenStack core: make demo FILE=examples/lab.yaml
FILE = examples/database.yaml

# A database that survives a power cut, on three real nodes on this machine. Root.
demo:
	@began=$$(date +%s); ./scripts/setup && .venv/bin/quorate demo --file $(FILE) --began $$began

# All checks and all tests, those on real nodes included (they need root, and say so where there is none).
test: check
	.venv/bin/pytest

check:
	@./scripts/setup --dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

# What is too long for CI: the stock client through every failure, two drills. Root, half an hour.
test-long: setup
	.venv/bin/pytest -m long

# Seconds, no root.
unit:
	.venv/bin/pytest tests/unit

setup:
	@./scripts/setup --dev

down:
	.venv/bin/quorate lab down --file $(FILE)
