"""A result as one page to send: pictures, curves, tables, the config and what made it."""

from tumorsim.report.write import write_report

__all__ = ["write_report"]
