"""Benchmarks: `python -m bench.report`, `pytest bench --benchmark-only`; docs/benchmarks.md."""
