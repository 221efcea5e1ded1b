"""Training of a full graph by steps, in NumPy, SciPy and Numba; no TensorFlow."""
