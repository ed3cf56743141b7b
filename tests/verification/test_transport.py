"""What transport must do besides keep its orders (which `tumorsim verify` and test_verify.py check)."""

from dataclasses import dataclass
from itertools import pairwise
from math import exp, sqrt

import numpy as np
import pytest

from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.grid import Grid
from tumorsim.operators.bind import bind
from tumorsim.operators.internalise import internalise
from tumorsim.transport.advection import Advection
from tumorsim.transport.stepper import Kinetics, Stepper, TransportProperties

DEVICE, _ = select_device("auto")


@dataclass(frozen=True)
class Flow:
    """A given flow: face velocities (z, y, x), φ_v and φ_L."""

    velocity: tuple[np.ndarray, np.ndarray, np.ndarray]
    filtration: np.ndarray
    lymph_drainage: np.ndarray


@dataclass(frozen=True)
class Dose:
    """Plasma that decays as e^{−kt} from ``start``."""

    start: float = 0.0
    k: float = 0.0

    def mean(self, t0, t1):
        if self.k == 0:
            return self.start
        return self.start * (exp(-self.k * t0) - exp(-self.k * t1)) / (self.k * (t1 - t0))


def uniform_flow(grid, velocity, *, filtration=0.0, lymph=0.0):
    """The same velocity (z, y, x) everywhere."""
    faces = tuple(DEVICE.upload(np.full(grid.face_shape(axis), float(u))) for axis, u in enumerate(velocity))
    return Flow(
        faces, DEVICE.upload(np.full(grid.shape, filtration)), DEVICE.upload(np.full(grid.shape, lymph))
    )


def expanding_flow(grid, *, filtration, lymph=0.0):
    """Fluid from vessels everywhere that leaves along x, ∇·u = φ_v − φ_L: u = (φ_v − φ_L) x."""
    x = grid.spacing[2] * np.arange(grid.shape[2] + 1)
    flow = uniform_flow(grid, (0, 0, 0), filtration=filtration, lymph=lymph)
    along = np.broadcast_to((filtration - lymph) * x, grid.face_shape(2))
    return Flow((*flow.velocity[:2], DEVICE.upload(along)), flow.filtration, flow.lymph_drainage)


def line(n, length=1.0):
    """A one-dimensional grid along x."""
    return Grid((1, 1, n), (1.0, 1.0, length / n))


def stepper(
    grid,
    flow,
    *,
    diffusivity=0.0,
    epsilon=1.0,
    boundaries=None,
    kinetics=None,
    cfl=0.4,
    max_step=1e30,
    **more,
):
    properties = TransportProperties(
        available_fraction=epsilon,
        diffusivity=diffusivity,
        wall_permeability_density=more.pop("permeability", 0.0),
        wall_reflection=more.pop("reflection", 0.0),
        kinetics=kinetics or Kinetics(),
        **{k: more.pop(k) for k in ("uptake_rate", "binding_sites", "retardation") if k in more},
    )
    return Stepper(
        DEVICE, grid, flow=flow, properties=properties, boundaries=boundaries or Boundaries(),
        precision="float64", cfl=cfl, max_step=max_step, **more,
    )  # fmt: skip


def march(s, end, *, free=None, plasma=None, steps=None):
    """The state after ``end`` in equal steps."""
    count = steps or int(np.ceil(end / s.step_size))
    state = s.start({} if free is None else {"free": free})
    for k in range(count):
        s.step(state, k * end / count, end / count, plasma or Dose())
    return state


def run(s, end, **how):
    """C after ``end``."""
    return DEVICE.download(march(s, end, **how).concentration)


def orders(errors):
    """Observed order between successive refinements by two."""
    return [float(np.log2(a / b)) for a, b in pairwise(errors)]


# Diffusion --------------------------------------------------------------------------------------------------


def dense_diffusion(grid, coefficient, epsilon):
    """The matrix of dC/dt of a closed line, from harmonic faces."""
    g = 2 * coefficient[1:] * coefficient[:-1] / (coefficient[1:] + coefficient[:-1]) / grid.spacing[2] ** 2
    return (np.diag(g, 1) + np.diag(g, -1) - np.diag(np.r_[g, 0] + np.r_[0, g])) / epsilon[:, None]


