#!/usr/bin/env python3
"""How fast everything is here, in one call: bandwidths, kernels, steps, pressure, a run, and peers on the same work.

    scripts/benchmark.py [--device native ...] [--sizes 64 128] [--peers] [--json FILE] [--compare OLD.json]
    scripts/benchmark.py --network 10000 100000     what vessel networks of so many segments take instead

A kernel's bound is the time in which a loop that does no more than add up as many arrays of that size goes over them:
every array the kernel needs read or written once, caches having done all they can. Where there is no C compiler, and on
a GPU, it is the time in which a triad of large arrays, a ← b + ½c, moves as many bytes. The share of the bound is that
time over the one taken.
Times are the best of several repetitions, for others may use the machine. With peers it takes about four minutes.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import peers

import tumorsim
from tumorsim.boundaries import NOTHING_OUTSIDE, Boundaries
from tumorsim.device.native import find_compiler
from tumorsim.device.select import select_device
from tumorsim.device.twin import Array, Device
from tumorsim.errors import DeviceError
from tumorsim.flow.medium import make_medium
from tumorsim.flow.pressure import Flow, FluidProperties, solve_flow
from tumorsim.grid import Grid
from tumorsim.operators.advect import LIMITERS, advect
from tumorsim.operators.bind import bind
from tumorsim.operators.chebyshev_start import chebyshev_start
from tumorsim.operators.chebyshev_step import chebyshev_step
from tumorsim.operators.collect import collect
from tumorsim.operators.internalise import internalise
from tumorsim.operators.pressure_operator import pressure_operator
from tumorsim.operators.tally import tally
from tumorsim.operators.transport_stage import transport_stage
from tumorsim.tissue.properties import PRESETS
from tumorsim.transport.stepper import Stepper, TransportProperties
from tumorsim.vessels.blood_flow import blood_flow
from tumorsim.vessels.generate import CONTROL_SEGMENTS, generate_network
from tumorsim.vessels.rasterise import rasterise

STREAM = 64 * 2**20
"""Values of the arrays that bandwidth is measured with: larger than any cache."""
BUDGET = 0.5
"""Seconds within which a figure is measured again and again."""
PLACES = 3
"""How often the arrays of a bound are put into memory anew, for some places are slow."""
WHOLE = {"native": 128, "cuda": 256, "numpy": 64}
"""Largest size at which pressure, steps and float64 are measured too."""
SIZES = {"native": [8, 64, 128, 256], "cuda": [8, 64, 128, 256, 512], "numpy": [64]}
RUN = ["domain.spacing=100 um", "run.duration=4 h"]
"""What the short run changes in configs/quickstart.toml."""


@dataclass(frozen=True)
class Figure:
    """One measurement; ``bytes`` is what it must move and ``bound`` how long that takes, where that says anything."""

    name: str
    seconds: float
    voxels: int | None = None
    bytes: float | None = None
    bound: float | None = None
    note: str = ""


def best_seconds(work: Callable[[], object], device: Device) -> float:
    """The shortest wall time of ``work``, repeated within BUDGET; short work is timed in batches."""
    work()
    wait_for(device)
    count, best, deadline = 1, float("inf"), time.perf_counter() + BUDGET
    for repeat in range(50):
        start = time.perf_counter()
        for _ in range(count):
            work()
        wait_for(device)
        best = min(best, (time.perf_counter() - start) / count)
        if repeat == 0:
            count = max(1, int(2e-3 / best))
        elif time.perf_counter() > deadline:
            break
    return best


def wait_for(device: Device) -> None:
    """A GPU returns before it is done."""
    if device.name == "cuda":
        import cupy

        cupy.cuda.Device().synchronize()


def bandwidths(device: Device) -> dict[str, float]:
    """Bytes per second of a copy and of a triad of large float32 arrays."""
    a, b, c = (ones(device, STREAM) for _ in range(3))
    copy, triad = stream_loops(device, a, b, c)
    times = {"copy": 8 / best_seconds(copy, device), "triad": 12 / best_seconds(triad, device)}
    return {name: per_value * STREAM for name, per_value in times.items()}


def ones(device: Device, count: int) -> Array:
    """An array that has been written to: untouched memory is one page of zeros, which is always in the cache."""
    return device.upload(np.ones(count, np.float32))


def stream_loops(device: Device, a: Array, b: Array, c: Array) -> tuple[Callable[[], object], ...]:
    """The two loops: of CuPy on a GPU, in C on all cores, or of NumPy where there is no compiler."""
    if device.name == "cuda":
        import cupy

        kernel = cupy.ElementwiseKernel("float32 b, float32 c", "float32 a", "a = b + 0.5f * c", "triad")
        return lambda: cupy.copyto(a, b), lambda: kernel(b, c, a)
    compiler = find_compiler()
    if compiler is None:
        return lambda: np.copyto(a, b), lambda: np.add(b, c, out=a)
    loops, (pa, pb, pc) = peers.c_library(compiler), map(peers.pointer, (a, b, c))
    count = peers.ctypes.c_long(STREAM)
    return lambda: loops.copy(pa, pb, count), lambda: loops.triad(pa, pb, pc, count)


class Bounds:
    """How long memory takes to give and take so many arrays of one size, on one device."""

    def __init__(self, device: Device, triad: float):
        self._device, self._triad = device, triad
        self._found: dict[tuple[int, int], float] = {}

    def seconds(self, arrays: int, size: int) -> float:
        """For arrays of ``size`` bytes, one of which is written."""
        compiler = find_compiler()
        if self._device.name != "native" or compiler is None:
            return arrays * size / self._triad
        if (arrays, size) not in self._found:
            self._found[arrays, size] = min(self._summed(arrays, size // 4, compiler) for _ in range(PLACES))
        return self._found[arrays, size]

    def _summed(self, arrays: int, values: int, compiler: str) -> float:
        result, *terms = [ones(self._device, values) for _ in range(arrays)]
        loop, places = peers.c_library(compiler).sum_of, (peers.ctypes.c_void_p * len(terms))
        arguments = peers.pointer(result), places(*(t.ctypes.data for t in terms)), len(terms)
        return best_seconds(lambda: loop(*arguments, peers.ctypes.c_long(values)), self._device)


class Fields:
    """Random arrays of one grid and precision on a device."""

    def __init__(self, device: Device, grid: Grid, real: np.dtype):
        self.device, self.grid, self.real = device, grid, real
        self._random = np.random.default_rng(7)

    def field(self, shape: tuple[int, ...] | None = None) -> Array:
        host = self._random.random(shape or self.grid.shape, dtype=np.float32) + np.float32(0.1)
        return self.device.upload(host, self.real)

    def faces(self, name: str, offset: float = 0.0) -> dict[str, Array]:
        """Arrays on z, y and x faces under a kernel's names, from ``offset`` to 1 more."""
        shapes = [self.grid.face_shape(axis) for axis in range(3)]
        return {
            f"{name}_{axis}": self.field(s) + self.real.type(offset)
            for axis, s in zip("zyx", shapes, strict=True)
        }

    def rows(self, *terms: int) -> Array:
        return self.device.zeros((*terms, *self.grid.shape[:2]), np.float64)


