"""How one value of the file is read: text with a unit to an SI float, a plain number within bounds, a triple.

Every refusal carries the fault and the cure apart, so that the message can say both beside the key.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf, isfinite
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BeforeValidator, GetCoreSchemaHandler, PlainSerializer
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from tumorsim.units import UnitError, example, to_si

T = TypeVar("T")


def refuse(fault: str, cure: str) -> NoReturn:
    """Refuse the value under validation, saying what is wrong and what would work."""
    raise PydanticCustomError("refused", "{fault}", {"fault": fault, "cure": cure})


def suggestion(name: str, choices: Iterable[str]) -> str:
    """The cure for a wrong ``name``: the nearest of the choices, or all of them."""
    known = list(choices)
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f'Did you mean "{near[0]}"?' if near else f"Known here: {', '.join(known)}"


class Parsed:
    """A pydantic annotation that turns the raw value of the file into the value of the model by `parse`."""

    def parse(self, raw: object) -> Any:
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)


@dataclass(frozen=True)
class Bounds:
    """What a number may be: ``least`` and ``most`` themselves are allowed, ``above`` is not."""

    least: float = -inf
    above: float = -inf
    most: float = inf

    def keep(self, value: float, cure: str) -> None:
        """Refuse ``value`` when it is outside."""
        if not isfinite(value):
            refuse("must be finite", cure)
        if value <= self.above:
            refuse(f"must be greater than {self.above:g}", cure)
        if value < self.least:
            refuse(f"must be at least {self.least:g}", cure)
        if value > self.most:
            refuse(f"must be at most {self.most:g}", cure)

    def __str__(self) -> str:
        limits = {"greater than": self.above, "at least": self.least, "at most": self.most}
        return " and ".join(f"{words} {limit:g}" for words, limit in limits.items() if isfinite(limit))


class Quantity(Parsed):
    """Text with a unit ("50 um"), read as a float in SI ``unit``."""

    def __init__(self, unit: str, *, least: float = -inf, above: float = -inf):
        self.unit = unit
        self.bounds = Bounds(least, above)

    @property
    def example(self) -> str:
        return example(self.unit)

    def parse(self, raw: object) -> float:
        value = read_quantity(raw, self.unit)
        self.bounds.keep(value, f'Give for example "{self.example}"')
        return value


class Number(Parsed):
    """A plain number without dimension; text and true or false are refused."""

    def __init__(self, *, least: float = -inf, above: float = -inf, most: float = inf, whole: bool = False):
        self.bounds = Bounds(least, above, most)
        self.whole = whole

    def parse(self, raw: object) -> float | int:
        kind = "a whole number" if self.whole else "a number"
        cure = f"Give {kind} {self.bounds}".rstrip()
        if isinstance(raw, bool) or not isinstance(raw, int if self.whole else int | float):
            refuse(f"{kind} was expected, without quotes", cure)
        try:
            value = float(raw)
        except OverflowError:
            refuse("is too large", cure)
        self.bounds.keep(value, cure)
        return int(raw) if self.whole else value


def read_quantity(raw: object, unit: str) -> float:
    """``raw`` as a number of SI ``unit``; refused, with the cure, when it is not such a quantity."""
    text = _with_number(raw, example(unit))
    try:
        return to_si(text, unit)
    except UnitError as error:
        refuse(_fault(error), f'Write a number and its unit in quotes, for example "{example(unit)}"')


def _with_number(raw: object, typical: str) -> str:
    """``raw`` when it is text that begins with a number."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        refuse("the unit is missing", f'Write the unit behind the number, in quotes: for example "{typical}"')
    if not isinstance(raw, str):
        refuse("text with a unit was expected", f'Write for example "{typical}"')
    if not _begins_with_number(raw):
        refuse("the number is missing", f'Write a number and its unit in quotes, for example "{typical}"')
    return raw


def _begins_with_number(text: str) -> bool:
    return text.strip()[:1] in tuple("+-.0123456789")


def _fault(error: UnitError) -> str:
    return str(error).split("; for example")[0]


@dataclass(frozen=True)
class Amount:
    """An amount of agent in the unit of its dose (``mol``, ``kg`` or ``Bq``), or such an amount per m³."""

    value: float
    unit: str


AMOUNT_UNITS = ("kg", "mol", "Bq")


class AmountOf(Parsed):
    """Text such as "50 mg", "2 umol" or "37 MBq", ``per`` volume where that is given, read as an `Amount`."""

    def __init__(self, *, per: str = "", example: str):
        self.per = per
        self.example = example

    def parse(self, raw: object) -> Amount:
        text = _with_number(raw, self.example)
        cure = f'Write for example "{self.example}"'
        faults = []
        for unit in AMOUNT_UNITS:
            try:
                amount = Amount(to_si(text, unit + self.per), unit)
            except UnitError as error:
                faults.append(_fault(error))
            else:
                Bounds(least=0.0).keep(amount.value, cure)
                return amount
        expected = " or ".join(unit + self.per for unit in AMOUNT_UNITS)
        refuse(faults[0] if len(set(faults)) == 1 else f"an amount in {expected} was expected", cure)


class Condition(Parsed):
    """What holds on a face of the box: one of ``words``, or a value that ``otherwise`` reads."""

    def __init__(self, words: Mapping[str, Any], otherwise: Quantity | AmountOf):
        self.words = words
        self.otherwise = otherwise

    def parse(self, raw: object) -> Any:
        if isinstance(raw, str) and raw in self.words:
            return self.words[raw]
        try:
            return self.otherwise.parse(raw)
        except PydanticCustomError as error:
            fault = error.message()
        if isinstance(raw, str) and not _begins_with_number(raw):
            fault = "unknown choice"
        words = " or ".join(f'"{word}"' for word in self.words)
        refuse(fault, f'Write {words}, or a value such as "{self.otherwise.example}"')


