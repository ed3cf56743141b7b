"""The steady state of the agent, solved at once: exact where it can be, second order, positive, and balanced."""

import json
import subprocess
import sys

import numpy as np
import pytest

import tumorsim
from tumorsim.boundaries import FACES, Boundaries
from tumorsim.device.select import select_device
from tumorsim.errors import ConfigError, NumericsError
from tumorsim.grid import Grid
from tumorsim.limits import limits
from tumorsim.resources import configs_directory
from tumorsim.results import Results
from tumorsim.transport.fitted_multigrid import FittedMedium, Multigrid
from tumorsim.transport.steady import CLOSURE, RESIDUAL, SteadyBalance, solve, solve_steady
from tumorsim.transport.stepper import Kinetics, TransportProperties
from tumorsim.verify.marching import FallingPlasma, cube, given_flow, line, march, stepper, uniform_flow

DEVICE, _ = select_device("auto")
OPEN = Boundaries.uniform(0.0)


def steady(grid, properties, *, flow=None, boundaries=None, plasma=1.0):
    return solve_steady(
        DEVICE, grid, flow=flow or given_flow(DEVICE, grid), properties=properties,
        boundaries=boundaries or Boundaries(), plasma_concentration=plasma,
    )  # fmt: skip


@pytest.mark.parametrize("voxels", [3, 20])
@pytest.mark.parametrize("peclet", [0.1, 5.0, -5.0, 300.0])
def test_boundary_layer_is_exact_on_any_grid(voxels, peclet):
    """V18: exponential fitting has no error in one dimension, whatever the Péclet number of a voxel."""
    grid = line(voxels)
    found = steady(
        grid, TransportProperties(1.0, 1 / abs(peclet), 0.0, 0.0),
        flow=uniform_flow(DEVICE, grid, (0.0, 0.0, np.sign(peclet))), boundaries=Boundaries(x_low=0.0, x_high=1.0),
    )  # fmt: skip
    x = grid.centers[2].ravel()
    exact = np.exp(peclet * (x - 1)) * np.expm1(-peclet * x) / np.expm1(-peclet)
    np.testing.assert_allclose(found.concentration[0, 0], exact, atol=1e-12)


def test_thiele_slab_is_of_second_order():
    """C = cosh φx/cosh φ between two held faces, with the loss by uptake (V6 in a plane)."""
    thiele, errors = 2.0, []
    for voxels in (40, 80, 160):
        grid = line(voxels, 2.0)
        found = steady(
            grid, TransportProperties(0.5, 1.0, 0.0, 0.0, uptake_rate=thiele**2),
            boundaries=Boundaries(x_low=1.0, x_high=1.0),
        )  # fmt: skip
        exact = np.cosh(thiele * (grid.centers[2].ravel() - 1)) / np.cosh(thiele)
        errors.append(np.abs(found.concentration[0, 0] - exact).max())
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    print(f"errors {errors}, orders {orders}")
    assert (orders > 1.9).all()


def leaky_tissue(grid):
    """Vessels that are leakier towards one side, uptake, decay, lymph, and a flow from vessels to the box."""
    z, y, x = grid.centers
    rate = 2e-2
    flow = given_flow(
        DEVICE, grid,
        lambda axis: rate * np.moveaxis(np.broadcast_to(
            (np.arange(grid.shape[axis] + 1) * grid.spacing[axis] - 0.5)[:, None, None],
            (grid.shape[axis] + 1, *(n for k, n in enumerate(grid.shape) if k != axis)),
        ), 0, axis),
        filtration=3.5 * rate, lymph_drainage=0.5 * rate,
    )  # fmt: skip
    properties = TransportProperties(
        0.4, 0.02, 0.05 * (1 + 0.8 * np.cos(np.pi * x) * np.cos(np.pi * y) * np.cos(np.pi * z)), 0.3,
        retardation=0.8, uptake_rate=0.02, kinetics=Kinetics(decay=0.01),
    )  # fmt: skip
    return flow, properties


def test_the_transient_comes_to_the_same_state():
    """The schemes differ, by second order: limited against fitted faces, and the splitting of steps ∝ h²."""
    differences = []
    for voxels in (8, 16):
        grid = cube(voxels)
        flow, properties = leaky_tissue(grid)
        found = steady(grid, properties, flow=flow).free
        transport = stepper(DEVICE, grid, flow=flow, properties=properties)
        # from half of it, until what is left of the start no longer counts: at 120 s the difference is the same
        marched = march(
            transport, until=60.0, free=found / 2, longest_step=16 / voxels**2, plasma=FallingPlasma(1.0)
        )["free"]
        differences.append(float(np.abs(marched - found).max() / found.max()))
    print(f"differences {differences}")
    assert differences[1] < 1e-3 and differences[0] > 2.5 * differences[1]


