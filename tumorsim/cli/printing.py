"""How the command line speaks: tables, numbers with units, the progress line, complaints."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tumorsim.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tumorsim.readouts.table import Table as Readouts
    from tumorsim.simulation import Progress


def print_csv(rows: Sequence[dict[str, Any]]) -> None:
    """Rows with the same or further columns, empty where a value is unknown."""
    import csv

    columns = dict.fromkeys(column for row in rows for column in row)
    writer = csv.DictWriter(sys.stdout, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


class Meter:
    """Tells how far a run is: a bar with the simulated time on a terminal, else a line now and then."""

    SECONDS_BETWEEN_LINES = 10.0

    def __init__(self, console: "Console", *, silent: bool):
        from rich.progress import BarColumn, Progress, TextColumn

        self.console, self.silent = console, silent
        self.bar = Progress(BarColumn(20), TextColumn("{task.description}"), console=console, transient=True)
        self.task = self.bar.add_task("starting", total=1.0)
        self.first: tuple[float, float] | None = None
        self.next_line = 0.0

    def __enter__(self) -> "Meter":
        if self.console.is_terminal and not self.silent:
            self.bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.stop()

    def __call__(self, progress: "Progress") -> None:
        if self.silent:
            return
        self.first = self.first or (progress.time, progress.wall_seconds)
        line = progress_line(progress, first=self.first)
        last = progress.time >= progress.duration
        if self.console.is_terminal:
            part = progress.time / progress.duration
            self.bar.update(self.task, completed=part, description=line, refresh=last)
        if last or (not self.console.is_terminal and progress.wall_seconds >= self.next_line):
            say(self.console, line)
            self.next_line = progress.wall_seconds + self.SECONDS_BETWEEN_LINES


def progress_line(progress: "Progress", *, first: tuple[float, float]) -> str:
    """Simulated time, step, time to go and ledger. ``first`` is when this run began: simulated, wall, s."""
    done, spent = progress.time - first[0], progress.wall_seconds - first[1]
    to_go = f"{span(spent * (progress.duration - progress.time) / done)} to go" if done > 0 else "..."
    if progress.time >= progress.duration:
        to_go = f"took {span(progress.wall_seconds)}"
    return (
        f"{span(progress.time)} of {span(progress.duration)}, dt {span(progress.dt)}, "
        f"{to_go}, ledger {progress.ledger_error:.1e}"
    )


def span(seconds: float) -> str:
    """A length of time for people: "90 s", "12.5 min", "24 h", "3 d"."""
    for unit, size, enough in (("d", 86400.0, 259200.0), ("h", 3600.0, 7200.0), ("min", 60.0, 120.0)):
        if seconds >= enough:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def shown(value: float | None, unit: str) -> str:
    """A number in SI for people: times, lengths and bytes in a unit of their size."""
    if value is None:
        return "unknown"
    if unit == "s":
        return span(value)
    if unit == "m" and value > 0:
        name, size = next((n, s) for n, s in (("mm", 1e-3), ("um", 1e-6), ("nm", 0.0)) if value >= s)
        return f"{value / (size or 1e-9):.4g} {name}"
    if unit in ("B", "byte"):
        return f"{value / 2**20:,.1f} MiB" if value < 2**30 else f"{value / 2**30:,.2f} GiB"
    number = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return number if unit in ("", "1") else f"{number} {unit}"


def columns_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE, header_style="bold", show_header=any(columns))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def given_activity(text: str | None) -> float | None:
    """The Bq of --activity, where it is given."""
    return None if text is None else given_quantity(text, "Bq", "--activity")


def given_quantity(
    text: str, unit: str, option: str, *, least: float | None = None, typical: str = ""
) -> float:
    """The number of SI ``unit`` in an option: ``least`` or more, without one above zero."""
    from tumorsim.errors import Problem
    from tumorsim.units import UnitError, example, to_si

    cure = f'Write for example "{typical or example(unit)}"'
    try:
        value = to_si(text, unit)
    except UnitError as error:
        fault = str(error).split("; for example")[0]
        raise ConfigError(Problem(option, text, fault, cure)) from None
    if value <= 0 if least is None else value < least:
        fault = "it is not above zero" if least is None else f"it is less than {least:g}"
        raise ConfigError(Problem(option, text, fault, cure))
    return value


def readout_table(table: "Readouts", columns: Sequence[str]) -> "Table":
    """Some ``columns`` of a table of readouts."""
    chosen = [table.columns.index(name) for name in columns]
    rows = [
        [
            row[k] or "–" if table.units[k] == "" or row[k] is None else shown(row[k], table.units[k])
            for k in chosen
        ]
        for row in table.rows
    ]
    return columns_of(columns, rows)


def new_console(*, stderr: bool = False) -> "Console":
    """A console that breaks no line where nobody looks at it."""
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=200)


def say(console: "Console", text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


def say_error(text: str) -> None:
    from rich.text import Text

    line = Text.assemble(("error: ", "bold red"), text)
    new_console(stderr=True).print(line, soft_wrap=True)
