"""How much frozen embeddings say about labels and links, beside baselines."""
