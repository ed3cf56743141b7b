"""What a dose does: dose-volume histograms, biologically effective dose and survival (physics.md G.6)."""

from dataclasses import dataclass
from math import exp, log

import numpy as np

from tumorsim.readouts.table import quantity

HOUR = 3600.0


@dataclass(frozen=True)
class Radiobiology:
    """Linear-quadratic response: ``alpha`` 1/Gy, ``alpha_beta`` α/β in Gy, ``repair_half_time`` s, all [M].

    ``rbe`` is the relative effectiveness of dense tracks at low dose, RBE_max, on α alone: 5 for alphas, as in
    dosimetry of PSMA ligands (PMC5700223) [S].
    """

    alpha: float = 0.3
    alpha_beta: float = 10.0
    repair_half_time: float = 1.5 * HOUR
    rbe: float = 5.0

    @property
    def repair_rate(self) -> float:
        return log(2) / self.repair_half_time


@dataclass(frozen=True)
class DoseSummary:
    """Dose of a region. D_x is the least dose to the hottest x % of its volume, V_x the volume with at least x Gy."""

    region: str = quantity("", "region")
    uptake: str = quantity("", "as transported, or the same decays spread evenly over each region")
    mean: float = quantity("Gy", "mean dose")
    minimum: float = quantity("Gy", "lowest voxel dose")
    maximum: float = quantity("Gy", "highest voxel dose")
    d98: float = quantity("Gy", "least dose to 98 % of the volume")
    d95: float = quantity("Gy", "least dose to 95 % of the volume")
    d50: float = quantity("Gy", "median dose")
    d02: float = quantity("Gy", "least dose to the hottest 2 %")
    v_mean: float = quantity("1", "part of the volume with at least the mean dose")
    alpha_share: float = quantity("1", "part of the mean dose that alphas bring")
    bed: float = quantity("Gy", "mean biologically effective dose")
    survival: float = quantity("1", "mean surviving fraction of cells, evenly spread")
    uniform_bed: float = quantity("Gy", "even BED of the same survival")


def dose_at_volume(doses: np.ndarray, percent: float) -> float:
    """D_x: the least dose in the hottest ``percent`` of the volume, Gy."""
    return float(np.percentile(doses, 100 - percent))


def volume_at_dose(doses: np.ndarray, dose: float) -> float:
    """V_x: the part of the volume that gets at least ``dose``."""
    return float(np.mean(doses >= dose))


def dose_volume_histogram(doses: np.ndarray, *, bins: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative: doses from 0 to the highest (bins+1,), and the part of the volume with at least that dose."""
    levels = np.linspace(0, float(doses.max()), bins + 1)
    below = np.searchsorted(np.sort(doses, axis=None), levels, side="left")
    return levels, 1 - below / doses.size


def protraction(times: np.ndarray, rates: np.ndarray, *, repair_rate: float, tail_rate: float = 0.0) -> float:
    """Lea and Catcheside's factor ``G = (2/D²) ∫Ḋ(t) ∫_0^t Ḋ(w) e^{−μ(t−w)} dw dt``, 1 for an instant, →0 for ever.

    For a dose rate that is straight between ``times``; after the last it falls as e^{−λt} with ``tail_rate`` λ > 0
    (there in closed form), or ends. nan for no dose.
    """
    remaining, effect, dose = 0.0, 0.0, 0.0
    for gap, first, second in zip(np.diff(times), rates[:-1], rates[1:], strict=True):
        t = gap * (_NODES + 1) / 2
        rate = first + (second - first) * t / gap
        slope, x = (second - first) / gap, repair_rate * t
        # ∫_0^t (first + slope w) e^{−μ(t−w)} dw, from the series where μt is small
        built = t * (first * _phi(x, 1) + slope * t * _phi(x, 2))
        effect += gap / 2 * (_WEIGHTS * rate * (remaining * np.exp(-x) + built)).sum()
        x_end = repair_rate * gap
        remaining = remaining * exp(-x_end) + gap * float(
            first * _phi(x_end, 1) + slope * gap * _phi(x_end, 2)
        )
        dose += gap * (first + second) / 2
    if tail_rate > 0:
        last = float(rates[-1])
        effect += remaining * last / (tail_rate + repair_rate) + last**2 / (
            2 * tail_rate * (tail_rate + repair_rate)
        )
        dose += last / tail_rate
    return float(2 * effect / dose**2) if dose else float("nan")


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


def _phi(x: np.ndarray | float, order: int) -> np.ndarray:
    """``φ_1 = (1 − e^{−x})/x`` and ``φ_2 = (1 − φ_1)/x = (x − 1 + e^{−x})/x²``, without cancellation at small x."""
    from scipy.special import hyp1f1

    return np.asarray(hyp1f1(1, order + 1, -np.asarray(x, float))) / order


def biologically_effective_dose(
    electrons: np.ndarray, alphas: np.ndarray | float = 0.0, *, protraction: float, tissue: Radiobiology
) -> np.ndarray:
    """``BED = RBE D_α + D_e + G (D_α + D_e)²/(α/β)``, Gy: with dense tracks α is higher and β is not."""
    return tissue.rbe * alphas + electrons + protraction * (alphas + electrons) ** 2 / tissue.alpha_beta


def survival(bed: np.ndarray, *, tissue: Radiobiology) -> np.ndarray:
    """Surviving fraction ``exp(−α BED)``."""
    return np.exp(-tissue.alpha * bed)


def summarise(
    region: str,
    uptake: str,
    electrons: np.ndarray,
    alphas: np.ndarray,
    *,
    protraction: float,
    tissue: Radiobiology,
) -> DoseSummary:
    """The numbers of a region, from the doses of its voxels. ``uniform_bed`` is −ln(mean survival)/α."""
    doses = electrons + alphas
    bed = biologically_effective_dose(electrons, alphas, protraction=protraction, tissue=tissue)
    lowest = float(bed.min())
    alive = float(np.mean(np.exp(-tissue.alpha * (bed - lowest))))  # relative: survival itself may underflow
    return DoseSummary(
        region=region,
        uptake=uptake,
        mean=float(doses.mean()),
        minimum=float(doses.min()),
        maximum=float(doses.max()),
        d98=dose_at_volume(doses, 98),
        d95=dose_at_volume(doses, 95),
        d50=dose_at_volume(doses, 50),
        d02=dose_at_volume(doses, 2),
        v_mean=volume_at_dose(doses, float(doses.mean())),
        alpha_share=float(alphas.mean() / doses.mean()) if doses.mean() else 0.0,
        bed=float(bed.mean()),
        survival=alive * exp(-tissue.alpha * lowest),
        uniform_bed=lowest - log(alive) / tissue.alpha,
    )
