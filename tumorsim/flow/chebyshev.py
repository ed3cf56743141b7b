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


class Start(Protocol):
    """The first two iterates from zero, of which the first is kept unless None: steps as above in one pass."""

    def __call__(
        self, second: Array, first: Array | None, *, first_step: float, weight: float, step: float
    ) -> None: ...


def step_weights(steps: int, *, from_zero: bool) -> list[tuple[float, float, float]]:
    """weight_newer, weight_older and step of every step; from zero there is no older iterate before the third."""
    momentum = [(2 * k - 3) / (2 * k + 1) if k > 1 else 0.0 for k in range(1, steps + 1)]
    older = [0.0 if k < 2 or (from_zero and k == 2) else -m for k, m in enumerate(momentum, start=1)]
    length = [(8 * k - 4) / (2 * k + 1) / SPECTRUM for k in range(1, steps + 1)]
    return [(1 + m, o, s) for m, o, s in zip(momentum, older, length, strict=True)]


def smooth(
    step: Step,
    pressure: Array,
    spare: Array,
    *,
    steps: int,
    from_zero: bool = False,
    start: Start | None = None,
) -> tuple[Array, Array]:
    """Steps from ``pressure``, or from zero; returns the array of the last iterate and the other one.

    A ``start`` takes the first two of those from zero, where there are so many.
    """
    weights, done = step_weights(steps, from_zero=from_zero or start is not None), 0
    if start:
        (_, _, first), (weight, _, second), *weights = weights
        start(pressure, spare if weights else None, first_step=first, weight=weight, step=second)
        done = 2
    for k, (newer, older, length) in enumerate(weights, start=done + 1):
        values = None if from_zero and k == 1 else pressure
        step(spare, values, k == steps, weight_newer=newer, weight_older=older, step=length)
        pressure, spare = spare, pressure
    return pressure, spare
