"""Carrying an agent through the interstitium: advection, diffusion, exchange and binding, split and stepped."""
