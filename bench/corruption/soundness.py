"""Whether a contestant does the whole work; only those that do are measured."""

from __future__ import annotations

import numpy as np

from .cases import RATE, Graph
from .contestants import Contestant
from .modes import as_measured, bytes_written, size_in_bytes, values

# Of the bare check: a rate is met within so many standard deviations.
_DEVIATIONS = 6


def soundness_error(contestant: Contestant, operation: str, graph: Graph, mode: str) -> str | None:
    """What a contestant gets wrong on a small copy of a graph, or None.

    Rows are permuted as wholes, rates are met, other entries keep their values, and two calls draw
    differently. A copy holds the same values in other memory, and as much as the operation writes.

    Args:
        contestant: Whom to check; the identity has nothing to get wrong.
        operation: What it does.
        graph: To how many of whose rows is decided here.
        mode: Of `corruption_cases.MODES`.
    """
    if contestant.name == "identity":
        return None
    small = as_measured(operation, graph.make(min(graph.rows, 256)), mode)
    call = contestant.setup(operation, small, mode)
    before, draws = values(operation, small), [call() for _ in range(2)]
    if any(sum(draw["edge sizes"]) != len(draw["source"]) for draw in draws if "source" in draw):
        error = "sizes do not say how many edges there are"
    elif contestant.name == "copy":
        error = _copy_error(before, draws, bytes_written(operation, small, mode))
    else:
        error = _draws_error(operation, *map(rows_of, (before, *draws)))
        error = error or _padding_error(draws[0], small.node_sets["nodes"].sizes)
    return error and f"{contestant.name}, {operation} {graph.name}, {mode}: {error}"


def _draws_error(operation, before, first, second):
    same = [name for name in before if first[name] == second[name]]
    # One of several features with few columns may well be masked in the same way twice.
    if 2 * len(same) > len(before):
        return f"{', '.join(same)}, the same draw twice"
    for name, rows in before.items():
        error = _CHECKS[operation](rows, first[name])
        if error:
            return f"{name}, {error}"
    return None


def _padding_error(draw, node_sizes):
    """Dropped edges that were moved, and the padding behind them: zeros between padding nodes."""
    if "source" not in draw or len(node_sizes) == 1:
        return None
    real = int(draw["edge sizes"][0])
    if draw["edges weights"].numpy()[real:].any():
        return "features of dropped edges are not zero"
    ends = np.concatenate([draw[name].numpy()[real:] for name in ("source", "target")])
    return "dropped edges of real nodes" if (ends < int(node_sizes[0])).any() else None


def _copy_error(before, draws, expected_bytes):
    copied_bytes = 0
    for name in before.keys() - {"edge sizes"}:
        original, *copies = (_flat(tensors[name]) for tensors in (before, *draws))
        for copy in copies:
            kept = copy.shape[0]
            if not np.array_equal(np.asarray(copy), np.asarray(original)[:kept]):
                return f"{name}, other values than before"
        # Strings are objects in Python: where TensorFlow has them is not to be seen.
        held = [_address(v) for v in (original, *copies) if v.dtype != "string"]
        if len(set(held)) < len(held):
            return f"{name}, the same memory twice"
        copied_bytes += size_in_bytes(copies[0])
    # Not exactly: the number of edges kept is rounded.
    if abs(copied_bytes / expected_bytes - 1) > 0.02:
        return f"{copied_bytes} bytes where the operation writes {expected_bytes}"
    return None


def _address(tensor):
    """Of the memory of a tensor on the CPU."""
    return np.asarray(memoryview(tensor)).ctypes.data


def _flat(value):
    return getattr(value, "flat_values", value)


def rows_of(tensors: dict) -> dict:
    """Of `corruption_modes.values`, lists of rows; of edges one list of the real ones, whole."""
    as_list = lambda v: v.to_list() if hasattr(v, "to_list") else v.numpy().tolist()  # noqa: E731
    if "edge sizes" not in tensors:
        return {name: as_list(value) for name, value in tensors.items()}
    real = int(tensors["edge sizes"][0])
    parts = (as_list(value)[:real] for name, value in tensors.items() if name != "edge sizes")
    return {"edges": [list(edge) for edge in zip(*parts, strict=True)]}


def _check_shuffle(before, after, least=0.9, most=1.0):
    if sorted(map(repr, before)) != sorted(map(repr, after)):
        return "other rows than before"
    moved = np.mean([a != b for a, b in zip(before, after, strict=True)])
    # Equal rows, such as empty ones, change places without being seen to.
    return None if least <= moved <= most else f"{moved:.0%} of the rows changed"


def _check_partial_shuffle(before, after):
    return _check_shuffle(before, after, 0.2, RATE + 1 / len(before))


def _check_dropout(before, after):
    before, after = _entries(before), _entries(after)
    kept = after != 0
    if not np.allclose(after[kept], before[kept] / (1 - RATE)):
        return "entries kept are not scaled by 1 / (1 - rate)"
    return _check_share(1 - kept.mean(), len(before))


def _check_mask(before, after):
    before, after = np.array(before), np.array(after)
    masked = (after == 0).all(axis=0)
    if (after != np.where(masked, 0, before)).any():
        return "other entries than whole columns changed"
    return _check_share(masked.mean(), masked.size)


def _check_edges(before, after):
    if not set(map(repr, after)) <= set(map(repr, before)):
        return "other edges than before"
    return _check_share(1 - len(after) / len(before), len(before))


def _check_share(share, count):
    bound = _DEVIATIONS * np.sqrt(RATE * (1 - RATE) / count)
    return None if abs(share - RATE) <= bound else f"a share of {share:.3f} went"


def _entries(rows):
    while any(isinstance(row, list) for row in rows):
        rows = [entry for row in rows for entry in row]
    return np.array(rows)


_CHECKS = {
    "shuffle": _check_shuffle,
    "shuffle 0.3": _check_partial_shuffle,
    "dropout 0.3": _check_dropout,
    "mask 0.3": _check_mask,
    "edges 0.3": _check_edges,
}
