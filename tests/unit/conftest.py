"""A small result file with known amounts, for what reads results."""

import numpy as np
import pytest

from tumorsim.fields import FIELDS, Field
from tumorsim.grid import Grid
from tumorsim.results import Results
from tumorsim.sinks.fields import ResultFile
from tumorsim.sinks.statistics import field_statistics, statistics_fields

HOUR = 3600.0


@pytest.fixture
def make_result(tmp_path):
    """Write a result of a sphere of ``radius`` in a cube and open it.

    ``free(time, labels)`` gives N; by default it rises linearly to 2 in the tumour and 0.5 around it. The plasma
    holds 1 per m³ of plasma of 1e-6 m³ at all times; the dose is 1.
    """

    def make(
        *, free=None, times=(0.0, 6 * HOUR, 12 * HOUR, 24 * HOUR), voxels=20, spacing=1e-4, radius=0.8e-3,
        amount_unit="mol", agent=None, network=None, area_density=None, mode="transient", name="run",
    ):  # fmt: skip
        grid = Grid((voxels,) * 3, (spacing,) * 3)
        labels = (grid.distance(grid.center) < radius).astype(np.uint8)
        last = times[-1] or 1.0
        free = free or (lambda time, labels: np.where(labels == 1, 2.0, 0.5) * time / last)
        names = ("normal", "tumour")
        fields = ["region", "free", "pressure", "velocity"]
        fields += [] if area_density is None else ["vessel_area_density"]
        path = tmp_path / f"{name}.vtkhdf"
        dosing = {"dose": {"value": 1.0, "unit": amount_unit}, "plasma_volume": 1e-6}
        if mode == "steady":
            dosing["plasma_concentration"] = {"value": 4.0, "unit": f"{amount_unit}/m^3"}
        with ResultFile.create(
            path,
            grid=grid,
            fields=[FIELDS[field] for field in fields],
            amount_unit=amount_unit,
            title="A sphere",
            config_given="",
            config_resolved={
                "agent": {"name": "test", **(agent or {})},
                "dosing": dosing,
                "vessels": {"default_radius": 5e-6},
                "run": {"duration": last, "mode": mode},
            },
            provenance={},
            region_names=names,
            statistics=statistics_fields(names, ("free",)),
            ledger=[Field("plasma", "{amount}", "in plasma")],
            network=network,
            precision="float64",
        ) as file:
            for time in times:
                n = np.asarray(free(time, labels), float)
                arrays = {
                    "region": labels,
                    "free": n,
                    "pressure": 1500.0 * labels,
                    "velocity": np.full((*grid.shape, 3), 2e-8),
                }
                if area_density is not None:
                    arrays["vessel_area_density"] = np.full(grid.shape, area_density)
                numbers = field_statistics(
                    {"free": n}, labels=labels, region_names=names, grid=grid, dose=1.0
                )
                file.append(time, arrays, statistics=numbers, ledger={"plasma": 1e-6})
        return Results(path)

    return make


@pytest.fixture
def doxil_text():
    """A config of Doxil for an hour in a cube of tumour, ``edge`` long, whose [vessels] hold the lines ``vessels``."""

    def text(vessels, *, edge="0.6 mm", spacing="60 um"):
        return f"""
[domain]
size = ["{edge}", "{edge}", "{edge}"]
spacing = "{spacing}"
[tissue]
background = "tumour"
[vessels]
{vessels}
[agent]
name = "Doxil"
[dosing]
dose = "50 mg"
[run]
duration = "1 h"
"""

    return text
