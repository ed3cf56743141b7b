"""When to step and when to write: the time step is bent so that it lands on every landmark.

The plan depends on nothing but the landmarks and the limit, so a resumed run takes the very same steps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class Step:
    """Step ``number`` (from 1) leads from ``start`` to ``end``, s; ``output`` says that ``end`` is an output time."""

    number: int
    start: float
    end: float
    output: bool

    @property
    def length(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Schedule:
    """Output times and other moments (the end of an infusion) that a step must land on, s.

    Between two landmarks the steps are equal and none exceeds ``limit``, nor the longest step of the piece of time it
    lies in: ``pieces`` are (until, longest step), in order.
    """

    duration: float
    limit: float
    output_times: tuple[float, ...]
    landmarks: tuple[float, ...] = ()
    pieces: tuple[tuple[float, float], ...] = ()

    def steps(self, *, after: int = 0) -> Iterator[Step]:
        """The steps in order, from the one numbered ``after + 1``."""
        number = 0
        for start, end, count in self._intervals():
            skipped = min(count, max(0, after - number))
            for k in range(skipped, count):
                last = k + 1 == count
                begin, stop = (start + (end - start) * j / count for j in (k, k + 1))
                yield Step(number + k + 1, begin, end if last else stop, last and end in self.output_times)
            number += count

    @property
    def count(self) -> int:
        """Number of steps in all."""
        return sum(count for _, _, count in self._intervals())

    def next_moment(self, time: float) -> float:
        """The first output time or landmark after ``time``."""
        return next(end for _, end, _ in self._intervals() if end > time)

    def _intervals(self) -> Iterator[tuple[float, float, int]]:
        ends = (until for until, _ in self.pieces)
        moments = {
            t for t in (*self.output_times, *self.landmarks, *ends, self.duration) if 0 < t <= self.duration
        }
        start = 0.0
        for end in sorted(moments):
            yield start, end, max(1, ceil((end - start) / self._longest(end) * (1 - 1e-12)))
            start = end

    def _longest(self, time: float) -> float:
        """The longest step of the interval that ends at ``time``."""
        piece = (longest for until, longest in self.pieces if time <= until)
        return min(self.limit, next(piece, self.limit))


Pieces = tuple[tuple[float, float], ...]


def shortest_of(*several: Pieces) -> Pieces:
    """Pieces of time (until, longest step) in which every one of the given is kept to."""
    ends = sorted({until for pieces in several for until, _ in pieces})
    return tuple((end, min(next(step for until, step in p if end <= until) for p in several)) for end in ends)


def output_times(*, duration: float, every: float | None, times: Sequence[float] | None) -> tuple[float, ...]:
    """The output times after 0: the given ones, or multiples of ``every``; the end is always one of them."""
    if times is not None:
        chosen = {t for t in times if 0 < t <= duration}
    else:
        interval = duration if every is None else every
        chosen = {interval * k for k in range(1, int(duration / interval * (1 + 1e-12)) + 1)}
    last = max(chosen, default=0.0)
    if abs(last - duration) <= 1e-9 * duration:  # a multiple that is the end but for rounding
        chosen.discard(last)
    return tuple(sorted(chosen | {duration}))
