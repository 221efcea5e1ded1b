"""What belongs to each node: ids, labels and splits."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import InputError

MASKS = ("train_mask", "val_mask", "test_mask")

# As other programs write what is not known; -1 among strings.
_PERHAPS_UNKNOWN = {"nan", "none", "null", "na", "n/a", "<na>", "unknown", "?", "-1", "-100", "-99"}
_MOST_LABELS = 1000  # of a node; a probe fits a regression for each


def check_node_ids(node_ids: Any, num_nodes: int) -> np.ndarray:
    """Returns [N] int64 or str, all different; 0 .. N - 1 for None."""
    if node_ids is None:
        return np.arange(num_nodes, dtype=np.int64)
    node_ids = _one_per_node("node_ids", node_ids, num_nodes)
    if node_ids.dtype.kind == "u" and node_ids.max() > np.iinfo(np.int64).max:
        raise InputError(f"node_ids: expected integers that fit int64, got {node_ids.max()}")
    if node_ids.dtype.kind != "U":
        node_ids = node_ids.astype(np.int64)
    values, counts = np.unique(node_ids, return_counts=True)
    if len(values) < num_nodes:
        first = values[np.argmax(counts > 1)]
        raise InputError(f"node_ids: expected all different, got {first} {counts.max()} times")
    return node_ids


def check_labels(labels: Any, num_nodes: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns the labels as `LabelledNodes` has them, and the names of the classes.

    [N] int64 class or -1; of a matrix [N, C], C >= 2, int8 0 or 1, in unknown rows -1, and names
    "0" .. "C - 1"; (None, ()) for None.
    """
    if labels is None:
        return None, ()
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2:
        return _check_multilabel(labels, num_nodes), tuple(map(str, range(labels.shape[1])))
    labels = _one_per_node("labels", _whole(labels), num_nodes)
    known = labels != ("" if labels.dtype.kind == "U" else -1)
    names, inverse = np.unique(labels[known], return_inverse=True)
    classes = np.full(num_nodes, -1, dtype=np.int64)
    classes[known] = inverse
    class_names = tuple(str(name) for name in names)
    _ask_about(class_names, np.bincount(inverse, minlength=len(names)))
    return classes, class_names


def _whole(labels: np.ndarray) -> np.ndarray:
    """Whole numbers in floating form, NaN where unknown, as integers; booleans as words."""
    if labels.dtype == bool:
        return np.where(labels, "True", "False")
    if labels.dtype.kind != "f":
        return labels
    unknown = np.isnan(labels)
    known = labels[~unknown]
    if not np.array_equal(known, np.round(known)) or (np.abs(known) >= 2**53).any():
        wrong = known[(known != np.round(known)) | (np.abs(known) >= 2**53)][0]
        raise InputError(f"labels: expected whole numbers or NaN, got {wrong}")
    return np.where(unknown, -1, labels).astype(np.int64)


def _ask_about(class_names: Sequence[str], counts: np.ndarray) -> None:
    """Warns of classes that look like unknown labels in another spelling."""
    for name, count in zip(class_names, counts, strict=True):
        if name.strip().lower() in _PERHAPS_UNKNOWN:
            warnings.warn(
                f"labels: is {name!r} a class? {count:,} nodes have it; unknown labels are -1 among"
                ' numbers and "" among strings',
                stacklevel=2,
            )


def _check_multilabel(labels: np.ndarray, num_nodes: int) -> np.ndarray:
    if labels.dtype.kind not in "biuf":
        raise InputError(f"labels: expected a matrix of 0 and 1, got dtype {labels.dtype}")
    if len(labels) != num_nodes:
        raise InputError(
            f"labels: expected shape ({num_nodes},) or ({num_nodes}, C), got {labels.shape}"
        )
    if labels.shape[1] > _MOST_LABELS:
        raise InputError(
            f"labels: expected at most {_MOST_LABELS:,} columns, got {labels.shape[1]:,}"
        )
    unknown = (labels == -1).all(axis=1) | np.isnan(labels).all(axis=1)
    ones = labels == 1
    wrong = ~(ones | (labels == 0))
    wrong[unknown] = False
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            "labels: expected 0 or 1, or a whole row of -1 where unknown, got"
            f" {labels[row, column]} in row {row}, column {column}"
            f" ({int(wrong.sum())} such values in all)"
        )
    if unknown.all():
        raise InputError("labels: expected at least one row of 0 and 1, got none; leave them out")
    checked = ones.astype(np.int8)
    checked[unknown] = -1
    return checked


