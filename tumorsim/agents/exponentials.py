"""Sums and chains of exponentials, free of cancellation: what plasma curves and decay chains are made of."""

from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Value = float | Array

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


def mean_decay(x: Value) -> Array:
    """(1 − e⁻ˣ)/x, the mean of e⁻ᵘ over [0, x] for x ≥ 0; 1 at x = 0."""
    x = np.asarray(x, dtype=float)
    return np.where(x > 0, -np.expm1(-x) / np.where(x > 0, x, 1.0), 1.0)[()]


def lasting(rate: float, duration: float) -> float:
    """∫₀ᵈ e^{−ks} ds = (1 − e^{−kd})/k, the duration itself for k = 0."""
    return -float(np.expm1(-rate * duration)) / rate if rate > 0 else duration


def rise(rate: float, decay: float, start: float, duration: float) -> float:
    """∫ e^{−λt} (1 − e^{−kt})/k dt over [start, start + duration], free of cancellation for small rates."""
    before = start * mean_decay(rate * start) * lasting(decay, duration)
    within = duration**2 * np.exp(-rate * start) * _second_mean(decay * duration, rate * duration)
    return float(np.exp(-decay * start) * (before + within))


def _second_mean(a: float, b: float) -> float:
    """∫₀¹ u e^{−au} m(bu) du with m = ``mean_decay``, in whichever of two forms does not cancel."""
    if a + b < 1:
        return float(_WEIGHTS @ (_NODES * np.exp(-a * _NODES) * mean_decay(b * _NODES)))
    return float(mean_decay(a) - np.exp(-a) * mean_decay(b)) / (a + b)


_TERMS = 24
"""Of the series of e^X with ‖diagonal‖ ≤ 1/2: the next term is below 1e-30, also with ten links in a row [C]."""


def transition(rates: Array, time: Value) -> Array:
    """e^{Mt} of a chain: M (n, n) lower triangular, M_ij ≥ 0 the rate from j into i, M_jj ≤ 0, in 1/s.

    x(t) = e^{Mt} x(0) then holds the amounts of the links (Bateman's solution for a single file of them), with
    shape (..., n, n) for times of shape (...). Scaling and squaring of a shifted series without any
    subtraction, the diagonal e^{M_jj t} set anew at each squaring (Al-Mohy and Higham 2009,
    10.1137/09074721X [M]): every element is right to a few roundings more than the squarings, about
    log₂(max|M_jj| t), for rates that are equal, nearly so, or many orders of magnitude apart.
    """
    t = np.asarray(time, dtype=float)[..., None, None]
    diagonal, eye = np.diag(rates), np.eye(len(rates))
    fastest = float(-diagonal.min(initial=0.0) * t.max(initial=0.0))
    squarings = max(0, ceil(log2(fastest)) + 1) if fastest > 0 else 0
    scaled = rates * t / 2.0**squarings
    shift = np.max(-np.einsum("...ii->...i", scaled), axis=-1)[..., None, None]
    term = result = np.broadcast_to(eye, scaled.shape)
    for k in range(1, _TERMS):
        term = term @ (scaled + shift * eye) / k
        result = result + term
    result = result * np.exp(-shift)
    for level in range(squarings, -1, -1):
        exact = np.exp(diagonal * t[..., 0] / 2.0**level)
        result = np.where(eye > 0, exact[..., None] * eye, result)
        if level:
            result = result @ result
    return result
