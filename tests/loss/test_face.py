"""What `graph_barlow_twins.kernels.loss` shows, and what importing it costs."""

import inspect

import numpy as np
import pytest
from graph_barlow_twins import reference
from graph_barlow_twins.kernels import blas, loss
from graph_barlow_twins.kernels.loss import entry
from graph_barlow_twins.kernels.loss.numba import entry as numba_entry

from tests.fresh_process import run_python


def test_the_face_shows_the_two_public_functions():
    assert loss.barlow_twins_loss is entry.barlow_twins_loss
    assert loss.barlow_twins_loss_and_gradients is numba_entry.barlow_twins_loss_and_gradients
    assert set(loss.__all__) == {"barlow_twins_loss", "barlow_twins_loss_and_gradients"}
    with pytest.raises(AttributeError, match=r"kernels\.loss' has no attribute 'loss_numba'"):
        loss.loss_numba  # noqa: B018


def test_arrays_need_no_tensorflow_and_the_face_no_numba():
    code = """
import sys
import numpy as np
from graph_barlow_twins.kernels import loss

def loaded():
    return [name for name in ("numba", "tensorflow") if name in sys.modules]

before, z = loaded(), np.eye(3)
value = loss.barlow_twins_loss_and_gradients(z, z, backend="auto")[0]
print(before, value < 1, loaded())
"""
    assert run_python(code) == "[] True ['numba']"


def test_defaults_are_those_of_the_reference():
    expected = inspect.signature(reference.barlow_twins_loss).parameters
    for function in (loss.barlow_twins_loss, loss.barlow_twins_loss_and_gradients):
        for name, parameter in inspect.signature(function).parameters.items():
            if name in expected:
                assert parameter.default == expected[name].default, name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gemm_called_by_python_is_the_product(dtype):
    """As where `NUMBA_DISABLE_JIT` is set."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(-3, 4, (2, 3)).astype(dtype), rng.integers(-3, 4, (3, 4)).astype(dtype)
    c = np.ones((2, 4), dtype)  # C^T = B^T A^T in the column-major terms of BLAS
    blas.gemm(blas.N, blas.N, 4, 2, 3, 2.0, b, 4, a, 3, -1.0, c, 4)
    assert np.array_equal(c, 2 * a @ b - 1)
