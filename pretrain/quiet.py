"""TensorFlow: whether it can work, and its messages kept off the terminal unless it fails."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

from .errors import InputError

_NEEDED = ("tensorflow", "tf_keras", "tensorflow_gnn")


def check_keras() -> None:
    """Looks whether TensorFlow will come with Keras 2, or has; imports nothing.

    Raises:
        InputError: if it has Keras 3, which TF-GNN does not know, or is not installed.
    """
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None:
        if not str(getattr(tensorflow.keras, "__version__", "2")).startswith("2"):
            raise InputError(
                "TensorFlow was imported with Keras 3, and TF-GNN needs Keras 2: import"
                " graph_barlow_twins before it, or set TF_USE_LEGACY_KERAS=1"
            )
        return
    asked = os.environ.get("TF_USE_LEGACY_KERAS", "1")
    if asked not in ("1", "true", "True"):
        raise InputError(f"TF_USE_LEGACY_KERAS={asked} is set, and TF-GNN needs Keras 2: unset it")
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"not installed: {', '.join(missing)}; see constraints.txt for versions")


@contextlib.contextmanager
def errors_only(*names: str) -> Iterator[None]:
    """Keeps warnings of these loggers back in the block; their levels stay as the caller has them.

    Do not name absl before TensorFlow is imported: absl makes its logger of a class of its own.
    """

    def is_error(record: logging.LogRecord) -> bool:  # one for each block: blocks may be nested
        return record.levelno >= logging.ERROR

    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(is_error)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_error)


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Holds back what is written to file descriptor 2; shows it if the block raises.

    TensorFlow's C++ code writes there before any log level takes effect, so nothing gentler works.
    Later messages are let through from fatal ones on, unless the user has set a level: without a
    GPU, looking for one is logged as an error.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Memory of a step is kept for the next one. Given back and asked for again, it costs a gcn on
    # Cora 24,000 page faults and a seventh of its time.
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except Exception:  # not Ctrl-C
            held_back.seek(0)
            os.write(saved, held_back.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
