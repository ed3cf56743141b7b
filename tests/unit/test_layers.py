"""Imports go down the house or sideways within a folder, never up (the floors of the design)."""

import ast
from pathlib import Path

import pytest

import tumorsim

ROOT = Path(tumorsim.__file__).parent
FLOORS = {
    "units": 0, "errors": 0, "constants": 0,
    "device": 1, "resources": 1,
    "grid": 2, "fields": 2, "boundaries": 2,
    "operators": 3,
    "tissue": 4, "vessels": 4, "agents": 4,
    "flow": 5, "transport": 5,
    "config": 6, "case": 6, "vasculature": 6, "heating": 6, "limits": 6, "schedule": 6, "stepping": 6,
    "sinks": 6, "simulation": 6, "results": 6, "readouts": 6,
    "cli": 7, "render": 7, "report": 7, "sweep": 7, "verify": 7,
}  # fmt: skip
FILE_READERS = {"results", "readouts", "render", "report"}
SOLVERS = {"flow", "transport", "operators", "device", "simulation", "stepping", "case", "limits"}
FILES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or not path.stem.startswith("__"))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tumorsim."):
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if alias.name.startswith("tumorsim.")}
    return {name.split(".")[1] for name in names}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
    here = room(path)
    above = {other for other in imported_rooms(path) if FLOORS[other] > FLOORS[here]}
    assert not above, f"{here} (floor {FLOORS[here]}) imports {above} from above"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_readers_of_files_never_import_a_solver(path):
    if room(path) in FILE_READERS:
        assert not imported_rooms(path) & SOLVERS


def test_cupy_is_imported_in_the_device_folder_only():
    for path in FILES:
        if room(path) != "device":
            assert "cupy" not in {name.split(".")[0] for name in _modules(path)}, path


def _modules(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
