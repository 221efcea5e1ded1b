"""The public faces: every name is there, loaded only with what it needs."""

import ast
import importlib
from pathlib import Path

import pytest

from tests.fresh_process import ROOT, run_python

FACES = ("kernels", "pretrain")
HEAVY = ("tensorflow", "tf_keras", "numba", "scipy", "sklearn")
LOADED = f"print([name for name in {HEAVY} if name in sys.modules])"


def names_for_type_checkers(path: Path) -> set[str]:
    """What the face imports under ``if TYPE_CHECKING``."""
    (block,) = (
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.If)
    )
    return {alias.name for node in block.body for alias in node.names}


@pytest.mark.parametrize("name", FACES)
def test_every_public_name_is_there(name):
    face = importlib.import_module(f"graph_barlow_twins.{name}")
    assert set(face.__all__) <= set(dir(face))
    assert names_for_type_checkers(ROOT / name / "__init__.py") == set(face.__all__)
    for public in face.__all__:
        assert getattr(face, public).__doc__
    with pytest.raises(AttributeError, match=f"'graph_barlow_twins.{name}' has no attribute 'no'"):
        _ = face.no


def test_kernels_have_the_reference_s_names():
    """As far as there is a fast path; ``standardize`` and the like are steps of the loss.

    The closed form of training is computed in pretrain/, where the graph is.
    """
    reference = importlib.import_module("graph_barlow_twins.reference")
    kernels = importlib.import_module("graph_barlow_twins.kernels")
    assert set(kernels.__all__) <= set(reference.__all__)
    missing = set(reference.__all__) - set(kernels.__all__)
    loss = {"standardize", "cross_correlation"}
    corruption = {"Ragged", "take_rows", "drop_edges", "drop_nodes"}
    random = {"bernoulli", "permutation", "philox4x32", "random_bits", "row_words"}
    training = {"closed_form", "dropped_channels", "masked_covariance"}
    training |= {"view_covariances", "with_spread"}
    assert missing == loss | corruption | random | training


@pytest.mark.parametrize("name", FACES)
def test_importing_a_face_loads_nothing_heavy(name):
    """NumPy neither: so it takes no time."""
    code = f"import sys; import graph_barlow_twins.{name}; dir(graph_barlow_twins.{name}); "
    assert run_python(code + LOADED + "; print('numpy' in sys.modules)").split("\n") == [
        "[]",
        "False",
    ]


def test_the_numpy_loss_needs_no_tensorflow():
    code = """
import sys
import numpy as np
from graph_barlow_twins.kernels import barlow_twins_loss_and_gradients, derive_key
derive_key(0, "node_set:paper")
print("tensorflow" in sys.modules)
"""
    assert run_python(code) == "False"


def test_the_main_job_s_names_need_no_tensorflow():
    code = (
        "import sys; from graph_barlow_twins.pretrain import *;"
        " PretrainConfig, run_job, InputError; print('tensorflow' in sys.modules)"
    )
    assert run_python(code) == "False"
