"""Forward and backward passes of encoders on the host, in Numba and BLAS; no TensorFlow."""
