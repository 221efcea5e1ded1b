"""The Barlow Twins loss on every backend: plain TensorFlow ops, XLA, Numba, replicas."""
