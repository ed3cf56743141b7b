"""What tests of several kinds share."""

import sys

import h5py
import numpy as np
import pytest

from tumorsim.device.cuda import CudaDevice
from tumorsim.simulation import simulate

FORK = """DGF
Vertex
parameters 1 # blood pressure, Pa
0 1e-4 1e-4 3300
1e-4 1e-4 1e-4 2700
2e-4 0.5e-4 0.9e-4 2000
2e-4 1.6e-4 1.2e-4 2100
#
Simplex
parameters 1 # radius, m
0 1 6e-6
1 2 4e-6
1 3 5e-6
#
"""


@pytest.fixture
def fork(tmp_path):
    """A file with a network of three vessels, made by hand."""
    path = tmp_path / "fork.dgf"
    path.write_text(FORK)
    return path


@pytest.fixture
def gpu(monkeypatch):
    """The cuda device over a stand-in for CuPy, which ``import cupy`` then finds too; see cupy_stand_in.py."""
    import cupy_stand_in

    monkeypatch.setitem(sys.modules, "cupy", cupy_stand_in)
    monkeypatch.setitem(sys.modules, "cupyx", cupy_stand_in.cupyx)
    cupy_stand_in.idle()
    yield CudaDevice(0)
    CudaDevice(0)
    cupy_stand_in.idle()


@pytest.fixture
def interrupted(tmp_path):
    """Run a case whole, and again in two parts: interrupted at a report of progress, then resumed, to the same bytes.

    Returns the results and the reports until the interrupt. The case must write checkpoints often.
    """

    def run(case, *, reports):
        heard = []

        def stop(progress):
            heard.append(progress)
            if len(heard) == reports:
                raise KeyboardInterrupt

        paths = tmp_path / "whole.vtkhdf", tmp_path / "parts.vtkhdf"
        whole = simulate(case, out=paths[0])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tumorsim.simulation.PROGRESS_EVERY", 0.0)
            with pytest.raises(KeyboardInterrupt):
                simulate(case, out=paths[1], progress=stop)
        simulate(case, out=paths[1], resume=True)
        assert 0 < heard[-1].time < heard[-1].duration
        with h5py.File(paths[0]) as one, h5py.File(paths[1]) as other:
            for group in ("VTKHDF/CellData", "tumorsim/ledger", "tumorsim/vessels"):
                for name, values in one.get(group, {}).items():
                    np.testing.assert_array_equal(other[group][name][...], values[...], err_msg=name)
        return whole, heard

    return run
