"""Pictures, films and pages that are whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tumorsim.errors import StorageError


@contextmanager
def written_aside(out: Path, *, what: str) -> Iterator[Path]:
    """A name beside ``out`` with the same ending; what is written there becomes ``out`` at the end.

    Raises StorageError, which says ``what`` could not be written.
    """
    part = out.with_name(f"{out.stem}.part{out.suffix}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, out)
    except OSError as error:
        raise StorageError(
            f"cannot write the {what} {out}: {error.strerror or error}. Choose another place with --out"
        ) from None
    finally:
        with suppress(OSError):
            part.unlink()
