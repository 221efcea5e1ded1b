"""Encoders of graphs of several node sets, from the model library of TF-GNN."""
