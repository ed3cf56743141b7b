"""The temperature that the deposited power of a config makes in its tissue."""

from collections.abc import Callable

import numpy as np

from tumorsim.config.schema import HeatedFocus, HeatedRegion, Heating, HeatSource
from tumorsim.device.twin import Device
from tumorsim.flow.bioheat import (
    Goal,
    Heat,
    ThermalProperties,
    gaussian_power,
    solve_temperature,
    spherical_power,
)
from tumorsim.grid import Grid
from tumorsim.tissue.regions import Regions


def heated(
    device: Device,
    heating: Heating,
    grid: Grid,
    regions: Regions,
    tissue: Callable[[str], np.ndarray],
    *,
    tolerance: float,
) -> Heat:
    """The steady temperature while the power is on; ``tissue`` gives a map of a property by its name."""
    target = heating.target
    return solve_temperature(
        device,
        grid,
        ThermalProperties(tissue("thermal_conductivity"), tissue("perfusion"), tissue("metabolic_heat")),
        power=sum((deposited(source, grid, regions) for source in heating.sources), np.zeros(grid.shape)),
        boundaries=heating.boundaries,
        blood_temperature=heating.blood_temperature,
        goal=None
        if target is None
        else Goal(regions.mask(target.region), target.temperature, target.statistic),
        tolerance=tolerance,
    )


def deposited(source: HeatSource, grid: Grid, regions: Regions) -> np.ndarray:
    """The power of one source, W/m³."""
    if isinstance(source, HeatedRegion):
        return source.power_density * regions.mask(source.region)
    z, y, x = source.center or grid.center
    if isinstance(source, HeatedFocus):
        return gaussian_power(grid, center=(z, y, x), full_width=source.full_width, power=source.power)
    return spherical_power(grid, center=(z, y, x), radius=source.radius, power=source.power)