def test_super_time_stepping_is_second_order_in_time():
    """From 25 explicit steps at once to one and a half. Shorter steps take fewer stages, which err more for their
    length, so the mean order counts; that of one number of stages is 2 (test_linear_transport)."""
    from scipy.linalg import expm

    n, end = 64, 4e-3
    grid = line(n)
    x = grid.centers[2].ravel()
    epsilon, d = 0.3 + 0.1 * np.cos(5 * x), 1 + 0.5 * np.sin(7 * x)
    start = np.exp(-(((x - 0.4) / 0.1) ** 2))
    exact = expm(end * dense_diffusion(grid, epsilon * d, epsilon)) @ start
    s = stepper(grid, uniform_flow(grid, (0, 0, 0)), diffusivity=d[None, None], epsilon=epsilon[None, None])
    free = (epsilon * start)[None, None]
    errors = [np.abs(run(s, end, free=free, steps=k)[0, 0] - exact).max() for k in (2, 4, 8, 16, 32)]
    assert 20 < end / 2 * 2 * d.max() / grid.spacing[2] ** 2 < 30
    assert np.mean(orders(errors)) >= 1.9, errors


def test_layers_in_series_conduct_exactly():
    """Two layers between fixed values: harmonic faces give the exact flux and profile at the centres."""
    grid = line(8)
    d = np.r_[np.full(4, 1.0), np.full(4, 0.01)]
    s = stepper(
        grid, uniform_flow(grid, (0, 0, 0)), diffusivity=d[None, None], epsilon=0.5,
        boundaries=Boundaries(x_low=1.0, x_high=0.0), max_step=2.0,
    )  # fmt: skip
    state = s.start()
    for k in range(150):
        s.step(state, 2.0 * k, 2.0, Dose())
    before = s.amounts(state)["boundary"]
    s.step(state, 300.0, 2.0, Dose())
    resistance = np.cumsum(0.125 / d) - 0.5 * 0.125 / d
    exact = 1 - resistance / (0.125 / d).sum()
    assert np.abs(DEVICE.download(state.concentration)[0, 0] - exact).max() < 1e-9
    assert abs(s.amounts(state)["boundary"] - before) < 1e-12  # what enters at one end leaves at the other


# Advection --------------------------------------------------------------------------------------------------


def advected(n, shape, limiter, *, distance=0.4):
    """A profile after it was carried ``distance`` along a line of n voxels, where it should be, and what ran out."""
    grid = line(n)
    rates = [u / grid.spacing[2] for u in uniform_flow(grid, (0, 0, 1.0)).velocity[::-1]]
    advection = Advection(
        DEVICE, rates=rates, epsilon=DEVICE.upload(np.ones(grid.shape)), boundaries=Boundaries(), limiter=limiter,
        emptying_time=grid.spacing[2],
    )  # fmt: skip
    x = grid.centers[2]
    c, scratch = DEVICE.upload(shape(x)), DEVICE.empty(grid.shape, np.float64)
    steps = int(np.ceil(distance / (0.4 * advection.step_limit)))
    booked = DEVICE.zeros(grid.shape[:2], np.float64)
    for _ in range(steps):
        advection.advance(c, scratch, distance / steps, booked=booked)
    return DEVICE.download(c), shape(x - distance), booked.sum() / n


@pytest.mark.parametrize("limiter", ["upwind", "van_leer", "koren"])
def test_square_wave_keeps_its_bounds_and_mass(limiter):
    def square(x):
        return ((x > 0.2) & (x < 0.4)).astype(float)

    c, exact, left = advected(200, square, limiter)
    assert c.min() >= 0
    assert c.max() <= 1 + 1e-15
    assert c.sum() / 200 + left == pytest.approx(exact.sum() / 200, rel=1e-13)  # rounding of some 200 sums


# Exchange ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.0, 0.5, 0.9])
def test_filtered_fluid_settles_at_the_lumped_steady_state(sigma):
    """V12: C/C_p = (1 − σ)/(1 − σe^{−Pe}) where fluid leaves with C; the splitting error falls as dt²."""
    filtration, permeability = 0.2, 0.15
    exact = (1 - sigma) / (1 - sigma * exp(-filtration * (1 - sigma) / permeability))
    grid, errors = line(8), []
    for steps in (400, 800):
        s = stepper(
            grid, expanding_flow(grid, filtration=filtration), epsilon=0.5, cfl=0.1,
            permeability=permeability, reflection=sigma,
        )  # fmt: skip
        c = run(s, 40.0, plasma=Dose(1.0), steps=steps, free=np.full(grid.shape, 0.5 * exact))
        assert np.ptp(c) < 1e-13  # uniform, although the velocity is not
        errors.append(abs(c.mean() / exact - 1))
    assert errors[-1] < 1e-4  # (φ_v dt/ε)²/8 = 5e-5
    assert orders(errors)[0] >= 1.9, errors