Work = tuple[str, int, Callable[[], object]]
"""Name, words of the precision per voxel that must be moved, and the launch."""


def advection_work(f: Fields) -> Iterator[Work]:
    """Both stages: C, three rates, ε and the result, which the second also reads."""
    arrays = {
        "result": f.field(),
        "booked": f.rows(),
        "concentration": f.field(),
        "available_fraction": f.field(),
    }
    arrays |= f.faces("rate", -0.6)
    for limiter, number in LIMITERS.items():
        for keep, words in ((0.0, 6), (0.5, 7)):
            scalars = {
                "outside": NOTHING_OUTSIDE,
                "limiter": number,
                "keep": keep,
                "weight": 0.5,
                "dt": 1e-3,
                "seed": 1,
            }
            yield (
                f"advect, {limiter}, stage {1 if keep == 0 else 2}",
                words,
                lambda s=scalars: advect(f.device, **arrays, **s),
            )


UNSCALED = {"conductance_scale": 1.0, "rate_scale": 1.0, "exchange_scale": 1.0}


def stage_work(f: Fields) -> Iterator[Work]:
    """Stages with δ twice, the result, L₀, three g and ε, and what may join; pairs of them; steps of two."""
    one, other, coefficients = f.field(), f.field(), f.faces("conductance")
    # where two stages run side by side, neither writes over what the other reads
    third, fourth = (one, other) if f.device.in_place else (f.field(), f.field())
    flow, wall = f.faces("rate", -0.6), {"extravasation": f.field(), "reabsorption": f.field()}
    no_flow, no_wall = dict.fromkeys(flow), dict.fromkeys(wall)
    halves = {
        name: f.device.upload(f.device.download(array), np.float16)
        for name, array in {**coefficients, **flow, **wall}.items()
    }
    scalars = {"outside": NOTHING_OUTSIDE, "first": False, "again": 0.1, "rate": 1e-3, "start_weight": 1e-3}
    scalars |= {"part": 1.0, "plasma": 0.3, "weight": 0.1, "seed": 1, **UNSCALED}
    common = {"start_rate": f.field(), "booked": f.rows(4), "available_fraction": f.field()}
    common |= {**coefficients, **scalars}
    common |= dict.fromkeys(("captured", "start", "lymph_drainage", "capture", "source"))
    for name, words, terms in (
        ("diffusion", 8, no_flow | no_wall),
        ("exchange", 10, no_flow | wall),
        ("exchange and flow", 13, flow | wall),
        ("exchange and flow in 16 bits", 13 - 4, halves),
    ):
        stage = {**common, **terms, "result": third, "last": other, "before_last": one}
        after = {**stage, "result": fourth, "last": third, "before_last": other}
        yield f"stage, {name}", words, lambda s=stage: transport_stage(f.device, **s)
        yield f"two stages, {name}", words + 1, lambda s=stage, a=after: transport_stage.twice(f.device, s, a)
        start = {
            **stage,
            "start_rate": None,
            "before_last": None,
            "first": True,
            "last": one,
            "result": other,
        }
        end = {**start, "first": False, "start": one, "last": other, "result": one}
        if not f.device.in_place:  # nobody reads the first stage again
            start["result"], end["result"] = None, other
        words -= 2 if f.device.in_place else 3
        yield (
            f"step of two stages, {name}",
            words + 1,
            lambda s=start, e=end: transport_stage.twice(f.device, s, e),
        )
    last = {
        **common,
        **no_flow,
        **wall,
        "result": third,
        "last": other,
        "before_last": one,
        "start": f.field(),
    }
    yield "last stage, exchange", 11, lambda: transport_stage(f.device, **last)


