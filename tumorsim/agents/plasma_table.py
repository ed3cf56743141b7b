"""A measured plasma curve: points from a table, joined by a stated rule."""

import csv
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from tumorsim.agents.exponentials import Array, Value, lasting, mean_decay
from tumorsim.agents.plasma import Curve
from tumorsim.errors import ConfigError, Problem
from tumorsim.units import UnitError, to_si

JOINS = ("log-linear", "linear", "monotone")
"""Between points: exponential where C_p falls and straight where it rises or meets zero (the linear-up log-down rule of
pharmacokinetics); straight everywhere; or the monotone cubic of Fritsch and Carlson 1980 (10.1137/0717021)."""
TAILS = ("exponential", "zero")
"""After the last point: on at the rate between the last two, or nothing."""
KEY = "dosing.plasma_table"
ROUNDING = 1e-6
"""Relative: by how much what a table puts into plasma may exceed the dose."""

_GAUSS = 0.5 - np.sqrt(1 / 12), 0.5 + np.sqrt(1 / 12)


@dataclass(frozen=True, eq=False)
class MeasuredCurve(Curve):
    """C_p through measured points (t_n ≥ 0 in s, rising; C_n ≥ 0 per m³), as activity at t_n where it decays.

    Before the first point C_p is that of the first point, from t = 0; ``join`` is one of JOINS and ``tail`` one of
    TAILS. The dose enters at once, or evenly over ``infusion`` s. Raises ConfigError where the points are no curve,
    or where there is more in plasma than was given.
    """

    dose: float
    amount_unit: str
    volume: float
    times: tuple[float, ...]
    values: tuple[float, ...]
    join: str = "log-linear"
    tail: str = "exponential"
    infusion: float = 0.0
    decay_rate: float = 0.0

    def __post_init__(self) -> None:
        if faults := _point_faults(self):
            raise ConfigError(*faults)
        starts, cubics, rates = _pieces(np.array(self.times), np.array(self.values), self.join, self.tail)
        object.__setattr__(self, "_starts", starts)
        object.__setattr__(self, "_cubics", cubics)
        object.__setattr__(self, "_rates", rates)
        if faults := _dose_faults(self):
            raise ConfigError(*faults)

    _starts = _cubics = _rates = np.zeros(0)

    @property
    def landmarks(self) -> tuple[float, ...]:
        knots = self.times if self.join != "monotone" else (self.times[0], self.times[-1])
        return tuple(sorted({0.0, *knots}))

    def derivatives(self, time: Array) -> Array:
        piece = np.maximum(np.searchsorted(self._starts, time, side="right") - 1, 0)
        u, k = np.maximum(time - self._starts[piece], 0.0), self._rates[piece]
        p0, p1, p2, p3 = np.moveaxis(self._cubics[piece], -1, 0)
        value = (p0 + u * (p1 + u * (p2 + u * p3))) * np.exp(-k * u)
        slope = p1 + u * (2 * p2 + 3 * u * p3) - k * value
        return np.where(time < 0, 0.0, np.array([value, slope, 2 * p2 + 6 * u * p3 + k**2 * value]))

    def injected(self, time: Value) -> Array:
        t = np.asarray(time, dtype=float)
        given = np.clip(t, 0.0, self.infusion)
        share = given / self.infusion if self.infusion > 0 else np.where(t < 0, 0.0, 1.0)
        return self.dose * (share * mean_decay(self.decay_rate * given))[()]

    def _integral(self, start: float, end: float) -> float:
        inside = self._starts[(self._starts > start) & (self._starts < end)]
        edges = [start, *inside.tolist(), end]
        return sum(self._within(a, b - a) for a, b in zip(edges[:-1], edges[1:], strict=True))

    def _within(self, start: float, duration: float) -> float:
        """∫ C_p over a part of one piece: an exponential, or a cubic, which two Gauss points integrate exactly."""
        rate = float(self._rates[np.searchsorted(self._starts, start, side="right") - 1])
        if rate > 0 or not isfinite(duration):
            first = float(self.concentration(start))
            return first * lasting(rate, duration) if first > 0 else 0.0
        middle = np.array([start + node * duration for node in _GAUSS])
        return float(duration * np.mean(self.concentration(middle)))


def _point_faults(curve: MeasuredCurve) -> list[Problem]:
    t, c = np.array(curve.times), np.array(curve.values)
    if len(t) < 2 or len(t) != len(c):
        return [Problem(KEY, None, f"{len(t)} times and {len(c)} values", "Give two points or more")]
    found = []
    if not (np.all(np.diff(t) > 0) and t[0] >= 0):
        found.append(Problem(KEY, None, "times must rise, from 0 or later", "Sort the lines by their time"))
    if not (np.all(c >= 0) and np.all(np.isfinite(c)) and c.any()):
        found.append(Problem(KEY, None, "no concentration may be negative, nor all zero", "Correct the lines"))
    if curve.tail == "exponential" and not c[-1] < c[-2] and c[-1] > 0:
        cure = 'Add a later point, or set dosing.plasma_table.tail = "zero"'
        found.append(Problem(KEY, None, "the last two points do not fall, so there is no rate to go on at", cure))
    return found


