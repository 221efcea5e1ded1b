"""Graphs as SciPy, NetworkX, pandas and PyTorch Geometric hold them; none of them is imported."""
