"""What the Numba backend decides from the shape: the threads and the block sizes."""

from __future__ import annotations

from typing import NamedTuple

from .team import TEAM_SIZE

# Below this many floating-point operations a second thread costs more than it brings.
_SERIAL_WORK = 30e6
# The same for a pass over so many numbers in the cache.
_SERIAL_ELEMENTS = 2e5
# Centred rows of both views of one block; they should stay in the second-level cache.
_BLOCK_BYTES = 1 << 20
_MIN_BLOCK_ROWS = 128
_MAX_BLOCK_ROWS = 1024
# Columns of a panel of the gram path, more where that is less than so many bytes.
_PANEL_WIDTH = 512
_PANEL_BYTES = 1 << 17


class DirectPlan(NamedTuple):
    """How the direct path splits N rows and D columns."""

    row_parts: int
    column_parts: int
    forward_blocks: int
    finish_parts: int
    backward_parts: int
    backward_blocks: int

    def block_rows(self, n: int, blocks: int) -> int:
        """Rows of the largest block."""
        return -(-n // blocks)


def direct_plan(n: int, d: int, itemsize: int) -> DirectPlan:
    """Splits the rows while the threads' own sums of C (D^2 each) are small beside the data.

    Args:
        n: Number of rows, positive.
        d: Number of features.
        itemsize: Bytes per number.

    Returns:
        The plan.
    """
    threads = 1 if 6.0 * n * d * d < _SERIAL_WORK else TEAM_SIZE
    row_parts = max(1, min(threads, 2 * n // d))
    column_parts = max(1, min(threads // row_parts, d // 16))
    backward_parts = max(1, min(threads, n // 16))
    rows = _BLOCK_BYTES // (2 * d * itemsize)
    rows = min(max(rows, _MIN_BLOCK_ROWS), _MAX_BLOCK_ROWS)
    return DirectPlan(
        row_parts,
        column_parts,
        _blocks(n, row_parts, rows),
        threads if row_parts * d * d >= _SERIAL_ELEMENTS else 1,
        backward_parts,
        _blocks(n, backward_parts, rows),
    )


class GramPlan(NamedTuple):
    """How the gram path splits D columns."""

    panels: int
    parts: int
    width: int


def gram_plan(n: int, d: int, itemsize: int) -> GramPlan:
    """Splits the columns; the threads' own sums (2 N^2 each) stay below twice the data.

    Args:
        n: Number of rows, positive.
        d: Number of features.
        itemsize: Bytes per number.

    Returns:
        The number of panels, a multiple of the number of parts, and the width of the widest.
    """
    threads = 1 if 6.0 * n * n * d < _SERIAL_WORK else TEAM_SIZE
    parts = max(1, min(threads, max(2, 2 * d // n), d // 16))
    width = max(_PANEL_WIDTH, _PANEL_BYTES // (n * itemsize))
    panels = _blocks(d, parts, width)
    return GramPlan(panels, parts, -(-d // panels))


def peak_extra_bytes(n: int, d: int, itemsize: int, path: str) -> int:
    """An upper bound of the memory beside inputs and results, for contiguous float32 or float64.

    With s bytes per number, P parts that have own sums, T threads, b rows per block, p columns per
    panel:

    * direct: ``s (P + 1) D^2 + 2 s T b D + 40 (N / b) D + s N + 200 T D``
    * gram: ``2 s (P + 1) N^2 + 4 s T p N + 40 D + s N + 40 T p``

    where P + 1 is 1 if P is 1. Half types add a float32 copy of each input and each gradient, other
    memory orders a copy of the input.

    Args:
        n: Number of rows, positive.
        d: Number of features.
        itemsize: Bytes per number.
        path: "direct" or "gram".

    Returns:
        Bytes.
    """
    s = itemsize
    if path == "direct":
        plan = direct_plan(n, d, s)
        P = plan.row_parts
        T = max(P * plan.column_parts, plan.finish_parts, plan.backward_parts)
        blocks = min(plan.forward_blocks, plan.backward_blocks)
        b = plan.block_rows(n, blocks)
        statistics = 40 * plan.forward_blocks * d + s * n + 200 * T * d
        return s * (P + (P > 1)) * d * d + 2 * s * T * b * d + statistics
    plan = gram_plan(n, d, s)
    P, p = plan.parts, plan.width
    statistics = 40 * d + s * n + 40 * P * p
    return 2 * s * (P + (P > 1)) * n * n + 4 * s * P * p * n + statistics


def _blocks(n: int, parts: int, rows: int) -> int:
    """Number of blocks of at most about `rows` rows: the same number for each part."""
    return parts * -(-n // (parts * rows))
