"""Is this tree slower than a commit? `python -m bench.against COMMIT`."""