def random_case(seed, shape):
    random = np.random.default_rng(seed)
    grid = Grid(shape, (1.0, 0.7, 1.3))
    spread = lambda: np.exp(2 * random.normal(size=shape))  # noqa: E731
    velocity = [
        10.0 ** random.uniform(-2, 2) * random.normal(size=grid.face_shape(axis)) for axis in range(3)
    ]
    flow = given_flow(DEVICE, grid, lambda axis: velocity[axis], filtration=0.3, lymph_drainage=0.01)
    vessels = random.random(shape) < 0.2
    properties = TransportProperties(
        0.05 + 0.9 * random.random(shape), spread() * (random.random(shape) < 0.9), vessels * spread(),
        random.random(shape), retardation=random.random(shape),
        uptake_rate=1e-3 * random.random(shape) if seed % 2 else 0.0,
    )  # fmt: skip
    return grid, flow, properties


@pytest.mark.parametrize("seed", range(12))
def test_any_tissue_is_solved_positive_and_balanced(seed):
    """Odd shapes, contrasts of 1e3, voxels where nothing diffuses, cell Péclet numbers from 1e-3 to infinity."""
    shape = ((7, 9, 11), (1, 17, 16), (1, 1, 33), (2, 3, 5))[seed % 4]
    grid, flow, properties = random_case(seed, shape)
    random = np.random.default_rng(seed)
    boundaries = Boundaries(**{face: (None, 0.0, 0.5)[random.integers(3)] for face in FACES})
    found = steady(grid, properties, flow=flow, boundaries=boundaries)
    assert (found.concentration >= 0).all() and found.residual <= RESIDUAL
    rates = found.rates
    left = sum(rates[f"{name}_rate"] for name in ("lymph", "boundary", "uptake", "decayed"))
    balance = SteadyBalance(DEVICE, grid, flow=flow, properties=properties, boundaries=boundaries)
    entering = balance.source(1.0).sum() * grid.voxel_volume
    assert abs(rates["extravasated_rate"] - left) <= CLOSURE * entering


def test_the_matrix_is_an_m_matrix_whose_columns_say_what_leaves():
    grid, flow, properties = random_case(3, (4, 3, 5))
    medium = SteadyBalance(DEVICE, grid, flow=flow, properties=properties, boundaries=OPEN).medium
    matrix = medium.matrix().toarray()
    off = matrix - np.diag(np.diag(matrix))
    assert (off <= 0).all() and (np.diag(matrix) > 0).all()
    leaving = medium.loss.copy()
    for at, outward, _ in medium.ends():
        leaving[at] += outward
    np.testing.assert_allclose(matrix.sum(axis=0), leaving.ravel(), atol=1e-12 * matrix.max())
    inverse = np.linalg.inv(matrix)
    assert inverse.min() > -1e-15 * inverse.max(), "so that C is never negative"
    c = np.random.default_rng(0).random(grid.shape)
    np.testing.assert_allclose(Multigrid(medium).product(c), matrix @ c.ravel(), rtol=1e-12)


def test_cycles_do_not_grow_with_the_grid():
    """A drug that is lost slowly beside its diffusion: 6 to 11 cycles were measured from 16³ to 96³."""
    cycles = []
    for voxels in (8, 16, 32):
        conductance = tuple(np.full(cube(voxels).face_shape(axis), float(voxels**2)) for axis in range(3))
        for axis, g in enumerate(conductance):
            np.moveaxis(g, axis, 0)[[0, -1]] = 0
        rate = tuple(np.zeros_like(g) for g in conductance)
        medium = FittedMedium(conductance, rate, np.full((voxels,) * 3, 1e-3))
        source = np.zeros((voxels,) * 3)
        source[0, 0, 0] = 1.0
        c, residual, count = solve(medium, source)
        cycles.append(count)
        assert residual <= RESIDUAL and c.sum() * 1e-3 == pytest.approx(1.0, rel=1e-9)
    print(f"cycles {cycles}")
    assert max(cycles) <= 25


def test_agent_that_cannot_leave_has_no_steady_state():
    grid = cube(4)
    vessels = np.zeros(grid.shape)
    vessels[0] = 1.0
    barrier = np.ones(grid.shape)
    barrier[2] = 0.0  # nothing diffuses through: what is beyond never comes back
    with pytest.raises(NumericsError, match=r"from 32 of 64 voxels.*nothing takes the agent away"):
        steady(grid, TransportProperties(0.5, barrier, vessels, 0.0))
    assert steady(grid, TransportProperties(0.5, 1.0, vessels, 0.0)).concentration == pytest.approx(1.0)