def check_masks(
    masks: Mapping[str, Any], labels: np.ndarray | None, num_nodes: int, split: int = 0
) -> dict[str, Any]:
    """Returns the three masks as [N] bool, or all None.

    They come as bool, as 0 and 1, as the numbers of the nodes, or as [N, S] or [S, N] for several
    splits, of which `split` is taken.
    """
    missing = [key for key, mask in masks.items() if mask is None]
    if len(missing) == len(masks):
        return dict(masks)
    if missing:
        raise InputError(f"masks come together: {', '.join(masks)}; missing: {', '.join(missing)}")
    if labels is None:
        raise InputError("masks need labels, and there are none")
    taken = np.zeros(num_nodes, bool)
    checked = {}
    for key, value in masks.items():
        mask = _mask(key, np.asarray(value), num_nodes, split)
        if (taken & mask).any():
            node = int(np.argmax(taken & mask))
            raise InputError(f"{key}: expected disjoint masks, but node {node} is in two of them")
        if not (labels[mask] >= 0).any():
            raise InputError(f"{key}: expected at least one node with a known label, got none")
        taken |= mask
        checked[key] = mask
    return checked


def _mask(key: str, mask: np.ndarray, num_nodes: int, split: int) -> np.ndarray:
    """[N] bool of one of the forms that `check_masks` takes."""
    if mask.ndim == 2 and num_nodes in mask.shape:
        splits = mask if mask.shape[1] == num_nodes else mask.T
        if not 0 <= split < len(splits):
            raise InputError(
                f"{key}: expected a --split-number in [0, {len(splits)}), as it has {len(splits)}"
                f" splits, got {split}"
            )
        mask = splits[split]
    if mask.shape == (num_nodes,) and mask.dtype == bool:
        return mask
    if mask.shape == (num_nodes,) and mask.dtype.kind in "iuf" and np.isin(mask, (0, 1)).all():
        return mask.astype(bool)
    if mask.ndim == 1 and mask.dtype.kind in "iu" and mask.size:
        if mask.min() < 0 or mask.max() >= num_nodes:
            wrong = mask.min() if mask.min() < 0 else mask.max()
            raise InputError(f"{key}: expected numbers of nodes in [0, {num_nodes}), got {wrong}")
        chosen = np.zeros(num_nodes, bool)
        chosen[mask] = True
        return chosen
    raise InputError(
        f"{key}: expected bool of shape ({num_nodes},), 0 and 1, or numbers of nodes; got"
        f" {mask.dtype} of {mask.shape}"
    )


def _one_per_node(part: str, values: Any, num_nodes: int) -> np.ndarray:
    """Returns [N] integers or str; bytes are decoded, everything else is an InputError."""
    values = np.asarray(values)
    if values.dtype.kind not in "iuSU":
        raise InputError(f"{part}: expected integers or strings, got dtype {values.dtype}")
    if values.shape != (num_nodes,):
        raise InputError(f"{part}: expected shape ({num_nodes},), got {values.shape}")
    if values.dtype.kind == "S":
        try:
            values = np.char.decode(values, "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{part}: expected UTF-8 strings: {error}") from None
    elif values.dtype.kind == "U" and values.dtype.itemsize:
        # NumPy keeps any 4 bytes for a character, and fails where it hands out a string of them.
        values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
        codes = values.view(np.uint32)
        wrong = (codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))
        if wrong.any():
            code = codes[wrong.argmax()]
            raise InputError(f"{part}: expected Unicode strings, got a character {code:#x}")
    return values
