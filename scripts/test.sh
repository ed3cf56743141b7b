#!/usr/bin/env bash
# Installs everything the tests need into .venv and runs them, as many side by side as there are cores, 8 at most.
# Arguments go to pytest: scripts/test.sh -k pressure
set -euo pipefail
source "$(dirname "$0")/environment.sh"
install dev git  # the tests of provenance make repositories
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
exec .venv/bin/python -m pytest -n auto --maxprocesses 8 "$@"
