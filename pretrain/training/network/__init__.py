"""Training of encoders of several node sets, on sampled subgraphs of a network."""