def reaction_work(f: Fields) -> Iterator[Work]:
    free, bound, cells, sites, epsilon = (f.field() for _ in range(5))
    rates = {"internalisation": 1e-3, "degradation": 1e-3, "decay": 1e-3, "dt": 1e-3, "seed": 1}
    on = {"binding_on": 1e-3, "binding_off": 1e-3, "limited": True, "dt": 1e-3, "seed": 1}
    yield "bind", 6, lambda: bind(f.device, free, bound, sites, epsilon, **on)
    rows = f.rows(2)
    yield "internalise", 7, lambda: internalise(f.device, free, bound, cells, rows, epsilon, **rates)
    exposure, before, peak = (f.field() for _ in range(3))
    yield "tally", 7, lambda: tally(f.device, exposure, before, peak, free, half_step=1e-3, seed=1)
    yield "collect", 3, lambda: collect(f.device, cells, sites, seed=1)


def pressure_work(f: Fields) -> Iterator[Work]:
    """The matrix on a vector, one step of the smoother (the new iterate over the one before last), the first two."""
    coefficients = {**f.faces("conductance"), "absorption": f.field(), "spacing": (1.0, 1.0, 1.0)}
    one, other, source, inverse, rows = f.field(), f.field(), f.field(), f.field(), f.rows()
    direction = other.astype(np.float32)
    weights = {"weight_newer": 1.2, "weight_older": -0.2, "step": 0.1}
    yield (
        "pressure operator",
        6,
        lambda: pressure_operator(f.device, one, rows, direction, outside=NOTHING_OUTSIDE, **coefficients),
    )
    yield (
        "smoother step",
        8,
        lambda: chebyshev_step(f.device, one, None, other, source, **coefficients, **weights),
    )
    start = {"first_step": 0.6, "weight": 1.2, "step": 0.1}
    yield (
        "smoother, first two steps",
        7,
        lambda: chebyshev_start(f.device, one, None, source, inverse, **coefficients, **start),
    )


