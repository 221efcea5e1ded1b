"""From a graph and a recipe to a trained encoder."""
