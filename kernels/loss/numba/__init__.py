"""The "numba" backend: loss and gradients on the CPU, each thread owning a range of rows."""
