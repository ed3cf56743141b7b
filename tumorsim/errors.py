"""Every error a user can meet, with the exit status the command line gives it.

An expected error says what is wrong, which key or file it concerns, the value found and the cure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """One fault in an input: the key (or file), the value found, what is wrong, and what would work."""

    key: str
    value: object
    fault: str
    cure: str

    def __str__(self) -> str:
        shown = "" if self.value is None else f" = {self.value!r}"
        return f"{self.key}{shown}: {self.fault}. {self.cure}"


class TumorsimError(Exception):
    """Base of every error this package raises on purpose."""

    exit_status = 1


class ConfigError(TumorsimError):
    """The config, or a file that it names, is wrong. Carries every problem found, not only the first."""

    exit_status = 2

    def __init__(self, *problems: Problem):
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class NumericsError(TumorsimError):
    """The numerics failed: what, where, at which step."""

    exit_status = 3


class StorageError(TumorsimError):
    """Reading or writing a file failed."""

    exit_status = 4


class DeviceError(TumorsimError):
    """The compute device asked for is not there, or cannot build a kernel."""

    exit_status = 3


def choose(choices: Mapping[str, T], name: str, *, key: str) -> T:
    """``choices[name]``, or a ConfigError about ``key`` that lists the choices and the nearest one."""
    if name in choices:
        return choices[name]
    near = get_close_matches(name, choices, n=1, cutoff=0.5)
    hint = f'Did you mean "{near[0]}"? ' if near else ""
    raise ConfigError(Problem(key, name, "is not known", f"{hint}Choose one of: {', '.join(choices)}"))


class RenderError(TumorsimError):
    """No picture can be drawn on this machine. The run it would show is not affected."""

    exit_status = 4
