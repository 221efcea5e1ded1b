"""Corruptions in TensorFlow, bit for bit those of `reference.corruption`."""
