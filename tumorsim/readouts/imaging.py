"""PET and SPECT of a result: activity over a frame, blur by positron range and optics, scanner voxels, noise.

A perfect reconstruction with a Gaussian response: attenuation, scatter and randoms are taken to be corrected, and
appear as noise only.
"""

from dataclasses import dataclass
from math import erf, exp, pi, sqrt

import numpy as np

from tumorsim.errors import ConfigError, Problem
from tumorsim.grid import Grid
from tumorsim.readouts.activity import Label, daughter_activity, decay_over_frame, mean_activity
from tumorsim.readouts.nuclides import Nuclide
from tumorsim.readouts.resample import FWHM, blur, extend, resample, scanner_grid
from tumorsim.results import Results


@dataclass(frozen=True)
class Scanner:
    """``modality`` "pet" or "spect"; ``resolution`` is the FWHM of the response and ``voxel`` the voxel edge, m.

    ``sensitivity`` is counts per positron (PET) or photon (SPECT) in the field of view; ``noise`` multiplies the
    variance of counting, for what a reconstruction does to it, 1 by default [D].
    """

    modality: str
    resolution: float
    voxel: float
    sensitivity: float
    noise: float = 1.0


SCANNERS = {
    "clinical-pet": Scanner("pet", 5e-3, 3e-3, 0.01),
    "preclinical-pet": Scanner("pet", 1.25e-3, 0.5e-3, 0.06),
    "clinical-spect": Scanner("spect", 10e-3, 4e-3, 2e-4),
    "preclinical-spect": Scanner("spect", 1.0e-3, 0.5e-3, 1e-3),
}
"""Typical scanners: resolution, voxel, sensitivity, all [M]."""


@dataclass(frozen=True, eq=False)
class EmissionImage:
    """A frame from ``start`` to ``end`` (s). Activities in Bq/m³, means over the frame, not corrected for decay.

    ``truth`` on the ``grid`` of the simulation; on the scanner's ``image_grid`` ``expected`` without and ``image``
    with noise, which is an unbiased one except that it is cut off at 0. A scanner is calibrated to a chain in
    equilibrium: where daughters that emit its photons have not grown in, it sees less.
    """

    of: Label
    scanner: Scanner
    start: float
    end: float
    grid: Grid
    truth: np.ndarray
    image_grid: Grid
    expected: np.ndarray
    image: np.ndarray

    @property
    def decay(self) -> float:
        """Mean over the frame of what decay leaves: image / decay is corrected to the time of injection."""
        return decay_over_frame(self.start, self.end, decay_rate=self.of.nuclide.decay_rate)

    def percent_dose_per_gram(self, *, density: float = 1000.0) -> np.ndarray:
        """%ID/g, corrected for decay to the time of injection; ``density`` in kg/m³, 1 g/mL by default [D]."""
        return 100 * self.image / self.decay * 1e-3 / (density * self.of.injected)

    def standard_uptake(self, *, body_mass: float) -> np.ndarray:
        """SUV = activity per volume / (injected activity / body mass), in g/mL: decay-corrected; mass in kg."""
        return self.image / self.decay * 1e-6 / (self.of.injected / (1e3 * body_mass))


def emission_image(
    results: Results,
    of: Label,
    scanner: Scanner,
    *,
    start: float,
    end: float,
    seed: int | None = 0,
    beyond: str = "continued",
    blood: bool = True,
) -> EmissionImage:
    """The frame from ``start`` to ``end`` (s) as ``scanner`` shows it; ``seed`` of the noise, none for None.

    ``beyond`` says what lies beyond the box (see ``resample.BEYOND``). Raises ConfigError where the nuclide emits
    nothing that the scanner counts, or the frame is not within the outputs.
    """
    emitted = emitted_per_decay(of.nuclide, scanner, daughter=of.daughter)
    truth = mean_activity(results, of, start, end, blood=blood)
    shares = of.nuclide.photon_shares if scanner.modality == "spect" else ()
    counted = mean_activity(results, of, start, end, blood=blood, shares=shares) if shares else truth
    if of.daughter is not None and scanner.modality == "spect":
        theirs = of.daughter.photons * daughter_activity(results, of, start, end)
        counted = (of.nuclide.photons * counted + theirs) / emitted
    sigma = sqrt((scanner.resolution / FWHM) ** 2 + positron_spread(of.nuclide, scanner) ** 2)
    onto = scanner_grid(results.grid, (scanner.voxel,) * 3)
    expected = observed(counted, results.grid, onto, sigma=sigma, beyond=beyond)
    image = expected
    if seed is not None:
        counts = expected * onto.voxel_volume * emitted * scanner.sensitivity * (end - start)
        image = noisy(expected, counts, scanner, onto, rng=np.random.default_rng(seed))
    return EmissionImage(of, scanner, start, end, results.grid, truth, onto, expected, image)


