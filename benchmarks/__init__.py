"""Benchmarks of the whole service, with floors measured in the same run: `python -m benchmarks`."""
