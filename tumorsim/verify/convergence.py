"""A verification case: a problem with a known answer, solved at several resolutions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, log
from time import perf_counter

from tumorsim.device.twin import Device
from tumorsim.errors import NumericsError


@dataclass(frozen=True)
class VerificationCase:
    """One problem with a known answer.

    ``run(device, resolution)`` returns the error in ``norm``; ``resolution`` counts what the case refines
    (``refines``: voxels or steps), so an error of order q falls as ``resolution**-q``. It passes when the observed
    order reaches ``expected_order`` and the error at the finest resolution is within ``tolerance``, which holds
    for ``quick`` as well as for ``resolutions``. Without ``expected_order`` the scheme is exact, and every error
    must be within ``tolerance``.
    """

    name: str
    group: str
    equation: str
    run: Callable[[Device, int], float]
    resolutions: tuple[int, ...]
    quick: tuple[int, ...]
    expected_order: float | None
    tolerance: float
    norm: str
    refines: str = "voxels"


@dataclass(frozen=True)
class Convergence:
    """What a case gave; ``fault`` tells why a run broke off, and its error is NaN."""

    case: VerificationCase
    resolutions: tuple[int, ...]
    errors: tuple[float, ...]
    seconds: float
    fault: str = ""

    @property
    def order(self) -> float | None:
        """Observed order over all resolutions; None where the scheme is exact."""
        if self.case.expected_order is None:
            return None
        return observed_order(self.resolutions, self.errors)

    @property
    def passed(self) -> bool:
        """Whether the case keeps what it promises; an error that is not finite never does."""
        if not all(isfinite(error) for error in self.errors):
            return False
        if self.case.expected_order is None:
            return max(self.errors) <= self.case.tolerance
        order = self.order
        return (
            order is not None and order >= self.case.expected_order and self.errors[-1] <= self.case.tolerance
        )


def observed_order(resolutions: Sequence[int], errors: Sequence[float]) -> float:
    """The slope −d ln(error)/d ln(resolution) of the least-squares line; NaN if an error is not positive."""
    if not all(isfinite(error) and error > 0 for error in errors):
        return float("nan")
    x, y = [log(n) for n in resolutions], [log(error) for error in errors]
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return -above / sum((a - middle_x) ** 2 for a in x)


def converge(case: VerificationCase, device: Device, *, quick: bool = False) -> Convergence:
    """Run ``case`` at its three resolutions, or at its ``quick`` ones. A NumericsError is a failure of the case."""
    resolutions = case.quick if quick else case.resolutions
    start, errors, fault = perf_counter(), [], ""
    for resolution in resolutions:
        try:
            errors.append(float(case.run(device, resolution)))
        except NumericsError as error:
            errors.append(float("nan"))
            fault = fault or f"at {resolution}: {error}"
    return Convergence(case, resolutions, tuple(errors), perf_counter() - start, fault)