def emitted_per_decay(nuclide: Nuclide, scanner: Scanner, *, daughter: Nuclide | None = None) -> float:
    """Positrons or photons per decay, with those of a ``daughter`` that has left. Raises ConfigError where none are."""
    emitted = nuclide.positrons if scanner.modality == "pet" else nuclide.photons
    emitted += daughter.photons if daughter is not None and scanner.modality == "spect" else 0.0
    if not emitted:
        what = "positrons" if scanner.modality == "pet" else "photons in an imaging window known here"
        raise ConfigError(
            Problem("nuclide", nuclide.name, f"emits no {what}", "Name another, or use another modality")
        )
    return emitted


def positron_spread(nuclide: Nuclide, scanner: Scanner) -> float:
    """Standard deviation along an axis of where positrons end, m; 0 for SPECT.

    From the mean range r̄ as that of a three-dimensional Gaussian, ``σ = r̄ √(π/8)``. The true distribution has
    a sharper peak and longer tails [D].
    """
    if scanner.modality != "pet" or nuclide.positron_range is None:
        return 0.0
    return nuclide.positron_range * sqrt(pi / 8)


def observed(
    truth: np.ndarray, grid: Grid, onto: Grid, *, sigma: float, beyond: str = "continued"
) -> np.ndarray:
    """``truth`` blurred by a Gaussian of ``sigma`` (m), as means over the voxels of ``onto``, without noise."""
    wide, wide_grid = extend(truth, grid, onto, beyond=beyond)
    return resample(blur(wide, wide_grid, sigma=sigma, beyond=beyond), wide_grid, onto)


def noisy(
    expected: np.ndarray, counts: np.ndarray, scanner: Scanner, onto: Grid, *, rng: np.random.Generator
) -> np.ndarray:
    """``expected`` with noise of relative variance ``noise/counts`` per voxel, correlated at the resolution, ≥ 0.

    Gaussian, as a reconstruction adds up many lines of response. A voxel in which no counts are expected has none.
    """
    relative = np.sqrt(scanner.noise / np.maximum(counts, np.finfo(float).tiny))
    grain = correlated_noise(onto.shape, sigma=scanner.resolution / FWHM / scanner.voxel, rng=rng)
    return np.maximum(expected * (1 + np.where(counts > 0, relative, 0.0) * grain), 0.0)


def correlated_noise(shape: tuple[int, int, int], *, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of mean 0 and variance 1 whose neighbours resemble each other over ``sigma`` voxels."""
    from scipy.ndimage import gaussian_filter

    margin = int(4 * sigma) + 1
    white = rng.standard_normal([n + 2 * margin for n in shape])
    point = np.zeros(2 * margin + 1)
    point[margin] = 1.0
    weights = gaussian_filter(point, sigma)
    inner = (slice(margin, -margin),) * 3
    return gaussian_filter(white, sigma)[inner] / (weights**2).sum() ** 1.5


def sphere_recovery(radius: float, sigma: float) -> float:
    """What a Gaussian response leaves in the centre of a uniform sphere: ``erf(q) − (2q/√π) e^{−q²}``, q = R/√2σ.

    That is erf(R/√2σ) − √(2/π)(R/σ)e^{−R²/2σ²} (physics.md H): 0.97 for 10 mm of diameter at 4 mm FWHM.
    """
    q = radius / (sqrt(2) * sigma)
    return erf(q) - 2 * q / sqrt(pi) * exp(-(q**2))


def recovery(
    image: np.ndarray, image_grid: Grid, truth: np.ndarray, *, inside: np.ndarray, grid: Grid
) -> float:
    """Recovery coefficient: mean of ``image`` over the true mean in a region, given by its mask ``inside``.

    A voxel of the image counts with the part of it that is in the region; nan where there is no activity.
    """
    part = resample(inside.astype(np.float64), grid, image_grid)
    true = float(truth[inside].mean()) if inside.any() else 0.0
    return float((image * part).sum() / part.sum()) / true if true else float("nan")
