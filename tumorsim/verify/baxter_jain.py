"""Interstitial pressure of a spherical tumour, in closed form (physics.md A.3, V11).

With x = r/R, η = R_n/R (necrotic core), ρ = R_out/R, α = R√(G/K) in the tumour and β = R√(G/K) in normal tissue::

    g(x) = sinh(α(x − η)) + αη cosh(α(x − η))                          η = 0: sinh(αx)
    tumour   p = p_eT + (p_i − p_eT) g(x)/(x g(1)),   x ≥ η;           p = p(η) in the core
    outside  p = p_eN + (p_i − p_eN) e^{−β(x−1)}/x                     in infinite normal tissue
             p = p_eN + [(p_i − p_eN) sinh β(ρ−x) + ρ(p_out − p_eN) sinh β(x−1)]/(x sinh β(ρ−1))    in a shell

and the pressure p_i of the surface from the continuity of p and K dp/dr; an isolated tumour has p_i given. Five
forms in one: isolated, embedded, in a finite shell, and the first and the others with a necrotic core.

Source: Baxter and Jain 1989, Microvasc Res 37:77 [S: 10.1016/0026-2862(89)90074-5] and 1990, Microvasc Res 40:246
[M] (necrotic core); the forms were checked against the equation they solve [C]. Every exponential here decays
and every ratio has its limit, so no α or β ≥ 0 overflows, and x = 0 needs no special case.
"""

from dataclasses import dataclass

import numpy as np

from tumorsim.constants import MMHG


@dataclass(frozen=True)
class Tissue:
    """K, m²/(Pa s); G = G_v + G_L, 1/(Pa s); the pressure p_e at which filtration and lymph balance, Pa."""

    conductivity: float
    filtration: float
    equilibrium: float

    def modulus(self, radius: float) -> float:
        """R √(G/K): α of the tumour, β of normal tissue."""
        return float(radius * np.sqrt(self.filtration / self.conductivity))


TUMOUR = Tissue(4.13e-12 / MMHG, 2.8e-7 * 200 / MMHG, 11.5 * MMHG)
"""The tumour of Baxter and Jain 1989 (physics.md A.4): K [S]; Lp, S/V and the pressures in p_e [M]."""
NORMAL = Tissue(8.53e-13 / MMHG, (2.52e-6 + 1.33e-5) / MMHG, 2.52e-6 * 6.5 / (2.52e-6 + 1.33e-5) * MMHG)
"""Their normal tissue: K and Lp S/V [S]; lymph and the pressures in p_e [M]."""


