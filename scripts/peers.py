"""Other ways to do the benchmark's work on the same arrays: plain C, NumPy, Numba, JAX, PyTorch; SciPy, PyAMG, CuPy.

The stencil is one explicit step of diffusion with a conductance g on every face and nothing beyond the box,

    result = rate/ε Σ_faces g (C_beyond − C),      C_beyond = 0 outside

A peer is a function of the arrays that returns the work to time and a function that fetches the result. What is not
installed raises ImportError.
"""

import ctypes
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
"""c, gz, gy, gx, epsilon, float32."""
Peer = tuple[Callable[[], object], Callable[[], np.ndarray]]

C_TEXT = """
void copy(float* a, const float* b, long n)
{
    #pragma omp parallel for schedule(static)
    for (long i = 0; i < n; ++i) a[i] = b[i];
}
void triad(float* a, const float* b, const float* c, long n)
{
    #pragma omp parallel for schedule(static)
    for (long i = 0; i < n; ++i) a[i] = b[i] + 0.5f * c[i];
}
void sum_of(float* a, const float* const* b, int arrays, long n)
{
    enum { BLOCK = 1024 };                                   // what is added to stays in the cache
    #pragma omp parallel for schedule(static)
    for (long first = 0; first < n; first += BLOCK) {
        const long end = first + BLOCK < n ? first + BLOCK : n;
        for (long i = first; i < end; ++i) a[i] = b[0][i];
        for (int k = 1; k < arrays; ++k)
            for (long i = first; i < end; ++i) a[i] += b[k][i];
    }
}
void diffuse(float* result, const float* c, const float* gz, const float* gy, const float* gx, const float* epsilon,
             float rate, int nz, int ny, int nx)
{
    #pragma omp parallel for collapse(2) schedule(static)
    for (int z = 0; z < nz; ++z)
        for (int y = 0; y < ny; ++y)
            for (int x = 0; x < nx; ++x) {
                const long i = ((long)z * ny + y) * nx + x, slab = (long)ny * nx;
                const long iy = ((long)z * (ny + 1) + y) * nx + x, ix = ((long)z * ny + y) * (nx + 1) + x;
                const float here = c[i];
                float net = gx[ix] * ((x > 0 ? c[i - 1] : 0) - here);
                net += gx[ix + 1] * ((x < nx - 1 ? c[i + 1] : 0) - here);
                net += gy[iy] * ((y > 0 ? c[i - nx] : 0) - here);
                net += gy[iy + nx] * ((y < ny - 1 ? c[i + nx] : 0) - here);
                net += gz[i] * ((z > 0 ? c[i - slab] : 0) - here);
                net += gz[i + slab] * ((z < nz - 1 ? c[i + slab] : 0) - here);
                result[i] = rate * (net / epsilon[i]);
            }
}
"""


def c_library(compiler: str) -> ctypes.CDLL:
    """The loops above, built with the optimisation that the native device uses."""
    folder = Path(tempfile.mkdtemp())
    (folder / "loops.c").write_text(C_TEXT)
    command = [compiler, "-x", "c", "-O3", "-march=native", "-fopenmp", "-fno-builtin", "-shared", "-fPIC"]
    subprocess.run([*command, str(folder / "loops.c"), "-o", str(folder / "loops.so")], check=True)
    return ctypes.CDLL(str(folder / "loops.so"))


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def plain_c(a: Arrays, rate: float, compiler: str) -> Peer:
    function, result = c_library(compiler).diffuse, np.empty_like(a["c"])
    arguments = [pointer(v) for v in (result, a["c"], a["gz"], a["gy"], a["gx"], a["epsilon"])]
    arguments += [ctypes.c_float(rate), *map(ctypes.c_int, a["c"].shape)]
    return lambda: function(*arguments), lambda: result


def net_inflow(c: Any, gz: Any, gy: Any, gx: Any, pad: Callable[[Any], Any]) -> Any:
    """Σ g (C_beyond − C) by slices, for any array library; ``pad`` puts a layer of zeros around."""
    p = pad(c)
    z, y, x = p[:, 1:-1, 1:-1], p[1:-1, :, 1:-1], p[1:-1, 1:-1, :]
    fz, fy, fx = gz * (z[1:] - z[:-1]), gy * (y[:, 1:] - y[:, :-1]), gx * (x[:, :, 1:] - x[:, :, :-1])
    return (fz[1:] - fz[:-1]) + (fy[:, 1:] - fy[:, :-1]) + (fx[:, :, 1:] - fx[:, :, :-1])


def numpy_slices(a: Arrays, rate: float) -> Peer:
    result = np.empty_like(a["c"])

    def work() -> None:
        net = net_inflow(a["c"], a["gz"], a["gy"], a["gx"], lambda c: np.pad(c, 1))
        np.multiply(np.float32(rate), net / a["epsilon"], out=result)

    return work, lambda: result


