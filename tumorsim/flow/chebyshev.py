"""Chebyshev polynomials of the fourth kind in D⁻¹A: the smoother of every multigrid level.

The spectrum of D⁻¹A lies in (0, 2] because A is diagonally dominant: no eigenvalue has to be estimated, and slow modes
of rough tissue are damped too. Source: Lottes 2023, Numer Linear Algebra Appl 30(6):e2518.
"""

from typing import Any, Protocol

from tumorsim.device.twin import Array, Device
from tumorsim.flow.medium import Medium
from tumorsim.operators.chebyshev_start import chebyshev_start
from tumorsim.operators.chebyshev_step import chebyshev_step

SPECTRUM = 2.0
"""Bound of the eigenvalues of D⁻¹A (Gershgorin)."""


class Step(Protocol):
    """``older ← weight_newer newer + weight_older older + step D⁻¹ (source − A newer)``; newer None is zero."""

    def __call__(
        self, older: Array, newer: Array | None, *, weight_newer: float, weight_older: float, step: float
    ) -> None: ...


def step_weights(steps: int, *, from_zero: bool) -> list[tuple[float, float, float]]:
    """weight_newer, weight_older and step of every step; from zero there is no older iterate before the third."""
    momentum = [(2 * k - 3) / (2 * k + 1) if k > 1 else 0.0 for k in range(1, steps + 1)]
    older = [0.0 if k < 2 or (from_zero and k == 2) else -m for k, m in enumerate(momentum, start=1)]
    length = [(8 * k - 4) / (2 * k + 1) / SPECTRUM for k in range(1, steps + 1)]
    return [(1 + m, o, s) for m, o, s in zip(momentum, older, length, strict=True)]


def smooth(
    step: Step, pressure: Array, spare: Array, *, steps: int, from_zero: bool = False
) -> tuple[Array, Array]:
    """Steps from ``pressure``, or from zero; returns the array of the last iterate and the other one."""
    for k, (newer, older, length) in enumerate(step_weights(steps, from_zero=from_zero)):
        values = None if from_zero and k == 0 else pressure
        step(spare, values, weight_newer=newer, weight_older=older, step=length)
        pressure, spare = spare, pressure
    return pressure, spare


def smooth_voxels(
    device: Device,
    medium: Medium,
    source: Array,
    pressure: Array,
    spare: Array,
    *,
    steps: int,
    inverse_diagonal: Array | None = None,
    products: Array | None = None,
) -> tuple[Array, Array]:
    """The same on a medium, from zero if D⁻¹ is given.

    Two steps are taken in one pass over memory where the device does that in place: the second writes over the start.
    ``products`` takes Σ source·(last iterate) per row, where more than the first two steps are taken.
    """
    weights = step_weights(steps, from_zero=inverse_diagonal is not None)
    if inverse_diagonal is not None:
        (_, _, first), (weight, _, second), *weights = weights
        chebyshev_start(
            device, pressure, spare if weights else None, source, inverse_diagonal, **medium.arguments,
            first_step=first, weight=weight, step=second,
        )  # fmt: skip
    calls: list[dict[str, Any]] = []
    for newer, older, length in weights:
        values = {"older": spare, "newer": pressure, "source": source, "products": None}
        lengths = {"weight_newer": newer, "weight_older": older, "step": length}
        calls.append({**values, **medium.arguments, **lengths})
        pressure, spare = spare, pressure
    if calls:
        calls[-1]["products"] = products
    while device.in_place and len(calls) > 1:
        chebyshev_step.twice(device, calls.pop(0), calls.pop(0))
    for call in calls:
        chebyshev_step(device, **call)
    return pressure, spare
