"""Fixtures of the tests of the commands."""

import numpy as np
import pytest


@pytest.fixture
def model(finished_run):
    """The exported model of a finished run, five features in; to be left as it is."""
    return finished_run.folder / "model"


@pytest.fixture
def files(tmp_path):
    """Writes arrays, by keyword, into one file, and returns its path."""

    def write(name, array=None, **arrays):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if array is not None:
            np.save(path, array)
        else:
            np.savez(path, **arrays)
        return str(path)

    return write
