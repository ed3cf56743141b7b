"""What holds on the six faces of the box."""

from dataclasses import dataclass

FACES = ("z_low", "z_high", "y_low", "y_high", "x_low", "x_high")
"""Array order: face 2·axis is the low one, 2·axis + 1 the high one."""


@dataclass(frozen=True)
class Boundaries:
    """One condition per face: a number fixes the value there (Dirichlet), ``None`` is no flux (Neumann).

    For the pressure the number is in Pa. For a species it is the concentration C in the fluid just
    outside, mol/m³ of available fluid: it is what inflow carries in, and what diffusion exchanges with;
    with ``None`` nothing diffuses through the face, and inflow is clean.
    """

    z_low: float | None = None
    z_high: float | None = None
    y_low: float | None = None
    y_high: float | None = None
    x_low: float | None = None
    x_high: float | None = None

    @classmethod
    def uniform(cls, value: float | None) -> "Boundaries":
        return cls(*[value] * 6)

    @property
    def values(self) -> tuple[float | None, ...]:
        """The six conditions in the order of FACES."""
        return tuple(getattr(self, face) for face in FACES)

    @property
    def outside(self) -> tuple[float, float, float, float, float, float]:
        """The values beyond the six faces; 0 stands where nothing passes."""
        z0, z1, y0, y1, x0, x1 = (value or 0.0 for value in self.values)
        return z0, z1, y0, y1, x0, x1

    def fixed(self) -> tuple[bool, ...]:
        """True where a face carries a value, in the order of FACES."""
        return tuple(value is not None for value in self.values)


NOTHING_OUTSIDE = Boundaries().outside
"""Zero beyond all six faces."""