def kernel_figures(device: Device, bounds: Bounds, size: int, precision: str) -> Iterator[Figure]:
    real, grid = np.dtype(precision), Grid((size,) * 3, (6e-3 / size,) * 3)
    for works in (advection_work, stage_work, reaction_work, pressure_work):
        for name, words, work in works(Fields(device, grid, real)):
            seconds = best_seconds(work, device)
            each = real.itemsize * grid.voxels
            bound = bounds.seconds(words, each)
            yield Figure(f"{size}³ {precision} {name}", seconds, grid.voxels, words * each, bound)


class ConstantPlasma:
    """Plasma concentration 1 at all times."""

    def mean(self, start: float, end: float) -> float:
        return 1.0


def sphere(grid: Grid, diffusivity: float) -> tuple[FluidProperties, TransportProperties]:
    """A tumour of 0.7 of the box, 100 times as conductive as what is around it, with agent of this diffusivity.

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
    agent = TransportProperties(
        available_fraction=np.where(inside, 0.3, 0.15),
        diffusivity=diffusivity,
        wall_permeability_density=np.where(inside, 2e-10 * 2e4, 0.0),
        wall_reflection=np.where(inside, 0.5, 1.0),
    )
    return fluid, agent


AGENTS = {"particle": 2.6e-13, "small drug": 1e-10}
"""Diffusivities of what the steps carry, m²/s: a step of the drug takes many stages."""


def solver_figures(device: Device, size: int, precision: str) -> Iterator[Figure]:
    """The pressure to 1e-8 with its set-up, and the longest step of two agents."""
    grid = Grid((size,) * 3, (6e-3 / size,) * 3)
    fluid, _ = sphere(grid, 0.0)
    flows: list[Flow] = []

    def solve() -> None:
        flows[:] = [solve_flow(device, grid, fluid, Boundaries.uniform(0.0), precision=precision)]

    seconds = best_seconds(solve, device)
    yield Figure(
        f"{size}³ {precision} pressure", seconds, grid.voxels, note=f"{flows[-1].iterations} iterations"
    )
    for name in AGENTS:
        yield step_figure(device, grid, flows[-1], name, precision)


def step_figure(device: Device, grid: Grid, flow: Flow, name: str, precision: str) -> Figure:
    _, agent = sphere(grid, AGENTS[name])
    stepper = Stepper(device, grid, flow=flow, properties=agent, boundaries=Boundaries(), precision=precision)
    state, plasma = stepper.start(), ConstantPlasma()
    seconds = best_seconds(lambda: stepper.step(state, 0.0, stepper.step_size, plasma), device)
    whole = f"{grid.shape[0]}³ {precision} step of a {name}"
    return Figure(whole, seconds, grid.voxels, note=f"over {stepper.step_size:.0f} s")


def run_figure(name: str) -> Figure:
    """A whole short run of the quickstart with its outputs, kernels being compiled already."""
    with tempfile.TemporaryDirectory() as folder:
        case = tumorsim.load(Path(__file__).parents[1] / "configs/quickstart.toml", overrides=RUN)
        start = time.perf_counter()
        tumorsim.simulate(case, out=Path(folder, "run.vtkhdf"), device=name)
        return Figure(f"quickstart with {', '.join(RUN)}", time.perf_counter() - start)


def stencil_figures(device: Device, bounds: Bounds, size: int) -> Iterator[Figure]:
    """The first stage without exchange on the device, and the same numbers by every peer that is installed."""
    f = Fields(device, Grid((size,) * 3, (1.0,) * 3), np.dtype(np.float32))
    result, c, epsilon, faces, rate = f.field(), f.field(), f.field(), f.faces("conductance"), 0.01
    arguments = {"result": result, "booked": f.rows(4), "last": c, "available_fraction": epsilon, **faces}
    arguments |= {"outside": NOTHING_OUTSIDE, "first": True, "again": 0.0, "rate": rate, "start_weight": 0.0}
    arguments |= {"part": 1.0, "plasma": 0.0, "weight": 1.0, "seed": 1, **UNSCALED}
    arguments |= dict.fromkeys(set(transport_stage.signature.parameters) - arguments.keys())
    whole = f"{size}³ float32 diffusion,"
    voxels, moved, bound = f.grid.voxels, 24.0 * f.grid.voxels, bounds.seconds(6, 4 * f.grid.voxels)
    yield Figure(
        f"{whole} tumorsim",
        best_seconds(lambda: transport_stage(device, **arguments), device),
        voxels,
        moved,
        bound,
    )
    host = {"c": c, "epsilon": epsilon} | {f"g{axis}": faces[f"conductance_{axis}"] for axis in "zyx"}
    host = {name: device.download(array) for name, array in host.items()}
    expected = device.download(result)
    for name, peer in peers.stencil_peers(find_compiler()).items():
        try:
            work, fetch = peer(host, rate)
        except ImportError:
            print(f"{name}: not installed, left out", file=sys.stderr)
            continue
        seconds = best_seconds(work, device)
        if np.abs(fetch() - expected).max() > 1e-6:
            raise SystemExit(f"{name} computes something else")
        yield Figure(f"{whole} {name}", seconds, voxels, moved, bound)


def pressure_peer_figures(size: int) -> Iterator[Figure]:
    """SciPy's and CuPy's conjugate gradients for the same pressure to 1e-8, as far as they are installed."""
    grid = Grid((size,) * 3, (6e-3 / size,) * 3)
    matrix, source = pressure_matrix(grid, Boundaries.uniform(0.0))
    for name, solve in peers.PRESSURE_PEERS.items():
        try:
            yield Figure(f"{size}³ float64 pressure, {name}", solve(matrix, source), grid.voxels)
        except ImportError:
            print(f"{name}: not installed, left out", file=sys.stderr)


def pressure_matrix(grid: Grid, boundaries: Boundaries) -> tuple[Any, np.ndarray]:
    """The benchmark's pressure equation as a sparse matrix and its right-hand side, for the peers."""
    from scipy import sparse

    device, _ = select_device("numpy")
    fluid, _ = sphere(grid, 0.0)
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


