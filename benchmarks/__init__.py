"""Measurements of the whole product against plain programs on the same machine: `python -m benchmarks`."""
