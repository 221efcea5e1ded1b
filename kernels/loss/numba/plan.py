"""What the Numba backend decides from the shape: the threads and the block sizes."""

from __future__ import annotations

from typing import NamedTuple

import numba


class Machine(NamedTuple):
    """What a plan depends on beside the shape.

    Attributes:
        threads: How many run at most; follows the CPU affinity of the process and the environment
            variable NUMBA_NUM_THREADS.
        serial_work: Floating-point operations below which a second thread costs more than it
            brings.
        serial_elements: The same for a pass over so many numbers in the cache.
        block_bytes: Centred rows of both views of one block, of the direct path; they should stay
            in the second-level cache.
        block_rows: The fewest and the most rows of a block.
        panel_width: Columns of a panel of the gram path.
        panel_bytes: What a panel may take where that is more columns.
    """

    threads: int = numba.config.NUMBA_NUM_THREADS
    serial_work: float = 30e6
    serial_elements: float = 2e5
    block_bytes: int = 1 << 20
    block_rows: tuple[int, int] = (128, 1024)
    panel_width: int = 512
    panel_bytes: int = 1 << 17


# Tests plan for other machines.
machine = Machine()


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
    """
    threads = _threads(n * d * d)
    row_parts = max(1, min(threads, 2 * n // d))
    column_parts = max(1, min(threads // row_parts, d // 16))
    backward_parts = max(1, min(threads, n // 16))
    least, most = machine.block_rows
    rows = min(max(machine.block_bytes // (2 * d * itemsize), least), most)
    return DirectPlan(
        row_parts,
        column_parts,
        _blocks(n, row_parts, rows),
        threads if row_parts * d * d >= machine.serial_elements else 1,
        backward_parts,
        _blocks(n, backward_parts, rows),
    )


class GramPlan(NamedTuple):
    """How the gram path splits D columns: a multiple of `parts` panels, the widest of `width`."""

    panels: int
    parts: int
    width: int


def gram_plan(n: int, d: int, itemsize: int) -> GramPlan:
    """Splits the columns; the threads' own sums (2 N^2 each) stay below twice the data.

    Args: as for `direct_plan`.
    """
    threads = _threads(n * n * d)
    parts = max(1, min(threads, max(2, 2 * d // n), d // 16))
    width = max(machine.panel_width, machine.panel_bytes // (n * itemsize))
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

    Args: those of `direct_plan`, and "direct" or "gram".
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
    gram = gram_plan(n, d, s)
    P, p = gram.parts, gram.width
    statistics = 40 * d + s * n + 40 * P * p
    return 2 * s * (P + (P > 1)) * n * n + 4 * s * P * p * n + statistics


def _threads(products: float) -> int:
    """How many threads six times so many operations are worth."""
    return 1 if 6.0 * products < machine.serial_work else machine.threads


def _blocks(n: int, parts: int, rows: int) -> int:
    """Number of blocks of at most about `rows` rows: the same number for each part."""
    return parts * -(-n // (parts * rows))
