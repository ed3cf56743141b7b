"""From the raw tables of a file to a `Config`, and from pydantic's errors to problems with key and cure.

A fault hides no other: what is sound in a table with a fault stays readable (`partial`), so that the checks
that need several keys at once still run wherever they can be decided.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from tumorsim.config.schema import Config, Table
from tumorsim.config.values import Quantity, suggestion
from tumorsim.errors import Problem

AnyTable = TypeVar("AnyTable", bound=Table)


def validate(raw: Mapping[str, Any]) -> tuple[Config, list[Problem]]:
    """The config in ``raw``, and every fault that a single key shows; with a fault, the config is partial."""
    tables = {name: {} for name, field in Config.model_fields.items() if field.is_required()} | dict(raw)
    try:
        return Config.model_validate(tables), []
    except ValidationError as error:
        return partial(Config, tables), _problems(error.errors(include_url=False), tables)


# what is sound ----------------------------------------------------------------------------------------------


class _Broken(Exception):
    """No part of a value is sound."""


def partial(table: type[AnyTable], raw: Mapping[str, Any]) -> AnyTable:
    """``table`` with the sound keys of ``raw``; asking it for a wrong or missing one raises Undecidable."""
    sound, broken = {}, set()
    for name in table.model_fields.keys() & raw.keys():
        try:
            sound[name] = _sound(table.model_fields[name].rebuild_annotation(), raw[name])
        except _Broken:
            broken.add(name)
    made = table.model_construct(**sound)
    for name in broken:
        made.__dict__.pop(name, None)  # model_construct put the default there
    return made


def _sound(annotation: Any, raw: Any) -> Any:
    """``raw`` validated, or the sound keys of the tables in it. Raises _Broken if it is neither."""
    try:
        return TypeAdapter(annotation).validate_python(raw)
    except ValidationError:
        pass
    for option in _options(annotation):
        container, parts = get_origin(option), get_args(option)
        if isinstance(raw, Mapping) and _is_table(option) and _kind(option) in (None, raw.get("kind")):
            return partial(option, raw)
        if isinstance(raw, Mapping) and container is dict and _holds_tables(parts[1]):
            return {key: _sound(parts[1], value) for key, value in raw.items()}
        if isinstance(raw, list) and container is tuple and _holds_tables(parts[0]):
            return tuple(_sound(parts[0], value) for value in raw)
    raise _Broken


def _options(annotation: Any) -> Iterator[Any]:
    """The alternatives of a union, without their annotations."""
    if get_origin(annotation) is Annotated:
        yield from _options(get_args(annotation)[0])
    elif get_origin(annotation) in (dict, tuple) or not get_args(annotation):
        yield annotation
    else:
        for part in get_args(annotation):
            yield from _options(part)


def _is_table(option: Any) -> bool:
    return isinstance(option, type) and issubclass(option, Table)


def _holds_tables(annotation: Any) -> bool:
    return any(_is_table(option) for option in _options(annotation))


def _kind(table: type[Table]) -> str | None:
    """The one value of the key ``kind`` that chooses this table among others."""
    field = table.model_fields.get("kind")
    return get_args(field.annotation)[0] if field else None


# what is wrong ----------------------------------------------------------------------------------------------


def _problems(errors: list[ErrorDetails], raw: Mapping[str, Any]) -> list[Problem]:
    found: list[Problem] = []
    for error in errors:
        problem = _problem(error, raw)
        if problem not in found:  # a spacing that is one value for three axes has its fault three times
            found.append(problem)
    meant = {meant_key(problem) for problem in found}
    return [problem for problem in found if not (problem.fault == ABSENT and problem.key in meant)]


ABSENT = "is required, and not given"


def meant_key(problem: Problem) -> str:
    """The key that a misspelt one was meant to be; that this one is absent then says nothing more."""
    table, dot, _ = problem.key.rpartition(".")
    guess = re.fullmatch(r'Did you mean "(.*)"\?', problem.cure)
    return f"{table}{dot}{guess[1]}" if guess else ""


def _problem(error: ErrorDetails, raw: Mapping[str, Any]) -> Problem:
    place, kind, value = error["loc"], error["type"], error["input"]
    key = _key(place, raw, keep_last=kind == "missing")
    shown = None if isinstance(value, Mapping) else value
    match kind:
        case "refused" if "[key]" in place:
            return Problem(key, None, "unknown key", error["ctx"]["cure"])
        case "refused":
            return Problem(key, shown, error["ctx"]["fault"], error["ctx"]["cure"])
        case "missing":
            return Problem(key, None, ABSENT, _addition(place))
        case "extra_forbidden":
            what = "unknown table" if isinstance(value, Mapping) else "unknown key"
            return Problem(key, shown, what, _known(place))
        case "literal_error":
            choices = re.findall(r"'([^']*)'", error["ctx"]["expected"])
            return Problem(key, shown, "unknown choice", suggestion(str(value), choices))
        case "union_tag_not_found" | "union_tag_invalid":
            kinds = [name for option in _options_at(place) if (name := _kind(option))]
            tag = value.get("kind") if isinstance(value, Mapping) else None
            fault = "unknown choice" if tag else ABSENT
            return Problem(f"{key}.kind", tag, fault, suggestion(str(tag), kinds))
        case "model_type" | "dict_type" | "model_attributes_type":
            return Problem(key, shown, "a table was expected", f"Write its keys below [{key}]")
    return Problem(key, shown, error["msg"].lower(), "See the documentation of this key")


def _key(place: Sequence[int | str], raw: Any, *, keep_last: bool) -> str:
    """The dotted key as it stands in the file: ``place`` without what pydantic adds of its own."""
    key, here = "", raw
    for part in place[: len(place) - keep_last]:
        if isinstance(part, str) and isinstance(here, Mapping) and part in here:
            key, here = _joined(key, part), here[part]
        elif isinstance(part, int) and isinstance(here, list):
            key, here = f"{key}[{part}]", here[part]
    return _joined(key, str(place[-1])) if keep_last else key


def _joined(key: str, part: str) -> str:
    """A dotted key; a part that TOML would not take bare is quoted."""
    part = part if re.fullmatch(r"[\w-]+", part, re.ASCII) else f'"{part}"'
    return f"{key}.{part}" if key else part


def _options_at(place: Sequence[int | str]) -> list[Any]:
    """The types that the schema allows at a place."""
    options: list[Any] = [Config]
    for part in place:
        options = [inner for option in options for inner in _inside(option, part)]
    return options


def _inside(option: Any, part: int | str) -> Iterator[Any]:
    if _is_table(option) and part == _kind(option):
        yield option
    elif _is_table(option) and part in option.model_fields:
        yield from _options(option.model_fields[part].annotation)
    elif get_origin(option) is dict:
        yield from _options(get_args(option)[1])
    elif get_origin(option) is tuple and isinstance(part, int):
        yield from _options(get_args(option)[0])


def _keys_at(place: Sequence[int | str]) -> dict[str, FieldInfo]:
    return next((option.model_fields for option in _options_at(place) if _is_table(option)), {})


def _addition(place: Sequence[int | str]) -> str:
    """What to write for a key that is absent."""
    name = str(place[-1])
    field = _keys_at(place[:-1])[name]
    readers = (part for part in field.metadata if isinstance(part, Quantity))
    examples = field.examples or [f'"{reader.example}"' for reader in readers] or ['"..."']
    meaning = f" ({field.description})" if field.description else ""
    return f"Add for example {name} = {examples[0]}{meaning}"


def _known(place: Sequence[int | str]) -> str:
    """The keys that a table has, or the table that has this key."""
    name, here = str(place[-1]), _keys_at(place[:-1])
    elsewhere = [table for table in Config.model_fields if name in _keys_at([table])]
    if elsewhere and not get_close_matches(name, here, cutoff=0.6):
        return f"It is a key of [{elsewhere[0]}]"
    return suggestion(name, here)
