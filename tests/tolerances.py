"""The one table of tolerances: every parity test against reference/ reads it.

Errors are of a float64 reference fed the very inputs that the path under test was fed (rounded to
its dtype). ``loss`` is relative to the larger of the loss and 1; ``gradient`` is the largest
absolute difference, relative to the largest entry of the reference gradient.
"""

from typing import NamedTuple


class Tolerance(NamedTuple):
    """Largest relative errors allowed."""

    loss: float
    gradient: float


# Half types are computed in float32: the loss is as good as float32's, the gradient is rounded to
# the input's dtype at the end (unit round-off 2^-11 and 2^-8).
_TOLERANCES = {
    ("float16", "direct"): Tolerance(1e-6, 6e-4),
    ("float16", "gram"): Tolerance(1e-6, 6e-4),
    ("bfloat16", "direct"): Tolerance(1e-6, 4.5e-3),
    ("bfloat16", "gram"): Tolerance(1e-6, 4.5e-3),
    ("float32", "direct"): Tolerance(1e-6, 1e-5),
    ("float32", "gram"): Tolerance(1e-6, 1e-5),
    ("float64", "direct"): Tolerance(1e-13, 1e-12),
    ("float64", "gram"): Tolerance(1e-13, 1e-12),
}


# With two rows, all but epsilon / var = 1e-6 of the gradient's operands cancels, in the reference
# too; computed in float64 whatever the input, nine digits of the rest are left.
_TWO_ROWS_FLOAT64 = Tolerance(1e-13, 1e-9)


def tolerance(dtype: str, path: str = "direct", *, rows: int | None = None) -> Tolerance:
    """The tolerance for inputs of ``dtype`` (a name such as "float32") on ``path``."""
    if rows == 2 and dtype == "float64":
        return _TWO_ROWS_FLOAT64
    return _TOLERANCES[dtype, path]


# Metrics are computed in float64 whatever the input; the result has the input's dtype, float32 for
# half types. Float64 keeps the digits that the Gram matrix leaves (its eigenvalues are squares).
# Upstream's own SVD works in float32.
_METRIC_TOLERANCES = {
    "float16": 1e-6,
    "bfloat16": 1e-6,
    "float32": 1e-6,
    "float64": 1e-10,
    "upstream": 2e-5,
}


def metric_tolerance(dtype: str) -> float:
    """Relative error of a metric for inputs of ``dtype``; "upstream": against upstream's."""
    return _METRIC_TOLERANCES[dtype]


# What docs/theory/metrics.md promises against an SVD in float64: up to condition numbers of 1e6,
# and for features with mean 100 and standard deviation 1. The loss of digits is in the data's
# condition, so the bounds are not those above.
METRIC_ACCURACY = {"rankme": 1e-4, "numerical_rank": 1e-4, "coherence": 1e-3}
