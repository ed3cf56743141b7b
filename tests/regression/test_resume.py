"""A run that was killed goes on, and ends with the very bytes of one that was not."""

import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

import tumorsim
from tumorsim.errors import ConfigError
from tumorsim.resources import configs_directory
from tumorsim.results import Results

QUICK = [
    "domain.spacing=300 um",
    "run.duration=12 h",
    "run.max_step=1 min",
    "output.every=30 min",
    "run.checkpoint_every=0.001 s",
]


def command(out, *more):
    settings = [item for value in QUICK for item in ("--set", value)]
    config = str(configs_directory() / "quickstart.toml")
    return [
        sys.executable,
        "-m",
        "tumorsim",
        "run",
        config,
        "--out",
        str(out),
        "--no-progress",
        *settings,
        *more,
    ]


def fields(path):
    with h5py.File(path) as file:
        data = file["VTKHDF/CellData"]
        return {name: data[name][...] for name in data} | {
            f"ledger/{name}": values[...] for name, values in file["tumorsim/ledger"].items()
        }


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run.vtkhdf"
    subprocess.run(command(out), check=True, capture_output=True)
    return fields(out)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_interrupted_run_resumes_to_the_same_bytes(tmp_path, uninterrupted, blow):
    out = tmp_path / "run.vtkhdf"
    process = subprocess.Popen(command(out), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*.checkpoint-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    os.kill(process.pid, blow)
    process.communicate(timeout=60)
    assert process.returncode == (-blow if blow == signal.SIGKILL else 130)
    left = Results(out)
    assert 1 <= len(left.times) < 25, "it was killed in the middle, and the file opens"

    subprocess.run(command(out, "--resume"), check=True, capture_output=True)
    resumed = fields(out)
    assert resumed.keys() == uninterrupted.keys()
    for name, expected in uninterrupted.items():
        assert np.array_equal(resumed[name], expected), name


def test_resume_without_a_checkpoint_says_so(tmp_path):
    case = tumorsim.load(configs_directory() / "quickstart.toml", overrides=QUICK)
    with pytest.raises(ConfigError, match="there is no checkpoint"):
        tumorsim.simulate(case, out=tmp_path / "none.vtkhdf", resume=True)
