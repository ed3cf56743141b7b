"""Chebyshev polynomials of the fourth kind in D⁻¹A: the smoother of every multigrid level.

The spectrum of D⁻¹A lies in (0, 2] because A is diagonally dominant: no eigenvalue has to be estimated, and slow modes
of rough tissue are damped too. Source: Lottes 2023, Numer Linear Algebra Appl 30(6):e2518.
"""

from typing import Protocol

from tumorsim.device.twin import Array

SPECTRUM = 2.0
"""Bound of the eigenvalues of D⁻¹A (Gershgorin)."""


class Step(Protocol):
    """``older ← weight_newer newer + weight_older older + step D⁻¹ (source − A newer)``; newer None is zero."""

    def __call__(
        self,
        older: Array,
        newer: Array | None,
        last: bool,
        *,
        weight_newer: float,
        weight_older: float,
        step: float,
    ) -> None: ...


def smooth(
    step: Step, pressure: Array, spare: Array, *, steps: int, from_zero: bool = False
) -> tuple[Array, Array]:
    """Steps from ``pressure``, or from zero; returns the array of the last iterate and the other one."""
    for k in range(1, steps + 1):
        momentum = (2 * k - 3) / (2 * k + 1) if k > 1 else 0.0
        step(
            spare,
            None if from_zero and k == 1 else pressure,
            k == steps,
            weight_newer=1 + momentum,
            weight_older=0.0 if from_zero and k == 2 else -momentum,
            step=(8 * k - 4) / (2 * k + 1) / SPECTRUM,
        )
        pressure, spare = spare, pressure
    return pressure, spare
