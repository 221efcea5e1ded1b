"""The contracts of pyproject.toml on who may import whom."""

import os
import subprocess
import sys

from .tree import ROOT, make_tree

LINT = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint_imports(tree):
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_every_contract_is_kept(tmp_path):
    done = lint_imports(make_tree(tmp_path))
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


def test_an_import_upwards_breaks_a_contract(tmp_path):
    tree = make_tree(tmp_path)
    kernels = tree / "graph_barlow_twins" / "kernels"
    kernels.unlink()
    kernels.mkdir()
    for file in (ROOT / "kernels").iterdir():
        if file.name != "__pycache__":
            (kernels / file.name).symlink_to(file)
    (kernels / "upwards.py").write_text("from ..pretrain import errors\n")
    done = lint_imports(tree)
    assert done.returncode == 1
    assert "kernels.upwards -> graph_barlow_twins.pretrain.errors" in done.stdout.replace("\n", " ")
