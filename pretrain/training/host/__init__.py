"""Training of a full graph by steps in NumPy and Numba: what TensorFlow would import meanwhile."""
