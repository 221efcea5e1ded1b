"""Training step by step, of the full graph or of sampled subgraphs; TensorFlow."""
