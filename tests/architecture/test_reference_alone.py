"""reference/ as a package: its docstrings compute what they say, its import is light."""

import ast
import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from graph_barlow_twins import reference

from tests.fresh_process import ROOT, run_python

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


def imports_reference(source: str) -> bool:
    """Whether a module imports the reference, or a part of it."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module or ''}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return any(
        name.removeprefix("graph_barlow_twins").removeprefix(".").split(".")[0] == "reference"
        for name in names
    )


def test_how_an_import_of_the_reference_looks():
    for line in (
        "from ..reference import rankme",
        "from ...reference.loss import cross_correlation",
        "from .. import reference",
        "from graph_barlow_twins import reference",
        "from graph_barlow_twins.reference.metrics import rankme",
        "import graph_barlow_twins.reference as definition",
    ):
        assert imports_reference(f"def f():\n    {line}"), line
    assert not imports_reference("import numpy\nfrom .loss import reference_of\n")


def test_the_reference_supplies_nothing():
    """It defines; only tests, benchmarks and docs compare with it."""
    folders = ("namespace", "kernels", "tfgnn_task", "pretrain")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(paths) > 50
    assert [str(p.relative_to(ROOT)) for p in paths if imports_reference(p.read_text())] == []
