#!/usr/bin/env python3
"""How fast a pressure solve and a transport step are here, as ratios taken in one run.

    scripts/benchmark.py [--size 128] [--devices native numpy] [--precision float32] [--peers] [--json FILE]

The unit is the copy of one voxel field at the rate of a large STREAM-like copy by the same device (2 × 4 bytes a voxel
in float32), so that "a step costs 30 copies" holds on any machine. Every figure is the median of several repetitions.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.device.twin import Device
from tumorsim.flow.medium import make_medium
from tumorsim.flow.pressure import Flow, FluidProperties, solve_flow
from tumorsim.grid import Grid
from tumorsim.tissue.properties import PRESETS
from tumorsim.transport.stepper import Stepper, TransportProperties


class ConstantPlasma:
    """Plasma concentration 1 at all times."""

    def mean(self, start: float, end: float) -> float:
        return 1.0


def median_seconds(work: Callable[[], object], device: Device, *, repeats: int) -> float:
    """Median wall time of ``work`` after one run to warm up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        wait_for(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def wait_for(device: Device) -> None:
    """A GPU returns before it is done."""
    if device.name == "cuda":
        import cupy

        cupy.cuda.Device().synchronize()


STREAM_BYTES = 256 * 2**20
"""Size of the arrays of the copy: larger than any cache."""


def copy_rate(device: Device, real: np.dtype) -> float:
    """Values per second that a copy of a large array reaches, on all cores or the GPU."""
    count = STREAM_BYTES // real.itemsize
    source, target = (device.zeros((count,), real) for _ in range(2))
    if device.name == "cuda":
        return count / median_seconds(lambda: target.__setitem__(..., source), device, repeats=10)
    cores = len(os.sched_getaffinity(0))
    parts = list(zip(np.array_split(target, cores), np.array_split(source, cores), strict=True))
    with ThreadPoolExecutor(cores) as pool:
        return count / median_seconds(
            lambda: list(pool.map(lambda p: np.copyto(*p), parts)), device, repeats=10
        )


def sphere(grid: Grid) -> tuple[FluidProperties, TransportProperties]:
    """A tumour of 0.7 of the box, 100 times as conductive as what is around it; Doxil-like particles.

    Only the tumour has vessels: elsewhere nothing absorbs fluid, which is the harder case for a solver.
    """
    inside = grid.distance(grid.center) < 0.35 * grid.size[0]
    tumour = PRESETS["tumour"]
    oncotic = tumour.plasma_oncotic_pressure - tumour.interstitial_oncotic_pressure
    fluid = FluidProperties(
        hydraulic_conductivity=tumour.hydraulic_conductivity * np.where(inside, 1.0, 0.01),
        vessel_filtration=tumour.wall_hydraulic_conductivity * tumour.vessel_area_density * inside,
        vascular_effective_pressure=tumour.vascular_pressure
        - tumour.protein_reflection_coefficient * oncotic,
    )
    particles = TransportProperties(
        available_fraction=np.where(inside, 0.3, 0.15),
        diffusivity=2.6e-13,
        wall_permeability_density=np.where(inside, 2e-10 * 2e4, 0.0),
        wall_reflection=np.where(inside, 0.5, 1.0),
    )
    return fluid, particles


def measure(name: str, grid: Grid, precision: str) -> dict[str, float | str]:
    """All figures of one device."""
    device, _ = select_device(name)
    fluid, particles = sphere(grid)
    boundaries = Boundaries.uniform(0.0)
    flows: list[Flow] = []

    def solve() -> None:
        flows.append(solve_flow(device, grid, fluid, boundaries, tolerance=1e-8, precision=precision))

    copy = grid.voxels / copy_rate(device, np.dtype(precision))
    pressure = median_seconds(solve, device, repeats=1 if name == "numpy" else 3)
    stepper = Stepper(
        device, grid, flow=flows[-1], properties=particles, boundaries=Boundaries(), precision=precision
    )
    state, plasma = stepper.start(), ConstantPlasma()
    step = median_seconds(
        lambda: stepper.step(state, 0.0, stepper.step_size, plasma),
        device,
        repeats=3 if name == "numpy" else 10,
    )
    itemsize = np.dtype(precision).itemsize
    return {
        "device": name,
        "description": device.description,
        "copy_GB_per_s": 2 * itemsize * grid.voxels / copy / 1e9,
        "pressure_seconds": pressure,
        "pressure_iterations": flows[-1].iterations,
        "pressure_copies": pressure / copy,
        "step_milliseconds": step * 1e3,
        "step_Mvoxel_per_s": grid.voxels / step / 1e6,
        "step_copies": step / copy,
    }


def pressure_matrix(grid: Grid, boundaries: Boundaries) -> tuple[Any, np.ndarray]:
    """The benchmark's pressure equation as a sparse matrix and its right-hand side, for the peers."""
    from scipy import sparse

    device, _ = select_device("numpy")
    fluid, _ = sphere(grid)
    absorption = fluid.map("vessel_filtration", grid.shape) + fluid.map("lymphatic_filtration", grid.shape)
    conductivity = np.array(fluid.map("hydraulic_conductivity", grid.shape))
    medium = make_medium(device, grid, conductivity, absorption, boundaries, dtype=np.float64)
    number = np.arange(grid.voxels).reshape(grid.shape)
    diagonal, rows, columns, values = absorption.copy(), [], [], []
    for axis, (conductance, h) in enumerate(zip(medium.conductance, grid.spacing, strict=True)):
        strength, along = np.moveaxis(conductance, axis, 0) / h, np.moveaxis(number, axis, 0)
        np.moveaxis(diagonal, axis, 0)[...] += strength[1:] + strength[:-1]
        pairs = along[:-1].ravel(), along[1:].ravel()
        rows += [*pairs]
        columns += [*pairs[::-1]]
        values += [-strength[1:-1].ravel()] * 2
    matrix = sparse.csr_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(grid.voxels,) * 2
    )
    matrix = (matrix + sparse.diags_array(diagonal.ravel())).tocsr()
    source = fluid.map("vessel_filtration", grid.shape) * fluid.vascular_effective_pressure
    return matrix, source.ravel()


