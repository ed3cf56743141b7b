"""Verification: every equation against a closed form, with the observed order of accuracy (``tumorsim verify``).

One file a problem, named after the physics; its docstring gives the formula, the source and the reason for the
order that is expected. ``cases.py`` lists them.
"""