def test_fluid_that_carries_the_local_concentration_changes_nothing():
    """Filtered fluid of the tissue's own C, lymph and outflow: uniform C stays as it is."""
    grid, errors = line(10), []
    for steps in (100, 200):
        s = stepper(grid, expanding_flow(grid, filtration=0.3, lymph=0.1), epsilon=0.4, cfl=0.2)
        c = run(s, 5.0, free=np.full(grid.shape, 0.4), plasma=Dose(1.0), steps=steps)
        assert np.ptp(c) < 1e-13
        errors.append(abs(c.mean() - 1))
    assert errors[-1] < 1e-4
    assert orders(errors)[0] >= 1.9, errors


# Binding and cells ------------------------------------------------------------------------------------------


def bound_after(dt, *, c, b, sites, epsilon, on, off):
    fields = [np.full((1, 1, 1), float(v)) for v in (c, b, sites, epsilon)]
    arrays = [DEVICE.upload(f) for f in fields]
    bind(DEVICE, *arrays, binding_on=on, binding_off=off, limited=True, dt=dt, seed=0)
    return float(arrays[1][0, 0, 0]), float(arrays[0][0, 0, 0])


@pytest.mark.parametrize("off", [0.0, 0.3, 20.0])
@pytest.mark.parametrize("ligand", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("dt", [1e-6, 0.5, 1e4])
def test_binding_in_a_closed_voxel(ligand, off, dt):
    """D.1: b = b₊b₋(1 − E)/(b₊ − b₋E), E = e^{−kΔt}, from no bound; written with 1 − E, which may be small."""
    sites, epsilon, on = 1.0, 0.4, 2.0
    k = on / epsilon
    total = ligand + sites + off / k
    gap = sqrt(total**2 - 4 * ligand * sites)
    high, low = (total + gap) / 2, 2 * ligand * sites / (total + gap)
    lost = -np.expm1(-k * gap * dt)
    exact = high * low * lost / (gap + low * lost) if gap else k * dt / (1 + k * dt)
    b, c = bound_after(dt, c=ligand / epsilon, b=0, sites=sites, epsilon=epsilon, on=on, off=off)
    assert b == pytest.approx(exact, rel=1e-12)
    assert epsilon * c == pytest.approx(ligand - exact, rel=1e-9, abs=1e-15)


def test_binding_from_a_constant_ligand():
    """D.1, open: far more ligand than sites, B = B_max q (1 − e^{−kt}), k = k_on C + k_off, q = k_on C/k."""
    on, off, c0, sites, t = 1.5, 0.4, 0.7, 0.3, 0.9
    b, c = bound_after(t, c=c0, b=0, sites=sites, epsilon=1e9, on=on, off=off)
    rate = on * c0 + off
    assert b == pytest.approx(sites * on * c0 / rate * -np.expm1(-rate * t), rel=1e-8)
    assert c == pytest.approx(c0, rel=1e-9)


@pytest.mark.parametrize("degradation", [0.0, 0.2, 0.5], ids=["none", "slower", "equal"])
def test_internalised_agent_follows_bateman(degradation):
    from scipy.linalg import expm

    into, decay, dt, epsilon = 0.5, 0.3, 1.3, 0.4
    matrix = np.zeros((5, 5))  # free, bound, internalised, decayed, degraded
    matrix[0, 0], matrix[1, 1], matrix[2, 2] = -decay, -into - decay, -degradation - decay
    matrix[2, 1] = into
    matrix[3, :3], matrix[4, 2] = decay, degradation
    exact = expm(matrix * dt) @ [0.6, 0.8, 0.3, 0, 0]
    c, b, i, available = (DEVICE.upload(np.full((1, 1, 1), v)) for v in (0.6 / epsilon, 0.8, 0.3, epsilon))
    lost = DEVICE.zeros((2, 1, 1), np.float64)
    rates = {"internalisation": into, "degradation": degradation, "decay": decay}
    internalise(DEVICE, c, b, i, lost, available, **rates, dt=dt, seed=0)
    found = [
        epsilon * float(c[0, 0, 0]),
        float(b[0, 0, 0]),
        float(i[0, 0, 0]),
        *DEVICE.download(lost).ravel(),
    ]
    assert found == pytest.approx(exact, rel=1e-13, abs=1e-15)


def test_uptake_is_exact_in_what_it_conserves_and_of_second_order():
    """k_up alone: N falls as e^{−kt}, cells hold the rest."""
    grid, k, end = line(3), 0.8, 1.0
    s = stepper(grid, uniform_flow(grid, (0, 0, 0)), uptake_rate=k, epsilon=0.4)
    errors = []
    for steps in (4, 8, 16):
        pools = s.pools(march(s, end, free=np.ones(grid.shape), steps=steps))
        assert (pools["free"] + pools["internalised"]).ravel() == pytest.approx(1.0, rel=1e-14)
        errors.append(abs(pools["free"][0, 0, 0] - exp(-k * end)))
    assert min(orders(errors)) >= 1.9
