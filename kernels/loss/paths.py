"""The two exact algorithms, and which is cheaper; needs neither TensorFlow nor Numba.

Loss and gradients take 6 N D^2 operations on the direct path (three products with a D x D matrix)
and 6 to 8 N^2 D on the gram path (two symmetric products, at half price where the backend has them,
and two full ones), so the smaller one of N and D decides; memory follows the same rule (D^2 against
N^2). A cost model fitted to measurements on a GPU chooses alike (bench/gpu/cost.py).
"""

from __future__ import annotations

PATHS = ("auto", "direct", "gram")


def prefers_gram(rows, features):
    """Whether the gram path is the cheaper one: a bool, or a bool tensor for tensors."""
    return rows < features


def choose_path(rows: int, features: int) -> str:
    """The cheaper path, "direct" or "gram"."""
    return "gram" if prefers_gram(rows, features) else "direct"
