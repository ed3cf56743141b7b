"""Which multigrid a tissue needs, found by trying: a cheap cycle first, dearer ones where that gains too little.

| stage | cycle | for |
|---|---|---|
| 0 | flow.multigrid, few Chebyshev steps | smooth tissue, regions, single vessels |
| 1 | the same, many steps | conductivities that vary much from voxel to voxel |
| 2 | flow.part_multigrid | obstacles and channels that wind through several voxels |
"""

from functools import cache

from tumorsim.device.twin import Device
from tumorsim.flow.conjugate_gradient import Stage
from tumorsim.flow.medium import Medium
from tumorsim.flow.multigrid import MANY_STEPS, Level, Multigrid, finest_level
from tumorsim.flow.part_multigrid import PartMultigrid

ENOUGH = (1.9, 0.75)
"""Decades that three iterations of stages 0 and 1 must gain: smooth tissue gains 2.3 or more in stage 0 [C]."""


def stages(device: Device, medium: Medium) -> tuple[Stage, Stage, Stage]:
    """Preconditioners of a float32 medium, in the order in which they are tried."""

    @cache
    def finest() -> Level:
        return finest_level(device, medium)

    return (
        Stage(lambda: Multigrid(device, finest()), ENOUGH[0]),
        Stage(lambda: Multigrid(device, finest(), steps=MANY_STEPS), ENOUGH[1]),
        Stage(lambda: PartMultigrid(device, finest())),
    )
