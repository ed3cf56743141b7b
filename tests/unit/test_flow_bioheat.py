"""Temperature under deposited power: it is deposited, carried off and conducted, and reaches what was asked for."""

import numpy as np
import pytest

from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.errors import NumericsError
from tumorsim.flow.bioheat import Goal, ThermalProperties, gaussian_power, solve_temperature, spherical_power
from tumorsim.grid import Grid

DEVICE, _ = select_device("auto")
GRID = Grid((9, 10, 12), (1e-3, 1.2e-3, 0.8e-3), (2e-3, -1e-3, 0.0))
BODY = 310.15
RNG = np.random.default_rng(3)
TISSUE = ThermalProperties(
    RNG.uniform(0.3, 0.6, GRID.shape), RNG.uniform(0, 3e-3, GRID.shape), RNG.uniform(0, 900, GRID.shape)
)
POWER = RNG.uniform(0, 2e5, GRID.shape)
FACES = Boundaries(z_low=BODY - 2, x_high=BODY)


def warmed(*, power=POWER, boundaries=FACES, tissue=TISSUE, goal=None):
    return solve_temperature(
        DEVICE, GRID, tissue, power=power, boundaries=boundaries, blood_temperature=BODY, goal=goal, tolerance=1e-10
    )  # fmt: skip


def test_what_is_deposited_goes_to_blood_or_through_the_faces():
    """To the tolerance of the solver, in uneven tissue between uneven faces."""
    heat = warmed()
    assert heat.deposited == pytest.approx(POWER.sum() * GRID.voxel_volume, rel=1e-12)
    assert heat.deposited + heat.metabolism == pytest.approx(heat.blood + heat.faces, rel=1e-8)
    assert heat.blood > 0 and heat.faces > 0


def test_without_faces_blood_takes_all_and_without_blood_the_faces():
    closed = warmed(boundaries=Boundaries())
    assert closed.blood == pytest.approx(closed.deposited + closed.metabolism, rel=1e-8) and closed.faces == 0
    bloodless = warmed(tissue=ThermalProperties(0.5, 0.0))
    assert bloodless.faces == pytest.approx(bloodless.deposited, rel=1e-8) and bloodless.blood == 0


def test_without_power_tissue_is_as_warm_as_blood():
    even = warmed(
        power=np.zeros(GRID.shape), boundaries=Boundaries(y_low=BODY), tissue=ThermalProperties(0.5, 1e-3)
    )
    assert (even.temperature == BODY).all()


@pytest.mark.parametrize(("statistic", "reached"), [("mean", np.mean), ("maximum", np.max)])
def test_power_is_scaled_to_reach_the_goal(statistic, reached):
    inside = GRID.distance(GRID.center) < 3e-3
    heat = warmed(goal=Goal(inside, BODY + 6, statistic))
    assert reached(heat.temperature[inside]) == pytest.approx(BODY + 6, abs=1e-6)
    assert heat.deposited == pytest.approx(heat.scale * POWER.sum() * GRID.voxel_volume, rel=1e-12)
    assert heat.temperature == pytest.approx(warmed(power=heat.scale * POWER).temperature, abs=1e-6)


def test_a_goal_out_of_reach_is_refused():
    everywhere = np.ones(GRID.shape, bool)
    with pytest.raises(NumericsError, match="warmer without heating"):
        warmed(goal=Goal(everywhere, BODY - 3))
    with pytest.raises(NumericsError, match="deposits nothing"):
        warmed(power=np.zeros(GRID.shape), goal=Goal(everywhere, BODY + 3))


def test_a_focus_deposits_its_power_wherever_the_voxels_lie():
    z, y, x = GRID.center
    narrow = gaussian_power(GRID, center=(z, y, x), full_width=(1e-3, 0.1e-3, 2e-3), power=3.0)
    assert narrow.sum() * GRID.voxel_volume == pytest.approx(3.0, rel=1e-6)  # its tails leave the box
    corner = gaussian_power(GRID, center=GRID.origin, full_width=(2e-3, 2e-3, 2e-3), power=3.0)
    assert corner.sum() * GRID.voxel_volume == pytest.approx(3.0 / 8, rel=1e-6)


def test_a_ball_deposits_its_power_but_for_its_staircase():
    ball = spherical_power(GRID, center=GRID.center, radius=3e-3, power=3.0)
    assert ball.sum() * GRID.voxel_volume == pytest.approx(3.0, rel=0.01)  # 16 steps to the radius
    assert ball.max() == pytest.approx(3.0 / (4 / 3 * np.pi * 3e-3**3))
