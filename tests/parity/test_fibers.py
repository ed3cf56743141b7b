"""The fibers notice what goes wrong among the threads of a GPU: else their agreement would mean nothing."""

import numpy as np
import pytest
from fibers import THREADS, FibersDevice

from tumorsim.device.native import find_compiler
from tumorsim.device.twin import Voxels, kernel_twin
from tumorsim.resources import kernels_directory

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Makes a kernel of the body of a thread, and runs it on 0, 1, 2, …, one row of more than a block's threads."""
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "include").symlink_to(kernels_directory() / "include")
    monkeypatch.setattr("tumorsim.device.twin.kernels_directory", lambda: folder)

    def run(body, length=THREADS + 6):
        text = '#include "grid.cuh"\n#include "row_sum.cuh"\n'
        text += f'extern "C" __global__ void trial(real* a, int nz, int ny, int nx) {{ {body} }}'
        (folder / "trial.cu").write_text(text)

        @kernel_twin
        def trial(a: Voxels) -> None: ...

        device = FibersDevice()
        a = device.upload(np.arange(float(length)).reshape(1, 1, -1))
        trial(device, a)
        return a[0, 0]

    return run


def test_threads_share_a_row(run):
    assert (run("FOR_X(x, 0, nx) a[x] += 1;") == np.arange(THREADS + 6) + 1).all()


def test_a_sum_over_the_block_is_that_of_its_threads(run):
    found = run("double s = 0; FOR_X(x, 0, nx) s += a[x]; s = row_sum(s); if (threadIdx.x == 0) a[0] = s;")
    assert found[0] == sum(range(THREADS + 6))


def test_a_barrier_separates_reading_from_writing(run):
    step = "const real next = a[(threadIdx.x + 1) % blockDim.x]; __syncthreads(); a[threadIdx.x] = next;"
    assert (run(step, THREADS) == np.roll(np.arange(THREADS), -1)).all()


def test_a_missing_barrier_is_found(run):
    with pytest.raises(AssertionError, match="order of its threads"):
        run("const real next = a[(threadIdx.x + 1) % blockDim.x]; a[threadIdx.x] = next;", THREADS)


def test_a_barrier_that_some_threads_miss_is_found(run):
    with pytest.raises(AssertionError, match="a barrier that not all threads"):
        run("if (threadIdx.x < 40) __syncthreads();")


def test_a_shuffle_that_some_threads_miss_is_found(run):
    with pytest.raises(AssertionError, match="a shuffle that not all threads"):
        run("if (threadIdx.x < 40) a[0] = __shfl_down_sync(~0u, a[0], 1);")


def test_reading_beyond_an_array_makes_nan(run):
    assert np.isnan(run("FOR_X(x, 0, nx) a[x] = a[x + nx];")).all()


def test_writing_beyond_an_array_is_found(run):
    with pytest.raises(AssertionError, match="writes beyond an array"):
        run("FOR_X(x, 0, nx + 1) a[x] = 0;")
