"""Whatever the tissue: the books of the transport close, no pool falls below zero, no site is taken twice."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tumorsim.boundaries import FACES, Boundaries
from tumorsim.device.select import select_device
from tumorsim.grid import Grid
from tumorsim.sinks.ledger import TOLERANCE
from tumorsim.transport.stepper import Kinetics, Stepper, TransportProperties

DEVICE, _ = select_device("auto")


@dataclass(frozen=True)
class Flow:
    """Face velocities (z, y, x), φ_v and φ_L."""

    velocity: tuple
    filtration: object
    lymph_drainage: object


@dataclass(frozen=True)
class Dose:
    """A level of plasma that changes from step to step."""

    level: float

    def mean(self, t0, t1):
        return self.level * (1 + np.sin(37 * t0))


def random_flow(random, grid, precision, *, speed):
    """Any velocity, with the vessels and lymphatics that its divergence asks for, and some of both besides."""
    velocity = [speed * random.normal(size=grid.face_shape(axis)) for axis in range(3)]
    divergence = sum(np.diff(u, axis=axis) / grid.spacing[axis] for axis, u in enumerate(velocity))
    besides = speed * random.random(grid.shape) * (random.random(grid.shape) < 0.5)
    filtration, drained = np.maximum(divergence, 0) + besides, np.maximum(-divergence, 0) + besides
    uploaded = [DEVICE.upload(a, np.dtype(precision)) for a in (*velocity, filtration, drained)]
    return Flow(tuple(uploaded[:3]), *uploaded[3:])


def in_places(random, grid, part, high=1.0):
    """A random map that is 0 in a part of the voxels."""
    return high * random.random(grid.shape) * (random.random(grid.shape) < part)


def offered(grid, flow, properties, boundaries):
    """Amount per time that comes in through the faces of the box, gross."""
    total = 0.0
    coefficient = np.broadcast_to(properties.available_fraction * properties.diffusivity, grid.shape)
    for face, value in enumerate(boundaries.values):
        axis, high = divmod(face, 2)
        end, h = -high, grid.spacing[axis]
        inward = np.maximum((1 - 2 * high) * DEVICE.download(flow.velocity[axis]).take(end, axis), 0)
        diffused = 2 * coefficient.take(end, axis) / h
        total += (value or 0.0) * (inward + diffused).sum() * grid.voxel_volume / h
    return total


def balance(stepper, state, plasma, *, dt, steps, inflow=0.0):
    """Step, and compare what came with what is there and what left: the imbalance relative to what came.

    ``inflow`` is what comes in through the box per time.
    """
    volume = stepper.grid.voxel_volume
    initial = sum(pool.sum() for pool in stepper.pools(state).values()) * volume
    for k in range(steps):
        stepper.step(state, k * dt, dt, plasma)
    held = sum(pool.sum() for pool in stepper.pools(state).values()) * volume
    passed = stepper.amounts(state)
    gone = sum(passed[term] for term in ("returned", "lymph", "boundary", "decayed", "degraded"))
    came = initial + passed["entered"] + inflow * dt * steps
    return abs(initial + passed["entered"] - held - gone) / came if came else abs(held + gone)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    shape=st.tuples(*[st.integers(1, 7)] * 3),
    seed=st.integers(0, 2**32 - 1),
    outside=st.tuples(*[st.sampled_from([None, 0.0, 0.5])] * 6),
    diffusivity=st.sampled_from([0.0, 0.01, 1.0, 30.0]),
    binding=st.sampled_from([(0.0, 0.0), (1.0, 0.1), (1e4, 0.0)]),
    cells=st.tuples(st.sampled_from([0.0, 0.3]), st.sampled_from([0.0, 1e-3]), st.sampled_from([0.0, 0.05])),
    limiter=st.sampled_from(["upwind", "van_leer", "koren"]),
    precision=st.sampled_from(["float32", "float64"]),
    coefficients=st.sampled_from(["as state", "float16"]),
)
def test_any_tissue_is_conserved_and_positive(
    shape, seed, outside, diffusivity, binding, cells, limiter, precision, coefficients
):
    random = np.random.default_rng(seed)
    grid = Grid(shape, (1.0, 0.7, 1.3))
    sites = in_places(random, grid, 0.7)
    if (
        precision == "float32"
    ):  # the rounding of 60 stages, 1e-6 of what drains from a single row, must average out
        diffusivity = min(diffusivity, 1.0)
    properties = TransportProperties(
        available_fraction=0.05 + 0.9 * random.random(shape),
        diffusivity=diffusivity * in_places(random, grid, 0.9),
        retardation=random.random(shape),
        wall_permeability_density=in_places(random, grid, 0.7),
        wall_reflection=random.random(shape),
        uptake_rate=in_places(random, grid, 0.5) if cells[0] else 0.0,
        binding_sites=sites if binding[0] else 0.0,
        kinetics=Kinetics(*binding, *cells),
    )
    flow = random_flow(random, grid, precision, speed=0.3)
    boundaries = Boundaries(**dict(zip(FACES, outside, strict=True)))
    stepper = Stepper(
        DEVICE, grid, flow=flow, properties=properties, boundaries=boundaries, limiter=limiter,
        precision=precision, coefficients=coefficients, max_step=2.0,
    )  # fmt: skip
    pools = {"free": in_places(random, grid, 0.5), "bound": in_places(random, grid, 0.5) * sites}
    state = stepper.start({name: pools[name] for name in (("free", "bound") if binding[0] else ("free",))})
    inflow = offered(grid, flow, properties, boundaries)
    error = balance(stepper, state, Dose(0.8), dt=stepper.step_size, steps=6, inflow=inflow)
    assert error <= TOLERANCE[precision]
    held = stepper.pools(state)
    assert all(np.isfinite(pool).all() and (pool >= 0).all() for pool in held.values())
    if binding[0]:
        assert (held["bound"] <= sites.astype(precision)).all()


def source_flow(grid, precision, rate):
    """Fluid from vessels everywhere, leaving along all axes in proportion to the distance from a corner."""
    faces = []
    for axis, (n, h) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        along = rate / 3 * h * np.arange(n + 1).reshape([-1 if k == axis else 1 for k in range(3)])
        faces.append(DEVICE.upload(np.broadcast_to(along, grid.face_shape(axis)), np.dtype(precision)))
    fields = [DEVICE.upload(np.full(grid.shape, r), np.dtype(precision)) for r in (1.2 * rate, 0.2 * rate)]
    return Flow(tuple(faces), *fields)


@pytest.mark.parametrize("uniform", [True, False])
def test_float32_does_not_drift_in_a_long_run(uniform):
    """1500 steps. Rounded to nearest, a uniform tissue would lose or win some 3e-8 in each step, 4e-5 in all; dithered,
    the errors add up like a random walk over 8·8·8 voxels, to about 2e-7."""
    grid = Grid((8, 8, 8), (50e-6,) * 3)
    random = np.random.default_rng(5)
    varying = 1.0 if uniform else np.exp(random.normal(size=grid.shape))
    properties = TransportProperties(
        available_fraction=0.3, diffusivity=2.6e-13 * varying, wall_permeability_density=4e-6 * varying,
        wall_reflection=0.5, uptake_rate=1e-6, binding_sites=0.05,
        kinetics=Kinetics(binding_on=1e-3, binding_off=1e-4, internalisation=1e-5, degradation=1e-6, decay=1e-6),
    )  # fmt: skip
    stepper = Stepper(
        DEVICE, grid, flow=source_flow(grid, "float32", 3e-5), properties=properties, boundaries=Boundaries()
    )
    error = balance(stepper, stepper.start(), Dose(1.0), dt=60.0, steps=1500)
    assert error < 5e-7


def test_slow_loss_is_not_lost_in_rounding():
    """Decay by 1e-8 a step is a sixth of the last digit of float32; the mean of the pools follows it all the same."""
    grid = Grid((16, 16, 16), (1.0,) * 3)
    flow = source_flow(grid, "float32", 0.0)
    kinetics = Kinetics(binding_on=1e-30, decay=1e-8)
    properties = TransportProperties(
        available_fraction=0.3, diffusivity=0.0, wall_permeability_density=0.0, wall_reflection=0.0,
        binding_sites=1.0, kinetics=kinetics,
    )  # fmt: skip
    stepper = Stepper(DEVICE, grid, flow=flow, properties=properties, boundaries=Boundaries())
    state = stepper.start({"free": np.full(grid.shape, 0.2), "bound": np.full(grid.shape, 0.7)})
    before = stepper.pools(state)
    for k in range(300):
        stepper.step(state, float(k), 1.0, Dose(0.0))
    after = stepper.pools(state)
    for pool in ("free", "bound"):
        lost = 1 - after[pool].mean() / before[pool].mean()
        assert lost == pytest.approx(3e-6, rel=0.1)  # a walk of 600 roundings over 4096 voxels: some 3 %