def numba_loops(a: Arrays, rate: float) -> Peer:
    import numba

    @numba.njit(parallel=True, fastmath=True)
    def diffuse(result, c, gz, gy, gx, epsilon, rate):  # type: ignore[no-untyped-def]
        nz, ny, nx = c.shape
        nothing = np.float32(0)
        for z in numba.prange(nz):
            for y in range(ny):
                for x in range(nx):
                    here = c[z, y, x]
                    net = gx[z, y, x] * ((c[z, y, x - 1] if x > 0 else nothing) - here)
                    net += gx[z, y, x + 1] * ((c[z, y, x + 1] if x < nx - 1 else nothing) - here)
                    net += gy[z, y, x] * ((c[z, y - 1, x] if y > 0 else nothing) - here)
                    net += gy[z, y + 1, x] * ((c[z, y + 1, x] if y < ny - 1 else nothing) - here)
                    net += gz[z, y, x] * ((c[z - 1, y, x] if z > 0 else nothing) - here)
                    net += gz[z + 1, y, x] * ((c[z + 1, y, x] if z < nz - 1 else nothing) - here)
                    result[z, y, x] = rate * (net / epsilon[z, y, x])

    result = np.empty_like(a["c"])
    arguments = a["c"], a["gz"], a["gy"], a["gx"], a["epsilon"], np.float32(rate)
    return lambda: diffuse(result, *arguments), lambda: result


def jax_slices(a: Arrays, rate: float) -> Peer:
    import jax

    diffuse = jax.jit(
        lambda c, gz, gy, gx, epsilon: (
            rate * net_inflow(c, gz, gy, gx, lambda c: jax.numpy.pad(c, 1)) / epsilon
        )
    )
    arrays = [jax.device_put(a[name]) for name in ("c", "gz", "gy", "gx", "epsilon")]
    return lambda: diffuse(*arrays).block_until_ready(), lambda: np.asarray(diffuse(*arrays))


def torch_slices(a: Arrays, rate: float) -> Peer:
    import torch

    where = "cuda" if torch.cuda.is_available() else "cpu"
    c, gz, gy, gx, epsilon = (torch.from_numpy(a[n]).to(where) for n in ("c", "gz", "gy", "gx", "epsilon"))

    def diffuse() -> Any:
        net = net_inflow(c, gz, gy, gx, lambda c: torch.nn.functional.pad(c, (1,) * 6))
        done = rate * net / epsilon
        if where == "cuda":
            torch.cuda.synchronize()
        return done

    return diffuse, lambda: diffuse().cpu().numpy()


def stencil_peers(compiler: str | None) -> dict[str, Callable[[Arrays, float], Peer]]:
    """Every way to do the stencil, by name."""
    peers: dict[str, Callable[[Arrays, float], Peer]] = {
        "NumPy slices": numpy_slices,
        "Numba loops": numba_loops,
        "JAX, jit": jax_slices,
        "PyTorch slices": torch_slices,
    }
    if compiler:
        peers["plain C loop"] = lambda a, rate: plain_c(a, rate, compiler)
    return peers


def scipy_jacobi(matrix: Any, source: np.ndarray) -> float:
    from scipy import sparse

    return _scipy(matrix, source, lambda: sparse.diags_array(1 / matrix.diagonal()))


def scipy_pyamg(matrix: Any, source: np.ndarray) -> float:
    import pyamg
    from scipy import sparse

    smoothed = pyamg.smoothed_aggregation_solver
    return _scipy(matrix, source, lambda: smoothed(sparse.csr_matrix(matrix)).aspreconditioner())


def _scipy(matrix: Any, source: np.ndarray, preconditioner: Callable[[], Any]) -> float:
    from scipy.sparse.linalg import cg

    start = time.perf_counter()
    _, failed = cg(matrix, source, rtol=1e-8, maxiter=20_000, M=preconditioner())
    if failed:
        raise RuntimeError("a peer did not converge")
    return time.perf_counter() - start


def cupy_jacobi(matrix: Any, source: np.ndarray) -> float:
    import cupy
    from cupyx.scipy.sparse import csr_matrix, diags
    from cupyx.scipy.sparse.linalg import cg

    on_gpu, right = csr_matrix(matrix), cupy.asarray(source)
    inverse = diags(1 / on_gpu.diagonal())
    for _ in range(2):  # the first compiles
        cupy.cuda.Device().synchronize()
        start = time.perf_counter()
        _, failed = cg(on_gpu, right, rtol=1e-8, maxiter=20_000, M=inverse)
        cupy.cuda.Device().synchronize()
        seconds = time.perf_counter() - start
    if failed:
        raise RuntimeError("a peer did not converge")
    return seconds


PRESSURE_PEERS: dict[str, Callable[[Any, np.ndarray], float]] = {
    "SciPy CG, Jacobi": scipy_jacobi,
    "SciPy CG, PyAMG": scipy_pyamg,
    "CuPy CG, Jacobi": cupy_jacobi,
}
"""Seconds to solve the sparse system to 1e-8, set-up of the preconditioner included."""
