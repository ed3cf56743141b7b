"""Quantities with units: text such as ``"15.6 mmHg"`` in, SI numbers out, and back for display."""

import re
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pint


class UnitError(ValueError):
    """A text is not a quantity of the dimension that was expected; the message says what would be."""


@cache
def _registry() -> "pint.UnitRegistry":
    import pint

    registry: pint.UnitRegistry = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    registry.define("molar = mol / liter = M")
    return registry


_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_POWER = r"(?:\^|\*\*)\s*[+-]?\d(?!\s*(?:\^|\*\*|\d))"
_QUANTITY = re.compile(rf"\s*(?:{_NUMBER})?(?:[^\W\d]|[%°]|{_POWER}|1(?=\s*/)|[\s*/()])*")
# At most one number, then units: pint by itself would also compute "2*3 m", read "[1,2] m" as 12 m,
# and never return from "9**9**9**9 m".


def to_si(text: str, unit: str) -> float:
    """The number of SI ``unit`` in ``text``: ``to_si("50 um", "m")`` is 5e-5.

    Raises UnitError for text without a unit, with an unknown unit, or of another dimension.
    """
    if not isinstance(text, str):
        raise UnitError(f'expected a quantity with a unit, for example "{example(unit)}"')
    if not _QUANTITY.fullmatch(text):
        raise UnitError(f'not a number followed by a unit; for example "{example(unit)}"')
    import pint

    try:
        quantity: pint.Quantity = _registry().Quantity(text)
    except Exception as error:
        raise UnitError(f'not a quantity ({error}); for example "{example(unit)}"') from None
    if quantity.dimensionless and not _registry().Quantity(1, unit).dimensionless:
        raise UnitError(f'the unit is missing; for example "{example(unit)}"')
    try:
        value = float(f"{quantity.to(unit).magnitude:.15g}")  # "50 um" is 5e-05, not 4.9999999999999996e-05
    except pint.DimensionalityError:
        raise UnitError(f'a quantity in {unit} was expected; for example "{example(unit)}"') from None
    if not isfinite(value):
        raise UnitError(f'not a finite number; for example "{example(unit)}"')
    return value


_EXAMPLES = {
    "m": "50 um",
    "s": "24 h",
    "Pa": "15.6 mmHg",
    "1/m": "200 1/cm",
    "1/s": "0.01 1/h",
    "K": "37 degC",
    "W": "1 W",
    "W/m^3": "0.1 W/cm^3",
    "W/(m K)": "0.5 W/(m K)",
    "m/s": "1e-9 m/s",
    "m/(Pa s)": "2.8e-7 cm/(mmHg s)",
    "m^2/(Pa s)": "4.13e-8 cm^2/(mmHg s)",
    "1/(Pa s)": "1.33e-5 1/(mmHg s)",
    "m^2/s": "1e-11 m^2/s",
    "mol/m^3": "1 uM",
    "m^3": "3 L",
    "m^3/s": "0.1 L/h",
    "m^3/(mol s)": "1e5 1/(M s)",
    "kg": "50 mg",
    "kg/mol": "580 g/mol",
    "Bq": "37 MBq",
}


def example(unit: str) -> str:
    """A typical quantity in the dimension of ``unit``, for error messages."""
    return _EXAMPLES.get(unit, f"1 {unit}")


def from_si(value: float, unit: str, shown: str) -> float:
    """``value`` in SI ``unit`` expressed in ``shown``: ``from_si(86400, "s", "h")`` is 24."""
    return float(_registry().Quantity(value, unit).to(shown).magnitude)
