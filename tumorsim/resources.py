"""Where the package's own files are."""

from functools import cache
from pathlib import Path


@cache
def kernels_directory() -> Path:
    """The folder of the ``.cu`` files: inside an installed wheel, else beside the package in a checkout."""
    return _shipped("kernels")


def _shipped(folder: str) -> Path:
    package = Path(__file__).parent
    installed = package / folder
    return installed if installed.is_dir() else package.parent / folder
