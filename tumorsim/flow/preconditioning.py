"""Which multigrid a tissue needs, found by trying: a cheap cycle first, dearer ones where that gains too little.

| stage | cycle | for |
|---|---|---|
| 0 | flow.multigrid, few Chebyshev steps | smooth tissue, regions, single vessels |
| 1 | the same, many steps | conductivities that vary much from voxel to voxel |
| 2 | flow.part_multigrid | obstacles and channels that wind through several voxels |
"""

from collections.abc import Callable
from functools import cache

from tumorsim.device.twin import Device
from tumorsim.flow.conjugate_gradient import Preconditioner, Stage
from tumorsim.flow.medium import Medium
from tumorsim.flow.multigrid import MANY_STEPS, Level, Multigrid, finest_level
from tumorsim.flow.part_multigrid import PartMultigrid

ENOUGH = (1.9, 0.75)
"""Decades that three iterations of stages 0 and 1 must gain: smooth tissue gains 2.3 or more in stage 0 [C]."""


def stages(device: Device, medium: Medium) -> tuple[Stage, Stage, Stage]:
    """Preconditioners of a float32 medium, in the order in which they are tried.

    The one that was built last is kept, for the next solve of the same medium.
    """

    built: dict[Callable[[], Preconditioner], Preconditioner] = {}

    @cache
    def finest() -> Level:
        return finest_level(device, medium)

    def kept(make: Callable[[], Preconditioner]) -> Callable[[], Preconditioner]:
        def build() -> Preconditioner:
            if make not in built:
                built.clear()  # one at a time, for their memory
                built[make] = make()
            return built[make]

        return build

    return (
        Stage(kept(lambda: Multigrid(device, finest())), ENOUGH[0]),
        Stage(kept(lambda: Multigrid(device, finest(), steps=MANY_STEPS)), ENOUGH[1]),
        Stage(kept(lambda: PartMultigrid(device, finest()))),
    )