def network_figures(segments: int) -> Iterator[Figure]:
    """A generated network in its tumour at 12.3 µm a voxel, 256³ at most: its steps, then all from a config."""
    edge = (segments / 2 / CONTROL_SEGMENTS) ** (1 / 3)  # each is bent into two
    side = min(256, round(edge / 12.3e-6))
    box, grid = (edge, edge, edge), Grid((side,) * 3, (edge / side,) * 3)
    network = generate_network(box)
    size = f"domain.size={[f'{edge * 1e6:.6f} um'] * 3}", f"domain.spacing={edge / side * 1e6:.8f} um"
    case = tumorsim.load(Path(__file__).parents[1] / "configs/generated_tumour.toml", overrides=size)
    for name, work in (
        ("generate", lambda: generate_network(box)),
        ("blood flow", lambda: blood_flow(network)),
        ("phase separation", lambda: blood_flow(network, phase_separation=True)),
        ("estimated ends", lambda: blood_flow(replace(network, pressure=None), boundary="estimated")),
        ("rasterise", lambda: rasterise(blood_flow(network), grid)),
        ("two-way pressure with all before it", lambda: case.network),
    ):
        start, busy = time.perf_counter(), time.process_time()
        work()
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        note = f"{busy:.2f} s of a core, peak {peak:.1f} GB so far"
        yield Figure(f"{segments} segments in {side}³: {name}", seconds, note=note)


