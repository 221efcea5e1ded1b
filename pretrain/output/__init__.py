"""The folder of a run: embeddings, model, configuration, checkpoints."""
