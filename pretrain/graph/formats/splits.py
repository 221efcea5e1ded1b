"""A split in a table of nodes: one column of words, or the three masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import InputError, shown
from ..checks import MASKS
from ..objects.links import column_of

_SPLITS = ("split",)
_WORDS = {"valid": "val", "validation": "val", "training": "train", "testing": "test"}


def masks_in(table: Any, where: str) -> tuple[dict[str, np.ndarray], list[Any]]:
    """The masks of a split, and the columns that hold it; both empty without.

    Args:
        table: a row per node; column ``split`` of train, val, test and nothing, or the columns
            ``train_mask``, ``val_mask`` and ``test_mask`` of booleans, or 0 and 1.
        where: what to call it in messages.

    Raises:
        InputError: other values.
    """
    split = column_of(table, _SPLITS)
    if split is not None:
        words = table[split].astype(object).where(table[split].notna(), "").astype(str)
        words = words.str.strip().str.lower().replace(_WORDS)
        unknown = sorted(set(words) - {"train", "val", "test", ""})
        if unknown:
            raise InputError(
                f"{where}: column {shown(str(split))}: expected train, val or test, got"
                f" {shown(unknown[0])}"
            )
        return {key: (words == key[: -len("_mask")]).to_numpy() for key in MASKS}, [split]
    names = [column_of(table, (key,)) for key in MASKS]
    if None in names:
        return {}, []
    masks = {}
    for key, name in zip(MASKS, names, strict=True):
        try:
            given = table[name].astype(object).where(table[name].notna(), 0)
            masks[key] = given.to_numpy().astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"{where}: column {shown(str(name))}: {error}") from None
        if not np.isin(masks[key], (0, 1)).all():
            raise InputError(f"{where}: column {shown(str(name))}: expected 0 and 1, or booleans")
        masks[key] = masks[key] == 1
    return masks, names
