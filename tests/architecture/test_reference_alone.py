"""reference/ as a package: its docstrings compute what they say, its import is light."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from graph_barlow_twins import reference

from tests.fresh_process import run_python

PREFIX = "graph_barlow_twins.reference."
MODULES = [module.name for module in pkgutil.walk_packages(reference.__path__, PREFIX)]


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"np": np})
    assert result.failed == 0
    if name.removeprefix(PREFIX) in ("corruption.features", "loss", "metrics.formulas", "random"):
        assert result.attempted > 0


def test_import_needs_numpy_alone():
    loaded = run_python(
        "import sys; import graph_barlow_twins.reference;"
        " print(*(n for n in ('tensorflow', 'tf_keras', 'numba', 'scipy', 'tensorflow_gnn')"
        " if n in sys.modules))"
    )
    assert loaded == ""


def test_import_adds_few_modules_to_numpy():
    """What the import loads beyond NumPy is what takes its time."""
    count = int(
        run_python(
            "import sys, numpy; before = set(sys.modules); import graph_barlow_twins.reference;"
            " print(len(set(sys.modules) - before))"
        )
    )
    assert count <= 15
