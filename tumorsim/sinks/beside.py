"""Work beside the solver: outputs are summed up, compressed and written while the next steps run."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self


class Beside:
    """One piece of work at a time in a thread of its own; a context manager that waits for the last.

    What a piece raises is raised by the next call, or at the end, unless the caller is failing already.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "beside")
        self._running: Future[None] | None = None

    def start(self, work: Callable[[], None]) -> None:
        """Wait for the piece before, then start this one."""
        self.wait()
        self._running = self._thread.submit(work)

    def wait(self) -> None:
        """Until nothing runs."""
        running, self._running = self._running, None
        if running is not None:
            running.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown()
        if failure is None:
            self.wait()
