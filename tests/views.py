"""Pairs of views, the inputs of a loss, and the dtypes and paths it has for them."""

import ml_dtypes
import numpy as np

PATHS = ("direct", "gram")
DTYPES = {
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float32": np.float32,
    "float64": np.float64,
}


def make_views(rows, features, dtype="float32", *, mean=0.0, seed=0):
    """Two correlated views, rounded to the dtype."""
    rng = np.random.default_rng([seed, rows, features])
    a = rng.normal(size=(rows, features)) + mean
    b = a + rng.normal(size=(rows, features))
    return a.astype(DTYPES[dtype]), b.astype(DTYPES[dtype])


def make_weights(rows, seed=0):
    """Weights with zeros among them, but not all zero, exact in every dtype of the kernels."""
    rng = np.random.default_rng([seed, rows])
    w = rng.integers(1, 64, rows) / 32 * (rng.random(rows) > 0.3)
    w[:1] = 1.0
    return w


def whitened(rows, features, seed):
    """A view whose C with itself is the identity, but for rounding: the loss' optimum."""
    z = np.random.default_rng(seed).normal(size=(rows, features))
    q, _ = np.linalg.qr(z - z.mean(axis=0))
    return (q * np.sqrt(rows)).astype(np.float32)
