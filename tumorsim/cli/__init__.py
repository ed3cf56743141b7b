"""The command line. Every command imports what it needs itself, so that ``--help`` is quick."""

from tumorsim.cli import agents, measure, run, scenes, verify, vessels
from tumorsim.cli.app import app, main

__all__ = ["agents", "app", "main", "measure", "run", "scenes", "verify", "vessels"]