def measure_peers(grid: Grid) -> dict[str, float]:
    """Seconds that SciPy's conjugate gradients take for the same pressure to 1e-8, with two preconditioners."""
    from scipy import sparse
    from scipy.sparse.linalg import cg

    matrix, source = pressure_matrix(grid, Boundaries.uniform(0.0))

    def solve(preconditioner: Callable[[], Any]) -> float:
        start = time.perf_counter()
        _, failed = cg(matrix, source, rtol=1e-8, maxiter=20_000, M=preconditioner())
        if failed:
            raise SystemExit("a peer did not converge")
        return time.perf_counter() - start

    found = {"SciPy CG, Jacobi": solve(lambda: sparse.diags_array(1 / matrix.diagonal()))}
    try:
        import pyamg
    except ImportError:
        print("PyAMG is not installed (pip install pyamg): left out")
    else:
        smoothed = pyamg.smoothed_aggregation_solver
        found["SciPy CG, PyAMG smoothed aggregation"] = solve(
            lambda: smoothed(sparse.csr_matrix(matrix)).aspreconditioner()
        )
    return found


LINE = (
    "{device:8} {copy_GB_per_s:6.1f} GB/s {pressure_seconds:8.2f} s {pressure_iterations:4d} iterations"
    " {pressure_copies:6.0f} × {step_milliseconds:10.1f} ms {step_Mvoxel_per_s:7.1f} Mvoxel/s {step_copies:6.1f} ×"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=128, help="voxels along each axis")
    parser.add_argument("--devices", nargs="+", default=["native", "numpy"])
    parser.add_argument("--precision", choices=["float32", "float64"], default="float32")
    parser.add_argument("--peers", action="store_true", help="also solve the pressure with SciPy and PyAMG")
    parser.add_argument("--json", metavar="FILE", help="also write the figures to FILE")
    chosen = parser.parse_args()

    grid = Grid((chosen.size,) * 3, (6e-3 / chosen.size,) * 3)
    rows = [measure(name, grid, chosen.precision) for name in chosen.devices]
    print(f"{grid!r}, {chosen.precision}")
    print(f"{'':8} {'copy':>10} {'pressure solve':>32} {'transport step':>38}")
    for row in rows:
        print(LINE.format(**row))
    print("× counts copies of one field")
    if len(rows) > 1:
        first, last = rows[0], rows[-1]
        for part, key in (("pressure solve", "pressure_seconds"), ("transport step", "step_milliseconds")):
            print(
                f"{part}: {first['device']} is {last[key] / first[key]:.1f} times as fast as {last['device']}"
            )
    peers = measure_peers(grid) if chosen.peers else {}
    for name, seconds in peers.items():
        ratios = ", ".join(f"{seconds / row['pressure_seconds']:.1f} × {row['device']}" for row in rows)
        print(f"{name}: {seconds:.2f} s, {ratios}")
    if chosen.json:
        figures = {"size": chosen.size, "precision": chosen.precision, "devices": rows, "peers": peers}
        with open(chosen.json, "w") as file:
            json.dump(figures, file, indent=2)


if __name__ == "__main__":
    main()