def figures_of(device: Device, bounds: Bounds, sizes: list[int], *, with_peers: bool) -> Iterator[Figure]:
    """Everything about one device."""
    whole = [size for size in sizes if 8 < size <= WHOLE[device.name]]
    for size in sizes:
        yield from kernel_figures(device, bounds, size, "float32")
    for size in whole[-1:]:
        yield from kernel_figures(device, bounds, size, "float64")
    for size in whole:
        yield from solver_figures(device, size, "float32")
    if device.name != "numpy":
        yield run_figure(device.name)
    if with_peers and whole:
        yield from stencil_figures(device, bounds, whole[-1])
        yield from pressure_peer_figures(min(whole[-1], 128))


def line(figure: Figure) -> str:
    """A figure in words: time, voxels per second, rate of memory, share of the bound."""
    text = f"  {figure.name:58} {figure.seconds * 1e3:11.4g} ms"
    if figure.voxels:
        text += f" {figure.voxels / figure.seconds / 1e9:8.3f} Gvoxel/s"
    if figure.bytes and figure.bound:
        rate = figure.bytes / figure.seconds
        text += f" {rate / 1e9:7.1f} GB/s, {figure.bound / figure.seconds:.2f} of the bound"
    return f"{text} {figure.note}".rstrip()


def measure(name: str, sizes: list[int] | None, *, with_peers: bool) -> dict[str, Any]:
    """Measure one device, telling as it goes."""
    device, _ = select_device(name)
    print(f"{device.name}: {device.description}; load {os.getloadavg()[0]:.1f}")
    rates = bandwidths(device)
    print("  " + ", ".join(f"{what} {rate / 1e9:.1f} GB/s" for what, rate in rates.items()))
    found = []
    bounds = Bounds(device, rates["triad"])
    for figure in figures_of(device, bounds, sizes or SIZES[device.name], with_peers=with_peers):
        print(line(figure), flush=True)
        found.append(asdict(figure))
    return {
        "device": device.name,
        "description": device.description,
        "load": [os.getloadavg()[0]],
        "bytes_per_second": rates,
        "figures": found,
    }


def compare(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    """Print how many times as fast everything is as it was, device by device."""
    before = {(d["device"], f["name"]): f["seconds"] for d in old for f in d["figures"]}
    rates = {d["device"]: d["bytes_per_second"]["triad"] for d in old}
    for d in new:
        if d["device"] not in rates:
            continue
        triad = d["bytes_per_second"]["triad"] / rates[d["device"]]
        print(f"{d['device']}: times as fast as before (the triad {triad:.2f})")
        for figure in d["figures"]:
            if (then := before.get((d["device"], figure["name"]))) is not None:
                print(f"  {figure['name']:58} {then / figure['seconds']:6.2f}")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", nargs="+", default=["auto"], help="auto, cuda, cuda:N, native, numpy")
    parser.add_argument("--sizes", nargs="+", type=int, help="voxels along each axis")
    parser.add_argument(
        "--peers", action="store_true", help="also time what else is installed, on the same work"
    )
    parser.add_argument(
        "--network",
        nargs="+",
        type=int,
        metavar="SEGMENTS",
        help="time vessel networks of this size, no more",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.add_argument("--compare", type=Path, metavar="OLD", help="print ratios to the figures in OLD")
    chosen = parser.parse_args(arguments)
    if chosen.network:
        for figure in (f for segments in chosen.network for f in network_figures(segments)):
            print(line(figure), flush=True)
        return
    old = json.loads(chosen.compare.read_text()) if chosen.compare else None
    try:
        found = [measure(name, chosen.sizes, with_peers=chosen.peers) for name in chosen.device]
    except DeviceError as error:
        raise SystemExit(str(error)) from None
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2))
    if old:
        compare(old, found)


if __name__ == "__main__":
    main()
