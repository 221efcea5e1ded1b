"""What `graph_barlow_twins.kernels.loss` shows, and what importing it costs."""

import inspect

import pytest
from graph_barlow_twins import reference
from graph_barlow_twins.kernels import loss
from graph_barlow_twins.kernels.blas import gemm
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


def test_gemm_is_for_numba_functions():
    with pytest.raises(NotImplementedError, match="inside Numba functions"):
        gemm("N", "N", 1, 1, 1, 1.0, None, 1, None, 1, 0.0, None, 1)
