"""Readouts of a curve in time: area, peak, arrival, time above a threshold. Curves are straight between outputs."""

import numpy as np

ARRIVED = 0.1
"""Share of its peak at which a curve has arrived [D]."""


def area(times: np.ndarray, values: np.ndarray) -> float:
    """AUC by the trapezoidal rule over the outputs, unit of ``values`` times s; no tail after the last."""
    return float(np.trapezoid(values, times))


def arrival_time(times: np.ndarray, values: np.ndarray, *, share: float = ARRIVED) -> float:
    """When a curve first reaches ``share`` of its highest value, s; nan for one that never rises above 0."""
    level = share * np.max(values)
    if not level > 0:
        return float("nan")
    k = int(np.argmax(values >= level))
    if k == 0:
        return float(times[0])
    return float(np.interp(level, values[k - 1 : k + 1], times[k - 1 : k + 1]))


def share_above(first: np.ndarray, second: np.ndarray, threshold: float) -> np.ndarray:
    """The part (0 to 1) of an interval for which straight lines from ``first`` to ``second`` are above."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    rise = high - low
    sloped = rise > 0
    part = np.divide(high - threshold, rise, out=np.zeros(np.shape(rise)), where=sloped)
    return np.where(sloped, np.clip(part, 0, 1), low > threshold)


def time_above(times: np.ndarray, values: np.ndarray, threshold: float) -> float:
    """For how long a curve is above ``threshold``, s."""
    return float((share_above(values[:-1], values[1:], threshold) * np.diff(times)).sum())
