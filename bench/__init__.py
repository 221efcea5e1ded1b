"""Benchmarks: `python -m bench.report`, `pytest bench --benchmark-only`; see docs/results."""
