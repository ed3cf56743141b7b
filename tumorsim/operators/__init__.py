"""One file a kernel: the docstring is the discrete equation, the NumPy body its specification."""