def _dose_faults(curve: MeasuredCurve) -> list[Problem]:
    """What is in plasma cannot exceed what was given."""
    t = np.array(curve.times)
    given, present = curve.injected(t), curve.volume * np.array(curve.values)
    worst = int(np.argmax(present - given * (1 + ROUNDING)))
    if present[worst] <= given[worst] * (1 + ROUNDING):
        return []
    unit, fits = curve.amount_unit, curve.volume * given[worst] / present[worst]
    fault = (
        f"at {t[worst]:g} s plasma of {curve.volume:g} m^3 would hold {present[worst]:.4g} {unit}, and "
        f"{given[worst]:.4g} {unit} were given until then"
    )
    cure = f'Check unit and dose, or set dosing.plasma_volume to "{fits * 1e3:.4g} L" or less'
    return [Problem(KEY, None, fault, cure if fits > 0 else "Check the length of the infusion")]


def _pieces(t: Array, c: Array, join: str, tail: str) -> tuple[Array, Array, Array]:
    """Start, cubic coefficients in the time since, and decay rate of every piece: (n,), (n, 4), (n,)."""
    steps = np.diff(t)
    cubics, rates = np.zeros((len(t), 4)), np.zeros(len(t))
    cubics[:, 0] = c
    cubics[:-1, 1] = np.diff(c) / steps
    falling = (c[1:] < c[:-1]) & (c[1:] > 0)
    fall = np.zeros(len(steps))
    fall[falling] = np.log(c[:-1][falling] / c[1:][falling]) / steps[falling]
    if join == "log-linear":
        cubics[:-1, 1] = np.where(falling, 0.0, cubics[:-1, 1])
        rates[:-1] = fall
    elif join == "monotone":
        from scipy.interpolate import PchipInterpolator

        cubics[:-1] = PchipInterpolator(t, c).c[::-1].T
    rates[-1] = fall[-1]
    if tail == "zero":
        cubics[-1] = 0.0
    if t[0] > 0:
        t, rates = np.concatenate([[0.0], t]), np.concatenate([[0.0], rates])
        cubics = np.concatenate([[[c[0], 0.0, 0.0, 0.0]], cubics])
    return t, cubics, rates


# the file ---------------------------------------------------------------------------------------------------


def read_plasma_table(
    path: Path,
    *,
    amount_unit: str,
    dose: float,
    time_unit: str | None = None,
    unit: str | None = None,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Times in s and concentrations per m³ from the first two columns of a CSV file (or with tabs or semicolons).

    The header says what they are and their units, ``time [h], concentration [uM]``; ``time_unit`` and ``unit`` stand in
    for it. A concentration is ``amount_unit`` per volume, or ``%ID`` per volume of the ``dose``. Lines that are empty
    or begin with # are passed over. Raises ConfigError, naming the line, for everything that is wrong.
    """
    lines = _lines(path)
    header = lines.pop(0)[1] if lines and not _is_number(lines[0][1][0]) else []
    problems: list[Problem] = []
    time_factor = _factor(path, header, 0, time_unit, {"s": 1.0}, problems)
    factor = _factor(path, header, 1, unit, {f"{amount_unit}/m^3": 1.0, "%ID/m^3": dose / 100}, problems)
    points = []
    for number, cells in lines:
        if len(cells) < 2 or not all(_is_number(cell) for cell in cells[:2]):
            cure = "Write a time and a concentration, as in 1.5, 0.42"
            problems.append(Problem(f"{path.name}, line {number}", ", ".join(cells), "two numbers expected", cure))
        else:
            points.append((number, float(cells[0]) * time_factor, float(cells[1]) * factor))
    for (_, before, _), (number, time, _) in zip(points[:-1], points[1:], strict=True):
        if time <= before:
            fault, cure = "its time is not after that of the line before", "Sort the lines, and average repeats"
            problems.append(Problem(f"{path.name}, line {number}", None, fault, cure))
    for number, time, value in points:
        if time < 0 or value < 0:
            fault = "a negative time or concentration"
            problems.append(Problem(f"{path.name}, line {number}", None, fault, "Count from the dose, at time 0"))
    if problems:
        raise ConfigError(*problems)
    return tuple(time for _, time, _ in points), tuple(value for _, _, value in points)


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The lines that say something, with their numbers."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fault = f"cannot be read ({error})"
        raise ConfigError(Problem(f"{KEY}.file", str(path), fault, "Give a CSV file")) from None
    delimiter = next((mark for mark in "\t;" if mark in text), ",")
    rows = csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True)
    cells = ((rows.line_num, [cell.strip() for cell in row]) for row in rows)
    return [(number, row) for number, row in cells if any(row) and not row[0].startswith("#")]


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _factor(
    path: Path, header: list[str], column: int, given: str | None, si: Mapping[str, float], problems: list[Problem]
) -> float:
    """SI units in one unit of a column, which is ``given`` or stands in brackets in the header.

    ``si`` holds the SI units that are taken, and what one of them counts for.
    """
    name, title, example = (("time_unit", "time", "h"), ("unit", "concentration", "%ID/mL"))[column]
    bracket = re.search(r"[\[(](.*)[\])]", header[column]) if column < len(header) else None
    unit = given or (bracket[1].strip() if bracket else None)
    if unit is None:
        cure = f'Write it in the header, as in "{title} [{example}]", or set {name}'
        problems.append(Problem(f"{KEY}.{name}", None, f"is required: {path.name} does not say it", cure))
        return 1.0
    share = unit.startswith("%ID")
    for reference, weight in si.items():
        with suppress(UnitError):
            if share == reference.startswith("%ID"):
                return weight * to_si(f"1 {unit}".replace(" %ID", ""), reference.replace("%ID", "1"))
    problems.append(Problem(f"{KEY}.{name}", unit, f"is no unit in {' or '.join(si)}", f'Write "{example}"'))
    return 1.0
