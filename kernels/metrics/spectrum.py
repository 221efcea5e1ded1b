"""What both ways to find a spectrum return: spectrum_host.py and spectrum_graph.py."""

from __future__ import annotations

from typing import Any, NamedTuple

EPS = 2.220446049250313e-16  # float64


class Spectrum(NamedTuple):
    """What the metrics need of a representation ``[N, D]``, in arrays or in tensors.

    Attributes:
        singular_values: float64 ``[max(min(N, D), 1)]``, descending, up to a common factor; zeros
            are exact. All NaN where X or the weights are not finite, or no row or feature is left.
        rows: float64 scalar, the number of rows of positive weight.
        largest_leverage: float64 scalar, max_i |U_i|^2; 1 without full rank.
    """

    singular_values: Any
    rows: Any
    largest_leverage: Any