def test_binding_is_refused():
    kinetics = Kinetics(binding_on=1.0)
    with pytest.raises(NumericsError, match="not linear"):
        steady(cube(2), TransportProperties(0.5, 1.0, 1.0, 0.0, binding_sites=1.0, kinetics=kinetics))


def test_a_solver_that_stalls_says_its_residual(monkeypatch):
    monkeypatch.setattr("tumorsim.transport.steady.PASSES", 1)
    monkeypatch.setattr("tumorsim.transport.steady.CYCLES", 1)
    monkeypatch.setattr("tumorsim.transport.steady.RESTART", 1)
    grid, flow, properties = random_case(0, (7, 9, 11))
    with pytest.raises(NumericsError, match=r"relative residual .* after 1 multigrid cycles"):
        steady(grid, properties, flow=flow)


# through the front door -------------------------------------------------------------------------------------

SMALL = [
    "domain.spacing=400 um",
    "agent.name=doxorubicin",
    "dosing.dose=90 umol",
    "dosing.plasma_concentration=1 nM",
    "run.mode=steady",
]


def quickstart(*overrides):
    return tumorsim.load(configs_directory() / "quickstart.toml", overrides=[*SMALL, *overrides])


def test_run_and_info_in_steady_mode(tmp_path):
    out = tmp_path / "steady.vtkhdf"
    program = [sys.executable, "-m", "tumorsim"]
    settings = [item for value in SMALL for item in ("--set", value)]
    config = str(configs_directory() / "quickstart.toml")
    subprocess.run([*program, "run", config, "--out", str(out), *settings], check=True, capture_output=True)
    results = Results(out)
    assert results.steady and results.complete and list(results.times) == [0.0]
    assert results.fields.count("free") == 1 and not {"bound", "internalised"} & set(results.fields)
    free = results.field("free")
    # 1 nM is 1e-6 mol/m³, and no tissue holds more than ε < 1 of what the plasma does
    assert free.min() > 0 and free.max() < 1e-6
    ledger = {name: values[0] for name, values in results.ledger.items()}
    assert results.unit("extravasated_rate") == "mol/s"
    assert abs(ledger["imbalance_rate"]) <= CLOSURE * ledger["entered_rate"]
    shown = subprocess.run([*program, "info", str(out)], check=True, capture_output=True, text=True).stdout
    assert "the steady state" in shown and "lymph_rate" in shown
    as_json = subprocess.run(
        [*program, "info", str(out), "--json"], check=True, capture_output=True, text=True
    )
    assert json.loads(as_json.stdout)["steady"] is True


def test_the_result_opens_in_vtk(tmp_path):
    from vtkmodules.vtkIOHDF import vtkHDFReader

    results = tumorsim.simulate(quickstart(), out=tmp_path / "steady.vtkhdf")
    reader = vtkHDFReader()
    reader.SetFileName(str(results.path))
    reader.Update()
    assert reader.GetOutput().GetCellData().GetArray("free").GetRange()[1] == pytest.approx(
        float(results.field("free").max())
    )


def test_a_steady_config_needs_neither_duration_nor_half_lives(tmp_path):
    path = tmp_path / "steady.toml"
    path.write_text(
        '[domain]\nshape = [4, 4, 4]\nspacing = "100 um"\n[tissue]\nbackground = "tumour"\n'
        '[agent]\ndiameter = "20 nm"\n[dosing]\ndose = "1 nmol"\nplasma_concentration = "1 nM"\n'
        '[run]\nmode = "steady"\n'
    )
    case = tumorsim.load(path)
    assert "steps" not in limits(case) and "Péclet number" in limits(case)
    assert tumorsim.simulate(case, out=tmp_path / "a.vtkhdf").field("free").min() > 0


@pytest.mark.parametrize(
    ("override", "key", "cure"),
    [
        ("run.mode=transient", "dosing.plasma_concentration", 'run.mode = "steady"'),
        ("tissue.regions.tumour.binding_sites=1 uM", "run.mode", 'binding_sites = "0 uM"'),
        ("dosing.initial_free=1 nM", "dosing.initial_free", "Remove it"),
        ("dosing.plasma_concentration=1 mg/L", "dosing.plasma_concentration", "mol/m^3"),
    ],
)
def test_what_a_steady_state_cannot_have_is_told_with_the_cure(override, key, cure):
    with pytest.raises(ConfigError) as caught:
        quickstart(override)
    found = {problem.key: problem for problem in caught.value.problems}
    assert cure in found[key].cure
