#!/usr/bin/env bash
# Everything there is to check on a machine with an NVIDIA GPU, in one call: the tests marked gpu, memory and race
# checks of every kernel at awkward shapes, the verification cases, and the benchmark with its peers.
#   PYTHON   an interpreter that has CuPy and the test extra (default .venv/bin/python)
#   OUT      where the figures go (default results); an older benchmark.json there is compared with
set -uo pipefail
cd "$(dirname "$0")/.."
python="${PYTHON:-.venv/bin/python}"
out="${OUT:-results}"
mkdir -p "$out"
failed=0

"$python" -m tumorsim devices
"$python" -m pytest -q -m gpu || failed=1
if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck; do
        compute-sanitizer --tool "$tool" --error-exitcode 1 \
            "$python" -m pytest -q -m gpu -p no:cacheprovider tests/parity -k "float32 and 33" || failed=1
    done
else
    echo "compute-sanitizer is not here (it comes with the CUDA toolkit): left out"
fi
"$python" -m tumorsim verify --quick --device cuda --json "$out/verify-cuda.json" || failed=1
old=()
if [ -e "$out/benchmark.json" ]; then
    mv "$out/benchmark.json" "$out/benchmark-before.json"
    old=(--compare "$out/benchmark-before.json")
fi
"$python" scripts/benchmark.py --device cuda --peers --json "$out/benchmark.json" ${old[@]+"${old[@]}"} || failed=1
exit $failed
