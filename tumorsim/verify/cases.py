"""The list of verification cases, and running them.

Of those of physics.md I.4, V13 is its plane form; V12 and V18 are checked at the steady state.
"""

from collections.abc import Callable, Sequence

from tumorsim.device.twin import Device
from tumorsim.errors import choose
from tumorsim.verify import (
    binding_front,
    bioheat,
    boundary_layer,
    crank_sphere,
    gaussian_puff,
    injection,
    krogh_cylinder,
    layered_medium,
    line_source,
    manufactured_pressure,
    manufactured_transport,
    ogata_banks,
    patlak,
    point_source,
    released_sphere,
    rotating_advection,
    sphere_dose,
    spherical_tumour,
    strang_splitting,
    thiele_sphere,
    translating_advection,
)
from tumorsim.verify.convergence import Convergence, VerificationCase, converge

CASES: tuple[VerificationCase, ...] = (
    *ogata_banks.CASES,
    *gaussian_puff.CASES,
    *boundary_layer.CASES,
    *manufactured_transport.CASES,
    *translating_advection.CASES,
    *rotating_advection.CASES,
    *released_sphere.CASES,
    *crank_sphere.CASES,
    *thiele_sphere.CASES,
    *krogh_cylinder.CASES,
    *line_source.CASES,
    *point_source.CASES,
    *patlak.CASES,
    *binding_front.CASES,
    *strang_splitting.CASES,
    *spherical_tumour.CASES,
    *manufactured_pressure.CASES,
    *layered_medium.CASES,
    *bioheat.CASES,
    *injection.CASES,
    *sphere_dose.CASES,
)


def select_cases(names: Sequence[str] = ()) -> tuple[VerificationCase, ...]:
    """The cases called by their names, or by what their names begin with ("krogh"); all without ``names``.

    Raises ConfigError for a name that fits none.
    """
    known = {case.name: case for case in CASES}
    chosen = []
    for name in names:
        chosen += [case for case in CASES if case.name.startswith(name)] or [
            choose(known, name, key="--only")
        ]
    return tuple(dict.fromkeys(chosen)) if names else CASES


def run_cases(
    cases: Sequence[VerificationCase],
    device: Device,
    *,
    quick: bool = False,
    progress: Callable[[Convergence], None] = lambda result: None,
) -> list[Convergence]:
    """Run the cases one after the other; ``progress`` hears of each."""
    results = []
    for case in cases:
        results.append(converge(case, device, quick=quick))
        progress(results[-1])
    return results
