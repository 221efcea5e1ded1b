"""A real heterogeneous graph in the form of TF-GNN's schemas."""
