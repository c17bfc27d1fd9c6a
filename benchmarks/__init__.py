"""Benchmarks: measured by hand, never by the test suite. Each is a script: ``python benchmarks/NAME.py --help``."""
