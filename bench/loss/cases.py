"""The shapes that are measured, and their data: shared by the speed and the memory benchmarks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from graph_barlow_twins.kernels.loss.paths import choose_path

_SEED = 20210304


class Case(NamedTuple):
    """One shape of the two views.

    Attributes:
        n: Rows.
        d: Features.
    """

    n: int
    d: int

    @classmethod
    def parse(cls, text: str) -> Case:
        """`"128x256"` as Case(128, 256); anything else is a ValueError."""
        try:
            n, d = (int(part) for part in text.lower().split("x"))
        except ValueError:
            raise ValueError(f"expected a shape such as 128x256 (got {text!r})") from None
        if n < 1 or d < 1:
            raise ValueError(f"expected a shape of positive numbers (got {text!r})")
        return cls(n, d)

    @property
    def path(self) -> str:
        """The path with less work, "direct" or "gram"."""
        return choose_path(self.n, self.d)

    def __str__(self):
        return f"{self.n}x{self.d}"


def parse_shapes(text: str) -> list[Case]:
    """`"128x128,1024x512"` as cases; anything else is a ValueError."""
    return [Case.parse(part) for part in text.split(",")]


CASES = (
    Case(128, 128),
    Case(256, 256),
    Case(128, 512),
    Case(1024, 512),
    Case(2708, 256),
    Case(8192, 512),
    Case(65536, 256),
    Case(256, 8192),
    Case(1024, 8192),
    Case(512, 65536),
)
QUICK_CASES = (Case(128, 128), Case(128, 512), Case(1024, 512))
# Of the memory benchmark.
MEMORY_CASES = (Case(512, 65536), Case(1_000_000, 256))


def make_views(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Two correlated float32 views [N, D] (correlation 0.8), the same in every process."""
    rng = np.random.default_rng([_SEED, case.n, case.d])
    z_a = rng.standard_normal(case, dtype=np.float32)
    z_b = rng.standard_normal(case, dtype=np.float32)
    z_b *= np.float32(0.6)
    # Row blocks: a temporary [N, D] would show in the memory benchmark.
    for start in range(0, case.n, 1024):
        z_b[start : start + 1024] += np.float32(0.8) * z_a[start : start + 1024]
    return z_a, z_b
