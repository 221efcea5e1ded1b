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
