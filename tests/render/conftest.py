"""A small made-up result that answers as a real one does: a sphere with a necrotic core, agent at the rim."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from tumorsim.fields import FIELDS
from tumorsim.grid import Grid
from tumorsim.render.derived import with_field
from tumorsim.results import Results
from tumorsim.sinks.fields import ResultFile
from tumorsim.units import to_si
from tumorsim.vessels.network import Network


@dataclass(frozen=True)
class MadeResult:
    grid: Grid
    arrays: dict[str, np.ndarray]
    title: str = "A sphere"
    times: tuple[float, ...] = (3600.0, 86400.0)
    region_names: tuple[str, ...] = ("normal", "tumour", "necrosis")
    network: Network | None = None
    amount_unit: str = "mol"
    dose: float | None = 1e-4
    steady: bool = False
    in_blood: np.ndarray | None = None
    config: dict = field(default_factory=lambda: {"agent": {"name": "Doxil"}})

    @property
    def fields(self):
        return tuple(self.arrays)

    def unit(self, name):
        return FIELDS[name].unit.format(amount=self.amount_unit)

    def long_name(self, name):
        return FIELDS[name].long_name

    def step_at(self, time):
        seconds = self.times[-1] if time is None else to_si(time, "s") if isinstance(time, str) else time
        return int(np.argmin(np.abs(np.array(self.times) - seconds)))

    def field(self, name, *, time):
        """The agent arrives in proportion to time."""
        return self.arrays[name] * (time / self.times[-1] if name == "free" else 1)

    def twice(self):
        """Everything but the regions doubled."""
        return replace(self, arrays={n: a * (1 if n == "region" else 2) for n, a in self.arrays.items()})

    def with_field(self, name, array):
        return replace(self, arrays={**self.arrays, name: array})


@pytest.fixture
def wish():
    """A result fit for a scene, and what the scene needs beyond it: a dose map, a second result."""

    def make(results, scene):
        dose = results.arrays["free"]
        shown = with_field(results, "dose", unit="Gy", meaning="absorbed dose", compute=lambda time: dose)
        half = results.with_field("free", results.arrays["free"] / 2)
        return shown, {"scene": scene} | ({"other": half} if scene == "compare" else {})

    return make


@pytest.fixture
def sphere():
    grid = Grid((26, 28, 30), (1e-4, 1e-4, 1e-4))
    r = grid.distance(grid.center)
    region = np.select([r < 4e-4, r < 1e-3], [2, 1], 0).astype(np.uint8)
    free = np.exp(-np.abs(r - 9e-4) / 3e-4)
    pressure = 1500 * np.exp(-r / 1e-3)
    steps = [x - middle for x, middle in zip(grid.centers[::-1], grid.center[::-1], strict=True)]
    outward = np.stack(np.broadcast_arrays(*steps), axis=-1) / r[..., None]
    velocity = (1e-9 * pressure[..., None] * outward).astype(np.float32)  # as it is stored
    return MadeResult(grid, {"region": region, "free": free, "pressure": pressure, "velocity": velocity})


@pytest.fixture
def with_vessels(sphere):
    """The sphere, crossed by a vessel that branches in its middle."""
    low, high = np.array(sphere.grid.origin), np.array(sphere.grid.size)
    middle = np.array(sphere.grid.center)
    nodes = np.array([low + 1e-5, middle, high - 1e-5, [middle[0], middle[1], high[2] - 1e-5]])
    segments = np.array([[0, 1], [1, 2], [1, 3]])
    pressure = np.array([3000.0, 2500.0, 2000.0, 2200.0])
    return replace(sphere, network=Network(nodes, segments, np.array([5e-5, 4e-5, 3e-5]), pressure))


@pytest.fixture
def made():
    """A result of ones on a grid of the shape of some labels: 0 is normal, 1 tumour."""

    def make(region):
        arrays = {"region": region.astype(np.uint8), "free": np.ones(region.shape)}
        arrays |= {"pressure": np.ones(region.shape), "velocity": np.ones((*region.shape, 3))}
        grid = Grid(region.shape, (1e-4, 1e-4, 1e-4))
        return MadeResult(grid, arrays, region_names=("normal", "tumour"))

    return make


@pytest.fixture
def stored(with_vessels, tmp_path):
    made = with_vessels
    config = made.config | {"dosing": {"dose": {"value": made.dose, "unit": made.amount_unit}}}
    with ResultFile.create(
        tmp_path / "sphere.vtkhdf",
        grid=made.grid,
        fields=[FIELDS[name] for name in made.fields],
        amount_unit=made.amount_unit,
        title=made.title,
        config_given="",
        config_resolved=config,
        provenance={},
        region_names=made.region_names,
        network=made.network,
    ) as file:
        for time in made.times:
            file.append(time, {name: made.field(name, time=time) for name in made.fields})
    with Results(tmp_path / "sphere.vtkhdf") as results:
        yield results
