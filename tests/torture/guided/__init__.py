"""Mutants of datasets that are led by what they reach (see `__main__`)."""
