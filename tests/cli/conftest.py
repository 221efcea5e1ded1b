"""Fixtures of the tests of the commands."""

import numpy as np
import pytest


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
