"""A model as workers apply it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..quiet import quiet_tensorflow

# From serialised examples to the ids of their roots, str [n], and float32 [n, D]; n may be 0.
Applier = Callable[[Sequence[bytes]], tuple[np.ndarray, np.ndarray]]
Loader = Callable[[str], Applier]

_LOADING = threading.Lock()


def load_applier(path: str) -> Applier:
    """Loads a model of subgraphs.

    Raises:
        InputError: for a folder that has none.
    """
    with quiet_tensorflow():
        from ..output.template import read_template

    return read_template(Path(path)).of_examples


def loaded(loader: Loader, path: str) -> Applier:
    """What the loader gives, once in each process, whatever its threads ask for."""
    with _LOADING:
        return _loaded(loader, path)


@functools.lru_cache(maxsize=1)
def _loaded(loader: Loader, path: str) -> Applier:
    return loader(path)
