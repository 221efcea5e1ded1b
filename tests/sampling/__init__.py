"""Subgraphs sampled in memory: plans, draws, tensors."""
