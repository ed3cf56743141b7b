"""The commands together: their common arguments, and what becomes of errors."""

import json
import platform
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tumorsim import __version__
from tumorsim.cli.printing import new_console, say, say_error
from tumorsim.errors import ConfigError, TumorsimError

ORDER = (
    "validate", "run", "info", "render", "movie", "view", "readouts", "image", "dose", "survival", "report",
    "verify", "agents", "vessels", "devices",
)  # fmt: skip
"""Of the commands in the help."""
INTERRUPTED = 130
OUT_OF_MEMORY = 3


class Commands(TyperGroup):
    """The commands, whose expected errors become a few lines on stderr and an exit status."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=ORDER.index)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TumorsimError as error:
            _report(error)
            raise typer.Exit(error.exit_status) from None
        except MemoryError as error:
            say_error(f"the memory ran out ({error}). Use a larger domain.spacing or a smaller box")
            raise typer.Exit(OUT_OF_MEMORY) from None
        except KeyboardInterrupt:
            say_error("interrupted")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="A TOML config.", show_default=False)]
ResultFile = Annotated[Path, typer.Argument(metavar="FILE", help="A result (.vtkhdf).", show_default=False)]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="TABLE.KEY=VALUE", help='Override a key: --set "run.duration=2 h".'),
]


def main() -> None:
    """Run the command line and exit."""
    try:
        app()
    except Exception:
        traceback.print_exc()
        versions = f"tumorsim {__version__}, Python {platform.python_version()}, {platform.system()}"
        say_error(f"sorry, this is a fault of tumorsim. Please report it with the lines above ({versions})")
        sys.exit(1)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"tumorsim {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Where a nanomedicine goes in a tumour: leaky vessels, interstitial flow, transport, binding."""


def _report(error: TumorsimError) -> None:
    """One red line, then a block for every problem: the key and its value, the fault, the cure."""
    if not isinstance(error, ConfigError):
        return say_error(str(error))
    count = len(error.problems)
    say_error(f"{count} problems" if count > 1 else "1 problem")
    console = new_console(stderr=True)
    for problem in error.problems:
        written = json.dumps(problem.value, ensure_ascii=False, default=str)  # as TOML has it
        value = "" if problem.value is None else f" = {written}"
        say(console, f"\n  {problem.key}{value}\n    {problem.fault}\n    → {problem.cure}")
