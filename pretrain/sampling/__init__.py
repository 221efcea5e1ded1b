"""Subgraphs of graphs with several node sets: what to draw, and draws that depend on ids alone."""
