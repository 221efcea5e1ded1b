"""Keeps TensorFlow's start-up messages off the terminal, unless the start fails; its loggers."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator


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
