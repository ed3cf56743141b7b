"""``python -m tumorsim`` is the command line."""

from tumorsim.cli import main

main()
