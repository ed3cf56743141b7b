"""Reading a config file: TOML, what it extends, what the command line sets, then all that can be checked."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tumorsim.config.checks import check
from tumorsim.config.inputs import nearest_file
from tumorsim.config.schema import PATH_KEYS, Config
from tumorsim.config.validate import meant_key, validate
from tumorsim.errors import ConfigError, Problem

Tables = dict[str, Any]


def load_config(path: str | Path, *, overrides: Sequence[str] = ()) -> Config:
    """The config in the TOML file ``path``, in SI units, with every ``table.key=value`` of ``overrides`` set.

    A file may say ``extends = "base.toml"``: its tables are merged into those of the base, its arrays and
    values replace them. Paths are relative to the file that names them, those in ``overrides`` to the working
    directory. Raises ConfigError with all the problems that can be told, not only the first.
    """
    path = Path(path)
    tables, text = _read(path, ())
    problems: list[Problem] = []
    for override in overrides:
        try:
            _set(tables, override)
        except ConfigError as error:
            problems += error.problems
    _anchor(tables, Path.cwd())
    config, faults = validate(tables)
    problems += faults
    told = {fault.key for fault in faults} | {meant_key(fault) for fault in faults}
    problems += [problem for problem in check(config) if problem.key not in told]
    if problems:
        raise ConfigError(*_in_order(problems))
    return config.read_from(path.absolute(), "\n".join([text, *(f"# --set {item}" for item in overrides)]))


def _in_order(problems: list[Problem]) -> list[Problem]:
    """The problems table by table, in the order of the schema."""
    tables = list(Config.model_fields)

    def rank(problem: Problem) -> int:
        table = re.split(r"[.\[]", problem.key)[0]
        return tables.index(table) if table in tables else -1

    return sorted(problems, key=rank)


# files ------------------------------------------------------------------------------------------------------


def _read(path: Path, extending: tuple[Path, ...]) -> tuple[Tables, str]:
    """The tables of a file over those it extends, with absolute paths, and the texts of all these files."""
    text = _text(path, extending)
    tables = _parsed(text, path)
    _anchor(tables, path.absolute().parent)
    base = tables.pop("extends", None)
    if base is None:
        return tables, text
    if not isinstance(base, str):
        raise ConfigError(Problem("extends", base, "the path of a file was expected", 'Write "base.toml"'))
    chain = (*extending, path)
    below, given = _read(path.parent / Path(base).expanduser(), chain)
    return _merged(below, tables), f"{text}\n# extends {base}:\n{given}"


def _text(path: Path, extending: tuple[Path, ...]) -> str:
    if path.resolve() in {file.resolve() for file in extending}:
        loop = " extends ".join(file.name for file in (*extending, path))
        raise ConfigError(
            Problem("extends", path.name, f"the files go in a circle: {loop}", "Remove one of them")
        )
    key = "extends" if extending else "CONFIG"
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(Problem(key, str(path), "no such file", nearest_file(path))) from None
    except UnicodeDecodeError as error:
        fault = f"not a text file in UTF-8 (byte {error.start})"
        raise ConfigError(Problem(key, str(path), fault, "Give a TOML file")) from None
    except OSError as error:
        fault = f"cannot be read ({error.strerror})"
        raise ConfigError(Problem(key, str(path), fault, "Give a TOML file")) from None


def _parsed(text: str, path: Path) -> Tables:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also for numbers too long and lists too deep
        raise ConfigError(_syntax_problem(str(error), text, path)) from None


def _syntax_problem(message: str, text: str, path: Path) -> Problem:
    """What TOML complains about, with the line."""
    fault, _, place = message.partition(" (at ")
    numbers = [int(number) for number in re.findall(r"\d+", place)]
    lines = text.splitlines()
    number = numbers[0] if numbers else len(lines)
    line = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    column = f", column {numbers[1]}" if numbers else ""
    cure = 'A value with a unit stands in quotes: key = "50 um"' if "value" in fault.lower() else "Correct it"
    fault = f"not TOML: {fault[:1].lower()}{fault[1:]}"
    return Problem(f"{path.name}, line {number}{column}", line or None, fault, cure)


def _anchor(tables: Tables, folder: Path) -> None:
    """Make the paths absolute: they are relative to ``folder``."""
    for key in PATH_KEYS:
        *above, last = key.split(".")
        for table in _tables_at(tables, above):
            for name in list(table) if last == "*" else [last]:
                if isinstance(table.get(name), str):
                    table[name] = str(folder / Path(table[name]).expanduser())


def _tables_at(tables: Tables, keys: Sequence[str]) -> Iterator[Tables]:
    if not keys:
        yield tables
        return
    for name in list(tables) if keys[0] == "*" else [keys[0]]:
        if isinstance(tables.get(name), dict):
            yield from _tables_at(tables[name], keys[1:])


def _merged(base: Tables, over: Tables) -> Tables:
    """The tables of both; where both have a value, that of ``over``."""
    result = base | over
    for name in base.keys() & over.keys():
        if isinstance(base[name], dict) and isinstance(over[name], dict):
            result[name] = _merged(base[name], over[name])
    return result


# the command line -------------------------------------------------------------------------------------------

_NAME = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\")"
_KEY = re.compile(rf"{_NAME}(?:\[\d+\])?(?:\.{_NAME}(?:\[\d+\])?)*")


def _set(tables: Tables, override: str) -> None:
    """Set one ``table.key=value`` in ``tables``; ``key[0]`` is the first entry of a list."""
    key, equals, text = (part.strip() for part in override.partition("="))
    if not equals or not _KEY.fullmatch(key):
        cure = 'Write for example --set "run.duration=2 h"'
        raise ConfigError(Problem("--set", override, "not of the form table.key=value", cure))
    *above, last = (_step(step) for step in re.findall(rf"{_NAME}|\[\d+\]", key))
    here: Any = tables
    for step in above:
        here = _entry(here, step, key) if isinstance(step, int) else _table(here, step, key)
    if isinstance(last, int):
        _entry(here, last, key)
    elif not isinstance(here, dict):
        raise ConfigError(_no_table(key, last))
    here[last] = _value(text)


def _step(text: str) -> str | int:
    return int(text[1:-1]) if text.startswith("[") else text.strip('"')


def _table(here: Any, name: str, key: str) -> Any:
    if not isinstance(here, dict):
        raise ConfigError(_no_table(key, name))
    return here.setdefault(name, {})


def _entry(here: Any, index: int, key: str) -> Any:
    if not isinstance(here, list) or index >= len(here):
        cure = "Count from 0 through the list in the config file"
        raise ConfigError(Problem(key, None, f"there is no entry [{index}] to set", cure))
    return here[index]


def _no_table(key: str, name: str) -> Problem:
    return Problem(
        key, None, f"{name} cannot be set in what is not a table", "Check the key in the config file"
    )


def _value(text: str) -> Any:
    """A TOML value, or else plain text, so that run.duration=2 h needs no second quotes."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if len(parsed) == 1 else text
