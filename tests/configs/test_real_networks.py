"""Doxil through the real vessel networks: vessels where the file has them, agent first where they leak.

The files are not part of the project; they are looked for beside the checkout, in ../shared/data.
"""

from pathlib import Path

import numpy as np
import pytest

import tumorsim
from tumorsim.resources import configs_directory
from tumorsim.sinks.ledger import TOLERANCE, closure
from tumorsim.vessels.rasterise import distance_to_vessels, rasterise

DATA = Path(__file__).parents[3] / "shared" / "data"
CASES = {"tumour_network": "tumour_network_tapmeier.vtp", "capillary_bed": "mouse_cortex_network.dgf"}


@pytest.fixture(scope="module", params=CASES)
def results(request, tmp_path_factory):
    network = DATA / CASES[request.param]
    if not network.exists():
        pytest.skip(f"{network.name} is not here")
    overrides = [
        f"vessels.file={network}",
        "domain.spacing=10 um",
        "run.duration=1 min",
        "output.every=1 min",
    ]
    case = tumorsim.load(configs_directory() / f"{request.param}.toml", overrides=overrides)
    return tumorsim.simulate(case, out=tmp_path_factory.mktemp(request.param) / "run.vtkhdf")


def test_vessels_are_where_the_file_has_them(results):
    expected = rasterise(results.network, results.grid)
    assert np.array_equal(results.field("vessel_area_density"), expected.area_density.astype(np.float32))
    area = float(results.network.wall_area.sum())
    assert expected.area_density.sum() * results.grid.voxel_volume == pytest.approx(area, rel=1e-9)


def test_agent_is_first_found_at_the_vessels_that_leak_out(results):
    free = results.field("free")
    distance = distance_to_vessels(results.network, results.grid)
    near, far = free[distance < 10e-6], free[distance > 30e-6]
    assert near.mean() > 1.2 * far.mean()
    # later the agent also piles up where fluid is drawn in again and its particles are reflected; not at first
    fields = rasterise(results.network, results.grid)
    driving = fields.pressure - results.field("pressure")
    highest = free > np.quantile(free, 0.999)
    touched = highest & (fields.area_density > 0)
    assert touched.any() and driving[touched].mean() > np.median(driving[fields.area_density > 0])


def test_ledger_closes(results):
    assert (
        closure({name: float(values[-1]) for name, values in results.ledger.items()}) < TOLERANCE["float32"]
    )
