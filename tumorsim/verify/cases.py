"""The list of verification cases."""

from tumorsim.verify import gaussian_puff, ogata_banks, translating_advection

CASES = (*ogata_banks.CASES, *gaussian_puff.CASES, *translating_advection.CASES)
