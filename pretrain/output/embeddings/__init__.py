"""Files with embeddings: written by the end of their names, and read from anyone."""
