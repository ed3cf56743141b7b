"""Every kernel runs clean under AddressSanitizer and UndefinedBehaviorSanitizer, at awkward shapes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tumorsim.device.native import find_compiler

HERE = Path(__file__).parent


@pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler")
def test_parity_suite_is_clean_under_sanitizers(tmp_path):
    library = subprocess.run(
        [find_compiler(), "-print-file-name=libasan.so"], capture_output=True, text=True
    ).stdout.strip()
    if not Path(library).is_absolute():
        pytest.skip("the compiler brings no libasan")
    environment = {
        **os.environ,
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1",  # CPython itself leaks on exit
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "TUMORSIM_NATIVE_SANITIZE": "1",
        "TUMORSIM_CACHE": str(tmp_path),
    }
    # either precision reads and writes the same places; "all" has every line of transport_stage
    chosen = "native and not float64 and not (transport_stage and (vessels or flow or cells))"
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", chosen]
    suites = [
        subprocess.Popen(
            [*command, str(path)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=HERE.parents[1],
        )
        for path in HERE.glob("test_*_operators.py")
    ]  # fmt: skip
    for suite in suites:  # side by side: most of the time is the compiler's
        told, _ = suite.communicate()
        assert suite.returncode == 0, told[-4000:]
    assert list(tmp_path.rglob("*.so")), "the sanitized kernels were built and run"
