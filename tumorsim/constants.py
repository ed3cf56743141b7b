"""Physical constants (SI). Quality tags as in docs: [S] source read, [M] recalled, [D] design choice."""

BOLTZMANN = 1.380649e-23
"""J/K, exact (SI 2019)."""
AVOGADRO = 6.02214076e23
"""1/mol, exact (SI 2019)."""
BODY_TEMPERATURE = 310.15
"""K, 37 °C."""
CELSIUS = 273.15
"""K at 0 °C, exact."""
WATER_VISCOSITY = 0.6913e-3
"""Pa·s at 37 °C [M]; also the default for interstitial fluid [D]."""
MMHG = 133.322
"""Pa in one mmHg."""
TISSUE_DENSITY = 1000.0
"""kg/m³ [D]: 1 g/mL, so that 1 %ID/g is 1e4·dose per m³."""
