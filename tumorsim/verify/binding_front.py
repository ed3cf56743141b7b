"""The binding-site barrier: a front of fast irreversible binding enters from the face (physics.md V13, D.1).

Behind the front s(t) all sites are taken; ahead there is no free agent. With β = εC_0/B_max

    s = 2λ√(Dt),   √π λ e^{λ²} erf λ = β,   C = C_0 (1 − erf(x/2√(Dt))/erf λ),

the one-phase Stefan problem (Crank 1975, The Mathematics of Diffusion, ch. 13). For β ≪ 1 it is
``s² = 2εDC_0 t/B_max``, the shrinking core of D.1 in a plane. The front stands within one voxel that fills up: first
order in the bound amount. Binding is split from diffusion, so agent runs ahead by √(D dt); steps ∝ h² keep that
within a voxel.
"""

from math import erf, exp, pi, sqrt

import numpy as np

from tumorsim.boundaries import Boundaries
from tumorsim.device.twin import Device
from tumorsim.transport.reactions import Kinetics
from tumorsim.transport.stepper import TransportProperties
from tumorsim.verify.convergence import VerificationCase
from tumorsim.verify.marching import line, march, stepper

AVAILABLE, SITES, DIFFUSIVITY, DEPTH = 0.4, 2.0, 1.0, 0.6
FAST = 1e9
"""k_on, m³/(amount s): binding is complete within any step."""


def front_constant() -> float:
    """λ."""
    from scipy.optimize import brentq

    return float(brentq(lambda y: sqrt(pi) * y * exp(y * y) * erf(y) - AVAILABLE / SITES, 1e-6, 2.0))


def run(device: Device, voxels: int) -> float:
    grid = line(voxels)
    transport = stepper(
        device,
        grid,
        properties=TransportProperties(
            AVAILABLE, DIFFUSIVITY, 0.0, 0.0, binding_sites=SITES, kinetics=Kinetics(binding_on=FAST)
        ),
        boundaries=Boundaries(x_low=1.0),
    )
    until = (DEPTH / (2 * front_constant())) ** 2 / DIFFUSIVITY
    bound = march(transport, until=until, longest_step=grid.spacing[2] ** 2 / DIFFUSIVITY)["bound"]
    filled = np.clip(DEPTH / grid.spacing[2] - np.arange(voxels), 0, 1)
    return float(np.abs(bound[0, 0] / SITES - filled).mean())


CASES = (
    VerificationCase(
        name="binding_front",
        group="exchange and reactions",
        equation="V13",
        run=run,
        resolutions=(20, 40, 80),
        quick=(10, 20, 40),  # the front ends on a face, as in the others
        expected_order=0.9,
        tolerance=0.025,
        norm="mean |B − exact|/B_max",
    ),
)
