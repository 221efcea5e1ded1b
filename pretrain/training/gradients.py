"""What TensorFlow remembers of a training for good, forgotten at its end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def forgotten_gradients() -> Iterator[None]:
    """Forgets the custom gradients that the block has registered; imports no TensorFlow.

    `tf.custom_gradient` in a graph registers a function under a new name for the rest of the
    process, and each holds the whole graph: some 30 MB for each run of the main job, which
    `clear_session` does not free. Graphs made in the block can no longer be differentiated
    afterwards.
    """
    before = set(_registered())
    try:
        yield
    finally:
        registered = _registered()
        for name in [one for one in registered if one.startswith("CustomGradient-")]:
            if name not in before:
                del registered[name]


def _registered() -> dict[str, Any]:
    # TensorFlow has no public name for it; a version without it keeps what it has registered.
    ops = sys.modules.get("tensorflow.python.framework.ops")
    return getattr(getattr(ops, "gradient_registry", None), "_registry", {})
