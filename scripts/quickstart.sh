#!/usr/bin/env bash
# From a fresh clone to a result and a picture, on the CPU, in a few minutes.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
install images
mkdir -p results
.venv/bin/tumorsim run configs/quickstart.toml --out results/quickstart.vtkhdf "$@"
.venv/bin/tumorsim render results/quickstart.vtkhdf --out results/quickstart.png
.venv/bin/tumorsim info results/quickstart.vtkhdf
echo "open results/quickstart.vtkhdf in ParaView; the picture is results/quickstart.png"