@dataclass(frozen=True)
class SphericalTumour:
    """A tumour of one tissue, with ``necrotic_radius`` of it dead (G = 0), in ``surroundings``.

    ``outer_pressure`` (Pa) holds at ``outer_radius``, the end of the shell of normal tissue. Without
    ``surroundings`` the tumour is isolated and it holds on the surface.
    """

    radius: float
    tumour: Tissue = TUMOUR
    surroundings: Tissue | None = None
    outer_radius: float = float("inf")
    outer_pressure: float = 0.0
    necrotic_radius: float = 0.0

    @property
    def surface_pressure(self) -> float:
        """p at r = R, Pa."""
        normal = self.surroundings
        if normal is None:
            return self.outer_pressure
        inner = self.tumour.conductivity * self._inner_slope
        slope, fed = self._outer_slopes(normal)
        outer = normal.conductivity * slope
        sources = inner * self.tumour.equilibrium + outer * normal.equilibrium
        sources += normal.conductivity * fed * (self.outer_pressure - normal.equilibrium)
        return sources / (inner + outer)

    @property
    def surface_velocity(self) -> float:
        """u_r at r = R, m/s; the whole tumour filters 4πR² u_r(R)."""
        drop = self.tumour.equilibrium - self.surface_pressure
        return self.tumour.conductivity / self.radius * self._inner_slope * drop

    def pressure(self, r: np.ndarray) -> np.ndarray:
        """p at the distances ``r`` from the centre, Pa."""
        x = np.maximum(np.asarray(r, np.float64) / self.radius, self._core)
        surface = self.surface_pressure
        inside = self.tumour.equilibrium + (surface - self.tumour.equilibrium) * self._inner_profile(
            np.minimum(x, 1.0)
        )
        return np.where(x <= 1, inside, self._outer_pressure(np.maximum(x, 1.0), surface))

    @property
    def _core(self) -> float:
        return self.necrotic_radius / self.radius

    def _inner_profile(self, x: np.ndarray) -> np.ndarray:
        """g(x)/(x g(1))."""
        alpha, eta = self.tumour.modulus(self.radius), self._core
        over_x = _scaled_sinh_over(x, alpha, eta)
        return np.exp(alpha * (x - 1)) * over_x / _scaled_sinh_over(np.ones(()), alpha, eta)

    @property
    def _inner_slope(self) -> float:
        """d/dx of g(x)/(x g(1)) at x = 1: g′(1)/g(1) − 1; for η = 0 it is α coth α − 1."""
        alpha, eta = self.tumour.modulus(self.radius), self._core
        if eta == 0 and alpha < 0.01:
            return alpha**2 / 3 - alpha**4 / 45  # α coth α − 1 would cancel
        decayed = np.exp(-2 * alpha * (1 - eta))
        slope = (1 + decayed) + alpha * eta * (1 - decayed)
        return float(slope / _scaled_sinh_over(np.ones(()), alpha, eta) - 1)

    def _outer_slopes(self, normal: Tissue) -> tuple[float, float]:
        """−dp/dx at x = 1⁺ per (p_i − p_eN), and dp/dx there per (p_out − p_eN)."""
        beta, width = normal.modulus(self.radius), self.outer_radius / self.radius - 1
        if not np.isfinite(width):
            return 1 + beta, 0.0
        decayed, scaled = np.exp(-2 * beta * width), 2 * width * _decay(np.asarray(2 * beta * width))
        # β coth(βw) + 1 and βρ/sinh(βw)
        return float((1 + decayed) / scaled + 1), float((1 + width) * 2 * np.exp(-beta * width) / scaled)

    def _outer_pressure(self, x: np.ndarray, surface: float) -> np.ndarray:
        normal = self.surroundings
        if normal is None:
            return np.full_like(x, self.outer_pressure)
        beta, width = normal.modulus(self.radius), self.outer_radius / self.radius - 1
        from_surface, from_outside = surface - normal.equilibrium, self.outer_pressure - normal.equilibrium
        if not np.isfinite(width):
            return normal.equilibrium + from_surface * np.exp(-beta * (x - 1)) / x
        x = np.minimum(x, 1 + width)
        outward = _sinh_ratio(1 + width - x, width, beta) * from_surface
        inward = _sinh_ratio(x - 1, width, beta) * from_outside * (1 + width)
        return normal.equilibrium + (outward + inward) / x


def _decay(t: np.ndarray) -> np.ndarray:
    """(1 − e^{−t})/t for t ≥ 0: 1 at 0."""
    small = t < 1e-8
    return np.where(small, 1 - t / 2, -np.expm1(-t) / np.where(small, 1.0, t))


def _scaled_sinh_over(x: np.ndarray, alpha: float, eta: float) -> np.ndarray:
    """2 e^{−α(x−η)} g(x)/(αx), whose parts neither overflow nor vanish; at x = 0 (only with η = 0) its limit."""
    decayed = np.exp(-2 * alpha * (x - eta))
    from_core = 2 * (1.0 if eta == 0 else (x - eta) / x) * _decay(2 * alpha * (x - eta))
    return from_core + (0.0 if eta == 0 else eta * (1 + decayed) / x)


def _sinh_ratio(u: np.ndarray, width: float, beta: float) -> np.ndarray:
    """sinh(βu)/sinh(βw) for 0 ≤ u ≤ w; u/w at β = 0."""
    scaled = u * _decay(2 * beta * u) / (width * _decay(np.asarray(2 * beta * width)))
    return np.exp(beta * (u - width)) * scaled