class OneOf(Parsed):
    """One of the names in ``choices``."""

    def __init__(self, choices: Iterable[str]):
        self.choices = tuple(choices)

    def parse(self, raw: object) -> str:
        name = _text(raw)
        if name not in self.choices:
            refuse("unknown choice", suggestion(name, self.choices))
        return name


class UnitName(Parsed):
    """The name of a unit ("um"), read as its size in SI ``unit``."""

    def __init__(self, unit: str, *, example: str):
        self.unit = unit
        self.example = example

    def parse(self, raw: object) -> float:
        cure = f'Write the name of a unit, for example "{self.example}"'
        if not isinstance(raw, str):
            refuse("text was expected", cure)
        try:
            size = to_si(raw, self.unit)
        except UnitError as error:
            refuse(_fault(error), cure)
        Bounds(above=0.0).keep(size, cure)
        return size


def _text(raw: object) -> str:
    if not isinstance(raw, str) or not raw.strip():
        refuse("text was expected", "Write text in quotes")
    return raw


def _path(raw: object) -> Path:
    return raw if isinstance(raw, Path) else Path(_text(raw))


def _flag(raw: object) -> bool:
    if not isinstance(raw, bool):
        refuse("true or false was expected", "Write true or false, without quotes")
    return raw


def _list(raw: object) -> object:
    if not isinstance(raw, list | tuple):
        refuse("a list was expected", "Put the values in square brackets")
    return raw


def _three(raw: object) -> object:
    if not isinstance(raw, list | tuple) or len(raw) != 3:
        refuse("three values were expected", "Write x, y and z in square brackets")
    return raw


def _one_or_three(raw: object) -> object:
    return _three(raw) if isinstance(raw, list | tuple) else [raw] * 3


def _reversed(triple: tuple[T, T, T]) -> tuple[T, T, T]:
    """x, y, z of the file to z, y, x of the arrays, and back."""
    return triple[2], triple[1], triple[0]


Text = Annotated[str, BeforeValidator(_text)]
Flag = Annotated[bool, BeforeValidator(_flag)]
InputFile = Annotated[Path, BeforeValidator(_path)]
LIST = BeforeValidator(_list)
"""Beside a tuple type: refuses anything but a list."""

Fraction = Annotated[float, Number(least=0, most=1)]
PositiveFraction = Annotated[float, Number(above=0, most=1)]
Ratio = Annotated[float, Number(least=0)]
Positive = Annotated[float, Number(above=0)]
Count = Annotated[int, Number(least=1, whole=True)]
Whole = Annotated[int, Number(least=0, whole=True)]

Position = Annotated[float, Quantity("m")]
Length = Annotated[float, Quantity("m", above=0)]
Distance = Annotated[float, Quantity("m", least=0)]
LengthUnit = Annotated[float, UnitName("m", example="um")]
PressureUnit = Annotated[float, UnitName("Pa", example="mmHg")]
Time = Annotated[float, Quantity("s", least=0)]
Duration = Annotated[float, Quantity("s", above=0)]
Rate = Annotated[float, Quantity("1/s", least=0)]
Pressure = Annotated[float, Quantity("Pa")]
PositivePressure = Annotated[float, Quantity("Pa", least=0)]
AreaDensity = Annotated[float, Quantity("1/m", least=0)]
TissueConductivity = Annotated[float, Quantity("m^2/(Pa s)", above=0)]
WallConductivity = Annotated[float, Quantity("m/(Pa s)", least=0)]
Filtration = Annotated[float, Quantity("1/(Pa s)", least=0)]
Concentration = Annotated[float, Quantity("mol/m^3", least=0)]
Association = Annotated[float, Quantity("m^3/(mol s)", least=0)]
WallPermeability = Annotated[float, Quantity("m/s", least=0)]
Diffusivity = Annotated[float, Quantity("m^2/s", above=0)]
MolarMass = Annotated[float, Quantity("kg/mol", above=0)]
Volume = Annotated[float, Quantity("m^3", above=0)]
VolumeRate = Annotated[float, Quantity("m^3/s", least=0)]
Mass = Annotated[float, Quantity("kg", above=0)]
MassDensity = Annotated[float, Quantity("kg/m^3", above=0)]
NumberDensity = Annotated[float, Quantity("1/m^3", least=0)]
ThermalConductivity = Annotated[float, Quantity("W/(m K)", above=0)]
PowerDensity = Annotated[float, Quantity("W/m^3", least=0)]
Power = Annotated[float, Quantity("W", above=0)]
PositiveVolumeRate = Annotated[float, Quantity("m^3/s", above=0)]
Temperature = Annotated[float, Quantity("K", above=0)]
Dose = Annotated[Amount, AmountOf(example="50 mg")]
AmountDensity = Annotated[Amount, AmountOf(per="/m^3", example="1 uM")]

_REVERSED = (AfterValidator(_reversed), PlainSerializer(_reversed, when_used="json"))
_XYZ = (BeforeValidator(_three), *_REVERSED)
Shape3 = Annotated[tuple[Count, Count, Count], *_XYZ]
Size3 = Annotated[tuple[Length, Length, Length], *_XYZ]
Position3 = Annotated[tuple[Position, Position, Position], *_XYZ]
Spacing3 = Annotated[tuple[Length, Length, Length], BeforeValidator(_one_or_three), *_REVERSED]
