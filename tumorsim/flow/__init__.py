"""Interstitial fluid: pressure from Darcy's law and Starling's, and the velocity that follows from it."""
